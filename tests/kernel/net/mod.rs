//! `net.*`: what is done to sockets, each attempt once and with its final result.
//!
//! Each test acts in a network namespace of its own: its records are those that name it.

mod attempts;
mod beside;
mod datagrams;
mod hands;
mod left_out;
mod many;
mod others;
pub mod sockets;
mod unanswered;
mod ways;

use audit_tests::{Daemon, Record, Records, Setup};

/// Tells sockets, each act by itself.
fn setup() -> Setup {
    Setup::on_kept_programs()
        .set("events.network.record", "true")
        .set("network.fold", "{ after = 0 }")
}

/// Acts in a namespace of its own while a daemon runs; what it gave, and its records.
fn observed<T: Send>(setup: &Setup, act: impl FnOnce() -> T + Send) -> (T, Records) {
    let mut daemon = Daemon::start(setup);
    let (given, namespace) = sockets::apart(|namespace| (act(), namespace));
    let records = daemon.stop();
    let own = records
        .iter()
        .filter(|record| record.num("unmapped.net_ns") == i64::from(namespace))
        .filter(|record| record.kind().starts_with("net."))
        .filter(|record| record.str("connection_info.protocol_name") != "raw:255");
    (given, Records(own.cloned().collect()))
}

/// Who did what from where to where, and what came of it.
fn told(records: &Records) -> Vec<String> {
    records.iter().map(line).collect()
}

pub fn line(record: &Record) -> String {
    let side = |name: &str| {
        let at = |key: &str| record.str(&format!("{name}.{key}")).to_owned();
        let (ip, port) = (at("ip"), record.num(&format!("{name}.port")));
        match (ip.is_empty(), port) {
            (true, _) => at("name"),
            (false, -1) => ip,
            (false, port) if ip.contains(':') => format!("[{ip}]:{port}"),
            (false, port) => format!("{ip}:{port}"),
        }
    };
    let result = match record.num("status_id") {
        1 => "done",
        _ => record.str("status_code"),
    };
    format!(
        "{} {} {} -> {} {result}",
        record.kind(),
        record.str("connection_info.protocol_name"),
        side("src_endpoint"),
        side("dst_endpoint"),
    )
}

/// All are this process's, and say so.
#[track_caller]
fn assert_ours(records: &Records) {
    for record in records.iter() {
        let pid = i64::from(std::process::id());
        assert_eq!(record.num("actor.process.pid"), pid, "{}", record.line);
        let path = crate::expect::own_path();
        assert_eq!(record.str("actor.process.path"), path, "{}", record.line);
    }
}
