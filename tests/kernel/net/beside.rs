//! What is done to sockets beside the system calls of 64 bits: by those of 32 bits, and by io_uring.
//!
//! Owns: the acts, and that they are recorded as the same acts by ordinary calls are, where functions of the
//! kernel are hooked; and that all but TCP connects are missed where only tracepoints are.

use audit_tests::acts::act;
use audit_tests::hooks::sockets_on_functions;
use audit_tests::{Record, kernel_version};
use serde_json::Value;

use super::sockets::{HERE, HERE_6, NOWHERE};
use super::{line, observed, setup};
use crate::by_32_bit;
use crate::expect::assert_at;

/// What io_uring can be asked for, and since when.
const RING_SOCKET: (u32, u32) = (5, 19);
const RING_BIND: (u32, u32) = (6, 11);
/// What it says of other opcodes, and of a machine that forbids it.
const REFUSED: [i64; 3] = [libc::EINVAL as i64, libc::ENOSYS as i64, libc::EPERM as i64];

/// All that can be done to a socket and is told, well and badly: what is done, and what comes of it. Each by
/// the way that is asked for, if that has it.
fn steps() -> Vec<(String, i32)> {
    let at = |port: u16| format!("{HERE}:{port}");
    let at_6 = |port: u16| format!("[{HERE_6}]:{port}");
    let mapped = |port: u16| format!("[::ffff:{HERE}]:{port}");
    [
        // 0 listens, 1 connects to it as 2, 3 is refused, 4 finds the port taken.
        ("socket tcp".to_owned(), 0),
        (format!("bind 0 {}", at(4301)), 0),
        ("listen 0".to_owned(), 0),
        ("socket tcp".to_owned(), 0),
        (format!("connect 1 {}", at(4301)), 0),
        ("accept 0".to_owned(), 0),
        ("socket tcp".to_owned(), 0),
        (format!("connect 3 {}", at(1)), libc::ECONNREFUSED),
        ("socket tcp".to_owned(), 0),
        (format!("bind 4 {}", at(4301)), libc::EADDRINUSE),
        (format!("connect 4 {NOWHERE}"), libc::ENETUNREACH),
        ("accept 4".to_owned(), libc::EINVAL),
        // 6 is connected, 7 sends to whom it likes: twice to one is told once.
        ("socket udp".to_owned(), 0),
        (format!("connect 6 {}", at(4302)), 0),
        ("listen 6".to_owned(), libc::EOPNOTSUPP),
        ("socket udp".to_owned(), 0),
        (format!("sendto 7 {}", at(4303)), 0),
        (format!("sendmsg 7 {}", at(4303)), 0),
        (format!("sendmsg 7 {}", at(4304)), 0),
        (format!("sendmsg 7 {NOWHERE}"), libc::ENETUNREACH),
        ("socket udp6".to_owned(), 0),
        (format!("sendmsg 8 {}", at_6(4305)), 0),
        (format!("sendmsg 8 {}", at_6(4305)), 0),
        (format!("sendmsg 8 {}", mapped(4306)), 0),
        ("socket icmp".to_owned(), 0),
        ("socket packet".to_owned(), 0),
        // Where nobody listens at the name there is no such file.
        ("socket unix".to_owned(), 0),
        ("bind 11 beside.sock".to_owned(), 0),
        ("listen 11".to_owned(), 0),
        ("socket unix".to_owned(), 0),
        ("connect 12 beside.sock".to_owned(), 0),
        ("accept 11".to_owned(), 0),
        ("socket unix".to_owned(), 0),
        ("connect 14 beside.none".to_owned(), libc::ENOENT),
    ]
    .into()
}

