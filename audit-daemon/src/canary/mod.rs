//! The canary: now and then a child of the daemon acts harmlessly through every hook, and its acts must
//! come back as events; the links themselves are asked as well.
//!
//! Owns the rounds, the verdict on each attach point, and having it restored. It never records: what is
//! found waits on a board for the worker. Must not stand in the way of events: all its waiting is done
//! in a thread of its own.
//!
//! A point has failed if the kernel says that nothing is attached there, if its pin is not its own any
//! more, or if of the acts that go through it none came back, several times tried. It is attached again
//! at once, and tried again in the next round if that does not help. While the worker is far behind,
//! or events are lost, a missing answer means nothing.

mod acts;
pub mod child;
mod faults;
mod look;
mod old;
mod proof;
mod ring;
mod rounds;
mod scene;
mod tries;
mod witness;

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
    time::Duration,
};

use crossbeam_channel::{Sender, bounded};

pub use acts::Told;
pub use faults::{Board, Cause, Failed, Said, State};
use rounds::Rounds;
use tries::Stage;
pub use tries::make;
pub use witness::Witness;
use witness::{Before, Oneself};

use audit_common::watch::ProcessWords;

use crate::{
    enrich::{boot_ns, process::Key, running},
    kernel::{Attached, Links, ProbeState},
    pipeline::Shared,
    watching::Keeper,
};

/// What worker, status and canary share of it.
#[derive(Default)]
pub struct Desk {
    pub witness: Witness,
    pub board: Board,
}

/// Where canaries act: beside the socket of the status.
pub fn directory(socket: &Path) -> PathBuf {
    socket.with_file_name("canary")
}

/// The thread, until it is dropped.
pub struct Canary {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What a canary needs to begin.
pub struct Parts<'a> {
    pub attached: &'a Attached,
    pub shared: &'a Arc<Shared>,
    /// `None`: no files are watched.
    pub keeper: Option<Arc<Keeper>>,
    pub dir: PathBuf,
    pub interval: Duration,
    pub told: Told,
}

impl Canary {
    pub fn start(parts: Parts<'_>) -> io::Result<Canary> {
        let Parts {
            attached,
            shared,
            keeper,
            dir,
            interval,
            told,
        } = parts;
        let links = attached.links.clone();
        let watches = lock(&links).watch_state();
        let stage = Stage::new(
            dir,
            shared.clone(),
            attached.counters.clone(),
            attached.cpus,
            watches,
            told,
        );
        let rounds = Rounds::new(links, keeper, shared.clone(), stage);
        let (stop, stopped) = bounded(0);
        let thread = std::thread::Builder::new()
            .name("canary".into())
            .spawn(move || rounds.run(interval, &stopped))?;
        Ok(Canary {
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

/// Has the witness know whose events are a canary's, before the first event is read: that may be one of
/// a daemon that was killed while its canary acted.
pub fn expect(attached: &Attached, witness: &Witness, dir: PathBuf) -> io::Result<()> {
    let oneself = running::one(std::process::id()).ok_or(io::ErrorKind::NotFound)?;
    let state = lock(&attached.links).watch_state().map(ProbeState::new);
    let before = state.map(|state| state.take_over(words_of(oneself.key)));
    let before = before.filter(|_| attached.adopted);
    witness.expect(Oneself {
        key: oneself.key,
        program: oneself.exe.map_or((0, 0), |exe| (exe.ino, exe.size)),
        dir,
        before: before.map(|(daemon, canary)| Before {
            daemon: key_of(daemon),
            canary: key_of(canary),
            until_ns: boot_ns(),
        }),
    });
    Ok(())
}

fn words_of(key: Key) -> ProcessWords {
    ProcessWords {
        pid: key.pid.into(),
        tick: key.tick,
    }
}

fn key_of(words: ProcessWords) -> Key {
    Key {
        pid: words.pid as u32,
        tick: words.tick,
    }
}

impl Drop for Canary {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Links are links after a panic, too.
fn lock(links: &Mutex<Links>) -> MutexGuard<'_, Links> {
    links.lock().unwrap_or_else(PoisonError::into_inner)
}
