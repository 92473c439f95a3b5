//! Permissions of what was made, and of what was changed: those that came to be, not those asked for.
//!
//! Owns the decision between what follows from the call and what stands there by now. Must not look
//! anything up itself.

use audit_common::file_act::{FileAct, call, flag};
use nix::libc;

use super::{calls, known};
use crate::{record::view::Source, watching::Meaning};

const PERMISSIONS: u32 = 0o7777;
/// A directory is made with none of the others.
const OF_DIRECTORIES: u32 = 0o1777;

/// Permission bits, and how they were learnt.
pub type Mode = (u32, Source);

/// Permissions of what mkdir or mknod made, or was to make.
pub fn mode(event: &FileAct, meaning: &Meaning) -> Option<Mode> {
    let asked = match event.call {
        call::MKDIR | call::MKNOD => event.values[0] as u32 & PERMISSIONS,
        _ => return None,
    };
    if let (true, Some(object)) = (known::is_fresh(event), meaning.object) {
        return Some((object.mode & PERMISSIONS, Source::Kernel));
    }
    let is_one = |mode: &u32| calls::kind(event) == Some(mode & libc::S_IFMT);
    let now = meaning.object.map(|object| object.mode).filter(is_one);
    Some(match event.errno {
        0 => made(event, asked, now, || meaning.umask_alone_decides()),
        _ => (asked, Source::Kernel),
    })
}

/// `by_umask` asks the directory whether nothing but the umask takes bits away; `None`: it cannot be
/// asked.
fn made(
    event: &FileAct,
    asked: u32,
    now: Option<u32>,
    by_umask: impl FnOnce() -> Option<bool>,
) -> Mode {
    let possible = match event.call {
        call::MKDIR => OF_DIRECTORIES,
        _ => PERMISSIONS,
    };
    let left = asked & possible & !event.umask;
    match now.map(|now| now & PERMISSIONS) {
        Some(now) if now == left => (left, Source::Kernel),
        now => match (by_umask(), now) {
            // Somebody has changed or removed it since.
            (Some(true), _) => (left, Source::Kernel),
            (_, Some(now)) => (now, Source::Userspace),
            (_, None) => (left, Source::Unproven),
        },
    }
}

/// Permissions after a chmod, or those that there were to be.
pub fn changed(event: &FileAct, meaning: &Meaning) -> Option<Mode> {
    if event.call != call::CHMOD {
        return None;
    }
    let asked = event.values[0] as u32 & PERMISSIONS;
    if event.errno != 0 {
        return Some((asked, Source::Kernel));
    }
    if event.flags & (flag::BY_FD | flag::BEFORE) == flag::BY_FD {
        return Some((event.mode & PERMISSIONS, Source::Kernel));
    }
    let now = meaning.object.map(|object| object.mode & PERMISSIONS);
    let without = asked & !libc::S_ISGID;
    // Only this bit is refused without a word: to who is not of the file's group.
    Some(match now {
        _ if without == asked => (asked, Source::Kernel),
        Some(now) if now == asked => (asked, Source::Kernel),
        Some(now) if now == without => (now, Source::Userspace),
        _ => (asked, Source::Unproven),
    })
}

#[cfg(test)]
mod tests {
    use zerocopy::FromZeros;

    use super::*;
    use crate::watching::Identified;

    fn event(call: u32, mode: u32) -> FileAct {
        FileAct {
            call,
            values: [mode.into(), 0, 0],
            umask: 0o27,
            ..FileAct::new_zeroed()
        }
    }

    fn meaning(mode: Option<u32>) -> Meaning {
        let found = |mode| Identified {
            id: (1, 2),
            mode,
            links: 1,
            modified: None,
        };
        mode.map_or_else(Meaning::default, |mode| {
            Meaning::of_object(Vec::new(), Vec::new(), found(mode))
        })
    }

    #[test]
    fn what_was_made_has_what_the_umask_left_unless_something_else_decides() {
        let mkdir = event(call::MKDIR, 0o6777);
        let made = |now, by_umask| made(&mkdir, 0o6777, now, || by_umask);
        assert_eq!(made(Some(0o040_750), None), (0o750, Source::Kernel));
        // Changed since: nothing but the umask took bits away.
        assert_eq!(made(Some(0o040_700), Some(true)), (0o750, Source::Kernel));
        assert_eq!(made(None, Some(true)), (0o750, Source::Kernel));
        // A default ACL, a setgid directory, an odd file system.
        let other = made(Some(0o042_775), Some(false));
        assert_eq!(other, (0o2775, Source::Userspace));
        assert_eq!(made(Some(0o040_775), None), (0o775, Source::Userspace));
        assert_eq!(made(None, Some(false)), (0o750, Source::Unproven));
        assert_eq!(made(None, None), (0o750, Source::Unproven));
    }

    #[test]
    fn what_was_not_made_has_what_was_asked_for() {
        let failed = FileAct {
            errno: 13,
            ..event(call::MKDIR, 0o777)
        };
        let mode = |event, now| mode(event, &meaning(now));
        assert_eq!(mode(&failed, None), Some((0o777, Source::Kernel)));
        // Another thing stands there by now.
        let pipe = event(call::MKNOD, libc::S_IFIFO | 0o666);
        let found = mode(&pipe, Some(libc::S_IFREG | 0o644));
        assert_eq!(found, Some((0o640, Source::Unproven)));
        assert_eq!(mode(&event(call::CHMOD, 0o777), None), None);
    }

    #[test]
    fn a_change_by_descriptor_is_the_inodes_own() {
        let by_fd = FileAct {
            flags: flag::BY_FD,
            mode: 0o100_755,
            ..event(call::CHMOD, 0o2755)
        };
        let changed = |event: &FileAct, now| changed(event, &meaning(now));
        assert_eq!(changed(&by_fd, None), Some((0o755, Source::Kernel)));
        let refused = FileAct { errno: 1, ..by_fd };
        assert_eq!(changed(&refused, None), Some((0o2755, Source::Kernel)));
        assert_eq!(changed(&event(call::MKDIR, 0), None), None);
    }

    #[test]
    fn a_change_by_name_may_have_lost_the_setgid_bit() {
        let changed = |mode, now| changed(&event(call::CHMOD, mode), &meaning(now));
        assert_eq!(changed(0o4755, None), Some((0o4755, Source::Kernel)));
        let kept = changed(0o2755, Some(0o102_755));
        assert_eq!(kept, Some((0o2755, Source::Kernel)));
        let lost = changed(0o2755, Some(0o100_755));
        assert_eq!(lost, Some((0o755, Source::Userspace)));
        let gone = changed(0o2755, Some(0o100_600));
        assert_eq!(gone, Some((0o2755, Source::Unproven)));
    }
}
