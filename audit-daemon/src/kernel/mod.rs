//! Loads, attaches and pins the kernel programs; adopts what an earlier daemon left attached.
//!
//! Owns every use of the loader library but the draining of rings (`source`), and the pins in
//! bpffs. Must not look into an event, and attaches only what the hook table names.
//!
//! Invariants: a load is *finished* when its id stands in the `LOAD` map; pins of an unfinished load
//! are removed, never adopted. A load is adopted only if object, read-only data and map sizes are
//! the same as what this daemon would load.

mod attach;
mod bpf;
pub mod btf;
mod calm;
mod choose;
mod diagnostics;
mod error;
mod facts;
mod filesystems;
mod functions;
mod links;
mod lists;
mod load;
mod maps;
mod misses;
mod network;
mod offsets;
mod pins;
mod probe_state;
mod restrictions;
mod verified;
mod volume;
mod watches;

use std::{
    os::fd::{AsFd, BorrowedFd},
    path::PathBuf,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use audit_common::{
    Lane,
    counters::{CpuCounters, CpuLedger, Load},
    limits::ACTS_MAX,
};
use aya::{Ebpf, maps::MapData};
use tracing::warn;

pub use diagnostics::Diagnostics;
pub use error::KernelError;
pub use filesystems::tracefs;
pub use links::{Links, Place, Wrong};
pub use load::check_rights;
pub use maps::{MappedArray, page_bytes};
pub use misses::{Lookout, Misses};
pub use network::SocketFilter;
pub use pins::{Unrecorded, unload};
pub use probe_state::ProbeState;
pub use restrictions::Restrictions;
pub use verified::Verified;
pub use volume::{Excess, Repeated, VolumeLimits, VolumeMaps};
pub use watches::{Matching, WatchMaps};

use crate::hooks::{self, Candidate, HookRow, Mechanism, Outcome};

/// Whether programs stay attached when the daemon is gone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pinning {
    Never,
    /// Where the kernel can.
    Auto,
    /// Or not start.
    Required,
}

/// Whether programs are hooked on functions of the kernel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Functions {
    Never,
    /// Where there are such candidates and the kernel can.
    Preferred,
    /// Where there are such candidates nothing else is tried.
    Only,
}

/// What the daemon wants of the kernel.
#[derive(Clone, Debug)]
pub struct Request {
    pub pinning: Pinning,
    pub pin_dir: PathBuf,
    /// By lane.
    pub ring_bytes: [u32; Lane::COUNT],
    pub argv_bytes: u32,
    /// Names of the environment variables to copy.
    pub environment: Vec<String>,
    pub compat: bool,
    /// Groups of hooks that nothing needs, because their events are not recorded.
    pub off: Vec<&'static str>,
    /// Acts on privileges that are looked at, and units whose processes are protected.
    pub privilege: u32,
    pub protected: Vec<String>,
    /// Programs on raw tracepoints can be preempted, and are then skipped for others.
    pub preempted: bool,
    /// Major and minor of the kernel.
    pub version: (u32, u32),
    pub functions: Functions,
    /// aya-log's level: 0 is off.
    pub diagnostics: u8,
    pub cpus: u32,
    /// The host's own root directory and namespaces, as the kernel names them.
    pub root_dev: u32,
    pub root_ino: u64,
    pub mnt_ns: u32,
    pub pid_ns: u32,
    pub user_ns: u32,
    /// Enumerator of the v1 controller from whose hierarchy a second cgroup id is taken.
    pub v1_enumerator: Option<String>,
    /// Which sockets are told.
    pub sockets: SocketFilter,
}

/// Programs without long tails, on each CPU.
const SMALL_SLOTS: u32 = 21;

impl Request {
    /// Programs on functions are preempted wherever tasks are, and that can be switched on at any time.
    fn has_twins(&self, candidate: &Candidate) -> bool {
        self.preempted || candidate.mechanism == Mechanism::Trampoline
    }

    /// Programs with long tails: twins have theirs.
    fn large_slots(&self) -> u32 {
        match (self.functions, self.preempted) {
            (Functions::Never, false) => 6,
            (Functions::Never, true) => 9,
            _ => 17,
        }
    }

    /// The same of acts whose objects are looked at on functions.
    fn act_entries(&self) -> u32 {
        match self.functions {
            Functions::Never => 1,
            _ => self.ring_entries(ACTS_MAX),
        }
    }

    /// Slots of programs with long tails at the 32-bit entry, on all CPUs.
    fn compat_slots(&self) -> u32 {
        match self.compat && !self.off.contains(&"file") {
            true => self.cpus * 2,
            false => 1,
        }
    }

    /// Slots of what is told of privileges, on all CPUs: a program's, its twin's, and of 32-bit calls.
    fn privilege_slots(&self) -> u32 {
        match self.off.contains(&"privilege") {
            true => 1,
            false if self.compat || self.functions != Functions::Never => self.cpus * 3,
            false => self.cpus * 2,
        }
    }

    /// Is this candidate one to try?
    fn tries(&self, row: &HookRow, candidate: &Candidate) -> bool {
        let on_function = candidate.mechanism == Mechanism::Trampoline;
        let wanted = match self.functions {
            Functions::Never => !on_function,
            Functions::Preferred => true,
            Functions::Only => on_function || !row.has_functions(),
        };
        let suits = self.preempted || !candidate.never_skipped;
        wanted && suits && (self.compat || !candidate.only_compat)
    }

    /// Is nothing wanted but what explains other events?
    fn records_nothing(&self) -> bool {
        let mut groups = hooks::ONLY_RECORDED.iter();
        groups.all(|group| self.off.contains(group))
    }

