//! What an act says of how something is mounted.
//!
//! Owns the names of flags and attributes: those of mountinfo and of mount(8). Must not look anything up:
//! what was mounted how before is not told.

use audit_common::file_act::{FileAct, NO_VALUE, call};
use nix::libc;

const AT_RECURSIVE: u32 = 0x8000;

/// Flags of mount(2), as mountinfo names what they do.
const MOUNT_FLAGS: [(u64, &str); 20] = [
    (libc::MS_RDONLY, "ro"),
    (libc::MS_NOSUID, "nosuid"),
    (libc::MS_NODEV, "nodev"),
    (libc::MS_NOEXEC, "noexec"),
    (libc::MS_SYNCHRONOUS, "sync"),
    (libc::MS_REMOUNT, "remount"),
    (libc::MS_MANDLOCK, "mand"),
    (libc::MS_DIRSYNC, "dirsync"),
    (libc::MS_NOATIME, "noatime"),
    (libc::MS_NODIRATIME, "nodiratime"),
    (libc::MS_BIND, "bind"),
    (libc::MS_MOVE, "move"),
    (libc::MS_REC, "rec"),
    (libc::MS_UNBINDABLE, "unbindable"),
    (libc::MS_PRIVATE, "private"),
    (libc::MS_SLAVE, "slave"),
    (libc::MS_SHARED, "shared"),
    (libc::MS_RELATIME, "relatime"),
    (libc::MS_STRICTATIME, "strictatime"),
    (libc::MS_LAZYTIME, "lazytime"),
];

/// How it propagates: the same numbers in both calls.
const PROPAGATION: u64 = libc::MS_UNBINDABLE | libc::MS_PRIVATE | libc::MS_SLAVE | libc::MS_SHARED;

/// The times of access among the attributes of mount_setattr(2): one of three values.
const ATIME: u64 = 0x70;
const NOATIME: u64 = 0x10;
const STRICTATIME: u64 = 0x20;

/// The other ones: what setting them says, and what taking them away does.
const ATTRIBUTES: [(u64, &str, &str); 7] = [
    (0x1, "ro", "rw"),
    (0x2, "nosuid", "suid"),
    (0x4, "nodev", "dev"),
    (0x8, "noexec", "exec"),
    (0x80, "nodiratime", "diratime"),
    (0x0020_0000, "nosymfollow", "symfollow"),
    (0x0010_0000, "idmapped", "notidmapped"),
];

pub fn mount_options(event: &FileAct) -> Option<String> {
    let recursive = event.at_flags & AT_RECURSIVE != 0;
    let names = match event.call {
        call::MOUNT => names(event.values[0]),
        call::OPEN_TREE if recursive => names(libc::MS_BIND | libc::MS_REC),
        call::OPEN_TREE => names(libc::MS_BIND),
        call::MOUNT_SETATTR => attributes(event.values, recursive),
        _ => return None,
    };
    (!names.is_empty()).then(|| names.join(","))
}

fn names(flags: u64) -> Vec<&'static str> {
    let told = MOUNT_FLAGS.iter().filter(|(flag, _)| flags & flag != 0);
    told.map(|(_, name)| *name).collect()
}

/// Nothing, if they could not be read.
fn attributes([set, cleared, propagation]: [u64; 3], recursive: bool) -> Vec<&'static str> {
    if set == NO_VALUE {
        return Vec::new();
    }
    let told = ATTRIBUTES.iter().filter_map(|(flag, on, off)| {
        // What is both taken away and set is set.
        match (set & flag != 0, cleared & flag != 0) {
            (true, _) => Some(*on),
            (false, true) => Some(*off),
            (false, false) => None,
        }
    });
    told.chain(times(set, cleared))
        .chain(names(propagation & PROPAGATION))
        .chain(recursive.then_some("rec"))
        .collect()
}

/// One number of three values, which counts where it is taken away first.
fn times(set: u64, cleared: u64) -> Option<&'static str> {
    let name = match set & ATIME {
        NOATIME => "noatime",
        STRICTATIME => "strictatime",
        _ => "relatime",
    };
    (cleared & ATIME != 0).then_some(name)
}

#[cfg(test)]
mod tests {
    use zerocopy::FromZeros;

    use super::*;

    fn told(values: [u64; 3], at_flags: u32) -> Option<String> {
        mount_options(&FileAct {
            call: call::MOUNT_SETATTR,
            values,
            at_flags,
            ..FileAct::new_zeroed()
        })
    }

    #[test]
    fn attributes_are_told_by_what_becomes_of_them() {
        let options = |values| told(values, 0);
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(options([0x1 | 0x8, 0, 0]), some("ro,noexec"));
        assert_eq!(options([0x8, 0x1 | 0x2 | 0x8, 0]), some("rw,suid,noexec"));
        assert_eq!(options([0x10, 0x70, 0]), some("noatime"));
        assert_eq!(options([0, 0x70, 0]), some("relatime"));
        assert_eq!(options([0x20, 0x70, 0]), some("strictatime"));
        assert_eq!(options([0x0020_0000, 0, 0]), some("nosymfollow"));
        assert_eq!(told([0, 0, 1 << 18], AT_RECURSIVE), some("private,rec"));
        assert_eq!(options([0, 0, 0]), None);
        assert_eq!(options([NO_VALUE; 3]), None);
    }
}
