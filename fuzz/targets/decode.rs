//! Arbitrary bytes as a ring entry: no panic, nothing read that is not there, the same twice.
#![no_main]

use audit_daemon::decode::{self, Event, Part, Tails};
use audit_fuzz::{entry, seeds};
use libfuzzer_sys::fuzz_target;

fuzz_target!(
    init: {
        let samples = entry::samples();
        seeds::plant(samples.iter().map(Vec::as_slice));
    },
    |data: &[u8]| {
        decoded(data);
        // The same bytes once more, so far right that the tails are reached.
        decoded(&entry::mend(data));
    }
);

fn decoded(entry: &[u8]) {
    let header = decode::header(entry);
    let event = decode::decode(entry);
    assert_eq!(event, decode::decode(entry));
    assert!(
        header.is_ok() || event.is_err(),
        "an event without a header"
    );
    match event {
        Ok(
            Event::Exec(_, tails)
            | Event::ExecFailed(_, tails)
            | Event::Privilege(_, tails)
            | Event::CgroupCreated(_, tails)
            | Event::CgroupRemoved(_, tails)
            | Event::FileOpen(_, tails)
            | Event::FileAct(_, tails)
            | Event::Net(_, tails),
        ) => touch(entry, &tails),
        Ok(Event::Fork(_) | Event::Exit(_) | Event::Unknown(_)) => {}
        Err(malformed) => assert!(!malformed.to_string().is_empty()),
    }
}

/// Every slice lies inside the entry, and every byte of it can be read.
fn touch(entry: &[u8], tails: &Tails<'_>) {
    let named = [
        tails.exe,
        tails.cwd,
        tails.base,
        tails.filename,
        tails.interpreter,
        tails.argv,
        tails.tty,
        tails.cgroup,
        tails.unix_name,
    ];
    let within = |part: &Part<'_>| {
        let (outer, inner) = (entry.as_ptr_range(), part.bytes.as_ptr_range());
        outer.start <= inner.start && inner.end <= outer.end
    };
    let parts: Vec<Part<'_>> = named
        .into_iter()
        .flatten()
        .chain(tails.environment())
        .collect();
    let stored: usize = parts.iter().map(|part| part.bytes.len()).sum();
    assert!(parts.iter().all(within));
    assert!(stored <= entry.len(), "tails share bytes");
    let sum: u64 = parts
        .iter()
        .flat_map(|part| part.bytes)
        .map(|byte| u64::from(*byte))
        .sum();
    std::hint::black_box(sum);
}
