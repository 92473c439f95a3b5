//! Keeps kernel and decider in step with the file system: the thread `watches`.
//!
//! Owns the watch maps and the making of deciders. It looks again when mounts change, when something
//! is made, moved or removed in a directory on the way to a watched path, and now and then. It never
//! leaves a gap: the kernel is told what is new before what is old is taken away.

use std::{
    collections::HashSet,
    os::fd::{AsFd, OwnedFd},
    sync::Arc,
    thread::JoinHandle,
    time::{Duration, Instant},
};

use nix::{
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::{
        eventfd::{EfdFlags, EventFd},
        inotify::{AddWatchFlags, InitFlags, Inotify, WatchDescriptor},
    },
};
use thiserror::Error;
use tracing::{info, warn};

use super::{Current, Decider};
use crate::{
    enrich::mounts::Mounts,
    kernel::{KernelError, WatchMaps},
    watch::set::WatchSet,
};

mod anchoring;

/// A verdict lives no longer, whatever was missed.
const TURN: Duration = Duration::from_secs(1);
/// All is looked up anew at least so often.
const LOOK_AGAIN: Duration = Duration::from_secs(60);
/// A rename or mount that is under way so long has ended unseen.
const MOVING_MAX: Duration = Duration::from_secs(10);
/// Changes come in bursts: one look for all that came meanwhile.
const SETTLE: Duration = Duration::from_millis(5);

#[derive(Debug, Error)]
pub enum KeeperError {
    #[error(transparent)]
    Kernel(#[from] KernelError),
    #[error("cannot look for changes of watched directories: {0}")]
    Inotify(#[from] nix::Error),
    #[error("cannot read the host's mounts: {0}")]
    Mounts(#[from] std::io::Error),
}

/// The thread, until it is dropped.
pub struct Keeper {
    stop: Arc<EventFd>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    /// Looks everything up once, so that what is opened from now on is decided, and then goes on.
    pub fn start(
        set: WatchSet,
        maps: WatchMaps,
        labels: Vec<String>,
        current: Current,
    ) -> Result<Keeper, KeeperError> {
        let mut keeping = Keeping {
            set,
            maps,
            labels,
            current,
            mountinfo: std::fs::File::open("/proc/self/mountinfo")?.into(),
            inotify: Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)?,
            followed: HashSet::new(),
            is_behind: false,
            said: Vec::new(),
            looked: Instant::now(),
            moving_since: None,
        };
        keeping.look()?;
        let stop = Arc::new(EventFd::from_flags(EfdFlags::EFD_CLOEXEC)?);
        let stopped = stop.clone();
        let thread = std::thread::Builder::new()
            .name("watches".into())
            .spawn(move || keeping.keep(&stopped))?;
        Ok(Keeper {
            stop,
            thread: Some(thread),
        })
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        // A thread that cannot be told ends with the process.
        if let (Some(thread), Ok(_)) = (self.thread.take(), self.stop.write(1)) {
            let _ = thread.join();
        }
    }
}

struct Keeping {
    set: WatchSet,
    maps: WatchMaps,
    labels: Vec<String>,
    current: Current,
    /// Its content changing is an event of priority.
    mountinfo: OwnedFd,
    inotify: Inotify,
    /// Directories that were looked at by it.
    followed: HashSet<WatchDescriptor>,
    /// There was a new one at the last look.
    is_behind: bool,
    /// Warnings that were given: each once while it holds.
    said: Vec<String>,
    looked: Instant,
    moving_since: Option<(u64, Instant)>,
}

impl Keeping {
    fn keep(&mut self, stop: &EventFd) {
        while let Some(changed) = self.wait(stop) {
            if changed {
                std::thread::sleep(SETTLE);
            }
            let due = changed || self.is_behind || self.looked.elapsed() >= LOOK_AGAIN;
            if due && let Err(error) = self.look() {
                warn!("watches stay as they were: {error}");
            }
            self.maps.turn(!self.set.is_empty());
            self.forget_what_never_ended();
        }
    }

    /// True if something changed, false when it is time for the rest, `None` at the end.
    fn wait(&self, stop: &EventFd) -> Option<bool> {
        let timeout = match self.is_behind {
            true => PollTimeout::ZERO,
            false => PollTimeout::try_from(TURN).unwrap_or(PollTimeout::MAX),
        };
        let mut fds = [
            PollFd::new(self.mountinfo.as_fd(), PollFlags::POLLPRI),
            PollFd::new(self.inotify.as_fd(), PollFlags::POLLIN),
            PollFd::new(stop.as_fd(), PollFlags::POLLIN),
        ];
        let ready = poll(&mut fds, timeout).unwrap_or(0);
        let stopped = fds[2].any().unwrap_or(true);
        (!stopped).then_some(ready > 0)
    }

    /// Looks up what the watches mean now, tells the kernel, and decides by it.
    fn look(&mut self) -> Result<(), KeeperError> {
        // What changes from here on is another reason to look.
        while matches!(self.inotify.read_events(), Ok(events) if !events.is_empty()) {}
        self.read_mountinfo();
        self.looked = Instant::now();
        self.is_behind = false;
        let mounts = Mounts::of_host()?;
        // What links lead to is found anew each time, and what they led to is forgotten.
        let mut set = self.set.clone();
        let found = anchoring::find(&mut set, &mounts);
        for directory in &found.directories {
            let flags = AddWatchFlags::IN_CREATE
                | AddWatchFlags::IN_MOVE
                | AddWatchFlags::IN_DELETE
                | AddWatchFlags::IN_ONLYDIR;
            // One that is gone again is found at the next look; one that is new may have changed
            // before it was looked at by inotify, and is another reason to look.
            if let Ok(seen) = self.inotify.add_watch(directory, flags) {
                self.is_behind |= self.followed.insert(seen);
            }
        }
        for warning in &found.warnings {
            if !self.said.contains(warning) {
                warn!("{warning}");
            }
        }
        self.said = found.warnings;
        let decider = Decider::new(set, mounts, found.known, &self.labels);
        // The decider knows at least as much as the kernel lets through.
        self.current.set(decider);
        self.maps.apply(found.matching)?;
        Ok(())
    }

    /// Reading to the end rearms the event.
    fn read_mountinfo(&self) {
        use std::io::{Read, Seek, SeekFrom};
        let Ok(clone) = self.mountinfo.try_clone() else {
            return;
        };
        let mut file = std::fs::File::from(clone);
        let _ = file.seek(SeekFrom::Start(0));
        let _ = file.read_to_end(&mut Vec::new());
    }

    fn forget_what_never_ended(&mut self) {
        let moving = self.maps.moving();
        match self.moving_since {
            Some((count, since)) if count == moving && moving != 0 => {
                if since.elapsed() >= MOVING_MAX {
                    info!("{moving} renames or mounts ended unseen");
                    self.maps.forget_moving(moving);
                    self.moving_since = None;
                }
            }
            _ => self.moving_since = (moving != 0).then(|| (moving, Instant::now())),
        }
    }
}
