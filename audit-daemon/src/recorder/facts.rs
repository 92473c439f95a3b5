//! What the fields of an exec mean: privileges gained, files on no disk, secrets, variables.
//!
//! Owns these readings. Must not look anything up: same event, same facts.

use audit_common::exec::{Exec, flag as exec_flag};

use crate::{
    decode::{Part, Tails},
    mask::{Masker, Scratch},
    record::view::{
        Before, ExecTraits, Fact, FileView, Fileless, Gain, Inode, Mark, Script, Source, Text,
        Variable,
    },
};

const TMPFS_MAGIC: u32 = 0x0102_1994;

/// Masked arguments and what was masked in them.
#[derive(Default)]
pub struct Arguments<'a> {
    pub bytes: &'a [u8],
    pub marks: Vec<Mark<'a>>,
}

pub fn arguments<'a>(
    masker: &'a Masker,
    argv: &Part<'a>,
    scratch: &'a mut Scratch,
) -> Arguments<'a> {
    match masker.mask_argv(argv.bytes, scratch) {
        None => Arguments {
            bytes: argv.bytes,
            marks: Vec::new(),
        },
        Some(masked) => Arguments {
            bytes: masked.bytes(),
            marks: masked
                .marks()
                .map(|mark| Mark {
                    rule: mark.rule,
                    length: mark.length.into(),
                })
                .collect(),
        },
    }
}

pub fn command<'a>(
    part: &Part<'_>,
    arguments: &'a Arguments<'a>,
    source: Source,
) -> Fact<Text<'a>> {
    if part.unreadable() {
        return Fact::Unknown;
    }
    Fact::Known(Text {
        bytes: arguments.bytes,
        cut_from: part.truncated().then_some(part.original.into()),
        marks: &arguments.marks,
        source,
    })
}

fn inode(event: &Exec) -> Inode {
    Inode {
        number: event.file_ino,
        mode: event.file_mode,
        ..device(event.file_dev)
    }
}

/// A device as the kernel has it, with no inode yet.
pub fn device(dev: u32) -> Inode {
    Inode {
        major: dev >> 20,
        minor: dev & 0xf_ffff,
        ..Inode::default()
    }
}

fn fileless(event: &Exec, path: &[u8], detached: bool) -> Option<Fileless> {
    if detached && path.starts_with(b"memfd:") {
        Some(Fileless::Memfd)
    } else if event.file_links == 0 {
        Some(Fileless::Deleted)
    } else if event.fs_magic == TMPFS_MAGIC && event.flags & exec_flag::ON_ROOT_FS == 0 {
        Some(Fileless::Tmpfs)
    } else {
        None
    }
}

/// How privileges rose. Known from before and after; a process that was root already gains nothing.
fn gain(event: &Exec) -> Gain {
    if event.flags & exec_flag::BEFORE == 0 {
        return Gain::default();
    }
    let header = &event.header;
    let was_root = event.before_euid == 0;
    let added = header.cap_effective & !event.before_cap_effective != 0;
    Gain {
        setuid: header.euid != event.before_euid && !was_root,
        setgid: header.egid != event.before_egid && !was_root,
        file_caps: added && header.euid != 0,
    }
}

/// Splits `NAME=value`.
fn split_variable(bytes: &[u8]) -> (&[u8], &[u8]) {
    match bytes.iter().position(|byte| *byte == b'=') {
        Some(at) => (&bytes[..at], &bytes[at + 1..]),
        None => (bytes, &[]),
    }
}

/// A variable's value with what was masked in it.
pub struct Value<'a> {
    name: &'a [u8],
    part: Part<'a>,
    masked: Arguments<'a>,
}

pub fn variables<'a>(
    masker: &'a Masker,
    tails: &Tails<'a>,
    scratches: &'a mut [Scratch],
) -> Vec<Value<'a>> {
    tails
        .environment()
        .filter(|part| !part.unreadable())
        .zip(scratches)
        .map(|(part, scratch)| {
            let (name, value) = split_variable(part.bytes);
            let masked = match masker.mask_env(name, value, scratch) {
                None => Arguments {
                    bytes: value,
                    marks: Vec::new(),
                },
                Some(masked) => Arguments {
                    bytes: masked.bytes(),
                    marks: masked
                        .marks()
                        .map(|mark| Mark {
                            rule: mark.rule,
                            length: mark.length.into(),
                        })
                        .collect(),
                },
            };
            Value { name, part, masked }
        })
        .collect()
}

pub fn variable<'a>(value: &'a Value<'_>) -> Variable<'a> {
    let name_bytes = (value.name.len() + 1) as u64;
    let original = u64::from(value.part.original).saturating_sub(name_bytes);
    Variable {
        name: value.name,
        value: Text {
            bytes: value.masked.bytes,
            cut_from: value.part.truncated().then_some(original),
            marks: &value.masked.marks,
            source: Source::Kernel,
        },
    }
}

/// The executed file.
pub fn file<'a>(event: &Exec, path: Text<'a>) -> FileView<'a> {
    FileView {
        path,
        inode: Fact::Known(inode(event)),
        links: event.file_links,
        is_deleted: event.file_links == 0,
        permissions: None,
        details: None,
        kind: 0,
    }
}

/// What is peculiar to this exec.
pub fn traits<'a>(
    event: &Exec,
    path: &[u8],
    detached: bool,
    script: Fact<Script<'a>>,
) -> ExecTraits<'a> {
    let before = (event.flags & exec_flag::BEFORE != 0).then_some(Before {
        euid: event.before_euid,
        cap_effective: event.before_cap_effective,
    });
    ExecTraits {
        gain: gain(event),
        fileless: fileless(event, path, detached),
        script,
        before,
    }
}
