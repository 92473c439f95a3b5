//! The daemon's own stages from an entry's bytes to its line, on a made-up host.

use std::num::NonZeroUsize;

use audit_daemon::{
    decode::{Event, decode},
    enrich::{
        cgroups::{Cgroups, namespaces::NamespacePair},
        clock::WallClock,
        host::Host,
        process::ProcessTable,
        users::{Names, NamesSettings},
    },
    mask::{MaskSettings, Masker},
    record::{Lines, Settings, view::Origin},
    recorder::{Recorder, RecorderSettings, Seen, SocketTold, Written},
};

/// Boots of this clock were long ago: the made-up start times are in this boot.
fn recorder() -> Recorder {
    let dir = tempfile::tempdir().unwrap();
    let passwd = dir.path().join("passwd");
    let group = dir.path().join("group");
    std::fs::write(&passwd, "root:x:0:0::/:/x\ndeploy:x:1000:1000::/:/x\n").unwrap();
    std::fs::write(&group, "root:x:0:\ndeploy:x:1000:\n").unwrap();
    let settings = NamesSettings {
        passwd,
        group,
        ..NamesSettings::default()
    };
    let names = Names::start(&settings).unwrap();
    let host = Host {
        hostname: "web-1".into(),
        cap_full: u64::MAX >> (64 - 41),
        ..Host::read().unwrap()
    };
    let origin = Origin {
        version: "0.1.0",
        log_id: "9f1c2b7a40d3",
        hostname: "web-1",
        machine_id: "4a1f0c9be27d4e35b0c6d3f18a5e7c92",
        is_vm: true,
        boot_id: "0d5be3a4-91c7-4f0e-8a26-c7f4b1e9d350",
        os_version: "Debian GNU/Linux 13",
        kernel_release: "6.12.41+deb13-amd64",
    };
    let mut cgroups = Cgroups::new(100, None, NamespacePair { mnt: 11, pid: 12 });
    cgroups.created(0, 1, b"/", 0);
    let id = "c3f8a1d07be94c52a6e0f1b8d2937465c3f8a1d07be94c52a6e0f1b8d2937465";
    cgroups.created(0, 77, format!("/docker/{id}").as_bytes(), 0);
    Recorder::new(
        ProcessTable::new(NonZeroUsize::new(100).unwrap()),
        names,
        cgroups,
        WallClock::new(),
        host,
        Lines::new(&origin, Settings::default()),
        Masker::new(&MaskSettings::default()).unwrap(),
        RecorderSettings {
            labels: vec!["env:prod".into()],
            full_actor: false,
        },
        100,
    )
}

/// The record that this entry becomes, times blanked; for an event without one, what it did.
pub fn record_of(entry: &[u8]) -> String {
    let mut recorder = recorder();
    match decode(entry).unwrap() {
        Event::Exec(event, tails) => recorder.exec(&event, &tails, true),
        Event::ExecFailed(event, tails) => recorder.exec_failed(&event, &tails, None),
        Event::Fork(event) => recorder.fork(&event, true),
        Event::Exit(event) => assert!(recorder.exit(&event, true)),
        Event::Privilege(event, tails) => {
            let seen = recorder.privilege(&event, &tails, entry);
            assert_eq!(seen, Seen::Recorded);
        }
        Event::CgroupCreated(event, tails) => {
            let path = tails.cgroup.unwrap().bytes;
            return format!(
                "{} {} {}",
                event.hierarchy,
                event.id,
                String::from_utf8_lossy(path)
            );
        }
        Event::Net(event, tails) => recorder.socket(&event, &tails, SocketTold::Answers(99)),
        other => panic!("{other:?}"),
    }
    let written = recorder.take(Written::default());
    let lines: Vec<&[u8]> = written.lines().collect();
    assert_eq!(lines.len(), 1);
    blank_times(std::str::from_utf8(lines[0]).unwrap())
}

/// `"time":1795…` and `"…_dt":"2026-…"` without their values.
fn blank_times(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(at) = rest.find("time") {
        let (before, from) = rest.split_at(at + 4);
        out.push_str(before);
        rest = from;
        // The end of another word, such as `runtime`.
        if !before.ends_with("\"time") && !before.ends_with("_time") {
            continue;
        }
        if let Some(value) = rest.strip_prefix("\":") {
            out.push_str("\":0");
            rest = value.trim_start_matches(|c: char| c.is_ascii_digit());
        } else if let Some(value) = rest.strip_prefix("_dt\":\"") {
            out.push_str("_dt\":\"");
            rest = &value[value.find('"').unwrap()..];
        }
    }
    out + rest
}
