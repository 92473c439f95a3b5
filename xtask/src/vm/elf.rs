//! Reads from ELF files what an image needs to know: which loader and libraries a program
//! wants, and what a kernel module says about itself.
//!
//! Owns: the ELF layouts, 32 and 64 bit, little endian. Must not: open files or look for
//! libraries. The bytes may be anything: every offset is checked, nothing panics.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

const PT_DYNAMIC: u64 = 2;
const PT_INTERP: u64 = 3;
const PT_LOAD: u64 = 1;
const DT_NEEDED: u64 = 1;
const DT_STRTAB: u64 = 5;
const DT_RPATH: u64 = 15;
const DT_RUNPATH: u64 = 29;
/// More entries than this in a table mean a broken file.
const ENTRIES_MAX: u64 = 1 << 16;

/// What makes two files fit together: class (1: 32 bit, 2: 64 bit) and machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Abi {
    class: u8,
    machine: u16,
}

/// What a program or library wants at run time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Linkage {
    pub abi: Abi,
    pub interpreter: Option<OsString>,
    pub needed: Vec<OsString>,
    /// Where to look first: the entries of RUNPATH, or else of RPATH.
    pub search: Vec<OsString>,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ElfError {
    #[error("an ELF file that is cut short or damaged ({0})")]
    Damaged(&'static str),
    #[error("a big-endian ELF file")]
    BigEndian,
}

/// Whether the first bytes of a file are those of an ELF file.
pub fn is_elf(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\x7fELF")
}

/// What the file wants; static files want nothing.
pub fn linkage(bytes: &[u8]) -> Result<Linkage, ElfError> {
    let file = File::parse(bytes)?;
    let mut interpreter = None;
    let mut dynamic = None;
    let mut loads = Vec::new();
    for segment in file.segments()? {
        match segment.kind {
            PT_INTERP => {
                let text = file.slice(segment.offset, segment.file_bytes, "interpreter")?;
                interpreter = Some(c_string(text));
            }
            PT_DYNAMIC => dynamic = Some(segment),
            PT_LOAD => loads.push(segment),
            _ => {}
        }
    }
    let mut linkage = Linkage {
        abi: file.abi(),
        interpreter,
        needed: vec![],
        search: vec![],
    };
    if let Some(segment) = dynamic {
        file.read_dynamic(&segment, &loads, &mut linkage)?;
    }
    Ok(linkage)
}

/// The bytes of the section called `name`, if there is one.
pub fn section<'a>(bytes: &'a [u8], name: &str) -> Result<Option<&'a [u8]>, ElfError> {
    let file = File::parse(bytes)?;
    let sections = file.sections()?;
    let Some(names) = sections.get(file.section_names()?) else {
        return Ok(None);
    };
    let names = file.slice(names.offset, names.file_bytes, "section names")?;
    for section in &sections {
        let found = names.get(section.name as usize..).map(c_string);
        if found.is_some_and(|found| found == name) {
            return file
                .slice(section.offset, section.file_bytes, "section")
                .map(Some);
        }
    }
    Ok(None)
}

struct File<'a> {
    bytes: &'a [u8],
    wide: bool,
}

struct Segment {
    kind: u64,
    offset: u64,
    address: u64,
    file_bytes: u64,
}

struct Section {
    name: u64,
    offset: u64,
    file_bytes: u64,
}

impl<'a> File<'a> {
    fn parse(bytes: &'a [u8]) -> Result<Self, ElfError> {
        if !is_elf(bytes) {
            return Err(ElfError::Damaged("no ELF header"));
        }
        let wide = match bytes.get(4) {
            Some(1) => false,
            Some(2) => true,
            _ => return Err(ElfError::Damaged("class")),
        };
        match bytes.get(5) {
            Some(1) => {}
            Some(2) => return Err(ElfError::BigEndian),
            _ => return Err(ElfError::Damaged("byte order")),
        }
        let file = Self { bytes, wide };
        file.slice(0, if wide { 64 } else { 52 }, "header")?;
        Ok(file)
    }

    fn abi(&self) -> Abi {
        let machine = u16::from_le_bytes([self.bytes[18], self.bytes[19]]);
        Abi {
            class: self.bytes[4],
            machine,
        }
    }

