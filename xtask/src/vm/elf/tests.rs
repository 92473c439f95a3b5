//! Owns: ELF files made by hand, whole and damaged, and what must be read from them.
//! Must not: depend on which programs this machine has, but for the test itself.

use super::*;

/// A shared object with one PT_LOAD over the whole file, an interpreter, a dynamic section
/// and a string table, built by hand.
fn sample(wide: bool) -> Vec<u8> {
    let strings = b"\0libc.so.6\0libz.so.1\0/opt/a:$ORIGIN/b\0";
    let interpreter = b"/lib/ld.so\0";
    let word = if wide { 8 } else { 4 };
    let (header, entry) = if wide { (64, 56) } else { (52, 32) };
    let strings_at = header + 3 * entry;
    let interpreter_at = strings_at + strings.len();
    let dynamic_at = interpreter_at + interpreter.len();
    let tags = [
        (1, 1),
        (1, 11),
        (29, 21),
        (5, 0x1000 + strings_at as u64),
        (0, 0),
        (1, 999),
    ];
    let total = dynamic_at + tags.len() * 2 * word;

    let mut out = vec![0u8; total];
    let mut put = |at: usize, length: usize, value: u64| {
        out[at..at + length].copy_from_slice(&value.to_le_bytes()[..length]);
    };
    put(0, 4, u64::from(u32::from_le_bytes(*b"\x7fELF")));
    put(4, 1, if wide { 2 } else { 1 });
    put(5, 1, 1);
    put(18, 2, if wide { 62 } else { 3 });
    put(if wide { 32 } else { 28 }, word, header as u64);
    put(if wide { 54 } else { 42 }, 2, entry as u64);
    put(if wide { 56 } else { 44 }, 2, 3);
    let segments = [
        (1, 0, 0x1000, total),
        (3, interpreter_at, 0, interpreter.len()),
        (2, dynamic_at, 0, tags.len() * 2 * word),
    ];
    for (index, (kind, offset, address, length)) in segments.into_iter().enumerate() {
        let base = header + index * entry;
        let [at_offset, at_address, at_length] = if wide { [8, 16, 32] } else { [4, 8, 16] };
        put(base, 4, kind);
        put(base + at_offset, word, offset as u64);
        put(base + at_address, word, address);
        put(base + at_length, word, length as u64);
    }
    for (index, (tag, value)) in tags.into_iter().enumerate() {
        put(dynamic_at + index * 2 * word, word, tag);
        put(dynamic_at + (index * 2 + 1) * word, word, value);
    }
    out[strings_at..interpreter_at].copy_from_slice(strings);
    out[interpreter_at..dynamic_at].copy_from_slice(interpreter);
    out
}

#[test]
fn both_classes_tell_what_they_need() {
    for (wide, class, machine) in [(true, 2, 62), (false, 1, 3)] {
        assert_eq!(
            linkage(&sample(wide)),
            Ok(Linkage {
                abi: Abi { class, machine },
                interpreter: Some("/lib/ld.so".into()),
                needed: vec!["libc.so.6".into(), "libz.so.1".into()],
                search: vec!["/opt/a".into(), "$ORIGIN/b".into()],
            })
        );
    }
}

#[test]
fn no_cut_or_flipped_byte_makes_it_panic() {
    let whole = sample(true);
    for end in 0..whole.len() {
        let _ = linkage(&whole[..end]);
        let _ = section(&whole[..end], ".modinfo");
    }
    for at in 0..whole.len() {
        for value in [0, 1, 0x7f, 0xff] {
            let mut bytes = whole.clone();
            bytes[at] = value;
            let _ = linkage(&bytes);
            let _ = section(&bytes, ".modinfo");
        }
    }
}

#[test]
fn what_is_no_elf_file_is_said_to_be_none() {
    assert_eq!(
        linkage(b"#!/bin/sh\n"),
        Err(ElfError::Damaged("no ELF header"))
    );
    assert_eq!(linkage(b"\x7fELF\x02\x02"), Err(ElfError::BigEndian));
    assert!(!is_elf(b"\x7fEL"));
}

#[test]
fn this_test_needs_libc_and_has_a_note_section() {
    let bytes = std::fs::read("/proc/self/exe").unwrap();
    let linkage = linkage(&bytes).unwrap();
    assert!(linkage.needed.contains(&"libc.so.6".into()), "{linkage:?}");
    assert!(linkage.interpreter.is_some());
    assert!(
        section(&bytes, ".text")
            .unwrap()
            .is_some_and(|text| text.len() > 1000)
    );
    assert_eq!(section(&bytes, ".no-such-section").unwrap(), None);
}
