//! Connects of TCP, from the first to the last that can become of them.

use std::os::fd::AsRawFd;

use libc::{EINPROGRESS, SOCK_NONBLOCK};

use super::sockets::{
    HERE, HERE_6, NOWHERE, accept, at, connect, inode, listener, local, set, settled, tcp,
};
use super::{assert_ours, observed, setup, told};
use crate::expect::{assert_at, boot};

#[test]
fn both_sides_of_a_connection_are_told() {
    for here in [HERE, HERE_6] {
        let ((server, client, sockets), records) = observed(&setup(), || {
            let (listening, server) = listener(at(here, 0), 8);
            let socket = tcp(server, 0);
            assert_eq!(connect(&socket, server), 0);
            let accepted = accept(&listening);
            let numbers = [&listening, &socket, &accepted].map(|fd| inode(fd.as_raw_fd()));
            (server, local(&socket), numbers)
        });
        // Before it is bound it has no port.
        let host = if here == HERE_6 {
            format!("[{here}]")
        } else {
            here.to_owned()
        };
        assert_eq!(
            told(&records),
            [
                format!("net.bind tcp {host}:{} ->  done", server.port()),
                format!("net.listen tcp  -> {server} done"),
                format!("net.connect tcp {client} -> {server} done"),
                format!("net.accept tcp {client} -> {server} done"),
            ]
        );
        assert_ours(&records);
        let [listening, connected, accepted] = sockets;
        let uids = [listening, listening, connected, accepted];
        let shape = [(400_199, 0), (400_107, 1), (400_101, 2), (400_101, 1)];
        for ((record, number), (type_uid, direction)) in records.iter().zip(uids).zip(shape) {
            let uid = format!("{}-{number}", boot());
            assert_at(record, "connection_info.uid", uid);
            assert_at(record, "type_uid", type_uid);
            assert_at(record, "connection_info.direction_id", direction);
            assert_at(record, "connection_info.protocol_num", 6);
            let version = if here == HERE { 4 } else { 6 };
            assert_at(record, "connection_info.protocol_ver_id", version);
        }
    }
}

#[test]
fn ipv4_in_ipv6_is_ipv4() {
    let ((server, client), records) = observed(&setup(), || {
        let (_listening, server) = listener(at(HERE, 0), 8);
        let mapped = at("::ffff:10.77.0.1", server.port());
        let socket = tcp(mapped, 0);
        assert_eq!(connect(&socket, mapped), 0);
        (server, local(&socket).port())
    });
    let lines = told(&records);
    let expected = format!("net.connect tcp {HERE}:{client} -> {server} done");
    assert_eq!(lines.last(), Some(&expected));
    let last = records.last().expect("a record");
    assert_at(last, "connection_info.protocol_ver_id", 4);
}

#[test]
fn what_is_refused_is_told_once_whoever_waits_for_it() {
    for flags in [0, SOCK_NONBLOCK] {
        let ((closed, again), records) = observed(&setup(), || {
            let (listening, closed) = listener(at(HERE, 0), 8);
            drop(listening);
            let socket = tcp(closed, flags);
            let first = connect(&socket, closed);
            // Over loopback it is refused before the call is over; asked again, the socket tells it.
            if first == EINPROGRESS {
                assert_eq!(settled(&socket), libc::ECONNREFUSED);
            } else {
                assert_eq!(first, libc::ECONNREFUSED);
            }
            (closed, socket.as_raw_fd())
        });
        assert!(again > 0);
        let connects: Vec<_> = records.of_kind("net.connect").collect();
        assert_eq!(connects.len(), 1, "{:#?}", told(&records));
        let record = connects[0];
        assert_at(record, "type_uid", 400_105);
        assert_at(record, "status_code", "ECONNREFUSED");
        assert_at(record, "dst_endpoint.ip", HERE);
        assert_at(record, "dst_endpoint.port", closed.port());
        assert_at(record, "src_endpoint.ip", HERE);
        assert!(record.num("src_endpoint.port") > 0, "{}", record.line);
        assert_at(record, "metadata.correlation_uid", serde_json::Value::Null);
    }
}

