//! Reads member offsets, structure sizes, enumerators and tracepoint arguments from BTF.
//!
//! Owns the parsing of `/sys/kernel/btf/vmlinux` (format: the kernel's Documentation/bpf/btf.rst).
//! One pass makes an index of type positions; nothing is copied but that. Every access is bounds
//! checked: the file is the kernel's, but a test may hand in anything. Must not assume a layout.

use std::{
    collections::{HashMap, HashSet},
    path::Path,
};

use thiserror::Error;

use super::facts;
use crate::hooks;

const MAGIC: u16 = 0xeb9f;
/// Larger than any kernel's; a bound on what is read.
const FILE_BYTES_MAX: u64 = 64 << 20;
/// Typedefs, modifiers and anonymous members nest this deep at most.
const DEPTH_MAX: u32 = 32;

const KIND_PTR: u32 = 2;
const KIND_STRUCT: u32 = 4;
const KIND_UNION: u32 = 5;
const KIND_ENUM: u32 = 6;
const KIND_TYPEDEF: u32 = 8;
const KIND_FUNC: u32 = 12;
const KIND_FUNC_PROTO: u32 = 13;
const KIND_ENUM64: u32 = 19;

#[derive(Debug, Error)]
pub enum BtfError {
    #[error(
        "cannot read {path}: {source}\nIt tells how this kernel lays out its data. A kernel built with \
         CONFIG_DEBUG_INFO_BTF is needed; those of Debian 11, Ubuntu 20.10, RHEL 8.2 and later are. In \
         a container, mount the host's /sys."
    )]
    Unreadable {
        path: String,
        source: std::io::Error,
    },
    #[error("{path} is not BTF that this daemon can read ({what} at byte {at})")]
    Malformed {
        path: String,
        what: &'static str,
        at: usize,
    },
}

/// An index over one BTF blob.
pub struct Btf {
    data: Vec<u8>,
    strings: usize,
    /// Position of each type, by id; id 0 is void.
    types: Vec<u32>,
    /// Structures, unions, enumerations and typedefs by (kind, name); of the functions those that
    /// the hook table and the facts name.
    named: HashMap<(u32, Box<[u8]>), u32>,
}

/// A function of the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Function {
    /// Its number among the types.
    pub id: u32,
    pub arguments: u32,
}

impl Btf {
    pub fn of_running_kernel() -> Result<Btf, BtfError> {
        Btf::read(Path::new("/sys/kernel/btf/vmlinux"))
    }

    pub fn read(path: &Path) -> Result<Btf, BtfError> {
        let shown = path.display().to_string();
        let unreadable = |source| BtfError::Unreadable {
            path: shown.clone(),
            source,
        };
        let size = std::fs::metadata(path).map_err(unreadable)?.len();
        if size > FILE_BYTES_MAX {
            return Err(BtfError::Malformed {
                path: shown,
                what: "too large",
                at: 0,
            });
        }
        let data = std::fs::read(path).map_err(unreadable)?;
        Btf::parse(data).map_err(|(what, at)| BtfError::Malformed {
            path: shown,
            what,
            at,
        })
    }

    fn parse(data: Vec<u8>) -> Result<Btf, (&'static str, usize)> {
        let magic = data.get(..2).ok_or(("end of file", 0))?;
        if u16::from_ne_bytes([magic[0], magic[1]]) != MAGIC {
            return Err(("no magic", 0));
        }
        let word = |at: usize| read_u32(&data, at).ok_or(("end of file", at));
        let header = word(4)? as usize;
        let (types_at, types_len) = (header + word(8)? as usize, word(12)? as usize);
        let strings = header + word(16)? as usize;
        let mut btf = Btf {
            strings,
            types: vec![0],
            named: HashMap::new(),
            data,
        };
        let hooked: HashSet<&[u8]> = hooks::functions()
            .chain(facts::markers())
            .map(str::as_bytes)
            .collect();
        let (mut at, end) = (types_at, types_at + types_len);
        while at < end {
            let info = btf.word(at + 4).ok_or(("end of file", at))?;
            let (kind, members) = (info >> 24 & 0x1f, (info & 0xffff) as usize);
            let tail = tail_bytes(kind, members).ok_or(("unknown kind of type", at))?;
            btf.index(kind, at, &hooked);
            btf.types.push(at as u32);
            at += 12 + tail;
        }
        Ok(btf)
    }

