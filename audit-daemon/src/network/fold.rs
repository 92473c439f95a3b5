//! Which acts on sockets are equal, so that they may be told as one.
//!
//! Owns that: program, user, container, what was done, to whom, and the result. So failures never fold with
//! successes, and what is pending, or answers that, folds with nothing.

use std::sync::Arc;

use audit_common::net::{Address, Net, call, flag};

/// Kinds of acts that are counted at one time.
pub const KINDS_MAX: usize = 8_192;

/// What equal acts have in common.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Like {
    program: Arc<[u8]>,
    users: (u32, u32),
    cgroup: u64,
    net_ns: u32,
    call: u32,
    /// Family, type, protocol.
    socket: (u16, u16, u32),
    address: Address,
    port: u32,
    name: Box<[u8]>,
    errno: u32,
}

impl Like {
    pub fn of(event: &Net, program: Arc<[u8]>, name: &[u8]) -> Like {
        // Whoever connects to us comes from any port.
        let (address, port) = match event.call {
            call::BIND | call::LISTEN => (event.local, event.local_port),
            call::ACCEPT => (event.remote, event.local_port),
            call::CLOSE if event.flags & flag::INBOUND != 0 => (event.remote, event.local_port),
            _ => (event.remote, event.remote_port),
        };
        Like {
            program,
            users: (event.header.uid, event.header.euid),
            cgroup: event.header.cgroup,
            net_ns: event.net_ns,
            call: event.call,
            socket: (event.family, event.socket_type, event.protocol),
            address,
            port,
            name: name.into(),
            errno: event.errno,
        }
    }
}

/// Can acts of this kind be folded at all?
pub fn folds(event: &Net) -> bool {
    event.flags & (flag::PENDING | flag::ANSWERS) == 0
}

#[cfg(test)]
mod tests {
    use zerocopy::FromZeros;

    use super::*;

    fn like(change: impl FnOnce(&mut Net)) -> Like {
        let mut event = Net::new_zeroed();
        (event.call, event.remote_port) = (call::CONNECT, 443);
        change(&mut event);
        Like::of(&event, b"/bin/x"[..].into(), b"")
    }

    #[test]
    fn failures_are_other_acts_and_own_ports_of_who_connects_are_not() {
        let one = like(|_| {});
        assert!(one == like(|event| event.local_port = 40_000));
        assert!(one != like(|event| event.errno = 111));
        assert!(one != like(|event| event.remote_port = 80));
        assert!(one != like(|event| event.header.uid = 1));
        let accepted = |from| like(|event| (event.call, event.remote_port) = (call::ACCEPT, from));
        assert!(accepted(1) == accepted(2));
    }

    #[test]
    fn what_is_pending_or_answers_that_is_never_folded() {
        let mut event = Net::new_zeroed();
        assert!(folds(&event));
        event.flags = flag::PENDING;
        assert!(!folds(&event));
        event.flags = flag::ANSWERS;
        assert!(!folds(&event));
    }
}
