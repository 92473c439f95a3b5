//! The time of modification that a file was given, or was to be.
//!
//! Owns the decision between what was asked for, what the inode has and what stands there by now. Must
//! not look anything up itself.

use audit_common::file_act::{FileAct, call, time};

use crate::{record::view::Source, watching::Meaning};

const SECOND_NS: i64 = 1_000_000_000;
/// The call began at most so long before it was over, and its clock ticks.
const CALL_NS: i64 = 100_000_000;

/// Nanoseconds since 1970, and how they were learnt.
pub type Time = (i64, Source);

/// `ended`: when the call was over.
pub fn modified(event: &FileAct, ended: i64, meaning: &Meaning) -> Option<Time> {
    let [seconds, nanoseconds, whose] = event.values;
    if event.call != call::UTIMES || whose == time::UNREADABLE || nanoseconds == time::OMIT {
        return None;
    }
    if nanoseconds == time::NOW {
        return (event.errno == 0).then(|| set_to_now(ended, meaning));
    }
    let whole = seconds.cast_signed().saturating_mul(SECOND_NS);
    let part = i64::try_from(nanoseconds).unwrap_or(0);
    Some((whole.saturating_add(part), Source::Kernel))
}

/// By the kernel's own clock, which the file shows as long as nobody changes it.
fn set_to_now(ended: i64, meaning: &Meaning) -> Time {
    let has = meaning.object.and_then(|object| object.modified);
    let of_call = ended.saturating_sub(CALL_NS)..=ended;
    match has.filter(|has| of_call.contains(has)) {
        Some(has) => (has, Source::Userspace),
        None => (ended, Source::Unproven),
    }
}

#[cfg(test)]
mod tests {
    use zerocopy::FromZeros;

    use super::*;
    use crate::watching::Identified;

    const ENDED: i64 = 1_795_169_700 * SECOND_NS;

    fn event(values: [u64; 3]) -> FileAct {
        FileAct {
            call: call::UTIMES,
            values,
            ..FileAct::new_zeroed()
        }
    }

    fn found(modified: i64) -> Meaning {
        let object = Identified {
            id: (1, 2),
            mode: 0o100_644,
            links: 1,
            modified: Some(modified),
        };
        Meaning::of_object(Vec::new(), Vec::new(), object)
    }

    #[test]
    fn a_time_is_the_inodes_or_what_was_asked_for() {
        let told = |values| modified(&event(values), ENDED, &Meaning::default());
        let known = |nanoseconds| Some((nanoseconds, Source::Kernel));
        assert_eq!(told([5, 7, time::ASKED]), known(5 * SECOND_NS + 7));
        assert_eq!(told([5, 7, time::INODE]), known(5 * SECOND_NS + 7));
        assert_eq!(told([u64::MAX, 0, time::ASKED]), known(-SECOND_NS));
        assert_eq!(told([5, time::OMIT, time::ASKED]), None);
        assert_eq!(told([0, 0, time::UNREADABLE]), None);
        let far = told([i64::MAX as u64, u64::MAX, time::ASKED]);
        assert_eq!(far, known(i64::MAX));
        let other = FileAct {
            call: call::CHMOD,
            ..event([5, 7, time::ASKED])
        };
        assert_eq!(modified(&other, ENDED, &Meaning::default()), None);
    }

    #[test]
    fn now_is_what_the_file_shows_if_that_can_be_of_this_call() {
        let now = event([0, time::NOW, time::ASKED]);
        let told = |modified| super::modified(&now, ENDED, &found(modified));
        let just_before = ENDED - 3_000_000;
        assert_eq!(told(just_before), Some((just_before, Source::Userspace)));
        let unproven = Some((ENDED, Source::Unproven));
        assert_eq!(told(ENDED - SECOND_NS), unproven);
        assert_eq!(told(ENDED + 1), unproven);
        assert_eq!(modified(&now, ENDED, &Meaning::default()), unproven);
        let failed = FileAct { errno: 13, ..now };
        assert_eq!(modified(&failed, ENDED, &Meaning::default()), None);
    }
}