    fn slice(&self, offset: u64, length: u64, what: &'static str) -> Result<&'a [u8], ElfError> {
        let range = usize::try_from(offset)
            .ok()
            .zip(usize::try_from(length).ok());
        range
            .and_then(|(start, length)| self.bytes.get(start..start.checked_add(length)?))
            .ok_or(ElfError::Damaged(what))
    }

    /// A little-endian number of `length` bytes, at most 8.
    fn number(&self, offset: u64, length: u64, what: &'static str) -> Result<u64, ElfError> {
        let bytes = self.slice(offset, length, what)?;
        Ok(bytes
            .iter()
            .rev()
            .fold(0, |number, &byte| number << 8 | u64::from(byte)))
    }

    /// One field, whose place and length depend on the class.
    fn field(
        &self,
        base: u64,
        narrow: (u64, u64),
        wide: (u64, u64),
        what: &'static str,
    ) -> Result<u64, ElfError> {
        let (offset, length) = if self.wide { wide } else { narrow };
        let offset = base.checked_add(offset).ok_or(ElfError::Damaged(what))?;
        self.number(offset, length, what)
    }

    /// Where the entries of a table begin.
    fn table(&self, start: u64, entry_bytes: u64, count: u64) -> Result<Vec<u64>, ElfError> {
        if count > ENTRIES_MAX {
            return Err(ElfError::Damaged("table"));
        }
        (0..count)
            .map(|index| entry_bytes.checked_mul(index)?.checked_add(start))
            .collect::<Option<_>>()
            .ok_or(ElfError::Damaged("table"))
    }

    fn segments(&self) -> Result<Vec<Segment>, ElfError> {
        const WHAT: &str = "program headers";
        let start = self.field(0, (28, 4), (32, 8), WHAT)?;
        let entry_bytes = self.field(0, (42, 2), (54, 2), WHAT)?;
        let count = self.field(0, (44, 2), (56, 2), WHAT)?;
        let mut segments = Vec::new();
        for base in self.table(start, entry_bytes, count)? {
            segments.push(Segment {
                kind: self.field(base, (0, 4), (0, 4), WHAT)?,
                offset: self.field(base, (4, 4), (8, 8), WHAT)?,
                address: self.field(base, (8, 4), (16, 8), WHAT)?,
                file_bytes: self.field(base, (16, 4), (32, 8), WHAT)?,
            });
        }
        Ok(segments)
    }

    fn sections(&self) -> Result<Vec<Section>, ElfError> {
        const WHAT: &str = "section headers";
        let start = self.field(0, (32, 4), (40, 8), WHAT)?;
        let entry_bytes = self.field(0, (46, 2), (58, 2), WHAT)?;
        let count = self.field(0, (48, 2), (60, 2), WHAT)?;
        let mut sections = Vec::new();
        for base in self.table(start, entry_bytes, count)? {
            sections.push(Section {
                name: self.field(base, (0, 4), (0, 4), WHAT)?,
                offset: self.field(base, (16, 4), (24, 8), WHAT)?,
                file_bytes: self.field(base, (20, 4), (32, 8), WHAT)?,
            });
        }
        Ok(sections)
    }

    fn section_names(&self) -> Result<usize, ElfError> {
        Ok(self.field(0, (50, 2), (62, 2), "section names")? as usize)
    }

    fn read_dynamic(
        &self,
        dynamic: &Segment,
        loads: &[Segment],
        linkage: &mut Linkage,
    ) -> Result<(), ElfError> {
        const WHAT: &str = "dynamic section";
        let entry_bytes = if self.wide { 16 } else { 8 };
        let mut entries = Vec::new();
        for base in self.table(
            dynamic.offset,
            entry_bytes,
            dynamic.file_bytes / entry_bytes,
        )? {
            let tag = self.field(base, (0, 4), (0, 8), WHAT)?;
            if tag == 0 {
                break;
            }
            entries.push((tag, self.field(base, (4, 4), (8, 8), WHAT)?));
        }
        let value = |wanted| {
            entries
                .iter()
                .find(|&&(tag, _)| tag == wanted)
                .map(|&(_, v)| v)
        };
        let Some(strings) = value(DT_STRTAB) else {
            return Ok(());
        };
        let strings = file_offset(strings, loads).ok_or(ElfError::Damaged("string table"))?;
        let string = |at: u64| -> Result<OsString, ElfError> {
            let start = strings
                .checked_add(at)
                .and_then(|start| usize::try_from(start).ok());
            let text = start.and_then(|start| self.bytes.get(start..));
            text.map(c_string).ok_or(ElfError::Damaged("string table"))
        };
        for &(_, at) in entries.iter().filter(|&&(tag, _)| tag == DT_NEEDED) {
            linkage.needed.push(string(at)?);
        }
        if let Some(at) = value(DT_RUNPATH).or(value(DT_RPATH)) {
            let joined = string(at)?.into_vec();
            let parts = joined
                .split(|&byte| byte == b':')
                .filter(|part| !part.is_empty());
            linkage.search = parts
                .map(|part| OsString::from_vec(part.to_vec()))
                .collect();
        }
        Ok(())
    }
}

/// Where in the file an address of the loaded program comes from.
fn file_offset(address: u64, loads: &[Segment]) -> Option<u64> {
    loads.iter().find_map(|load| {
        let inside = address.checked_sub(load.address)?;
        if inside < load.file_bytes {
            load.offset.checked_add(inside)
        } else {
            None
        }
    })
}

fn c_string(bytes: &[u8]) -> OsString {
    let end = bytes
        .iter()
        .position(|&byte| byte == 0)
        .unwrap_or(bytes.len());
    OsString::from_vec(bytes[..end].to_vec())
}

#[cfg(test)]
mod tests;
