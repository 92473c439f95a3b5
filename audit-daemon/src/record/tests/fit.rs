//! Lines that would be too long, and what they lose, in which order.

use super::super::view::*;
use super::super::*;
use super::ordered::{self, Json};
use super::{ORIGIN, id, own};

const META: Meta<'static> = Meta {
    utc_ns: 0,
    sequence: 1,
    event: None,
    correlation: None,
    labels: &[],
};

fn stop_by(process: &ProcessView, settings: Settings) -> Json {
    let actor = ActorView {
        process: Some(process),
        ..ActorView::default()
    };
    let mut out = Vec::new();
    let view = StopView {
        meta: META,
        actor,
        reason: "SIGTERM",
    };
    Lines::new(&ORIGIN, settings).daemon_stop(&mut out, &view);
    ordered::check(&out)
}

fn launch(process: ProcessView, actor: ActorView, labels: &[String]) -> (Json, usize) {
    let settings = Settings {
        command_bytes_max: usize::MAX,
        ..Settings::default()
    };
    let view = ExecView {
        meta: Meta { labels, ..META },
        actor,
        process,
    };
    let mut out = Vec::new();
    Lines::new(&ORIGIN, settings).exec(&mut out, &view);
    (ordered::check(&out), out.len())
}

fn length_at(record: &Json, path: &str) -> Option<i64> {
    match record.noted("truncated", path) {
        Some(Json::Integer(length)) => Some(*length),
        None => None,
        other => panic!("{other:?}"),
    }
}

fn list_length(record: &Json, path: &str) -> usize {
    match record.at(path) {
        Some(Json::List(items)) => items.len(),
        None => 0,
        other => panic!("{other:?}"),
    }
}

#[test]
fn ancestry_goes_first() {
    let name = [b'\''; 200];
    let ancestors = [Ancestor {
        id: id(7, 7),
        name: Fact::Known(&name),
    }; 9];
    let argv = [b'\''; 9_000];
    let process = ProcessView {
        id: id(8, 8),
        command: Fact::Known(Text::whole(&argv)),
        ancestry: &ancestors,
        ..ProcessView::default()
    };
    let full = |command_bytes_max| Settings {
        command_bytes_max,
        actor_detail: ActorDetail::Full,
    };
    // Quoted, each quote becomes seven bytes: 8,800 of them leave room, 9,000 do not.
    let record = stop_by(&process, full(8_800));
    assert_eq!(list_length(&record, "actor.process.ancestry"), 8);
    assert_eq!(length_at(&record, "actor.process.ancestry"), Some(9 * 200));
    assert_eq!(length_at(&record, "actor.process.cmd_line"), Some(9_000));

    let record = stop_by(&process, full(32_768));
    assert_eq!(list_length(&record, "actor.process.ancestry"), 1);
    assert_eq!(length_at(&record, "actor.process.ancestry"), Some(9 * 200));
    assert_eq!(length_at(&record, "actor.process.cmd_line"), None);
}

#[test]
fn environment_goes_next_and_keeps_its_names() {
    let value = [1; 1_024];
    let variables = [Variable {
        name: b"LD_PRELOAD",
        value: Text::whole(&value),
    }; 12];
    let argv = [b'a'; 8_000];
    let process = ProcessView {
        command: Fact::Known(Text::whole(&argv)),
        environment: &variables,
        ..ProcessView::default()
    };
    let (record, _) = launch(process, ActorView::default(), &[]);
    assert_eq!(list_length(&record, "process.environment_variables"), 12);
    for index in 0..12 {
        let at = format!("process.environment_variables[{index}]");
        assert_eq!(record.text_at(&format!("{at}.name")), Some("LD_PRELOAD"));
        assert_eq!(record.text_at(&format!("{at}.value")), Some(""));
        assert_eq!(length_at(&record, &format!("{at}.value")), Some(1_024));
    }
    assert_eq!(length_at(&record, "process.cmd_line"), None);
    assert_eq!(record.at("severity_id"), Some(&Json::Integer(2)));
}

#[test]
fn then_the_command_line_down_to_1024_bytes() {
    let argv = [b'\''; 20_000];
    let variable = Variable {
        name: b"ENV",
        value: Text::whole(b"x"),
    };
    let process = ProcessView {
        command: Fact::Known(Text::whole(&argv)),
        environment: &[variable],
        directory: Fact::Known(Text::whole(&[b'd'; 4_096])),
        ..ProcessView::default()
    };
    let (record, _) = launch(process, ActorView::default(), &[]);
    assert_eq!(length_at(&record, "process.cmd_line"), Some(20_000));
    let shown = record.text_at("process.cmd_line").unwrap();
    assert_eq!(shown, format!("'{}'", "'\"'\"'".repeat(1_024)));
    assert_eq!(
        length_at(&record, "process.environment_variables[0].value"),
        Some(1)
    );
    assert_eq!(length_at(&record, "process.working_directory"), None);
}

