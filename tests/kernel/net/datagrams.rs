//! Datagrams: the first of a socket to each peer is told.

use super::sockets::{HERE, HERE_6, at, bind, connect, local, send_messages, send_to, udp};
use super::{assert_ours, observed, setup, told};
use crate::expect::assert_at;

#[test]
fn the_first_datagram_to_each_peer_is_told() {
    let (one, other) = (at(HERE, 4_101), at(HERE, 4_102));
    let (port, records) = observed(&setup(), || {
        let socket = udp(one);
        for to in [one, one, other, one, other, other] {
            assert_eq!(send_to(&socket, to), 0);
        }
        local(&socket).port()
    });
    let line = |to| format!("net.send udp 0.0.0.0:{port} -> {to} done");
    assert_eq!(told(&records), [line(one), line(other)]);
    assert_ours(&records);
    assert_at(&records[0], "type_uid", 400_106);
    assert_at(&records[0], "connection_info.direction_id", 2);
}

#[test]
fn another_socket_is_another_sender() {
    let to = at(HERE_6, 4_103);
    let ((), records) = observed(&setup(), || {
        for _ in 0..3 {
            assert_eq!(send_to(&udp(to), to), 0);
        }
    });
    assert_eq!(records.of_kind("net.send").count(), 3);
    assert_at(&records[0], "connection_info.protocol_ver_id", 6);
}

#[test]
fn messages_are_told_like_single_datagrams() {
    let peers: Vec<_> = (0..40).map(|n| at(HERE, 4_110 + n)).collect();
    let ((), records) = observed(&setup(), || {
        let socket = udp(peers[0]);
        assert_eq!(send_messages(&socket, &peers[..1]), 1);
        // Two of one peer, and one that was told already.
        let all: Vec<_> = peers.iter().chain(&peers[..1]).copied().collect();
        assert_eq!(send_messages(&socket, &all), all.len());
    });
    let ports: Vec<i64> = records
        .of_kind("net.send")
        .map(|one| one.num("dst_endpoint.port"))
        .collect();
    let expected: Vec<i64> = peers.iter().map(|peer| peer.port().into()).collect();
    // Kernels without loops tell of the first of several messages only.
    if audit_tests::kernel_version() >= (5, 17) {
        assert_eq!(ports, expected);
    } else {
        assert_eq!(ports, expected[..1]);
    }
}

#[test]
fn a_connected_socket_tells_its_connect_and_no_datagrams() {
    let to = at(HERE, 4_160);
    let (from, records) = observed(&setup(), || {
        let socket = udp(to);
        assert_eq!(connect(&socket, to), 0);
        for _ in 0..3 {
            // SAFETY: one byte.
            let sent = unsafe {
                let fd = std::os::fd::AsRawFd::as_raw_fd(&socket);
                libc::send(fd, c"x".as_ptr().cast(), 1, 0)
            };
            // Nobody is there, and the answer says so.
            assert!(sent == 1 || sent == -1);
        }
        local(&socket)
    });
    let line = format!("net.connect udp {from} -> {to} done");
    assert_eq!(told(&records), [line]);
}

#[test]
fn a_datagram_that_cannot_be_sent_is_a_failure_of_its_own() {
    let (here, nowhere) = (
        at(HERE, 4_170),
        super::sockets::NOWHERE.parse().expect("it"),
    );
    let ((), records) = observed(&setup(), || {
        let socket = udp(here);
        assert_eq!(bind(&socket, here), 0);
        for _ in 0..2 {
            assert_eq!(send_to(&socket, nowhere), libc::ENETUNREACH);
        }
    });
    let lines = told(&records);
    let failed = format!("net.send udp 0.0.0.0:4170 -> {nowhere} ENETUNREACH");
    let failed_here = format!("net.send udp {here} -> {nowhere} ENETUNREACH");
    assert_eq!(lines[0], format!("net.bind udp {here} ->  done"));
    assert_eq!(lines.len(), 2, "{lines:#?}");
    assert!(lines[1] == failed || lines[1] == failed_here, "{lines:#?}");
}
