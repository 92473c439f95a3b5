//! Tests of whole records.
//!
//! `golden` pins the bytes of known acts, `properties` holds what is true for any bytes, `fit`
//! fills a line until it overflows. `hostile` makes the views for both, `ordered` reads JSON
//! without losing the order of keys.

mod examples;
mod examples_act;
mod examples_container;
mod examples_daemon;
mod examples_exec;
mod examples_file;
mod examples_net;
mod examples_privilege;
mod fit;
mod golden;
mod hostile;
mod hostile_privileges;
mod ordered;
mod page;
mod properties;

use super::view::{EventUid, Lane, Meta, Origin, ProcessId};

const ORIGIN: Origin = Origin {
    version: "0.1.0",
    log_id: "9f1c2b7a40d3",
    hostname: "web-1",
    machine_id: "4a1f0c9be27d4e35b0c6d3f18a5e7c92",
    is_vm: true,
    boot_id: "0d5be3a4-91c7-4f0e-8a26-c7f4b1e9d350",
    os_version: "Debian GNU/Linux 13",
    kernel_release: "6.12.41+deb13-amd64",
};

/// A process that started in this clock tick, some nanoseconds into it.
const fn id(pid: u32, tick: u64) -> ProcessId {
    ProcessId {
        pid,
        start_ns: Some(tick * 10_000_000 + 9_999_999),
    }
}

/// 2026-11-20T10:15:00Z and so many seconds and nanoseconds.
const fn at(seconds: i64, nanos: i64) -> i64 {
    (1_795_169_700 + seconds) * 1_000_000_000 + nanos
}

const fn event(lane: Lane, cpu: u32, number: u64) -> Option<EventUid> {
    Some(EventUid {
        lane,
        cpu,
        strand: 0,
        number,
    })
}

/// `metadata` of a record that the daemon made by itself.
const fn own(utc_ns: i64, sequence: u64) -> Meta<'static> {
    Meta {
        utc_ns,
        sequence,
        event: None,
        correlation: None,
        labels: &[],
    }
}
