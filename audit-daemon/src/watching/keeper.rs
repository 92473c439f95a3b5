//! Keeps kernel and decider in step with the file system: the thread `watches`.
//!
//! Owns the watch maps and the making of deciders. It looks again when mounts change, when something
//! is made, moved or removed in a directory on the way to a watched path, and now and then. It never
//! leaves a gap: the kernel is told what is new before what is old is taken away.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
    path::PathBuf,
    sync::Arc,
    thread::JoinHandle,
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, Sender, TryRecvError, bounded};
use nix::{
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::eventfd::{EfdFlags, EventFd},
};
use thiserror::Error;
use tracing::warn;

use super::{Current, Decider};
use crate::{
    enrich::{boot_ns, mounts::Mounts},
    kernel::{KernelError, Matching, VolumeMaps, WatchMaps},
    watch::{
        programs::{Change, Programs, State, hex},
        set::WatchSet,
    },
};

mod anchoring;
mod away;
mod moving;
mod noticing;
mod replacing;

use away::Away;
use noticing::Noticing;
pub use replacing::Replaced;
use replacing::Request;

/// A verdict lives no longer, whatever was missed.
const TURN: Duration = Duration::from_secs(1);
/// All is looked up anew at least so often.
const LOOK_AGAIN: Duration = Duration::from_secs(60);
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
    #[error("the thread that keeps them has ended")]
    Gone,
}

/// After a look it rests so much longer than that took: a fifth of a CPU at most.
const REST_FACTOR: u32 = 4;
const REST_MAX: Duration = Duration::from_secs(10);

/// Told of excluded programs that are not what they were.
pub type Tell = Box<dyn Fn(Change) + Send>;

/// The thread, until it is dropped.
pub struct Keeper {
    /// Written to after each request, and at the end.
    bell: Arc<EventFd>,
    requests: Option<Sender<Request>>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    /// Looks everything up once, so that what is opened from now on is decided, and then goes on.
    pub fn start(
        set: WatchSet,
        maps: WatchMaps,
        labels: Vec<String>,
        current: Current,
        volume: Arc<VolumeMaps>,
        canary: Option<PathBuf>,
        tell: Tell,
    ) -> Result<Keeper, KeeperError> {
        let mut keeping = Keeping {
            set,
            maps,
            volume,
            canary,
            labels,
            current,
            mountinfo: std::fs::File::open("/proc/self/mountinfo")?.into(),
            noticing: Noticing::new()?,
            away: Away::default(),
            is_behind: false,
            said: Vec::new(),
            programs: Programs::default(),
            tell,
            again_at: None,
            looked: Instant::now(),
            rest_until: Instant::now(),
            moving_since: None,
        };
        keeping.look_until_settled()?;
        let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
        let bell = Arc::new(EventFd::from_flags(flags)?);
        let rung = bell.clone();
        let (requests, asked) = bounded(1);
        let thread = std::thread::Builder::new()
            .name("watches".into())
            .spawn(move || keeping.keep(&rung, &asked))?;
        Ok(Keeper {
            bell,
            requests: Some(requests),
            thread: Some(thread),
        })
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.requests = None;
        // A thread that cannot be told ends with the process.
        if let (Some(thread), Ok(_)) = (self.thread.take(), self.bell.write(1)) {
            let _ = thread.join();
        }
    }
}

/// Why the thread woke up.
struct Ready {
    changed: bool,
    rung: bool,
}

/// What a look at the file system finds to say about watches.
#[derive(Default)]
pub struct Survey {
    /// What is too much to be listed, what cannot be read, links that lead nowhere.
    pub warnings: Vec<String>,
    /// Each once, in the order of the configuration.
    pub excluded: Vec<(PathBuf, State)>,
}

/// Looks once, for somebody who wants to know and watches nothing; again if a program is too young.
pub fn survey(set: &WatchSet) -> io::Result<Survey> {
    let mut programs = Programs::default();
    let mut again = true;
    loop {
        let found = anchoring::find(&mut set.clone(), &Mounts::of_host()?, &mut programs, None);
        match found.excluded.again() {
            Some(rest) if again => std::thread::sleep(rest),
            _ => {
                return Ok(Survey {
                    warnings: found.warnings,
                    excluded: found.excluded.states,
                });
            }
        }
        again = false;
    }
}

fn said_of(change: &Change) -> String {
    let [before, now] = [&change.before, &change.now].map(hex);
    let path = &change.path;
    match change.before == change.now {
        true => format!(
            "the excluded program {path:?} is another file with the same contents: sha256 {now}"
        ),
        false => format!(
            "the excluded program {path:?} was changed, and is excluded as it is now: sha256 {now}, \
             before {before}"
        ),
    }
}

struct Keeping {
    set: WatchSet,
    maps: WatchMaps,
    /// Who is quiet is found anew by each decider.
    volume: Arc<VolumeMaps>,
    /// A directory where everything is let through for the canary, and nothing recorded.
    canary: Option<PathBuf>,
    labels: Vec<String>,
    current: Current,
    /// Its content changing is an event of priority.
    mountinfo: OwnedFd,
    noticing: Noticing,
    away: Away,
    /// Something may have changed since the last look began.
    is_behind: bool,
    /// Warnings that were given: each once while it holds.
    said: Vec<String>,
    programs: Programs,
    tell: Tell,
    /// An excluded program was changed just now.
    again_at: Option<Instant>,
    looked: Instant,
    /// No other look before: with thousands of watches one takes a second, and whoever makes files in a
    /// directory on the way to one must not keep a CPU busy by it.
    rest_until: Instant,
    moving_since: Option<(u64, Instant)>,
}