/// By which way a step is done: a ring does not have all of them.
fn way_of(step: &str, way: &'static str) -> &'static str {
    let is_ring = way == "ring" || way == "async";
    let version = kernel_version();
    let has = match step.split(' ').next() {
        Some("socket") => version >= RING_SOCKET,
        Some("bind" | "listen") => version >= RING_BIND,
        Some("sendto") => false,
        _ => true,
    };
    if is_ring && !has { "native" } else { way }
}

/// Does all steps in a namespace of their own. The records of them, and how many steps took the way.
fn done(way: &'static str) -> Result<Vec<Record>, i64> {
    let setup = setup().set("network.unix", "true");
    let ((pid, printed), records) = observed(&setup, || {
        let mut words: Vec<String> = vec!["chdir".into(), setup.dir().display().to_string()];
        words.push("sockets-by".into());
        for (step, _) in steps() {
            words.extend(["by".into(), way_of(&step, way).into()]);
            words.extend(step.split(' ').map(str::to_owned));
        }
        let acted = act(words).with(["end"]).done();
        (acted.pid, acted.stdout)
    });
    let printed: Vec<i64> = printed
        .lines()
        .map(|line| line.parse().expect("a number"))
        .collect();
    if let [errno] = printed[..] {
        return Err(errno);
    }
    let expected: Vec<i64> = steps().iter().map(|(_, errno)| (*errno).into()).collect();
    assert_eq!(printed, expected, "{way}");
    let own = records
        .iter()
        .filter(|record| record.num("actor.process.pid") == i64::from(pid));
    let own: Vec<Record> = own.cloned().collect();
    for record in &own {
        assert_at(record, "actor.process.name", "audit-acts");
    }
    Ok(own)
}

/// What a record says that is not of its moment: ports that the kernel chose are any.
fn said(record: &Record) -> String {
    let mut said = line(record);
    for side in ["src_endpoint", "dst_endpoint"] {
        let port = record.num(&format!("{side}.port"));
        if port >= 32_768 {
            said = said.replace(&format!(":{port} "), ":* ");
        }
    }
    let source = record.at("unmapped.source");
    let has_socket = !record.str("connection_info.uid").is_empty();
    format!(
        "{said} {source} {} {has_socket}",
        record.num("connection_info.direction_id")
    )
}

fn all_said(records: &[Record]) -> Vec<String> {
    records.iter().map(said).collect()
}

/// Is it seen whoever asks for it?
fn is_tcp_connect(record: &Record) -> bool {
    let reached = record.succeeded() || record.str("status_code") == "ECONNREFUSED";
    record.kind() == "net.connect"
        && record.str("connection_info.protocol_name") == "tcp"
        && reached
}

/// By which way the step was done that a record tells.
fn way_taken(record: &Record, way: &'static str) -> &'static str {
    let step = match record.kind() {
        "net.raw_socket" => "socket",
        "net.bind" => "bind",
        "net.listen" => "listen",
        // Of the two to this port the first is told.
        "net.send" if record.num("dst_endpoint.port") == 4303 => "sendto",
        _ => "connect",
    };
    way_of(step, way)
}

/// The errno of a kernel that has no such way.
fn told_as_ordinary_calls_are(way: &'static str) -> Result<(), i64> {
    let ordinary = done("native").expect("ordinary calls");
    assert_eq!(ordinary.len(), 22, "{:#?}", all_said(&ordinary));
    let mut beside = match done(way) {
        Ok(records) => records,
        Err(errno) => {
            assert!(REFUSED.contains(&errno), "{errno}");
            return Err(errno);
        }
    };
    for record in &beside {
        let expected = match way_taken(record, way) {
            "ring" | "async" => "io_uring".into(),
            _ => Value::Null,
        };
        assert_at(record, "unmapped.via", expected);
    }
    let unseen = by_32_bit::cannot_see(&setup(), "network");
    if sockets_on_functions() {
        assert_eq!(all_said(&beside), all_said(&ordinary), "{way}");
        assert_eq!(unseen, "", "it is a miss no more");
        return Ok(());
    }
    beside.retain(|record| way_taken(record, way) == way);
    let connects = ordinary.iter().filter(|record| is_tcp_connect(record));
    let connects: Vec<String> = connects.map(said).collect();
    let seen = all_said(&beside);
    assert_eq!(seen, connects, "{way} is a miss no more: mend the table");
    for words in ["sockets of 32-bit programs", "sockets by io_uring"] {
        assert!(unseen.contains(words), "{words:?} is not in {unseen:?}");
    }
    Ok(())
}

#[test]
fn by_calls_of_32_bits() {
    if !by_32_bit::are_there() {
        audit_tests::skip!("there are no 32-bit calls");
    }
    assert_eq!(told_as_ordinary_calls_are("narrow"), Ok(()));
}

#[test]
fn by_the_one_call_that_32_bit_programs_had_first() {
    if !by_32_bit::are_there() {
        audit_tests::skip!("there are no 32-bit calls");
    }
    assert_eq!(told_as_ordinary_calls_are("socketcall"), Ok(()));
}

#[test]
fn by_io_uring() {
    if let Err(errno) = told_as_ordinary_calls_are("ring") {
        audit_tests::skip!("io_uring is refused ({errno})");
    }
}

#[test]
fn by_a_worker_of_io_uring() {
    if let Err(errno) = told_as_ordinary_calls_are("async") {
        audit_tests::skip!("io_uring is refused ({errno})");
    }
}