    fn index(&mut self, kind: u32, at: usize, hooked: &HashSet<&[u8]>) {
        let wanted = matches!(
            kind,
            KIND_STRUCT | KIND_UNION | KIND_ENUM | KIND_ENUM64 | KIND_TYPEDEF | KIND_FUNC
        );
        let name = self.word(at).unwrap_or(0);
        if !wanted || name == 0 {
            return;
        }
        // Of the typedefs only those of tracepoints are ever asked for.
        let Some(name) = self.string(name) else {
            return;
        };
        if kind == KIND_TYPEDEF && !name.starts_with(b"btf_trace_") {
            return;
        }
        if kind == KIND_FUNC && !hooked.contains(name) {
            return;
        }
        let (key, id) = ((kind, Box::from(name)), self.types.len() as u32);
        self.named.entry(key).or_insert(id);
    }

    /// Byte offset of `struct.member[.member…]`; `a|b` are alternatives, the first found counts.
    pub fn offset(&self, specification: &str) -> Option<u32> {
        specification.split('|').find_map(|path| {
            let mut names = path.split('.');
            let mut id = self.structure(names.next()?)?;
            let mut bits = 0;
            for name in names {
                let (offset, member) = self.member(id, name.as_bytes(), 0)?;
                bits += offset;
                id = member;
            }
            Some(bits / 8)
        })
    }

    /// Size of a structure in bytes.
    pub fn size_of(&self, name: &str) -> Option<u32> {
        self.word(self.at(self.structure(name)?)? + 8)
    }

    /// Value of an enumerator in a named enumeration.
    pub fn enumerator(&self, enumeration: &str, name: &str) -> Option<u32> {
        let key = |kind| (kind, Box::from(enumeration.as_bytes()));
        let (id, step) = self
            .named
            .get(&key(KIND_ENUM))
            .map(|id| (*id, 8))
            .or_else(|| self.named.get(&key(KIND_ENUM64)).map(|id| (*id, 12)))?;
        self.value_in(self.at(id)?, step, name)
    }

    /// The same in whichever enumeration has it, also one without a name.
    pub fn enumerator_of_any(&self, name: &str) -> Option<u32> {
        self.types.iter().skip(1).find_map(|at| {
            let at = *at as usize;
            match self.word(at + 4)? >> 24 & 0x1f {
                KIND_ENUM => self.value_in(at, 8, name),
                KIND_ENUM64 => self.value_in(at, 12, name),
                _ => None,
            }
        })
    }

    fn value_in(&self, at: usize, step: usize, name: &str) -> Option<u32> {
        let count = (self.word(at + 4)? & 0xffff) as usize;
        (0..count).map(|i| at + 12 + i * step).find_map(|at| {
            (self.string(self.word(at)?)? == name.as_bytes()).then(|| self.word(at + 4))?
        })
    }

    /// Number of arguments of a tracepoint, without the leading context; `None`: no such one.
    pub fn tracepoint_arguments(&self, name: &str) -> Option<usize> {
        let key = (
            KIND_TYPEDEF,
            Box::from(format!("btf_trace_{name}").as_bytes()),
        );
        let mut id = *self.named.get(&key)?;
        for _ in 0..DEPTH_MAX {
            let at = self.at(id)?;
            let info = self.word(at + 4)?;
            match info >> 24 & 0x1f {
                KIND_FUNC_PROTO => return ((info & 0xffff) as usize).checked_sub(1),
                KIND_TYPEDEF | KIND_PTR => id = self.word(at + 8)?,
                _ => return None,
            }
        }
        None
    }

    /// A function that the hook table or the facts name, if this kernel has it.
    pub fn function(&self, name: &str) -> Option<Function> {
        let key = (KIND_FUNC, Box::from(name.as_bytes()));
        let id = *self.named.get(&key)?;
        let prototype = self.at(self.word(self.at(id)? + 8)?)?;
        let info = self.word(prototype + 4)?;
        (info >> 24 & 0x1f == KIND_FUNC_PROTO).then_some(Function {
            id,
            arguments: info & 0xffff,
        })
    }

    fn structure(&self, name: &str) -> Option<u32> {
        let key = |kind| (kind, Box::from(name.as_bytes()));
        self.named
            .get(&key(KIND_STRUCT))
            .or_else(|| self.named.get(&key(KIND_UNION)))
            .copied()
    }

