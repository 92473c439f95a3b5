//! Reading a log directory as any reader does.
//!
//! Owns: which lines of the directory count, and asking for parts of a record. Must not: write
//! there, or depend on the daemon's own code (it is what is tested).

use std::collections::BTreeMap;
use std::ops::Deref;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// One line of the log.
#[derive(Clone, Debug)]
pub struct Record {
    /// Its bytes, without LF.
    pub line: String,
    pub json: Value,
}

impl Record {
    pub fn parse(line: &str) -> Record {
        let json = serde_json::from_str(line)
            .unwrap_or_else(|error| panic!("a line of the log is no JSON ({error}): {line}"));
        Record {
            line: line.to_owned(),
            json,
        }
    }

    /// `process.exec` and so on.
    pub fn kind(&self) -> &str {
        self.json["metadata"]["event_code"].as_str().unwrap_or("")
    }

    pub fn sequence(&self) -> u64 {
        self.json["metadata"]["sequence"]
            .as_u64()
            .expect("each record has a sequence")
    }

    /// `<lane><cpu>[.<strand>]:<number>` of the kernel event: lane, CPU and number.
    pub fn origin(&self) -> Option<(char, u32, u64)> {
        let text = self.json["metadata"]["original_event_uid"].as_str()?;
        let (place, number) = text.split_once(':').expect("lane, cpu, colon, number");
        let (lane, cpu) = place.split_at(1);
        let cpu = cpu.split_once('.').map_or(cpu, |(cpu, _)| cpu);
        Some((
            lane.chars().next()?,
            cpu.parse().ok()?,
            number.parse().ok()?,
        ))
    }

    /// The value at a dotted path with numbers for arrays, `null` if absent:
    /// `process.user.name`, `unmapped.truncated`.
    pub fn at(&self, path: &str) -> &Value {
        path.split('.')
            .fold(&self.json, |value, key| match key.parse::<usize>() {
                Ok(index) if value.is_array() => &value[index],
                _ => &value[key],
            })
    }

    /// The string there, or "".
    pub fn str(&self, path: &str) -> &str {
        self.at(path).as_str().unwrap_or("")
    }

    /// The number there, or -1.
    pub fn num(&self, path: &str) -> i64 {
        self.at(path).as_i64().unwrap_or(-1)
    }

    pub fn pid(&self) -> u32 {
        u32::try_from(self.num("process.pid")).unwrap_or(0)
    }

    pub fn succeeded(&self) -> bool {
        self.num("status_id") == 1
    }

    pub fn mentions(&self, text: &str) -> bool {
        self.line.contains(text)
    }

    /// A successful exec.
    pub fn is_exec(&self) -> bool {
        self.kind() == "process.exec" && self.succeeded()
    }

    pub fn is_failed_exec(&self) -> bool {
        self.kind() == "process.exec" && !self.succeeded()
    }
}

/// Records in the order of the log.
#[derive(Clone, Debug, Default)]
pub struct Records(pub Vec<Record>);

impl Deref for Records {
    type Target = [Record];

    fn deref(&self) -> &[Record] {
        &self.0
    }
}

impl Records {
    /// All records of a log directory.
    pub fn read(dir: &Path) -> Records {
        let mut tail = Tail::new(dir);
        tail.read();
        tail.records
    }

    /// Records of a loss, but for one that is none: from 7.2 on programs on system calls are skipped
    /// now and then, and what they would have seen is not known, "up to" so many failed execs.
    pub fn losses(&self) -> Vec<&Record> {
        let said_only = |record: &&Record| {
            let loss = |field: &str| record.str(&format!("unmapped.loss.{field}"));
            record.at("count").is_u64() && (loss("stage"), loss("lane")) == ("hook", "bulk")
        };
        let preempted = crate::kernel_version() >= (7, 0);
        let all = self.of_kind("daemon.loss");
        all.filter(|record| !(preempted && said_only(record)))
            .collect()
    }

    pub fn of_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Record> {
        self.iter().filter(move |record| record.kind() == kind)
    }

    /// Execs, successful and failed, that mention the text.
    pub fn execs(&self, text: &str) -> Vec<&Record> {
        self.of_kind("process.exec")
            .filter(|record| record.mentions(text))
            .collect()
    }

    /// The one exec that mentions the text; anything else fails the test, showing what there is.
    #[track_caller]
    pub fn exec(&self, text: &str) -> &Record {
        let found = self.execs(text);
        let lines: Vec<&str> = found.iter().map(|record| record.line.as_str()).collect();
        assert_eq!(found.len(), 1, "execs that mention {text:?}: {lines:#?}");
        found[0]
    }

    /// `metadata.sequence` counts the records without gaps; numbers of kernel events are unique, in
    /// one load of the programs: where they cannot be pinned each start is another.
    #[track_caller]
    pub fn assert_numbered(&self) {
        let first = self.first().map_or(0, Record::sequence);
        let mut origins: BTreeMap<&str, u64> = BTreeMap::new();
        for (expected, record) in (first..).zip(self.iter()) {
            assert_eq!(
                record.sequence(),
                expected,
                "a gap in the sequence: {}",
                record.line
            );
            if record.kind() == "daemon.start" && !crate::pins_hold() {
                origins.clear();
            }
            let origin = record.str("metadata.original_event_uid");
            if !origin.is_empty()
                && let Some(other) = origins.insert(origin, expected)
            {
                panic!("records {other} and {expected} are of one kernel event {origin}");
            }
        }
    }
}

/// Reads on where it stopped.
pub struct Tail {
    dir: PathBuf,
    /// Bytes taken of each segment.
    taken: BTreeMap<PathBuf, usize>,
    pub records: Records,
}

impl Tail {
    pub fn new(dir: &Path) -> Tail {
        Tail {
            dir: dir.to_owned(),
            taken: BTreeMap::new(),
            records: Records::default(),
        }
    }

    /// Takes whole lines that were added since the last call; whether there were any.
    pub fn read(&mut self) -> bool {
        let before = self.records.len();
        for segment in segments(&self.dir) {
            let Ok(bytes) = std::fs::read(&segment) else {
                continue;
            };
            let taken = self.taken.entry(segment).or_default();
            let new = bytes.get(*taken..).unwrap_or_default();
            // Blocks that are written directly end in NULs, which are no part of the log.
            let new = new.split(|byte| *byte == 0).next().unwrap_or_default();
            let whole = new
                .iter()
                .rposition(|byte| *byte == b'\n')
                .map_or(0, |at| at + 1);
            let text = std::str::from_utf8(&new[..whole]).expect("the log is UTF-8");
            self.records.0.extend(text.lines().map(Record::parse));
            *taken += whole;
        }
        self.records.len() > before
    }
}

/// The files of the log, oldest first.
pub fn segments(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return Vec::new();
    };
    let mut found: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or("");
            let digits = name.strip_suffix(".jsonl").unwrap_or("");
            digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit())
        })
        .collect();
    found.sort();
    found
}