    /// Entries of a map of io_uring's requests: none is needed where no file is watched.
    fn ring_entries(&self, entries: u32) -> u32 {
        match self.off.contains(&"file") {
            true => 1,
            false => entries,
        }
    }
}

/// A load that is attached and can be drained.
pub struct Attached {
    pub load: Load,
    /// Left attached by an earlier daemon.
    pub adopted: bool,
    /// In the place of pinned programs that could not be adopted.
    pub replaced: bool,
    /// Stays attached after this one.
    pub pinned: bool,
    pub flavour: &'static str,
    pub outcomes: Vec<Outcome>,
    pub counters: Arc<MappedArray<CpuCounters>>,
    pub ledger: Arc<MappedArray<CpuLedger>>,
    pub misses: Arc<Misses>,
    rings: [MapData; Lane::COUNT],
    pub ring_bytes: [u32; Lane::COUNT],
    pub cpus: u32,
    large_slots: u32,
    load_map: MappedArray<Load>,
    watch_maps: Option<WatchMaps>,
    pub volume: Arc<VolumeMaps>,
    /// All links live at least as long as this.
    pub links: Arc<Mutex<Links>>,
    /// What was loaded by this process, until nobody needs to ask it any more.
    held: Option<Ebpf>,
}

impl Attached {
    pub fn ring(&self, lane: Lane) -> BorrowedFd<'_> {
        self.rings[lane as usize].fd().as_fd()
    }

    /// The maps of watches; once.
    pub fn take_watch_maps(&mut self) -> Option<WatchMaps> {
        self.watch_maps.take()
    }

    /// Bytes in each ring behind these positions.
    pub fn unacknowledged(&self, positions: [u64; Lane::COUNT]) -> [u64; Lane::COUNT] {
        Lane::ALL.map(|lane| {
            let size = self.ring_bytes[lane as usize];
            crate::source::Ring::map(self.ring(lane), size, None).map_or(u64::from(size), |ring| {
                ring.produced().saturating_sub(positions[lane as usize])
            })
        })
    }

    /// The programs' own log, if it is on and they are ours to ask.
    pub fn diagnostics(&mut self, level: u8) -> Option<Diagnostics> {
        let held = self.held.as_mut().filter(|_| level > 0);
        let diagnostics = held.and_then(Diagnostics::start);
        // Programs, maps and links are held by their own descriptors from now on.
        self.held = None;
        diagnostics
    }

    /// Detaches what is not pinned. Closing tracepoints takes long: last of all.
    pub fn detach(self) {
        drop(self.links);
    }

    /// Bytes of kernel memory in maps and rings, roughly: what we sized.
    pub fn map_bytes(&self) -> u64 {
        let large = self.large_slots as usize * audit_common::limits::SCRATCH_BYTES;
        let scratch = large + SMALL_SLOTS as usize * audit_common::limits::SCRATCH_SMALL_BYTES;
        let rings: u64 = self.ring_bytes.iter().map(|bytes| u64::from(*bytes)).sum();
        rings
            + u64::from(self.cpus) * scratch as u64
            + (self.counters.bytes() + self.ledger.bytes() + self.volume.bytes()) as u64
    }
}

/// Adopts what is pinned, or loads and attaches anew.
pub fn start(request: &Request) -> Result<Attached, KernelError> {
    let prepared = load::prepare(request)?;
    if let Err(reason) = &prepared.tracefs {
        warn!("{reason}: events that are hooked there are not seen");
    }
    let bpffs = match request.pinning {
        Pinning::Never => Err(KernelError::PinsOff),
        // Known beforehand, so that nothing is loaded twice.
        _ if !aya::features().bpf_perf_link() => Err(KernelError::NoLinks),
        _ => filesystems::bpffs(&request.pin_dir),
    };
    if let (Pinning::Required, Err(error)) = (request.pinning, &bpffs) {
        return Err(KernelError::PinsRequired {
            reason: error.to_string(),
        });
    }
    if bpffs.is_ok()
        && let Some(attached) = pins::adopt(request, &prepared)?
    {
        return Ok(attached);
    }
    // Also where nothing shall be pinned any more: programs that nobody drains only cost.
    let replaced = pins::unload(&request.pin_dir)? > 0;
    let pin_dir = bpffs.is_ok().then_some(request.pin_dir.as_path());
    let attached = attach::fresh(request, &prepared, pin_dir);
    if attached.is_err() && pins::unload(&request.pin_dir).is_ok() {
        // Who refuses to start leaves nothing; it may never have been made.
        let _ = std::fs::remove_dir(&request.pin_dir);
    }
    let attached = attached?;
    Ok(Attached {
        replaced,
        ..attached
    })
}

/// What came of trying each hook.
pub struct Probed {
    pub flavour: &'static str,
    pub outcomes: Vec<Outcome>,
    /// How long it took to load what was chosen.
    pub load: Duration,
    /// Only if asked for.
    pub verified: Option<Vec<Verified>>,
    pub restrictions: Restrictions,
}

/// Tries each hook by an actual load, and attaches nothing. `figures` are those of the verifier.
pub fn probe(request: &Request, figures: bool) -> Result<Probed, KernelError> {
    let prepared = load::prepare(request)?;
    let started = Instant::now();
    let mut opened = load::open(request, &prepared)?;
    let outcomes = choose::choose(request, &prepared, &mut opened);
    let load = started.elapsed();
    let verified = figures.then(|| verified::programs(request, &prepared, &opened, &outcomes));
    Ok(Probed {
        flavour: opened.flavour,
        outcomes,
        load,
        verified,
        restrictions: restrictions::read(&prepared.tracefs, &prepared.facts),
    })
}
