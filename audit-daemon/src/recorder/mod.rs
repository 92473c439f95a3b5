//! From decoded events to finished lines: enrich, mask, record.
//!
//! Owns the tables that give an event its meaning and the buffer that lines are written to. One
//! thread owns a recorder; nothing in it waits. What is recorded is the caller's choice; how it
//! reads is `record`'s.

mod acting;
mod canary;
mod daemon;
mod doer;
mod exec;
mod exec_failed;
mod facts;
mod file_act;
mod file_open;
mod identity;
mod lifecycle;
mod linked;
mod log;
mod net;
mod path;
mod privilege;
mod reload;
mod snapshot;

use audit_common::{Header, Lane};

use crate::{
    enrich::{cgroups::Cgroups, clock::WallClock, host::Host, process::ProcessTable, users::Names},
    folding::Folding,
    mask::{Masker, Scratch},
    record::{
        Lines,
        view::{self, EventUid, Meta},
    },
};

pub use daemon::{LaneTotals, unhex};
pub use exec::trimmed;
pub use exec_failed::Failure;
pub use file_open::{Outcome, Repetition};
pub use net::SocketTold;
pub use privilege::Seen;
pub use reload::{Asker, ConfigId, ConfigOutcome, ConfigSaid, RecorderChange};

/// Listed variables that are masked one by one, each in memory of its own.
const SCRATCHES: usize = audit_common::limits::ENV_KEPT_MAX as usize + 1;

/// What the operator decides about records.
pub struct RecorderSettings {
    pub labels: Vec<String>,
    /// Records repeat the actor's command line and ancestry.
    pub full_actor: bool,
}

/// Everything that a recorder is made of.
pub struct Recorder {
    pub table: ProcessTable,
    pub names: Names,
    pub cgroups: Cgroups,
    pub clock: WallClock,
    pub host: Host,
    lines: Lines,
    masker: Masker,
    scratches: Vec<Scratch>,
    settings: RecorderSettings,
    /// Working memory of decisions about files.
    watching: crate::watch::Scratch,
    /// What processes with other roots see.
    views: crate::watching::Views,
    linked: linked::Linked,
    threads: privilege::Threads,
    /// Acts on privileges that are told as one.
    repeats: Folding<privilege::Same>,
    /// Mounts that are told as one.
    mounts: Folding<file_act::SameMount>,
    /// Device and inode of the daemon's program.
    own_executable: Option<(u32, u64)>,
    /// Working memory for paths.
    paths: path::Paths,
    /// The lines made since the last take.
    out: Vec<u8>,
    ends: Vec<usize>,
    next_sequence: u64,
}

/// Finished lines, each without LF.
#[derive(Default)]
pub struct Written {
    pub bytes: Vec<u8>,
    /// End of each line in `bytes`.
    pub ends: Vec<usize>,
}

impl Written {
    pub fn lines(&self) -> impl Iterator<Item = &[u8]> {
        let mut from = 0;
        self.ends
            .iter()
            .map(move |end| &self.bytes[std::mem::replace(&mut from, *end)..*end])
    }

    pub fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }
}

impl Recorder {
    #[expect(
        clippy::too_many_arguments,
        reason = "the parts of a whole, each of its own making"
    )]
    pub fn new(
        table: ProcessTable,
        names: Names,
        cgroups: Cgroups,
        clock: WallClock,
        host: Host,
        lines: Lines,
        masker: Masker,
        settings: RecorderSettings,
        next_sequence: u64,
    ) -> Recorder {
        Recorder {
            table,
            names,
            cgroups,
            clock,
            host,
            lines,
            masker,
            scratches: std::iter::repeat_with(Scratch::default)
                .take(SCRATCHES)
                .collect(),
            settings,
            watching: Default::default(),
            views: Default::default(),
            linked: linked::Linked::default(),
            threads: privilege::Threads::default(),
            repeats: Folding::new(
                privilege::TOLD_EACH,
                privilege::WINDOW_NS,
                privilege::KINDS_MAX,
            ),
            mounts: Folding::new(
                privilege::TOLD_EACH,
                privilege::WINDOW_NS,
                privilege::KINDS_MAX,
            ),
            own_executable: own_executable(),
            paths: path::Paths::default(),
            out: Vec::new(),
            ends: Vec::new(),
            next_sequence,
        }
    }

    /// The sequence that the next line will have.
    pub fn next_sequence(&self) -> u64 {
        self.next_sequence
    }

    /// Forgets what is over by now, and tells what was folded until then.
    pub fn expire(&mut self, now_ns: u64) {
        self.table.expire(now_ns);
        self.cgroups.expire(now_ns);
        self.privilege_repeats(now_ns);
    }

    /// Bytes of the lines not taken yet.
    pub fn waiting_bytes(&self) -> usize {
        self.out.len()
    }

    /// Takes the finished lines, leaving `empty` to be written to.
    pub fn take(&mut self, mut empty: Written) -> Written {
        empty.clear();
        Written {
            bytes: std::mem::replace(&mut self.out, empty.bytes),
            ends: std::mem::replace(&mut self.ends, empty.ends),
        }
    }

    /// Writes one line with the next sequence.
    fn write(&mut self, utc_ns: i64, line: impl FnOnce(&mut Lines, &mut Vec<u8>, Meta<'_>)) {
        let meta = Meta {
            utc_ns,
            sequence: self.next_sequence,
            event: None,
            correlation: None,
            labels: &self.settings.labels,
        };
        line(&mut self.lines, &mut self.out, meta);
        self.written();
    }

    /// A line stands at the end of the buffer.
    fn written(&mut self) {
        self.ends.push(self.out.len());
        self.next_sequence += 1;
    }

    fn utc(&self, boot_ns: u64) -> i64 {
        utc(&self.clock, boot_ns)
    }

    /// UTC now, for what no kernel event caused.
    fn utc_now(&self) -> i64 {
        self.utc(self.clock.boot_ns_now())
    }
}

/// As the kernel has it, but on file systems that show `stat` another device.
fn own_executable() -> Option<(u32, u64)> {
    use std::os::unix::fs::MetadataExt;
    let meta = std::fs::metadata("/proc/self/exe").ok()?;
    let dev = |major: u32, minor: u32| major << 20 | minor;
    let (major, minor) = (nix::libc::major(meta.dev()), nix::libc::minor(meta.dev()));
    Some((dev(major, minor), meta.ino()))
}

fn utc(clock: &WallClock, boot_ns: u64) -> i64 {
    i64::try_from(clock.utc_ns(boot_ns)).unwrap_or(i64::MAX)
}

fn lane(lane: Lane) -> view::Lane {
    match lane {
        Lane::Critical => view::Lane::Critical,
        Lane::Bulk => view::Lane::Bulk,
    }
}

/// The kernel's number of an event that travelled in this lane.
fn event_uid(header: &Header) -> EventUid {
    let lane_of = Lane::from_number(header.lane).unwrap_or(Lane::Bulk);
    EventUid {
        lane: lane(lane_of),
        cpu: header.cpu.into(),
        strand: header.strand,
        number: header.number,
    }
}

/// What a record of a kernel event says of itself.
fn meta<'a>(clock: &WallClock, sequence: u64, labels: &'a [String], header: &Header) -> Meta<'a> {
    Meta {
        utc_ns: utc(clock, header.time_ns),
        sequence,
        event: Some(event_uid(header)),
        correlation: None,
        labels,
    }
}
