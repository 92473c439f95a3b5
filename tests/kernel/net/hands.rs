//! Sockets that come into other hands: whoever acts by them is told, not who made them.

use std::io::Read;
use std::net::TcpStream;
use std::os::fd::AsRawFd;

use audit_tests::acts::{Act, Acted, act};

use super::sockets::{HERE, accept, at, bind, connect, inode, listener, set, tcp};
use super::{observed, setup, told};
use crate::expect::{assert_at, boot};

fn hand_over(how: &str, address: std::net::SocketAddr) -> Act {
    act(["hand-over", how, &address.to_string()])
}

/// Who made the socket, and who was handed it.
fn both(acted: &Acted) -> [u32; 2] {
    [acted.pid, acted.number().cast_unsigned()]
}

#[test]
fn a_connected_socket_that_is_handed_over_was_connected_by_who_did_it() {
    let setup = setup().set("network.close", "true");
    let ((maker, other, server), records) = observed(&setup, || {
        let (listening, server) = listener(at(HERE, 0), 8);
        let child = hand_over("connected", server).start();
        let maker = child.id();
        let mut peer = TcpStream::from(accept(&listening));
        let mut said = String::new();
        peer.read_to_string(&mut said).expect("read");
        assert_eq!(said, "by another");
        drop(peer);
        let output = child.wait_with_output().expect("wait");
        let other = String::from_utf8(output.stdout).expect("UTF-8");
        (maker, other.trim().parse::<u32>().expect("a pid"), server)
    });
    assert_ne!(maker, other);
    let port = i64::from(server.port());
    let by = |pid: u32| -> Vec<&str> {
        let own = |one: &&audit_tests::Record| one.num("actor.process.pid") == i64::from(pid);
        records.iter().filter(own).map(|one| one.kind()).collect()
    };
    // Its end is told of who connected it, though that one has closed it long before.
    assert_eq!(by(maker), ["net.connect", "net.close"]);
    assert_eq!(by(other), [""; 0]);
    let mut its = records.iter();
    let connected = its.find(|one| one.kind() == "net.connect").expect("it");
    let closed = records.of_kind("net.close");
    let closed = closed.filter(|one| one.num("connection_info.direction_id") == 2);
    let closed: Vec<_> = closed.collect();
    assert_eq!(closed.len(), 1, "{:#?}", told(&records));
    assert_at(closed[0], "traffic.bytes_out", "by another".len());
    assert_at(closed[0], "dst_endpoint.port", port);
    let uid = connected.str("connection_info.uid");
    assert_at(closed[0], "connection_info.uid", uid);
}

#[test]
fn who_connects_a_socket_that_it_was_handed_is_told() {
    let ((acted, server, number), records) = observed(&setup(), || {
        let (listening, server) = listener(at(HERE, 0), 8);
        let acted = hand_over("fresh", server).done();
        let accepted = accept(&listening);
        (acted, server, inode(accepted.as_raw_fd()))
    });
    let [maker, other] = both(&acted);
    assert_ne!(maker, other);
    let connects: Vec<_> = records.of_kind("net.connect").collect();
    assert_eq!(connects.len(), 1, "{:#?}", told(&records));
    assert_at(connects[0], "actor.process.pid", other);
    assert_at(connects[0], "actor.process.name", "audit-acts");
    assert_at(connects[0], "dst_endpoint.port", server.port());
    assert_at(connects[0], "status_id", 1);
    let accepts: Vec<_> = records.of_kind("net.accept").collect();
    assert_eq!(accepts.len(), 1);
    let uid = format!("{}-{number}", boot());
    assert_at(accepts[0], "connection_info.uid", uid);
}

#[test]
fn who_accepts_from_a_socket_that_it_was_handed_is_told() {
    let address = at(HERE, 4_501);
    let (acted, records) = observed(&setup(), || hand_over("listening", address).done());
    let [maker, other] = both(&acted);
    let lines: Vec<_> = records
        .iter()
        .map(|one| (one.kind(), one.num("actor.process.pid")))
        .collect();
    let [maker, other] = [maker, other].map(i64::from);
    assert_eq!(
        lines,
        [
            ("net.bind", maker),
            ("net.listen", maker),
            ("net.connect", other),
            ("net.accept", other),
        ]
    );
}

#[test]
fn workers_that_are_processes_accept_as_themselves() {
    const CLIENTS: usize = 16;
    let address = at(HERE, 4_510);
    let (workers, records) = observed(&setup(), || {
        let listening = [(); 3].map(|()| {
            let socket = tcp(address, libc::SOCK_NONBLOCK);
            set(&socket, libc::SO_REUSEPORT, 1);
            assert_eq!(bind(&socket, address), 0);
            // SAFETY: numbers.
            assert_eq!(unsafe { libc::listen(socket.as_raw_fd(), 64) }, 0);
            socket
        });
        let _clients = [(); CLIENTS].map(|()| {
            let socket = tcp(address, 0);
            assert_eq!(connect(&socket, address), 0);
            socket
        });
        listening.each_ref().map(worker)
    });
    let accepted = |pid: i32| {
        let accepts = records.of_kind("net.accept");
        let own = accepts.filter(|one| one.num("actor.process.pid") == i64::from(pid));
        own.count()
    };
    let counts = workers.map(|(pid, _)| accepted(pid));
    assert_eq!(counts, workers.map(|(_, count)| count));
    assert_eq!(counts.iter().sum::<usize>(), CLIENTS);
    assert_eq!(records.of_kind("net.accept").count(), CLIENTS);
}

/// A process that takes all that wait at this socket; its pid, and how many there were.
fn worker(listening: &std::os::fd::OwnedFd) -> (i32, usize) {
    let (fd, none) = (listening.as_raw_fd(), std::ptr::null_mut());
    // SAFETY: the child calls only what may be called after fork; no address is asked for.
    unsafe {
        let pid = libc::fork();
        if pid == 0 {
            let mut count = 0;
            while libc::accept(fd, none, none.cast()) >= 0 {
                count += 1;
            }
            libc::_exit(count);
        }
        let mut status = 0;
        assert_eq!(libc::waitpid(pid, &raw mut status, 0), pid);
        assert!(libc::WIFEXITED(status));
        (pid, libc::WEXITSTATUS(status) as usize)
    }
}