impl Keeping {
    fn keep(&mut self, bell: &EventFd, requests: &Receiver<Request>) {
        loop {
            let Ready { changed, rung } = self.wait(bell);
            if rung {
                // Read first: what comes after this rings again.
                let _ = bell.read();
                match requests.try_recv() {
                    Ok(request) => {
                        self.serve(request);
                        // There may be more of them.
                        let _ = bell.write(1);
                    }
                    Err(TryRecvError::Empty) => {}
                    Err(TryRecvError::Disconnected) => return,
                }
            }
            if changed {
                std::thread::sleep(SETTLE);
            }
            let now = Instant::now();
            let due = changed
                || self.is_behind
                || self.looked.elapsed() >= LOOK_AGAIN
                || self.again_at.is_some_and(|at| now >= at);
            if due && now >= self.rest_until {
                if let Err(error) = self.look() {
                    warn!("watches stay as they were: {error}");
                }
                self.rest_until = Instant::now() + (now.elapsed() * REST_FACTOR).min(REST_MAX);
            }
            self.maps
                .turn(self.canary.is_some() || !self.set.is_empty());
            self.forget_what_never_ended();
        }
    }

    /// What there is to do; neither when it is time for the rest.
    fn wait(&self, bell: &EventFd) -> Ready {
        let rest = self.rest_until.saturating_duration_since(Instant::now());
        let timeout = match (self.is_behind, rest.is_zero()) {
            (true, true) => Duration::ZERO,
            (_, true) => self.again_at.map_or(TURN, |at| {
                // Whole milliseconds are waited for: not less than what is left.
                let left = at.saturating_duration_since(Instant::now());
                (left + Duration::from_millis(1)).min(TURN)
            }),
            // A millisecond is the least that can be waited for.
            (_, false) => rest.clamp(Duration::from_millis(1), TURN),
        };
        let timeout = PollTimeout::try_from(timeout).unwrap_or(PollTimeout::MAX);
        let mut fds = [
            PollFd::new(bell.as_fd(), PollFlags::POLLIN),
            PollFd::new(self.mountinfo.as_fd(), PollFlags::POLLPRI),
            PollFd::new(self.noticing.as_fd(), PollFlags::POLLIN),
        ];
        // While it rests, what has changed waits where it is.
        let asked = if rest.is_zero() { fds.len() } else { 1 };
        let ready = poll(&mut fds[..asked], timeout).unwrap_or(0);
        let rung = fds[0].any().unwrap_or(true);
        Ready {
            changed: ready > i32::from(rung),
            rung,
        }
    }

    /// Looks up what the watches mean now, tells the kernel, and decides by it.
    fn look(&mut self) -> Result<(), KeeperError> {
        let began_ns = boot_ns();
        let (decider, matching) = self.survey()?;
        // The decider knows at least as much as the kernel lets through.
        self.current.set(decider);
        self.maps.apply(matching)?;
        // A look with something to say may have passed files by.
        if self.said.is_empty() {
            self.maps.looked_at_links(began_ns);
        }
        Ok(())
    }

    /// Looks, and once more if an excluded program was too young: what it does from now on is no reason
    /// for records.
    fn look_until_settled(&mut self) -> Result<(), KeeperError> {
        self.look()?;
        if self.wait_until_old() {
            self.look()?;
        }
        Ok(())
    }

    /// Waits until a program that was changed just now can be identified, if there is one.
    fn wait_until_old(&self) -> bool {
        let Some(at) = self.again_at else {
            return false;
        };
        std::thread::sleep(at.saturating_duration_since(Instant::now()));
        true
    }

    /// What the watches mean now. Nobody is told yet.
    fn survey(&mut self) -> Result<(Decider, Matching), KeeperError> {
        // What changes from here on is another reason to look.
        let mut noticed = self.noticing.read();
        if noticed.programs_written {
            self.programs.doubt();
        }
        self.read_mountinfo();
        self.looked = Instant::now();
        let mounts = Mounts::of_host()?;
        // What links lead to is found anew each time, and what they led to is forgotten.
        let mut set = self.set.clone();
        let mut found = anchoring::find(
            &mut set,
            &mounts,
            &mut self.programs,
            self.canary.as_deref(),
        );
        noticed.any = false;
        self.away.add_to(&mut found, &self.noticing, &mut noticed);
        if noticed.programs_written {
            self.programs.doubt();
        }
        self.again_at = found.excluded.again().map(|rest| Instant::now() + rest);
        let (any_new, not_followed) = self.noticing.follow(&found);
        // What was told since the look began, and of what is new nothing was: another reason to look.
        self.is_behind = noticed.any || any_new;
        found.warnings.extend(not_followed);
        for change in std::mem::take(&mut found.excluded.changes) {
            warn!("{}", said_of(&change));
            (self.tell)(change);
        }
        for warning in &found.warnings {
            if !self.said.contains(warning) {
                warn!("{warning}");
            }
        }
        self.said = found.warnings;
        let policy = self.volume.new_policy();
        let decider = Decider::new(set, mounts, found.known, &self.labels, policy);
        Ok((decider, found.matching))
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
}
