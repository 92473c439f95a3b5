//! What is true of every record, whatever bytes a process brings.
//!
//! With `RECORD_CORPUS=FILE` the random records are also written there, for a validator.

use proptest::collection::vec;
use proptest::prelude::*;

use super::super::view::*;
use super::super::*;
use super::hostile::{Draw, Wild};
use super::hostile_privileges::privileges;
use super::ordered::{self, Json};
use super::{ORIGIN, id};

/// Writes records one by one.
struct Recorder {
    lines: Lines,
    records: Vec<Vec<u8>>,
}

impl Recorder {
    fn add(&mut self, write: impl FnOnce(&mut Lines, &mut Vec<u8>)) {
        let mut out = Vec::new();
        write(&mut self.lines, &mut out);
        self.records.push(out);
    }
}

/// Records of random views.
fn random_records(seed: u64) -> Vec<Vec<u8>> {
    let mut draw = Draw(seed);
    let wild = Wild::new(&mut draw);
    let settings = Settings {
        command_bytes_max: 2_048 << draw.below(5),
        actor_detail: [ActorDetail::Reference, ActorDetail::Full][draw.below(2) as usize],
    };
    let lines = Lines::new(&ORIGIN, settings);
    let mut recorder = Recorder {
        lines,
        records: Vec::new(),
    };
    wild.process(&mut draw, &mut |draw, process| {
        let meta = wild.meta(draw);
        let actor = wild.actor(draw, &process);
        record_acts(&mut recorder, draw, meta, actor, process);
        privileges(draw, meta, actor, process, &mut |view| {
            recorder.add(|lines, out| lines.privilege(out, view));
        });
        let own = Meta {
            event: None,
            ..meta
        };
        let snapshot = SnapshotView {
            meta: own,
            daemon: &process,
            process,
        };
        recorder.add(|lines, out| lines.snapshot(out, &snapshot));
        record_daemon(&mut recorder, &wild, own, actor, &process);
    });
    recorder.records
}

fn record_acts(
    recorder: &mut Recorder,
    draw: &mut Draw,
    meta: Meta,
    actor: ActorView,
    process: ProcessView,
) {
    let exec = ExecView {
        meta,
        actor,
        process,
    };
    recorder.add(|lines, out| lines.exec(out, &exec));
    let folded = Folded {
        count: 3,
        first_utc_ns: meta.utc_ns,
        last_utc_ns: 5,
    };
    let folded = draw.one_in(2).then_some(folded);
    let errno = draw.below(140) as i32;
    let failed = ExecFailedView {
        meta,
        actor,
        process,
        errno,
        folded,
    };
    recorder.add(|lines, out| lines.exec_failed(out, &failed));
    let fork = ForkView {
        meta,
        actor,
        child: process,
    };
    recorder.add(|lines, out| lines.fork(out, &fork));
    let exited = Exited::from_wait_status(draw.next() as u32);
    let lifetime_ns = draw.one_in(2).then(|| draw.next());
    let exit = ExitView {
        meta,
        actor,
        process,
        exited,
        lifetime_ns,
    };
    recorder.add(|lines, out| lines.exit(out, &exit));
}

fn record_daemon(
    recorder: &mut Recorder,
    wild: &Wild,
    meta: Meta,
    actor: ActorView,
    daemon: &ProcessView,
) {
    let start = StartView {
        meta,
        daemon,
        hooks_attached: 3,
    };
    recorder.add(|lines, out| lines.daemon_start(out, &start));
    let stop = StopView {
        meta,
        actor,
        reason: "SIGTERM",
    };
    recorder.add(|lines, out| lines.daemon_stop(out, &stop));
    let file = ConfigFile {
        name: &wild.path,
        sha256: [7; 32],
    };
    let change = ConfigChange::Refused {
        kept: file,
        refused: Some(file),
        reason: &wild.word,
    };
    let config = ConfigView {
        meta,
        actor,
        change,
        message: &wild.word,
    };
    recorder.add(|lines, out| lines.daemon_config(out, &config));
    let reasons: Vec<(&str, u64)> = wild
        .rules
        .iter()
        .map(|(rule, n)| (rule.as_str(), *n))
        .collect();
    let lane = LaneCounts {
        filtered: &reasons,
        left_out: &reasons,
        ..LaneCounts::default()
    };
    let (start_utc_ns, end_utc_ns) = (0, i64::MAX);
    let counts = CountsView {
        meta,
        start_utc_ns,
        end_utc_ns,
        critical: lane,
        bulk: lane,
    };
    recorder.add(|lines, out| lines.daemon_counts(out, &counts));
    let deleted = LogFile {
        path: &wild.path,
        size_bytes: u64::MAX,
        sha256: None,
    };
    let delete = LogDeleteView {
        meta,
        deleted,
        records: None,
        reason: &wild.word,
    };
    recorder.add(|lines, out| lines.log_delete(out, &delete));
}

#[test]
fn random_records_keep_the_rules() {
    let mut corpus = Vec::new();
    for seed in 0..600 {
        for record in random_records(seed) {
            ordered::check(&record);
            corpus.extend_from_slice(&record);
            corpus.push(b'\n');
        }
    }
    assert_eq!(corpus.iter().filter(|&&b| b == b'\n').count(), 10_800);
    if let Some(path) = std::env::var_os("RECORD_CORPUS") {
        std::fs::write(path, corpus).unwrap();
    }
}

