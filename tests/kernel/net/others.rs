//! Unix sockets, raw ones, and the ends of connections.

use std::io::{Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixListener, UnixStream};

use libc::{AF_INET, AF_PACKET, SOCK_RAW};

use super::sockets::{HERE, accept, at, connect, listener, socket, tcp};
use super::{assert_ours, observed, setup, told};
use crate::expect::assert_at;

#[test]
fn unix_sockets_are_told_by_their_names() {
    let setup = setup().set("network.unix", "true");
    let path = setup.dir().join("server.sock");
    let name = format!("{}-abstract", setup.marker());
    let ((), records) = observed(&setup, || {
        let listening = UnixListener::bind(&path).expect("bind");
        let _stream = UnixStream::connect(&path).expect("connect");
        let _accepted = listening.accept().expect("accept");
        let address = SocketAddr::from_abstract_name(name.as_bytes()).expect("a name");
        let server = UnixDatagram::bind_addr(&address).expect("bind");
        let client = UnixDatagram::unbound().expect("a socket");
        client.connect_addr(&address).expect("connect");
        drop(server);
        assert!(UnixStream::connect(path.with_extension("none")).is_err());
    });
    let path = path.display();
    let lines: Vec<String> = told(&records)
        .into_iter()
        .filter(|line| line.contains(setup.marker()))
        .collect();
    assert_eq!(
        lines,
        [
            format!("net.bind unix {path} ->  done"),
            format!("net.listen unix  -> {path} done"),
            format!("net.connect unix  -> {path} done"),
            format!("net.accept unix  -> {path} done"),
            format!("net.bind unix @{name} ->  done"),
            format!("net.connect unix  -> @{name} done"),
            format!(
                "net.connect unix  -> {} ENOENT",
                path.to_string().replace(".sock", ".none")
            ),
        ]
    );
    assert_at(&records[2], "connection_info.direction_id", 4);
    let none = serde_json::Value::Null;
    assert_at(&records[2], "connection_info.protocol_num", none);
}

#[test]
fn raw_and_packet_sockets_are_told() {
    let ((), records) = observed(&setup(), || {
        drop(socket(AF_INET, SOCK_RAW, libc::IPPROTO_ICMP));
        let all = c_short(libc::ETH_P_ALL);
        drop(socket(AF_PACKET, SOCK_RAW, all));
        drop(socket(AF_PACKET, libc::SOCK_DGRAM, 0));
        // These are no raw ones.
        drop(socket(AF_INET, libc::SOCK_DGRAM, 0));
        drop(socket(libc::AF_UNIX, libc::SOCK_STREAM, 0));
    });
    let protocols: Vec<&str> = records
        .of_kind("net.raw_socket")
        .map(|one| one.str("connection_info.protocol_name"))
        .collect();
    assert_eq!(protocols, ["raw:1", "packet:ETH_P_ALL", "packet:0"]);
    assert_eq!(records.len(), 3, "{:#?}", told(&records));
    assert_ours(&records);
    for record in records.iter() {
        assert_at(record, "severity_id", 2);
        assert_at(record, "activity_name", "Raw Socket");
        assert_at(record, "connection_info.direction_id", 0);
        assert!(!record.str("src_endpoint.hostname").is_empty());
    }
}

/// As the call wants it: in the order of the network.
fn c_short(number: i32) -> i32 {
    i32::from((number as u16).to_be())
}

#[test]
fn the_end_of_a_connection_tells_its_bytes() {
    let setup = setup().set("network.close", "true");
    let (server, records) = observed(&setup, || {
        let (listening, server) = listener(at(HERE, 0), 8);
        let socket = tcp(server, 0);
        assert_eq!(connect(&socket, server), 0);
        let accepted = accept(&listening);
        // SAFETY: descriptors of sockets that are ours.
        let (mut client, mut peer) = unsafe {
            let stream =
                |fd: std::os::fd::OwnedFd| std::net::TcpStream::from_raw_fd(fd.into_raw_fd());
            (stream(socket), stream(accepted))
        };
        client.write_all(&[7; 812]).expect("write");
        let mut all = vec![0; 812];
        peer.read_exact(&mut all).expect("read");
        peer.write_all(&vec![7; 50_233]).expect("write");
        let mut all = vec![0; 50_233];
        client.read_exact(&mut all).expect("read");
        assert!(client.as_raw_fd() >= 0);
        drop(client);
        // Its end has come before ours goes.
        assert_eq!(peer.read(&mut all).expect("read"), 0);
        drop(peer);
        server
    });
    let closes: Vec<_> = records.of_kind("net.close").collect();
    assert_eq!(closes.len(), 2, "{:#?}", told(&records));
    for record in &closes {
        assert_at(record, "type_uid", 400_102);
        assert_at(record, "dst_endpoint.port", server.port());
        let is_inbound = record.num("connection_info.direction_id") == 1;
        let (came, sent) = if is_inbound {
            (812, 50_233)
        } else {
            (50_233, 812)
        };
        assert_at(record, "traffic.bytes_in", came);
        assert_at(record, "traffic.bytes_out", sent);
        assert!(record.at("duration").is_u64(), "{}", record.line);
    }
    let opened = records.of_kind("net.connect").next().expect("it");
    let uid = opened.str("connection_info.uid");
    let same = closes
        .iter()
        .filter(|one| one.str("connection_info.uid") == uid);
    assert_eq!(same.count(), 1);
}

#[test]
fn a_thread_that_is_not_the_leader_and_its_child_are_told_as_themselves() {
    let ((server, child), records) = observed(&setup(), || {
        let (listening, server) = listener(at(HERE, 0), 8);
        let (to, size) = super::sockets::raw(server);
        let socket = tcp(server, 0);
        let fd = socket.as_raw_fd();
        // The child connects a socket that it has from here.
        // SAFETY: the child calls only what may be called after fork.
        let child = unsafe {
            let child = libc::fork();
            if child == 0 {
                libc::_exit(libc::connect(fd, (&raw const to).cast(), size).abs());
            }
            let mut status = 0;
            assert_eq!(libc::waitpid(child, &raw mut status, 0), child);
            assert_eq!(status, 0);
            child
        };
        drop(accept(&listening));
        (server, child)
    });
    let connects: Vec<_> = records.of_kind("net.connect").collect();
    assert_eq!(connects.len(), 1, "{:#?}", told(&records));
    assert_at(connects[0], "actor.process.pid", child);
    assert_at(connects[0], "dst_endpoint.port", server.port());
    let accepts: Vec<_> = records.of_kind("net.accept").collect();
    assert_at(accepts[0], "actor.process.pid", std::process::id());
}
