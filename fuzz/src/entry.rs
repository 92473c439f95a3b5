//! Ring entries: whole ones as seeds, and arbitrary bytes mended so far that they decode.
//!
//! Owns the mending. Sizes, version and lane are made right, for an entry that fails on those never
//! reaches the code behind `decode`; everything else stays as the fuzzer wants it.

use audit_common::{
    Header, KINDS, Lane,
    events::{TAIL_BYTES, Tail, tag},
    header::{HEADER_BYTES, WIRE_VERSION},
};
use zerocopy::{FromBytes, IntoBytes};

/// Makes an entry of at least its kind's size whose tails are whole.
pub fn mend(data: &[u8]) -> Vec<u8> {
    let mut entry = data.to_vec();
    if entry.len() < HEADER_BYTES {
        entry.resize(HEADER_BYTES, 0);
    }
    let (mut header, _) = Header::read_from_prefix(&entry).expect("long enough");
    let row = &KINDS[usize::from(header.kind) % KINDS.len()];
    if entry.len() < row.bytes_min {
        entry.resize(row.bytes_min, 0);
    }
    mend_tails(&mut entry, row.bytes_min);
    header.size = entry.len() as u32;
    header.kind = row.kind as u16;
    header.version = WIRE_VERSION;
    header.lane %= Lane::COUNT as u8;
    entry[..HEADER_BYTES].copy_from_slice(header.as_bytes());
    entry
}

/// Each tail's length is made one that fits.
fn mend_tails(entry: &mut Vec<u8>, mut at: usize) {
    while at < entry.len() {
        let Ok((mut tail, rest)) = Tail::read_from_prefix(&entry[at..]) else {
            entry.truncate(at);
            return;
        };
        tail.stored %= rest.len() as u32 + 1;
        // Known tags are few; of any other number one of them is made.
        if tail.tag > tag::BASE + 1 {
            tail.tag %= tag::BASE + 1;
        }
        entry[at..at + TAIL_BYTES].copy_from_slice(tail.as_bytes());
        at += TAIL_BYTES + tail.stored as usize;
    }
}

/// One whole entry of each kind, with every tail.
pub fn samples() -> Vec<Vec<u8>> {
    let tails: [(u16, &[u8]); 10] = [
        (tag::EXE, b"\x04curl\x03bin\x03usr"),
        (tag::CWD, b"\x03tmp"),
        (tag::BASE, b"\x03opt"),
        (tag::FILENAME, b"./curl"),
        (tag::INTERPRETER, b"/bin/sh"),
        (
            tag::ARGV,
            b"curl\0-H\0Authorization: Bearer abcdefghijklmnop\0--password=x y\0\xff\0",
        ),
        (tag::ENVIRONMENT, b"LD_PRELOAD=/tmp/x.so"),
        (tag::ENVIRONMENT, b"GIT_SSH_COMMAND=ssh -i /k"),
        (tag::TTY, b"pts0"),
        (tag::CGROUP, b"/system.slice/docker-0123456789abcdef.scope"),
    ];
    let mut all = Vec::new();
    for tail in &tails {
        let length = tail.1.len() as u32;
        let head = Tail {
            tag: tail.0,
            flags: 0,
            stored: length,
            original: length,
        };
        all.extend_from_slice(head.as_bytes());
        all.extend_from_slice(tail.1);
    }
    let entry = |row: &audit_common::KindRow| {
        let mut entry = vec![0; row.bytes_min];
        let (mut header, _) = Header::read_from_prefix(&entry).expect("long enough");
        header.kind = row.kind as u16;
        header.comm[..4].copy_from_slice(b"curl");
        (header.tgid, header.time_ns, header.number) = (4711, 1 << 40, 1);
        entry[..HEADER_BYTES].copy_from_slice(header.as_bytes());
        entry.extend_from_slice(&all);
        let size = entry.len() as u32;
        let header = Header {
            size,
            version: WIRE_VERSION,
            lane: row.lane as u8,
            ..header
        };
        entry[..HEADER_BYTES].copy_from_slice(header.as_bytes());
        entry
    };
    KINDS.iter().map(entry).collect()
}