/// A record of one exec of which only these are of interest.
fn exec(argv: Text, path: &[u8], name: &[u8]) -> Json {
    let file = FileView {
        path: Text::whole(path),
        ..FileView::default()
    };
    let process = ProcessView {
        id: id(7, 7),
        name: Fact::Known(name),
        file: Fact::Known(file),
        command: Fact::Known(argv),
        ..ProcessView::default()
    };
    let meta = Meta {
        utc_ns: 0,
        sequence: 0,
        event: None,
        correlation: None,
        labels: &[],
    };
    let view = ExecView {
        meta,
        actor: ActorView::default(),
        process,
    };
    let mut out = Vec::new();
    Lines::new(&ORIGIN, Settings::default()).exec(&mut out, &view);
    ordered::check(&out)
}

/// The bytes that the record says stand at `path`.
fn bytes_at(record: &Json, path: &str) -> Option<Vec<u8>> {
    let text = record.text_at(path)?;
    match record.noted("raw", path) {
        Some(Json::Text(raw)) => {
            let bytes = from_base64(raw);
            assert!(std::str::from_utf8(&bytes).is_err(), "{path} needs no raw");
            assert_eq!(respelt(&bytes), text);
            Some(bytes)
        }
        _ => Some(text.as_bytes().to_vec()),
    }
}

fn respelt(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        chunk
            .invalid()
            .iter()
            .for_each(|byte| text.push_str(&format!("\\x{byte:02x}")));
    }
    text
}

fn from_base64(text: &str) -> Vec<u8> {
    assert_eq!(text.len() % 4, 0);
    let digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bits: String = text
        .trim_end_matches('=')
        .chars()
        .map(|c| format!("{:06b}", digits.find(c).unwrap()))
        .collect();
    let whole = &bits[..bits.len() / 8 * 8];
    whole
        .as_bytes()
        .chunks(8)
        .map(|b| u8::from_str_radix(std::str::from_utf8(b).unwrap(), 2).unwrap())
        .collect()
}

/// Splits by the rules of a POSIX shell, as far as quotes go.
fn shell_split(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for c in line.chars() {
        match (quote, c) {
            (None, ' ') => words.extend(word.take()),
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (Some(open), c) if open == c => quote = None,
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    assert_eq!(quote, None, "unbalanced: {line}");
    words.extend(word);
    words
}

fn split_nul(argv: &[u8]) -> Vec<&[u8]> {
    argv.strip_suffix(b"\0")
        .unwrap_or(argv)
        .split(|&b| b == 0)
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_seed_keeps_the_rules(seed: u64) {
        for record in random_records(seed) {
            ordered::check(&record);
        }
    }

    #[test]
    fn argv_can_be_had_back(argv in vec(vec(1..=255_u8, 0..30), 1..8)) {
        let argv: Vec<u8> = argv.into_iter().flat_map(|mut a| { a.push(0); a }).collect();
        let record = exec(Text::whole(&argv), b"/bin/x", b"x");
        let line = record.text_at("process.cmd_line").unwrap();
        let wanted: Vec<String> = split_nul(&argv).into_iter().map(respelt).collect();
        prop_assert_eq!(shell_split(line), wanted);
        match record.noted("raw", "process.cmd_line") {
            Some(Json::Text(raw)) => {
                prop_assert_eq!(from_base64(raw), argv.strip_suffix(b"\0").unwrap());
                prop_assert!(std::str::from_utf8(&argv).is_err());
            }
            _ => prop_assert!(std::str::from_utf8(&argv).is_ok()),
        }
        prop_assert_eq!(record.noted("truncated", "process.cmd_line"), None);
    }

    #[test]
    fn ordinary_arguments_too(argv in vec("[ -~é\n]{0,20}", 1..8)) {
        let joined: Vec<u8> = argv.iter().flat_map(|a| [a.as_bytes(), b"\0"].concat()).collect();
        let record = exec(Text::whole(&joined), b"/bin/x", b"x");
        prop_assert_eq!(shell_split(record.text_at("process.cmd_line").unwrap()), argv);
        prop_assert_eq!(record.at("unmapped"), None);
    }

    #[test]
    fn paths_and_names_can_be_had_back(path in vec(any::<u8>(), 1..60), name in vec(any::<u8>(), 1..16)) {
        let record = exec(Text::whole(b"x\0"), &path, &name);
        let shown = path.strip_prefix(b"/").filter(|p| p.starts_with(b"memfd:"));
        prop_assert_eq!(bytes_at(&record, "process.file.path").unwrap(), shown.unwrap_or(&path));
        prop_assert_eq!(bytes_at(&record, "process.name").unwrap(), name);
        let last = path.split(|&b| b == b'/').rfind(|part| !part.is_empty());
        if shown.is_none() && !path.starts_with(b"memfd:") {
            let last = last.unwrap_or(&path);
            prop_assert_eq!(bytes_at(&record, "process.file.name").unwrap(), last);
        }
    }

    #[test]
    fn what_is_cut_says_so(argv in vec(any::<u8>(), 8_000..9_000), text in "[a€😀]{0,4000}") {
        let record = exec(Text::whole(&argv), text.as_bytes(), b"x");
        let shown = bytes_at(&record, "process.file.path").unwrap();
        prop_assert!(text.as_bytes().starts_with(&shown));
        if text.len() <= 4_096 {
            prop_assert_eq!(shown.len(), text.len());
            prop_assert_eq!(record.noted("truncated", "process.file.path"), None);
        } else {
            prop_assert!((4_093..=4_096).contains(&shown.len()));
            let length = Json::Integer(text.len() as i64);
            prop_assert_eq!(record.noted("truncated", "process.file.path"), Some(&length));
        }
        let raw = record.noted("raw", "process.cmd_line");
        if let (Some(Json::Text(raw)), true) = (raw, argv.len() > 8_192) {
            let kept = from_base64(raw);
            prop_assert!(argv.starts_with(&kept) && (8_188..=8_192).contains(&kept.len()));
            let length = Json::Integer(argv.len() as i64);
            prop_assert_eq!(record.noted("truncated", "process.cmd_line"), Some(&length));
        }
    }
}