/// A process all of whose strings are at every limit.
fn worst<'a>(path: Text<'a>, word: &'a str, variables: &'a [Variable<'a>]) -> ProcessView<'a> {
    let inode = Inode {
        major: u32::MAX,
        minor: u32::MAX,
        number: u64::MAX,
        mode: 0,
    };
    let container = ContainerView {
        uid: word,
        name: Fact::Known(word),
        image: Fact::Known(Image {
            digest: word,
            name: Some(word),
        }),
        runtime: Fact::Known(word),
        pod_uid: Some(word),
        pod: Fact::Known(Pod {
            name: word,
            namespace: word,
        }),
    };
    let file = FileView {
        path,
        inode: Fact::Known(inode),
        links: u32::MAX,
        is_deleted: true,
        permissions: None,
        details: None,
        kind: 0,
    };
    let owner = Owner {
        uid: 0,
        gid: 1,
        euid: 2,
        egid: 3,
        fsuid: Some(4),
        user_name: Fact::Known(word),
        group_name: Fact::Known(word),
        caps: Some(Caps {
            effective: 5,
            full: 6,
        }),
    };
    let script = Fact::Known(Script {
        path,
        inode: Fact::Known(inode),
    });
    ProcessView {
        id: ProcessId {
            pid: u32::MAX,
            start_ns: Some(u64::MAX),
        },
        name: Fact::Known(path.bytes),
        path: Fact::Known(path),
        file: Fact::Known(file),
        command: Fact::Known(path),
        directory: Fact::Known(path),
        environment: variables,
        owner: Fact::Known(owner),
        container: Fact::Known(container),
        namespace_pid: Some(u32::MAX),
        exec: ExecTraits {
            script,
            ..ExecTraits::default()
        },
        ..ProcessView::default()
    }
}

/// Whatever stands in a process, its records fit: with every byte that grows when it is written.
#[test]
fn nothing_makes_a_line_too_long() {
    for byte in [1, b'\'', b'\\', b'"', 0xff, 0x7f] {
        let long = [byte; 40_000];
        let word = String::from_utf8(long.iter().map(|b| b & 0x7f).collect()).unwrap();
        let rules = [Mark {
            rule: &word,
            length: u64::MAX,
        }; 200];
        let path = Text {
            marks: &rules,
            cut_from: Some(u64::MAX),
            ..Text::whole(&long)
        };
        let variables = [Variable {
            name: &long,
            value: path,
        }; 40];
        let ancestors = [Ancestor {
            id: id(7, 7),
            name: Fact::Known(&long),
        }; 40];
        let process = worst(path, &word, &variables);
        let process = ProcessView {
            parent: Some(&process),
            ancestry: &ancestors,
            ..process
        };
        let actor = ActorView {
            process: Some(&process),
            login_uid: 0,
            login_name: Fact::Known(&word),
            session: 0,
            session_ip: Some(&word),
        };
        let labels = vec![word.clone(); 500];
        let (record, length) = launch(process, actor, &labels);
        assert!(length <= limits::LINE_BYTES_MAX, "{length} with {byte}");
        assert_eq!(length_at(&record, "metadata.labels"), Some(500 * 40_000));
        others_fit(
            Meta {
                labels: &labels,
                ..META
            },
            &process,
            actor,
            &word,
        );
    }
}

fn others_fit(meta: Meta, process: &ProcessView, actor: ActorView, word: &str) {
    let settings = Settings {
        actor_detail: ActorDetail::Full,
        ..Settings::default()
    };
    let mut lines = Lines::new(&ORIGIN, settings);
    let mut out = Vec::new();
    lines.snapshot(
        &mut out,
        &SnapshotView {
            meta,
            daemon: process,
            process: *process,
        },
    );
    ordered::check(&out);
    out.clear();
    lines.daemon_start(
        &mut out,
        &StartView {
            meta,
            daemon: process,
            hooks_attached: 1,
        },
    );
    ordered::check(&out);
    out.clear();
    let file = ConfigFile {
        name: word.as_bytes(),
        sha256: [0; 32],
    };
    let change = ConfigChange::Refused {
        kept: file,
        refused: Some(file),
        reason: word,
    };
    lines.daemon_config(
        &mut out,
        &ConfigView {
            meta,
            actor,
            change,
            message: word,
        },
    );
    ordered::check(&out);
}

#[test]
fn ranges_without_room_are_handed_back() {
    let ranges: Vec<LossRange> = (0..1_000)
        .map(|_| LossRange {
            cpu: u32::MAX,
            strand: 255,
            first: u64::MAX - 1,
            last: u64::MAX,
        })
        .collect();
    let view = LossView {
        meta: own(0, 1),
        lane: Lane::Critical,
        stage: LossStage::Ring,
        lost: Lost::Ranges(&ranges),
        start_utc_ns: 0,
        end_utc_ns: 0,
    };
    let mut out = Vec::new();
    let rest = Lines::new(&ORIGIN, Settings::default()).daemon_loss(&mut out, &view);
    assert_eq!(rest.len(), 1_000 - limits::LOSS_RANGES_MAX);
    let record = ordered::check(&out);
    assert_eq!(
        record.at("count"),
        Some(&Json::Integer(2 * limits::LOSS_RANGES_MAX as i64))
    );
    assert_eq!(record.at("severity_id"), Some(&Json::Integer(4)));
}

#[test]
fn reasons_without_room_are_added_up() {
    let names: Vec<String> = (0..5_000).map(|n| format!("policy:rule-{n}")).collect();
    let reasons: Vec<(&str, u64)> = names.iter().map(|name| (name.as_str(), 1)).collect();
    let lane = LaneCounts {
        filtered: &reasons,
        left_out: &reasons,
        ..LaneCounts::default()
    };
    let view = CountsView {
        meta: own(0, 1),
        start_utc_ns: 0,
        end_utc_ns: 0,
        critical: lane,
        bulk: lane,
    };
    let mut out = Vec::new();
    Lines::new(&ORIGIN, Settings::default()).daemon_counts(&mut out, &view);
    let record = ordered::check(&out);
    let filtered = record.at("unmapped.counts.bulk.filtered").unwrap();
    let Json::Object(members) = filtered else {
        panic!("{filtered:?}")
    };
    let sum: i64 = members
        .iter()
        .map(|(_, count)| match count {
            Json::Integer(count) => *count,
            other => panic!("{other:?}"),
        })
        .sum();
    assert_eq!(sum, 5_000);
    assert!(filtered.at("other").is_some());
}
