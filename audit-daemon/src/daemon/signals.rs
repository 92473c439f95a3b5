//! Who asks the daemon to stop or to read its configuration again, and how.
//!
//! Owns SIGTERM, SIGINT, SIGQUIT and SIGHUP: blocked in every thread, read from one descriptor, which
//! also tells who sent them. The record of what follows names the sender. SIGHUP asks for the
//! configuration, unless the kernel itself sends it: then the terminal has gone, and with it whoever
//! started the daemon there.

use std::{io, os::fd::AsFd, time::Duration};

use nix::{
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::{
        signal::{SigSet, Signal},
        signalfd::{SfdFlags, SignalFd},
    },
};

use crate::shutdown::Cause;

fn set() -> SigSet {
    [
        Signal::SIGTERM,
        Signal::SIGINT,
        Signal::SIGQUIT,
        Signal::SIGHUP,
    ]
    .into_iter()
    .collect()
}

/// To be called before any thread is made: threads inherit it.
pub fn block() -> io::Result<()> {
    set().thread_block().map_err(io::Error::from)
}

pub struct Stop {
    signals: SignalFd,
}

/// What a signal asks for.
pub enum Asked {
    Stop(Cause),
    /// By this process, if one is known.
    Reload(Option<u32>),
}

impl Stop {
    pub fn new() -> io::Result<Stop> {
        block()?;
        let flags = SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK;
        Ok(Stop {
            signals: SignalFd::with_flags(&set(), flags)?,
        })
    }

    /// A signal, if one comes in time.
    pub fn wait(&self, time: Duration) -> Option<Asked> {
        let timeout = PollTimeout::try_from(time).unwrap_or(PollTimeout::MAX);
        // Interrupted or out of time: the caller looks again.
        let _ = poll(
            &mut [PollFd::new(self.signals.as_fd(), PollFlags::POLLIN)],
            timeout,
        );
        let signal = self.signals.read_signal().ok().flatten()?;
        let number = i32::try_from(signal.ssi_signo).ok()?;
        let reason = Signal::try_from(number).map_or("a signal", Signal::as_str);
        // From a terminal or the kernel there is no sender.
        let by_process = signal.ssi_code <= 0;
        let sender_pid = (by_process && signal.ssi_pid != 0).then_some(signal.ssi_pid);
        Some(match number == Signal::SIGHUP as i32 && by_process {
            true => Asked::Reload(sender_pid),
            false => Asked::Stop(Cause { reason, sender_pid }),
        })
    }
}