#[test]
fn who_does_not_wait_is_told_what_came_of_it() {
    let ((server, client), records) = observed(&setup(), || {
        let (_listening, server) = listener(at(HERE, 0), 8);
        let socket = tcp(server, SOCK_NONBLOCK);
        assert_eq!(connect(&socket, server), EINPROGRESS);
        assert_eq!(settled(&socket), 0);
        // What programs ask to learn the outcome is no attempt.
        connect(&socket, server);
        connect(&socket, server);
        (server, local(&socket))
    });
    let lines: Vec<_> = told(&records);
    let expected = format!("net.connect tcp {client} -> {server} done");
    assert_eq!(&lines[2..], [expected]);
}

#[test]
fn what_fails_before_anything_is_sent_is_told_by_the_call() {
    let nowhere = NOWHERE.parse().expect("an address");
    let ((), records) = observed(&setup(), || {
        let socket = tcp(nowhere, 0);
        assert_eq!(connect(&socket, nowhere), libc::ENETUNREACH);
        let socket = tcp(nowhere, SOCK_NONBLOCK);
        assert_eq!(connect(&socket, nowhere), libc::ENETUNREACH);
    });
    let line = format!("net.connect tcp  -> {NOWHERE} ENETUNREACH");
    assert_eq!(told(&records), [line.clone(), line]);
    assert_at(&records[0], "type_uid", 400_104);
    // As the program gave it.
    let source = &records[0].at("unmapped.source")["dst_endpoint.ip"];
    assert_eq!(source, "string", "{}", records[0].line);
}

#[test]
fn a_second_connect_elsewhere_is_told_as_what_it_is() {
    let ((), records) = observed(&setup(), || {
        let (_listening, server) = listener(at(HERE, 0), 8);
        let socket = tcp(server, 0);
        assert_eq!(connect(&socket, server), 0);
        assert_eq!(connect(&socket, at(HERE, 9)), libc::EISCONN);
        assert_eq!(connect(&socket, server), libc::EISCONN);
    });
    let failed: Vec<_> = told(&records)
        .into_iter()
        .filter(|line| line.ends_with("EISCONN"))
        .collect();
    assert_eq!(failed.len(), 1, "{:#?}", told(&records));
}

/// Nothing answers there: all places of the queue are taken.
fn black_hole() -> (
    std::os::fd::OwnedFd,
    std::net::SocketAddr,
    std::os::fd::OwnedFd,
) {
    let (listening, server) = listener(at(HERE, 0), 0);
    let first = tcp(server, 0);
    assert_eq!(connect(&first, server), 0);
    (listening, server, first)
}

#[test]
fn an_attempt_that_takes_long_is_told_as_pending_and_then_answered() {
    let ((), records) = observed(&setup(), || {
        let (listening, server, _first) = black_hole();
        let socket = tcp(server, SOCK_NONBLOCK);
        assert_eq!(connect(&socket, server), EINPROGRESS);
        wait_for_retransmission(&socket);
        // One place is free now: the next request is heard.
        drop(accept(&listening));
        assert_eq!(settled(&socket), 0);
    });
    let connects: Vec<_> = records.of_kind("net.connect").collect();
    assert_eq!(connects.len(), 3, "{:#?}", told(&records));
    let (pending, answer) = (connects[1], connects[2]);
    assert_at(pending, "status_id", 99);
    assert_at(pending, "status", "Pending");
    assert_at(pending, "status_code", "EINPROGRESS");
    assert_at(pending, "type_uid", 400_101);
    assert_at(answer, "status_id", 1);
    assert_at(
        answer,
        "metadata.correlation_uid",
        pending.str("metadata.uid"),
    );
    for path in [
        "connection_info.uid",
        "src_endpoint",
        "dst_endpoint",
        "actor",
    ] {
        assert_eq!(answer.at(path), pending.at(path), "{path}");
    }
    assert!(answer.num("duration") >= 1_000, "{}", answer.line);
}

