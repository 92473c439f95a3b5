//! What a log says of opens, programs and losses, read line by line as any reader would.
//!
//! Owns the counting, and the sums that must come out. A log of one daemon, from its start to its
//! end: the counts in it are then of everything that it saw.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap, HashSet},
    path::Path,
};

use anyhow::{Context, Result};
use audit_tests::records::segments;
use serde::Deserialize;
use serde_json::Value;

/// Names of the lanes, and the letter of each in the number of an event.
const LANES: [(&str, char); 2] = [("critical", 'c'), ("bulk", 'b')];

#[derive(Default)]
pub struct Ledger {
    /// By path: successful opens.
    opens: HashMap<String, u64>,
    /// By path: programs that did run.
    execs: HashMap<String, u64>,
    /// Numbers that the kernel gave, each in one record.
    origins: HashSet<String>,
    doubled: u64,
    lanes: BTreeMap<String, Sums>,
    /// Of the lines of opens.
    open_bytes: u64,
}

/// Of one lane.
#[derive(Default, Debug, Clone, PartialEq, Eq)]
struct Sums {
    seen: u64,
    filtered: u64,
    submitted: u64,
    lost: u64,
    recorded: u64,
    folded: u64,
    left_out: u64,
    /// Records of these sums.
    counts: u64,
    /// Records of its events.
    written: u64,
    /// What the log says of losses in its ring.
    told: u64,
}

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    metadata: Metadata<'a>,
    status_id: Option<u32>,
    count: Option<Value>,
    #[serde(borrow)]
    file: Option<File<'a>>,
    #[serde(borrow)]
    process: Option<Process<'a>>,
    unmapped: Option<Unmapped>,
}

#[derive(Deserialize)]
struct Metadata<'a> {
    event_code: Cow<'a, str>,
    #[serde(borrow)]
    original_event_uid: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct File<'a> {
    #[serde(borrow)]
    path: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Process<'a> {
    #[serde(borrow)]
    file: Option<File<'a>>,
}

#[derive(Deserialize)]
struct Unmapped {
    loss: Option<Loss>,
    counts: Option<BTreeMap<String, BTreeMap<String, Value>>>,
}

#[derive(Deserialize)]
struct Loss {
    lane: String,
    stage: String,
}

impl Ledger {
    /// Of all segments in the directory of a log.
    pub fn read(dir: &Path) -> Result<Ledger> {
        let mut ledger = Ledger::default();
        // The directory holds other files of lines too.
        for segment in segments(dir) {
            for line in std::fs::read_to_string(&segment)?.lines() {
                let taken = ledger.take(line);
                taken.with_context(|| format!("a line of the log: {line}"))?;
            }
        }
        Ok(ledger)
    }

