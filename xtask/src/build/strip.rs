//! What of a kernel object goes into the daemon.
//!
//! Owns: leaving out what describes the programs to a debugger and what only a linker reads of the kernel's own
//! types. It is nine tenths of an object, and a daemon carries two, reads all of its own file when it starts and
//! asks a parser for each section.
//! Must not: touch a program, its relocations, or the types and lines that the verifier is given.

use anyhow::{Context, Result};
use object::build::elf::{Builder, SectionData};
use object::elf::SHT_STRTAB;

/// Sections that no loader reads.
fn is_left_out(name: &[u8]) -> bool {
    let of = name.strip_prefix(b".rel").unwrap_or(name);
    // Their offsets are in place already: what relocates them is for whoever links once more.
    of.starts_with(b".debug_") || matches!(name, b".rel.BTF" | b".rel.BTF.ext")
}

/// The object without them.
pub fn stripped(object: &[u8]) -> Result<Vec<u8>> {
    let mut builder = Builder::read(object).context("cannot read the kernel object")?;
    for section in &mut builder.sections {
        section.delete = is_left_out(&section.name);
    }
    builder.delete_orphans();
    // The linker keeps names of sections and of symbols in one section, which cannot be written so.
    let is_named = |section: &object::build::elf::Section<'_>| {
        matches!(section.data, SectionData::SectionString)
    };
    if !builder.sections.iter().any(is_named) {
        let names = builder.sections.add();
        names.name = b".shstrtab".as_slice().into();
        names.sh_type = SHT_STRTAB;
        names.sh_addralign = 1;
        names.data = SectionData::SectionString;
    }
    let mut bytes = Vec::new();
    builder
        .write(&mut bytes)
        .context("cannot write the kernel object")?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use object::write::{Object as Made, Relocation, Symbol, SymbolSection};
    use object::{Architecture, BinaryFormat, Endianness, RelocationFlags, SectionKind};
    use object::{Object, ObjectSection, ObjectSymbol, RelocationTarget, SymbolFlags};
    use object::{SymbolKind, SymbolScope};

    use super::*;

    /// As the linker leaves it: sections that each refer to the same place.
    fn made(sections: &[(&str, SectionKind)]) -> Vec<u8> {
        let mut made = Made::new(BinaryFormat::Elf, Architecture::Bpf, Endianness::Little);
        let maps = made.add_section(Vec::new(), b"maps".to_vec(), SectionKind::Data);
        made.append_section_data(maps, &[1; 32], 8);
        let symbol = made.add_symbol(Symbol {
            name: b"HEADS".to_vec(),
            value: 16,
            size: 16,
            kind: SymbolKind::Data,
            scope: SymbolScope::Linkage,
            weak: false,
            section: SymbolSection::Section(maps),
            flags: SymbolFlags::None,
        });
        for (name, kind) in sections {
            let section = made.add_section(Vec::new(), name.as_bytes().to_vec(), *kind);
            made.append_section_data(section, name.as_bytes(), 8);
            let relocation = Relocation {
                offset: 0,
                symbol,
                addend: 0,
                // R_BPF_64_64
                flags: RelocationFlags::Elf { r_type: 1 },
            };
            made.add_relocation(section, relocation)
                .expect("a relocation");
        }
        made.write().expect("an object")
    }

    #[test]
    fn programs_types_and_lines_stay_and_nothing_else() {
        let object = made(&[
            ("tp_btf/exec", SectionKind::Text),
            (".debug_info", SectionKind::Debug),
            (".BTF", SectionKind::Other),
            (".debug_line", SectionKind::Debug),
            (".BTF.ext", SectionKind::Other),
            ("fexit/notify_change", SectionKind::Text),
        ]);
        let stripped = stripped(&object).expect("stripped");
        let file = object::File::parse(&*stripped).expect("an object");
        let mut found = Vec::new();
        for section in file.sections() {
            let name = section.name().expect("a name");
            if matches!(name, "" | ".symtab" | ".strtab" | ".shstrtab") || name.starts_with(".rel")
            {
                continue;
            }
            let relocated: Vec<(u64, u64)> = section
                .relocations()
                .map(|(at, relocation)| match relocation.target() {
                    RelocationTarget::Symbol(index) => {
                        let symbol = file.symbol_by_index(index).expect("a symbol");
                        assert_eq!(symbol.name(), Ok("HEADS"));
                        (at, symbol.address())
                    }
                    other => panic!("{name}: {other:?}"),
                })
                .collect();
            found.push((name, section.data().expect("bytes").to_vec(), relocated));
        }
        let whole = |name: &'static str, relocated: &[(u64, u64)]| {
            (name, name.as_bytes().to_vec(), relocated.to_vec())
        };
        let expected = [
            ("maps", vec![1; 32], Vec::new()),
            whole("tp_btf/exec", &[(0, 16)]),
            whole(".BTF", &[]),
            whole(".BTF.ext", &[]),
            whole("fexit/notify_change", &[(0, 16)]),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn what_is_no_object_is_refused() {
        assert!(stripped(b"\x7fELF").is_err());
    }
}
