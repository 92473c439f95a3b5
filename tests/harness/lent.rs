//! One daemon for many tests.
//!
//! Owns the daemon that tests with the usual configuration share: to load the programs takes seconds
//! in an emulated machine. Must not: be used by tests that stop or kill the daemon, or that count
//! what is not their own.

use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::daemon::Daemon;
use crate::elf;
use crate::home::Setup;
use crate::records::Records;

static SHARED: Mutex<Option<Daemon>> = Mutex::new(None);

fn shared() -> MutexGuard<'static, Option<Daemon>> {
    // A test that failed says so itself; the daemon is none the worse for it.
    SHARED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A daemon for one test: the shared one, or one of its own if its configuration is another.
pub struct Lent {
    own: Option<Daemon>,
    /// The first sequence of this test.
    first: u64,
    barrier: PathBuf,
}

impl Lent {
    #[track_caller]
    pub fn take(setup: &Setup) -> Lent {
        let barrier = elf::place(setup.dir().join("barrier"));
        if !setup.is_plain() {
            return Lent {
                own: Some(Daemon::start(setup)),
                first: 0,
                barrier,
            };
        }
        let mut shared = shared();
        if shared
            .as_mut()
            .is_none_or(|daemon| daemon.has_ended().is_some())
        {
            *shared = Some(Daemon::start(&Setup::new()));
            end_at_exit();
        }
        let records = shared.as_ref().map(Daemon::records).unwrap_or_default();
        let first = records.last().map_or(0, |record| record.sequence() + 1);
        Lent {
            own: None,
            first,
            barrier,
        }
    }

    /// Everything that was done since the daemon was taken and has ended, recorded.
    #[track_caller]
    pub fn seen(&mut self) -> Records {
        if let Some(own) = &mut self.own {
            return own.stop();
        }
        let shared = shared();
        let daemon = shared.as_ref().expect("the shared daemon runs");
        // Records come in the order of acts: what is before this one's is complete.
        let status = Command::new(&self.barrier)
            .status()
            .expect("run the barrier");
        assert!(status.success());
        let path = self.barrier.to_str().expect("UTF-8");
        let is_barrier = |records: &Records| {
            records
                .iter()
                .rev()
                .any(|record| record.str("process.file.path") == path)
        };
        let mut records = daemon.wait_for("the barrier", is_barrier);
        // What others do goes on behind it.
        let end = records.iter().rev();
        let end = end.filter(|record| record.str("process.file.path") == path);
        let end = end.map(|record| record.sequence()).min();
        records.0.retain(|record| {
            record.sequence() >= self.first && end.is_none_or(|end| record.sequence() < end)
        });
        records
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if std::thread::panicking() && self.own.is_none() {
            let transcript = shared().as_ref().map(Daemon::transcript);
            eprintln!("{}", transcript.unwrap_or_default());
        }
    }
}

/// Stops the shared daemon, if there is one: its log is complete then.
#[track_caller]
pub fn end() {
    if let Some(mut daemon) = shared().take() {
        daemon.stop();
    }
}

/// Statics are never dropped: without this a filtered run would leave the daemon behind.
fn end_at_exit() {
    extern "C" fn end() {
        drop(shared().take());
    }
    static ONCE: std::sync::Once = std::sync::Once::new();
    // SAFETY: the function takes nothing, unwinds nothing that it does not catch (a drop that only
    // kills and waits), and lives as long as the program.
    ONCE.call_once(|| assert_eq!(unsafe { libc::atexit(end) }, 0, "atexit"));
}
