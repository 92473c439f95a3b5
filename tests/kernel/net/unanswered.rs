//! Connects to where nothing answers, by the routes of a network namespace of the test's own.
//!
//! Owns: making such routes, as `ip route add` does. Must not: need that program.

use std::net::Ipv4Addr;
use std::os::fd::AsRawFd;
use std::time::Instant;

use libc::{AF_NETLINK, NETLINK_ROUTE, SOCK_RAW};

use super::sockets::{at, connect, socket, tcp};
use super::{observed, setup, told};
use crate::expect::assert_at;

/// What becomes of packets by a route: linux/rtnetlink.h.
#[derive(Clone, Copy)]
enum Route {
    Unicast = 1,
    BlackHole = 6,
    Unreachable = 7,
    Prohibit = 8,
}

/// One number of a netlink message is as long as that, and is where that can stand.
const WORD: usize = 4;

/// `ip route add KIND ADDRESS`; a unicast one leads back by the interface lo.
fn add_route(kind: Route, to: Ipv4Addr) {
    const REQUEST_ACK_CREATE: u16 = 1 | 4 | 0x400;
    const TABLE_MAIN: u8 = 254;
    const PROTOCOL_STATIC: u8 = 4;
    const TO: u16 = 1;
    const BY: u16 = 4;
    const LO: u32 = 1;
    const HEADER_BYTES: usize = 16;
    let family = libc::AF_INET as u8;
    // Bits of the destination, of the source, service; table, protocol, scope, kind; flags.
    let mut body = vec![family, 32, 0, 0];
    body.extend([TABLE_MAIN, PROTOCOL_STATIC, 0, kind as u8, 0, 0, 0, 0]);
    let mut add = |name: u16, value: [u8; WORD]| {
        body.extend((2 * WORD as u16).to_ne_bytes());
        body.extend(name.to_ne_bytes());
        body.extend(value);
    };
    add(TO, to.octets());
    if let Route::Unicast = kind {
        add(BY, LO.to_ne_bytes());
    }
    let mut message = ((HEADER_BYTES + body.len()) as u32).to_ne_bytes().to_vec();
    message.extend(libc::RTM_NEWROUTE.to_ne_bytes());
    message.extend(REQUEST_ACK_CREATE.to_ne_bytes());
    message.extend([0; 2 * WORD]);
    message.extend(body);
    let netlink = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
    let mut answer = [0u8; 1024];
    // SAFETY: bytes of those lengths.
    let got = unsafe {
        let fd = netlink.as_raw_fd();
        let sent = libc::send(fd, message.as_ptr().cast(), message.len(), 0);
        assert_eq!(sent, message.len() as isize);
        libc::recv(fd, answer.as_mut_ptr().cast(), answer.len(), 0)
    };
    assert!(got >= (HEADER_BYTES + WORD) as isize, "an answer");
    let error = &answer[HEADER_BYTES..HEADER_BYTES + WORD];
    assert_eq!(error, [0; WORD], "the error of the route");
}

#[test]
fn a_route_that_leads_nowhere_is_told_by_what_it_says() {
    let all = [
        (Route::BlackHole, "10.78.0.6", libc::EINVAL, "EINVAL"),
        (
            Route::Unreachable,
            "10.78.0.7",
            libc::EHOSTUNREACH,
            "EHOSTUNREACH",
        ),
        (Route::Prohibit, "10.78.0.8", libc::EACCES, "EACCES"),
    ];
    let ((), records) = observed(&setup(), || {
        for (kind, to, errno, _) in all {
            add_route(kind, to.parse().expect("an address"));
            let to = at(to, 80);
            assert_eq!(connect(&tcp(to, 0), to), errno);
            let waits_not = tcp(to, libc::SOCK_NONBLOCK);
            assert_eq!(connect(&waits_not, to), errno);
        }
    });
    let line = |(_, to, _, name): &(_, &str, _, &str)| {
        let line = format!("net.connect tcp  -> {to}:80 {name}");
        [line.clone(), line]
    };
    let expected: Vec<String> = all.iter().flat_map(line).collect();
    assert_eq!(told(&records), expected);
    for record in records.iter() {
        assert_at(record, "type_uid", 400_104);
        assert_at(record, "actor.process.pid", std::process::id());
    }
}

#[test]
fn a_black_hole_is_told_as_pending_and_then_as_timed_out() {
    const GONE: &str = "10.78.0.1";
    let to = at(GONE, 80);
    let (seconds, records) = observed(&setup(), || {
        // What is sent there comes back as a stranger's, and is dropped without a word.
        add_route(Route::Unicast, GONE.parse().expect("an address"));
        let socket = tcp(to, 0);
        once_more(&socket);
        let begun = Instant::now();
        assert_eq!(connect(&socket, to), libc::ETIMEDOUT);
        begun.elapsed().as_secs()
    });
    assert!(seconds >= 1, "it was asked twice");
    let connects: Vec<_> = records.of_kind("net.connect").collect();
    assert_eq!(connects.len(), 2, "{:#?}", told(&records));
    assert_eq!(records.len(), 2, "{:#?}", told(&records));
    let (pending, failed) = (connects[0], connects[1]);
    assert_at(pending, "status_id", 99);
    assert_at(failed, "status_id", 2);
    assert_at(failed, "status_code", "ETIMEDOUT");
    assert_at(failed, "type_uid", 400_104);
    let pending_uid = pending.str("metadata.uid");
    assert_at(failed, "metadata.correlation_uid", pending_uid);
    assert!(failed.num("duration") >= 1_000, "{}", failed.line);
    for record in connects {
        assert_at(record, "dst_endpoint.ip", GONE);
        assert_at(record, "dst_endpoint.port", 80);
        assert_at(record, "actor.process.pid", std::process::id());
        let uid = pending.at("connection_info.uid").clone();
        assert_at(record, "connection_info.uid", uid);
    }
}

/// The kernel asks once more only: by itself it would for two minutes.
fn once_more(socket: &std::os::fd::OwnedFd) {
    let (once, size) = (1i32, size_of::<i32>() as libc::socklen_t);
    let (level, name) = (libc::IPPROTO_TCP, libc::TCP_SYNCNT);
    let at = (&raw const once).cast();
    // SAFETY: a number of that size.
    let done = unsafe { libc::setsockopt(socket.as_raw_fd(), level, name, at, size) };
    assert_eq!(done, 0, "TCP_SYNCNT");
}