#[test]
fn an_attempt_that_is_given_up_is_told_as_failed() {
    let ((), records) = observed(&setup(), || {
        let (_listening, server, _first) = black_hole();
        let early = tcp(server, SOCK_NONBLOCK);
        assert_eq!(connect(&early, server), EINPROGRESS);
        drop(early);
        let late = tcp(server, SOCK_NONBLOCK);
        assert_eq!(connect(&late, server), EINPROGRESS);
        wait_for_retransmission(&late);
        drop(late);
    });
    let connects: Vec<_> = records.of_kind("net.connect").collect();
    assert_eq!(connects.len(), 4, "{:#?}", told(&records));
    let (early, pending, late) = (connects[1], connects[2], connects[3]);
    for given_up in [early, late] {
        assert_at(given_up, "type_uid", 400_104);
        assert_at(given_up, "status_code", "ECONNABORTED");
        assert_at(given_up, "status_detail", "the program gave it up");
    }
    assert_at(early, "metadata.correlation_uid", serde_json::Value::Null);
    assert_at(
        late,
        "metadata.correlation_uid",
        pending.str("metadata.uid"),
    );
}

/// Programs and what they keep outlive the daemon, where links can be pinned.
#[test]
fn what_ends_while_no_daemon_runs_is_told_by_the_next() {
    if !audit_tests::pins_hold() {
        return;
    }
    let setup = setup();
    let mut killed = audit_tests::Daemon::start(&setup);
    let (namespace, port) = super::sockets::apart(|namespace| {
        let (_listening, server, _first) = black_hole();
        let socket = tcp(server, SOCK_NONBLOCK);
        assert_eq!(connect(&socket, server), EINPROGRESS);
        killed.kill();
        drop(socket);
        (namespace, server.port())
    });
    let records = audit_tests::Daemon::start(&setup).stop();
    let given_up: Vec<_> = records
        .of_kind("net.connect")
        .filter(|one| one.num("unmapped.net_ns") == i64::from(namespace))
        .filter(|one| one.str("status_code") == "ECONNABORTED")
        .collect();
    assert_eq!(given_up.len(), 1);
    assert_at(given_up[0], "dst_endpoint.port", port);
    assert_at(given_up[0], "actor.process.pid", std::process::id());
}

/// The kernel has asked once more.
fn wait_for_retransmission(socket: &std::os::fd::OwnedFd) {
    let asked = || {
        // SAFETY: a structure that the call fills, with its size.
        unsafe {
            let mut info: libc::tcp_info = std::mem::zeroed();
            let mut size = size_of::<libc::tcp_info>() as libc::socklen_t;
            let at = (&raw mut info).cast();
            let fd = socket.as_raw_fd();
            let done = libc::getsockopt(fd, libc::IPPROTO_TCP, libc::TCP_INFO, at, &raw mut size);
            assert_eq!(done, 0, "TCP_INFO");
            info.tcpi_total_retrans
        }
    };
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while asked() == 0 {
        assert!(
            std::time::Instant::now() < deadline,
            "it is not asked again"
        );
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

#[test]
fn workers_that_share_a_port_each_accept_their_own() {
    const CLIENTS: usize = 12;
    let (server, records) = observed(&setup(), || {
        let address = at(HERE, 4_077);
        let workers = [(); 2].map(|()| {
            let socket = tcp(address, SOCK_NONBLOCK);
            set(&socket, libc::SO_REUSEPORT, 1);
            assert_eq!(super::sockets::bind(&socket, address), 0);
            // SAFETY: numbers.
            assert_eq!(unsafe { libc::listen(socket.as_raw_fd(), 64) }, 0);
            socket
        });
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                let socket = tcp(address, 0);
                assert_eq!(connect(&socket, address), 0);
                socket
            })
            .collect();
        let mut accepted = 0;
        for worker in &workers {
            // SAFETY: no address is asked for; descriptors are closed with the process.
            while unsafe {
                libc::accept(
                    worker.as_raw_fd(),
                    std::ptr::null_mut(),
                    std::ptr::null_mut(),
                )
            } >= 0
            {
                accepted += 1;
            }
        }
        assert_eq!((accepted, clients.len()), (CLIENTS, CLIENTS));
        address
    });
    let count = |kind: &str| records.of_kind(kind).count();
    let counts = ["net.bind", "net.listen", "net.connect", "net.accept"].map(count);
    assert_eq!(counts, [2, 2, CLIENTS, CLIENTS], "{server}");
    let mut ports: Vec<i64> = records
        .of_kind("net.accept")
        .map(|one| one.num("src_endpoint.port"))
        .collect();
    ports.sort_unstable();
    ports.dedup();
    assert_eq!(ports.len(), CLIENTS);
}
