//! Connects by other ways than connect(2) of TCP: io_uring and vsock.

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use audit_tests::acts::act;

use super::sockets::{HERE, at, listener};
use super::{observed, setup, told};
use crate::expect::assert_at;

/// What a ring came to with a connect; `None` where rings are refused.
fn by_ring(how: &str, server: std::net::SocketAddr, flags: i32) -> Option<(u32, i32)> {
    let words = ["ring", how, "connect", &server.to_string()];
    let acted = act(words).with([flags.to_string()]).done();
    let refused = [libc::ENOSYS, libc::EPERM, libc::EACCES];
    let result = acted.number();
    (!refused.contains(&result)).then_some((acted.pid, result))
}

#[test]
fn a_connect_by_io_uring_is_told_of_who_submitted_it() {
    let (found, records) = observed(&setup(), || {
        let (listening, server) = listener(at(HERE, 0), 8);
        let done = by_ring("plain", server, 0)?;
        // A worker does it, which is a thread of the process, but on the oldest kernels.
        let by_worker = match audit_tests::kernel_version() >= (5, 12) {
            true => Some(by_ring("async", server, 0)?),
            false => None,
        };
        drop(listening);
        let refused = by_ring("plain", server, 0)?;
        let waits_not = by_ring("plain", server, libc::SOCK_NONBLOCK)?;
        let all = [Some(done), by_worker, Some(refused), Some(waits_not)];
        Some((server, all))
    });
    let Some((server, all)) = found else {
        audit_tests::skip!("no io_uring here");
    };
    let (done, failed) = (
        (0, 400_101, ""),
        (libc::ECONNREFUSED, 400_105, "ECONNREFUSED"),
    );
    let expected = all.into_iter().zip([done, done, failed, failed]);
    let expected: Vec<_> = expected
        .filter_map(|(one, expected)| Some((one?, expected)))
        .collect();
    let connects: Vec<_> = records.of_kind("net.connect").collect();
    assert_eq!(connects.len(), expected.len(), "{:#?}", told(&records));
    for (record, ((pid, result), expected)) in connects.iter().zip(expected) {
        let outcome = (result, record.num("type_uid"), record.str("status_code"));
        assert_eq!(outcome, expected, "{}", record.line);
        assert_at(record, "actor.process.pid", pid);
        assert_at(record, "actor.process.name", "audit-acts");
        assert_at(record, "dst_endpoint.port", server.port());
    }
}

#[test]
fn a_connect_by_vsock_is_told_once_whatever_comes_of_it() {
    // This machine itself, of which nothing has to know: ENODEV, ETIMEDOUT or ECONNRESET.
    const LOCAL: u32 = 1;
    const PORT: u32 = 4_077;
    let (result, records) = observed(&setup(), || {
        // SAFETY: numbers; the descriptor is ours.
        let socket = unsafe {
            let fd = libc::socket(libc::AF_VSOCK, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, 0);
            if fd < 0 {
                return None;
            }
            OwnedFd::from_raw_fd(fd)
        };
        // SAFETY: all zeros are a value of it.
        let mut address: libc::sockaddr_vm = unsafe { std::mem::zeroed() };
        address.svm_family = libc::AF_VSOCK as u16;
        (address.svm_cid, address.svm_port) = (LOCAL, PORT);
        let (at, size) = ((&raw const address).cast(), size_of_val(&address) as u32);
        // SAFETY: an address of that size.
        let done = unsafe { libc::connect(socket.as_raw_fd(), at, size) };
        // Nobody listens.
        assert_eq!(done, -1);
        Some(nix::errno::Errno::last())
    });
    let Some(result) = result else {
        audit_tests::skip!("this kernel has no vsock");
    };
    let lines = told(&records);
    // By its own word: numbers of machine and port.
    let expected = format!("net.connect vsock  -> {LOCAL}:{PORT} {result:?}");
    assert_eq!(lines, [expected]);
    assert_at(&records[0], "actor.process.pid", std::process::id());
    let word = serde_json::json!({"dst_endpoint.name": "string"});
    assert_at(&records[0], "unmapped.source", word);
}
