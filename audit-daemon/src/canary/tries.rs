//! One try: a child acts, and the acts that the worker sees come back are told.
//!
//! Owns the child, the place where it acts, and what must be set in the kernel so that all acts are
//! looked at. Must not decide what a missing answer means.

use std::{
    collections::BTreeSet,
    fs::DirBuilder,
    io::{self, Read, Write},
    os::{
        fd::AsFd,
        unix::{
            fs::{DirBuilderExt, MetadataExt},
            process::CommandExt,
        },
    },
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use audit_common::{counters::CpuCounters, watch::WatchState};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use tracing::debug;

use super::{
    acts::{ACTS, Told},
    child::{self, Task},
    proof::CGROUP_PREFIX,
};
use crate::{
    enrich::{
        boot_ns,
        cgroups::trees::{self, Trees},
        running,
    },
    kernel::{MappedArray, ProbeState},
    pipeline::Shared,
};

/// A child that acts for longer hangs.
const CHILD_TIME: Duration = Duration::from_secs(20);
/// So long the worker may be behind; beyond that nothing is known.
const ANSWER_TIME: Duration = Duration::from_secs(10);

/// What acts are done with.
pub struct Stage {
    pub dir: PathBuf,
    pub shared: Arc<Shared>,
    pub counters: Arc<MappedArray<CpuCounters>>,
    pub cpus: u32,
    pub watches: Option<ProbeState>,
    pub told: Told,
    cgroup: Option<PathBuf>,
    /// Device and inode of the directory when it was made.
    made: Option<(u64, u64)>,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Tried {
    /// Acts that this kernel could do.
    pub done: BTreeSet<usize>,
    pub proven: BTreeSet<usize>,
    /// Moves that ended less those that began: beginnings that were not seen.
    pub begins_missing: bool,
}

impl Stage {
    pub fn new(
        dir: PathBuf,
        shared: Arc<Shared>,
        counters: Arc<MappedArray<CpuCounters>>,
        cpus: u32,
        watches: Option<MappedArray<WatchState>>,
        told: Told,
    ) -> Stage {
        Stage {
            dir,
            shared,
            counters,
            cpus,
            watches: watches.map(ProbeState::new),
            told,
            cgroup: own_cgroup()
                .map(|own| own.join(format!("{CGROUP_PREFIX}{}", std::process::id()))),
            made: None,
        }
    }

    /// Makes sure that the directory is the one that is watched. False: somebody has put another in its
    /// place, or none, and from now on it is that one.
    pub fn is_set(&mut self) -> io::Result<bool> {
        make(&self.dir)?;
        let meta = std::fs::symlink_metadata(&self.dir)?;
        if !meta.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        let now = (meta.dev(), meta.ino());
        let before = self.made.replace(now);
        Ok(before.is_none_or(|before| before == now))
    }

    /// Events that the kernel could not hand over, so far.
    pub fn lost(&self) -> u64 {
        let cpus = (0..self.cpus).map(|cpu| self.counters.get(cpu as usize));
        cpus.flat_map(|cpu| cpu.lanes).map(|lane| lane.lost).sum()
    }

    /// `None`: the worker is too far behind to tell.
    pub fn act(&self, acts: &[usize]) -> io::Result<Option<Tried>> {
        let witness = &self.shared.canary.witness;
        witness.begin();
        let looked_at = self.watches.as_ref().map(ProbeState::look_at_all);
        let done = self.child(acts);
        let begins_missing = looked_at.is_some_and(|looked_at| looked_at.moving_fell());
        let done = done?;
        let undone: Vec<String> = acts
            .iter()
            .filter(|act| !done.contains(act))
            .map(|act| ACTS[*act].id())
            .collect();
        if !undone.is_empty() {
            debug!("cannot be done here: {}", undone.join(", "));
        }
        let until_ns = boot_ns();
        let Some(proven) = witness.proven(&done, until_ns, ANSWER_TIME) else {
            return Ok(None);
        };
        Ok(Some(Tried {
            done: done.into_iter().collect(),
            proven,
            begins_missing,
        }))
    }

    /// Gives the acts that the child did.
    fn child(&self, acts: &[usize]) -> io::Result<Vec<usize>> {
        let mut child = Command::new("/proc/self/exe")
            .arg0("audit-daemon")
            .arg("canary")
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let told = self.tell(&mut child, acts);
        let printed = told.and_then(|()| {
            let stdout = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
            read_in_time(stdout, CHILD_TIME)
        });
        if printed.is_err() {
            // It may have ended by itself.
            let _ = child.kill();
        }
        let ended = child.wait()?;
        let printed = printed?;
        match ended.success() {
            true => Ok(child::done(&printed)),
            false => Err(io::Error::other(format!("the canary ended with {ended}"))),
        }
    }

    /// It acts once its input ends: by then the worker knows who it is.
    fn tell(&self, child: &mut Child, acts: &[usize]) -> io::Result<()> {
        if let Some(running) = running::one(child.id()) {
            self.shared.canary.witness.is_canary(running.key);
            if let Some(state) = &self.watches {
                state.acts(super::words_of(running.key));
            }
        }
        let task = Task {
            dir: &self.dir,
            cgroup: self.cgroup.as_deref(),
            acts,
        };
        let mut stdin = child.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
        stdin.write_all(task.text().as_bytes())
    }
}

/// Makes the directory, for root alone, if it is not there.
pub fn make(dir: &Path) -> io::Result<()> {
    if let Some(above) = dir.parent() {
        DirBuilder::new()
            .recursive(true)
            .mode(0o755)
            .create(above)?;
    }
    match DirBuilder::new().mode(0o700).create(dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

fn read_in_time(mut from: ChildStdout, time: Duration) -> io::Result<String> {
    let deadline = Instant::now() + time;
    let (mut printed, mut part) = (Vec::new(), [0; 4096]);
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        let mut fds = [PollFd::new(from.as_fd(), PollFlags::POLLIN)];
        if poll(&mut fds, timeout)? == 0 {
            return Err(io::ErrorKind::TimedOut.into());
        }
        match from.read(&mut part)? {
            0 => return Ok(String::from_utf8_lossy(&printed).into_owned()),
            bytes => printed.extend_from_slice(&part[..bytes]),
        }
    }
}

/// The daemon's own control group, in a hierarchy whose groups are seen.
fn own_cgroup() -> Option<PathBuf> {
    let trees = Trees::discover().ok()?;
    let own = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    let seen = std::iter::once(0).chain(trees::v1_choice().map(|v1| v1.hierarchy));
    seen.into_iter().find_map(|hierarchy| {
        let tree = trees
            .trees
            .iter()
            .find(|tree| tree.hierarchy == hierarchy)?;
        let line = own
            .lines()
            .find_map(|line| line.strip_prefix(&format!("{hierarchy}:")))?;
        let (_, path) = line.split_once(':')?;
        let root = std::str::from_utf8(&tree.root).ok()?;
        let below = path.strip_prefix(root.trim_end_matches('/'))?;
        Some(tree.mount_point.join(below.trim_start_matches('/')))
    })
}
