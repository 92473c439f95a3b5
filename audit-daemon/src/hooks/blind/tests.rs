//! Which blind spots are left of a row's, by kernel and by what other rows see.

use super::*;
use crate::hooks::{self, Candidate, HOOKS, HookRow};

const ALL: Facts = Facts {
    version: (6, 12),
    preempted: false,
    calls_of_32_bits: true,
    io_uring: true,
    login_users: true,
};

/// A row that is hooked by its last candidate.
fn by_last(name: &str) -> Outcome {
    let row = hooks::row(name).expect("a row");
    by(row, row.candidates.last().expect("a candidate"))
}

fn by(row: &'static HookRow, candidate: &'static Candidate) -> Outcome {
    Outcome {
        hook: row.name,
        group: row.group,
        auxiliary: row.auxiliary,
        state: OutcomeState::Chosen {
            mechanism: candidate.mechanism,
            at: vec![candidate.points[0].to_owned()],
            precision: candidate.precision,
            blind: candidate.blind.to_vec(),
        },
        passed_over: Vec::new(),
    }
}

/// What is left of the first row, where all these are hooked.
fn left(rows: &[&str], facts: &Facts) -> Vec<BlindSpot> {
    left_of(rows.iter().map(|name| by_last(name)).collect(), facts)
}

fn left_of(mut outcomes: Vec<Outcome>, facts: &Facts) -> Vec<BlindSpot> {
    reconcile(&mut outcomes, facts);
    match &outcomes[0].state {
        OutcomeState::Chosen { blind, .. } => blind.clone(),
        OutcomeState::Missing { .. } => Vec::new(),
    }
}

#[test]
fn only_what_is_so_on_this_kernel_is_left() {
    use BlindSpot::*;
    let acts = ["file_act"];
    assert_eq!(left(&acts, &ALL), [CallsOf32Bits, IoUring, ToldByName]);
    let bare = Facts {
        calls_of_32_bits: false,
        io_uring: false,
        ..ALL
    };
    assert_eq!(left(&acts, &bare), [ToldByName]);
    let poor = Facts {
        version: (6, 6),
        preempted: true,
        login_users: false,
        ..bare
    };
    let expected = [Skipped, Uncounted, ToldByName, NoLoginUser];
    assert_eq!(left(&acts, &poor), expected);
    // Raw tracepoints count earlier than perf's.
    assert_eq!(
        left(
            &["exec"],
            &Facts {
                version: (6, 6),
                ..ALL
            }
        ),
        [ScriptInode]
    );
    let old = Facts {
        version: (5, 10),
        ..ALL
    };
    assert_eq!(left(&["exec"], &old), [Uncounted, ScriptInode]);
}

#[test]
fn what_the_rows_of_rings_see_is_no_blind_spot_of_others() {
    use BlindSpot::*;
    let both = ["file_open", RING_SUBMIT];
    assert_eq!(
        left(&both, &ALL),
        [CallsOf32Bits, Received, SharedDescriptors]
    );
    assert_eq!(
        unseen(&left(&["file_open"], &ALL)),
        "32-bit programs, io_uring, received descriptors"
    );
    assert_eq!(
        unseen(&left(&both, &ALL)),
        "32-bit programs, received descriptors"
    );
    let received = left(&["file_open", "file_received"], &ALL);
    assert_eq!(received, [CallsOf32Bits, IoUring, SharedDescriptors]);
    let before = Facts {
        version: (6, 8),
        ..ALL
    };
    assert_eq!(left(&[RING_SUBMIT], &before), [NoCompletion]);
    assert_eq!(left(&[RING_SUBMIT], &ALL), [RingTruncate, NoCompletion]);
}

#[test]
fn what_functions_and_the_other_entry_see_is_no_blind_spot_of_calls() {
    use BlindSpot::*;
    let acts = |more: &[&'static str]| left(&[&["file_act"], more].concat(), &ALL);
    assert_eq!(acts(&["file_act_32"]), [IoUring, ToldByName]);
    assert_eq!(
        acts(&["file_open_32"]),
        [CallsOf32Bits, IoUring, ToldByName]
    );
    assert_eq!(
        acts(&["unlink_ends", "unlink_begins"]),
        [FailuresOf32Bits, IoUring]
    );
    let both = acts(&["unlink_ends", "unlink_begins", "file_act_32"]);
    assert_eq!(both, [IoUring]);
    assert_eq!(acts(&["unlink_begins", RING_SUBMIT]), [CallsOf32Bits]);
}

#[test]
fn sockets_beside_calls_are_seen_where_all_functions_are_there() {
    use BlindSpot::*;
    let with = |rows: &[&'static str], facts| left(&[&["network"], rows].concat(), &facts);
    let early = Facts {
        version: (6, 8),
        ..ALL
    };
    assert_eq!(
        with(&[], ALL),
        [SocketsOf32Bits, SocketsByRing, AddressTold]
    );
    // io_uring cannot bind there yet.
    assert_eq!(with(&OF_NARROW_CALLS, early), [AddressTold]);
    assert_eq!(with(&OF_NARROW_CALLS, ALL), [SocketsByRing, AddressTold]);
    assert_eq!(with(&OF_RINGS, early), [SocketsOf32Bits, AddressTold]);
    let all = [&OF_NARROW_CALLS[..], &OF_RINGS_LATER].concat();
    assert_eq!(with(&all, ALL), [AddressTold]);
    assert_eq!(
        with(&all[1..], ALL),
        [SocketsOf32Bits, SocketsByRing, AddressTold]
    );
}

#[test]
fn of_privileges_functions_see_the_credentials_of_32_bit_calls_alone() {
    use BlindSpot::*;
    let with = |rows: &[&'static str]| left(&[&["privilege"], rows].concat(), &ALL);
    assert_eq!(with(&[]), [CallsOf32Bits, MemoryFiles]);
    assert_eq!(with(&[CREDENTIALS]), [MemoryFiles, PrivilegesOf32Bits]);
    assert_eq!(with(&["privilege_32"]), [MemoryFiles]);
}

#[test]
fn memory_as_a_file_is_seen_with_opens_and_by_io_uring_on_functions_alone() {
    use BlindSpot::*;
    let opens = hooks::row("file_open").expect("a row");
    let with = |mechanism| {
        let its = |candidate: &&Candidate| candidate.mechanism == mechanism;
        let candidate = opens.candidates.iter().find(its).expect("a candidate");
        left_of(vec![by_last("privilege"), by(opens, candidate)], &ALL)
    };
    assert_eq!(with(Mechanism::Trampoline), [CallsOf32Bits]);
    assert_eq!(with(Mechanism::Tracepoint), [CallsOf32Bits, MemoryByRing]);
}

#[test]
fn ids_are_unique_and_candidates_name_spots_in_the_order_in_which_they_are_told() {
    for (place, row) in SPOTS.iter().enumerate() {
        assert_eq!(row.spot as usize, place, "{}", row.id);
        let same = SPOTS.iter().filter(|other| other.id == row.id);
        assert_eq!(same.count(), 1, "{}", row.id);
    }
    for candidate in HOOKS.iter().flat_map(|row| row.candidates) {
        let in_order = candidate.blind.is_sorted_by(|one, next| one < next);
        assert!(in_order, "{}", candidate.program);
    }
}