    /// Bit offset and type of a member, also inside anonymous members.
    fn member(&self, id: u32, name: &[u8], depth: u32) -> Option<(u32, u32)> {
        let at = self.at(self.unmodified(id)?)?;
        let info = self.word(at + 4)?;
        if depth > DEPTH_MAX || !matches!(info >> 24 & 0x1f, KIND_STRUCT | KIND_UNION) {
            return None;
        }
        // With the kind flag the upper byte is the width of a bit field.
        let mask = if info >> 31 == 1 { 0xff_ffff } else { u32::MAX };
        (0..(info & 0xffff) as usize).find_map(|i| {
            let at = at + 12 + i * 12;
            let found = self.string(self.word(at)?)?;
            let (kind, offset) = (self.word(at + 4)?, self.word(at + 8)? & mask);
            if found == name {
                return Some((offset, kind));
            }
            if !found.is_empty() {
                return None;
            }
            let (inner, kind) = self.member(kind, name, depth + 1)?;
            Some((offset + inner, kind))
        })
    }

    /// Past typedef, volatile, const, restrict and type tags.
    fn unmodified(&self, mut id: u32) -> Option<u32> {
        for _ in 0..DEPTH_MAX {
            let at = self.at(id)?;
            match self.word(at + 4)? >> 24 & 0x1f {
                8..=11 | 18 => id = self.word(at + 8)?,
                _ => return Some(id),
            }
        }
        None
    }

    fn at(&self, id: u32) -> Option<usize> {
        self.types
            .get(id as usize)
            .filter(|_| id != 0)
            .map(|at| *at as usize)
    }

    fn word(&self, at: usize) -> Option<u32> {
        read_u32(&self.data, at)
    }

    fn string(&self, offset: u32) -> Option<&[u8]> {
        let rest = self.data.get(self.strings + offset as usize..)?;
        Some(&rest[..rest.iter().position(|byte| *byte == 0)?])
    }
}

fn read_u32(data: &[u8], at: usize) -> Option<u32> {
    let bytes = data.get(at..at.checked_add(4)?)?;
    Some(u32::from_ne_bytes(bytes.try_into().ok()?))
}

/// Bytes after the twelve that each type has; `None` for a kind from the future.
fn tail_bytes(kind: u32, members: usize) -> Option<usize> {
    Some(match kind {
        1 | 14 | 17 => 4,
        3 => 12,
        KIND_STRUCT | KIND_UNION | 15 | KIND_ENUM64 => members * 12,
        KIND_ENUM | KIND_FUNC_PROTO => members * 8,
        2 | 7..=12 | 16 | 18 => 0,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kernel() -> Option<Btf> {
        Path::new("/sys/kernel/btf/vmlinux")
            .exists()
            .then(|| Btf::of_running_kernel().unwrap())
    }

    #[test]
    fn finds_members_in_anonymous_unions_and_by_old_or_new_name() {
        let Some(btf) = kernel() else { return };
        assert_eq!(
            btf.offset("dentry.d_name.name"),
            btf.offset("dentry.d_name").map(|o| o + 8)
        );
        assert_eq!(
            btf.offset("task_struct.no_such_member|task_struct.pid"),
            btf.offset("task_struct.pid")
        );
        assert_eq!(btf.offset("task_struct.no_such_member"), None);
        assert_eq!(btf.offset("no_such_struct.pid"), None);
        // pid and tgid are neighbours in every kernel.
        let (pid, tgid) = (
            btf.offset("task_struct.pid"),
            btf.offset("task_struct.tgid"),
        );
        assert_eq!(pid.map(|pid| pid + 4), tgid);
    }

    #[test]
    fn counts_tracepoint_arguments() {
        let Some(btf) = kernel() else { return };
        assert_eq!(btf.tracepoint_arguments("sched_process_exec"), Some(3));
        assert_eq!(btf.tracepoint_arguments("no_such_tracepoint"), None);
    }

    #[test]
    fn refuses_what_is_not_btf_without_panicking() {
        assert_eq!(Btf::parse(vec![]).err(), Some(("end of file", 0)));
        assert_eq!(Btf::parse(vec![0; 64]).err(), Some(("no magic", 0)));
        let Ok(whole) = std::fs::read("/sys/kernel/btf/vmlinux") else {
            return;
        };
        for cut in [2, 5, 20, 24, 100, whole.len() / 2] {
            let cut = Btf::parse(whole[..cut].to_vec());
            assert!(cut.map_or(true, |btf| btf.offset("task_struct.pid").is_none()));
        }
    }
}
