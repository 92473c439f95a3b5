//! Many acts: none is lost or doubled, and what is folded sums up.

use std::os::fd::AsRawFd;

use audit_tests::Record;
use libc::SO_LINGER;

use super::sockets::{HERE, accept, at, connect, listener, tcp, udp};
use super::{observed, setup, told};
use crate::expect::assert_at;

/// Closed without a wait, so that ports come back.
fn reset(socket: &std::os::fd::OwnedFd) {
    let now = libc::linger {
        l_onoff: 1,
        l_linger: 0,
    };
    let (at, size) = ((&raw const now).cast(), size_of::<libc::linger>() as u32);
    let fd = socket.as_raw_fd();
    // SAFETY: a structure of that size.
    let done = unsafe { libc::setsockopt(fd, libc::SOL_SOCKET, SO_LINGER, at, size) };
    assert_eq!(done, 0, "SO_LINGER");
}

#[test]
fn ten_thousand_connections_are_each_told_once() {
    const COUNT: usize = 10_000;
    let (server, records) = observed(&setup(), || {
        let (listening, server) = listener(at(HERE, 0), 64);
        for _ in 0..COUNT {
            let socket = tcp(server, 0);
            assert_eq!(connect(&socket, server), 0);
            let accepted = accept(&listening);
            reset(&socket);
            drop((accepted, socket));
        }
        server
    });
    for kind in ["net.connect", "net.accept"] {
        let of_kind: Vec<_> = records.of_kind(kind).collect();
        assert_eq!(of_kind.len(), COUNT, "{kind}");
        assert!(of_kind.iter().all(|one| one.succeeded()));
        let port = i64::from(server.port());
        assert!(
            of_kind
                .iter()
                .all(|one| one.num("dst_endpoint.port") == port)
        );
    }
    assert_eq!(records.len(), 2 * COUNT + 2);
}

#[test]
fn what_is_beyond_the_first_ten_is_one_record_with_a_count() {
    const DONE: usize = 25;
    const REFUSED: usize = 14;
    let setup = setup().set("network.fold", "{ after = 10, window = \"1 min\" }");
    let (_, records) = observed(&setup, || {
        let (listening, server) = listener(at(HERE, 4_301), 64);
        for _ in 0..DONE {
            let socket = tcp(server, 0);
            assert_eq!(connect(&socket, server), 0);
        }
        drop(listening);
        for _ in 0..REFUSED {
            assert_eq!(connect(&tcp(server, 0), server), libc::ECONNREFUSED);
        }
    });
    let connects: Vec<_> = records.of_kind("net.connect").collect();
    for (type_uid, all) in [(400_101, DONE), (400_105, REFUSED)] {
        let alike = connects
            .iter()
            .filter(|one| one.num("type_uid") == type_uid);
        let (several, single): (Vec<&Record>, Vec<&Record>) =
            alike.partition(|one| one.at("count").is_u64());
        assert_eq!(single.len(), 10, "{:#?}", told(&records));
        assert_eq!(several.len(), 1, "{:#?}", told(&records));
        let folded = several[0];
        assert_eq!(folded.num("count"), all as i64 - 10, "{}", folded.line);
        assert!(folded.num("start_time") <= folded.num("end_time"));
        let first = single[0].str("metadata.uid");
        assert_at(folded, "metadata.correlation_uid", first);
        let none = serde_json::Value::Null;
        assert_at(folded, "metadata.original_event_uid", none);
    }
}

#[test]
fn a_window_that_is_over_is_told_while_the_daemon_runs() {
    let setup = setup().set("network.fold", "{ after = 1, window = \"1 s\" }");
    let mut daemon = audit_tests::Daemon::start(&setup);
    let to = at(HERE, 4_310);
    super::sockets::apart(|_| {
        for _ in 0..5 {
            assert_eq!(connect(&udp(to), to), 0);
        }
    });
    let is_sum = |one: &&Record| one.num("dst_endpoint.port") == 4_310 && one.num("count") == 4;
    daemon.wait_for("a record of four", |records| {
        records.iter().filter(is_sum).count() == 1
    });
    daemon.stop();
}
