//! Arbitrary events through the whole recorder: whatever they say, lines come out that are records.
#![no_main]

use std::{cell::RefCell, num::NonZeroUsize};

use audit_daemon::{
    config, daemon,
    decode::{self, Event},
    enrich::{
        cgroups::{Cgroups, namespaces::NamespacePair},
        process::ProcessTable,
        users::{Answer, Names, NamesSettings, Resolver, Sort},
    },
    log::Log,
    recorder::{Failure, Recorder, SocketTold, Written},
};
use audit_fuzz::{entry, json, seeds};
use libfuzzer_sys::fuzz_target;

/// Events that one input is cut into, so that later ones meet tables that are not empty.
const EVENTS_MAX: usize = 4;
const TABLE_ENTRIES: NonZeroUsize = NonZeroUsize::new(64).unwrap();

/// Knows nobody: fuzzing asks no name service.
struct Nobody;

impl Resolver for Nobody {
    fn resolve(&mut self, _: Sort, _: u32) -> Answer {
        Answer::Absent
    }
}

thread_local! {
    static RECORDER: RefCell<Recorder> = RefCell::new(recorder());
}

fn recorder() -> Recorder {
    let dir = tempfile::tempdir().expect("a temporary directory").keep();
    let (log, _) = Log::open(&dir.join("log"), u64::MAX).expect("a log");
    let file = dir.join("config.toml");
    std::fs::write(&file, "").expect("write");
    let loaded = config::load(Some(&file)).expect("the defaults");
    let host = audit_daemon::enrich::host::Host::read().expect("a host");
    let masker = daemon::masker(&loaded).expect("the built-in rules");
    let mut recorder =
        daemon::recorder(&loaded.config, &host, masker, &log, None).expect("a recorder");
    recorder.names = Names::start_with(&NamesSettings::default(), Nobody).expect("names");
    std::fs::remove_dir_all(&dir).expect("remove the log");
    recorder
}

fuzz_target!(
    init: {
        let samples = entry::samples();
        let all: Vec<u8> = std::iter::once(3).chain(samples.concat()).collect();
        let one = samples.iter().map(|sample| [&[0], &sample[..]].concat());
        let seeds: Vec<Vec<u8>> = one.chain([all]).collect();
        seeds::plant(seeds.iter().map(Vec::as_slice));
    },
    |data: &[u8]| RECORDER.with_borrow_mut(|recorder| feed(recorder, data))
);

fn feed(recorder: &mut Recorder, data: &[u8]) {
    let Some((count, data)) = data.split_first() else {
        return;
    };
    let pieces = usize::from(*count) % EVENTS_MAX + 1;
    // Each input meets the same tables, or a finding could not be repeated.
    let host = NamespacePair { mnt: 1, pid: 2 };
    recorder.table = ProcessTable::new(TABLE_ENTRIES);
    recorder.cgroups = Cgroups::new(TABLE_ENTRIES.get(), None, host);
    let first = recorder.next_sequence();
    for piece in data.chunks(data.len().div_ceil(pieces).max(1)) {
        let entry = entry::mend(piece);
        match decode::decode(&entry) {
            Ok(event) => take(recorder, &event),
            Err(malformed) => panic!("mended, and yet: {malformed}"),
        }
    }
    let written = recorder.take(Written::default());
    for (number, line) in (first..).zip(written.lines()) {
        json::assert_record(line);
        assert_eq!(
            json::sequence(line),
            Some(number),
            "{}",
            String::from_utf8_lossy(line)
        );
    }
    assert_eq!(recorder.next_sequence(), first + written.ends.len() as u64);
}

fn take(recorder: &mut Recorder, event: &Event<'_>) {
    match event {
        Event::Exec(event, tails) => recorder.exec(event, tails, true),
        Event::ExecFailed(event, tails) => {
            let count = u64::from(event.argc);
            let (first_ns, last_ns) = (event.header.start_ns, event.header.time_ns);
            let folded = Failure {
                count,
                first_ns,
                last_ns,
            };
            recorder.exec_failed(event, tails, (count > 0).then_some(folded));
        }
        Event::Fork(event) => recorder.fork(event, true),
        Event::Exit(event) => {
            recorder.exit(event, true);
        }
        Event::CgroupCreated(event, tails) => {
            let path = tails.cgroup.map_or(&[][..], |part| part.bytes);
            recorder
                .cgroups
                .created(event.hierarchy, event.id, path, event.header.time_ns);
        }
        Event::CgroupRemoved(event, _) => {
            recorder
                .cgroups
                .removed(event.hierarchy, event.id, event.header.time_ns);
        }
        Event::Net(event, tails) => recorder.socket(event, tails, SocketTold::Once),
        Event::Privilege(event, tails) => {
            recorder.privilege(event, tails, &[]);
        }
        // Whether these are told a watch decides, which is not here.
        Event::FileOpen(..) | Event::FileAct(..) | Event::Unknown(_) => {}
    }
}