    fn take(&mut self, line: &str) -> Result<()> {
        let of: Line<'_> = serde_json::from_str(line)?;
        if let Some(origin) = of.metadata.original_event_uid {
            let lane = LANES.iter().find(|(_, letter)| origin.starts_with(*letter));
            let (lane, _) = lane.with_context(|| format!("no lane has number {origin}"))?;
            self.lane(lane).written += 1;
            self.doubled += u64::from(!self.origins.insert(origin.into_owned()));
        }
        let succeeded = of.status_id == Some(1);
        match &*of.metadata.event_code {
            "file.open_read" | "file.open_write" if succeeded => {
                count(&mut self.opens, of.file);
                self.open_bytes += line.len() as u64 + 1;
            }
            "process.exec" if succeeded => {
                count(&mut self.execs, of.process.and_then(|process| process.file));
            }
            "daemon.loss" => {
                let loss = of.unmapped.and_then(|unmapped| unmapped.loss);
                let loss = loss.context("a loss without its stage")?;
                if loss.stage == "ring" {
                    let lost = of.count.as_ref().and_then(Value::as_u64);
                    self.lane(&loss.lane).told += lost.context("a loss without its count")?;
                }
            }
            "daemon.counts" => {
                let counts = of.unmapped.and_then(|unmapped| unmapped.counts);
                for (lane, counts) in counts.context("counts without their lanes")? {
                    self.lane(&lane).add(&counts);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn lane(&mut self, name: &str) -> &mut Sums {
        self.lanes.entry(name.to_owned()).or_default()
    }

    /// As many records of opens of one file, and as many losses on the bulk lane.
    #[cfg(test)]
    pub fn of_opens(path: &str, records: u64, lost: u64) -> Ledger {
        let mut ledger = Ledger::default();
        ledger.opens.insert(path.to_owned(), records);
        ledger.lane("bulk").lost = lost;
        ledger
    }

    pub fn opens(&self, path: &str) -> u64 {
        self.opens.get(path).copied().unwrap_or(0)
    }

    /// Mean of all records of opens.
    pub fn bytes_of_an_open(&self) -> f64 {
        self.open_bytes as f64 / self.opens.values().sum::<u64>().max(1) as f64
    }

    pub fn execs(&self, path: &str) -> u64 {
        self.execs.get(path).copied().unwrap_or(0)
    }

    /// What the kernel counted as lost.
    pub fn lost(&self, lane: &str) -> u64 {
        self.lanes.get(lane).map_or(0, |sums| sums.lost)
    }

    /// One sentence for each sum that does not come out; empty when all do.
    pub fn differences(&self) -> Vec<String> {
        let mut all = Vec::new();
        if self.doubled > 0 {
            all.push(format!("{} events are in two records", self.doubled));
        }
        for (name, _) in LANES {
            let Some(sums) = self.lanes.get(name).filter(|sums| sums.counts > 0) else {
                all.push(format!("the log has no counts of the {name} lane"));
                continue;
            };
            let checks = [
                (sums.seen, sums.filtered + sums.submitted + sums.lost),
                (sums.submitted, sums.recorded + sums.folded + sums.left_out),
                (sums.recorded, sums.written),
                (sums.lost, sums.told),
            ];
            if checks.iter().any(|(one, other)| one != other) {
                all.push(format!("the {name} lane does not add up: {sums:?}"));
            }
        }
        all
    }
}

fn count(all: &mut HashMap<String, u64>, file: Option<File<'_>>) {
    if let Some(path) = file.and_then(|file| file.path) {
        *all.entry(path.into_owned()).or_default() += 1;
    }
}

impl Sums {
    fn add(&mut self, counts: &BTreeMap<String, Value>) {
        let sum = |key: &str| match counts.get(key) {
            Some(Value::Object(reasons)) => reasons.values().filter_map(Value::as_u64).sum(),
            number => number.and_then(Value::as_u64).unwrap_or(0),
        };
        self.counts += 1;
        self.seen += sum("seen");
        self.filtered += sum("filtered");
        self.submitted += sum("submitted");
        self.lost += sum("lost");
        self.recorded += sum("recorded");
        self.folded += sum("folded");
        self.left_out += sum("left_out");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN: &str = r#"{"status_id":1,"metadata":{"event_code":"file.open_write","original_event_uid":"b0:7"},"file":{"path":"/a"}}"#;
    const AGAIN: &str = r#"{"status_id":1,"metadata":{"event_code":"file.open_read","original_event_uid":"b1.2:7"},"file":{"path":"/a"}}"#;
    const DENIED: &str = r#"{"status_id":2,"metadata":{"event_code":"file.open_write","original_event_uid":"b0:8"},"file":{"path":"/a"}}"#;
    const EXEC: &str = r#"{"status_id":1,"metadata":{"event_code":"process.exec","original_event_uid":"c0:1"},"process":{"file":{"path":"/p"}}}"#;
    const LOSS: &str = r#"{"status_id":2,"count":5,"metadata":{"event_code":"daemon.loss"},"unmapped":{"loss":{"lane":"bulk","stage":"ring"}}}"#;
    const HOOK: &str = r#"{"status_id":2,"count":3,"metadata":{"event_code":"daemon.loss"},"unmapped":{"loss":{"lane":"bulk","stage":"hook"}}}"#;
    const COUNTS: &str = r#"{"status_id":1,"metadata":{"event_code":"daemon.counts"},"unmapped":{"counts":{"critical":{"seen":2,"submitted":2,"lost":0,"recorded":1,"folded":1},"bulk":{"seen":20,"filtered":{"no-watch":8,"self":3},"submitted":4,"lost":5,"recorded":3,"left_out":{"no-watch":1}}}}}"#;

    fn ledger(lines: &[&str]) -> Ledger {
        let mut ledger = Ledger::default();
        for line in lines {
            ledger.take(line).unwrap();
        }
        ledger
    }

    #[test]
    fn a_log_that_adds_up() {
        let all = [OPEN, AGAIN, DENIED, EXEC, LOSS, HOOK, COUNTS];
        let ledger = ledger(&all);
        assert_eq!(ledger.differences(), Vec::<String>::new());
        assert_eq!((ledger.opens("/a"), ledger.opens("/b")), (2, 0));
        assert_eq!((ledger.execs("/p"), ledger.execs("/a")), (1, 0));
        assert_eq!((ledger.lost("bulk"), ledger.lost("critical")), (5, 0));
        let bytes = (OPEN.len() + AGAIN.len() + 2) as f64 / 2.0;
        assert_eq!(ledger.bytes_of_an_open(), bytes);
    }

    #[test]
    fn a_lane_may_be_quiet() {
        let sums = r#""seen":0,"submitted":0,"lost":0,"recorded":0"#;
        let counts = COUNTS.replace(
            r#""seen":2,"submitted":2,"lost":0,"recorded":1,"folded":1"#,
            sums,
        );
        assert_ne!(counts, COUNTS);
        let ledger = ledger(&[OPEN, AGAIN, DENIED, LOSS, &counts]);
        assert_eq!(ledger.differences(), Vec::<String>::new());
    }

    #[test]
    fn whatever_is_missing_or_double_is_said() {
        for (lines, said) in [
            (
                &[OPEN, AGAIN, DENIED, EXEC, COUNTS][..],
                "the bulk lane does not",
            ),
            (&[OPEN, AGAIN, EXEC, LOSS, COUNTS], "the bulk lane does not"),
            (
                &[OPEN, AGAIN, DENIED, LOSS, COUNTS],
                "the critical lane does not",
            ),
            (
                &[OPEN, OPEN, DENIED, EXEC, LOSS, COUNTS],
                "1 events are in two",
            ),
            (&[OPEN, EXEC], "the log has no counts of the critical"),
        ] {
            let differences = ledger(lines).differences();
            assert!(
                differences.iter().any(|one| one.starts_with(said)),
                "{said}: {differences:?}"
            );
        }
        let short = COUNTS.replace("\"self\":3", "\"self\":2");
        let all = [OPEN, AGAIN, DENIED, EXEC, LOSS, &short];
        assert_eq!(ledger(&all).differences().len(), 1);
    }

    #[test]
    fn only_segments_are_read_but_all_of_them() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
        write("00000000000000000001.jsonl", &format!("{OPEN}\n{DENIED}\n"));
        write("00000000000000000003.jsonl", &format!("{AGAIN}\n"));
        write("segments.jsonl", "{\"format\":1}\n");
        let ledger = Ledger::read(dir.path()).unwrap();
        assert_eq!(ledger.opens("/a"), 2);
    }

    #[test]
    fn what_is_no_record_is_an_error() {
        assert!(Ledger::default().take("{\"status_id\":1}").is_err());
    }
}
