//! Every program of every event, and what this kernel's verifier says of it.
//!
//! Owns that question. The compiler may leave out what one verifier needs and another concludes by itself: each
//! series is asked, also those on which nothing else is run every time.

use audit_tests::{Setup, in_guest, kernel_version};
use serde_json::Value;

/// All that is seen only if it is asked for.
const SWITCHES: [&str; 6] = [
    "events.file.record",
    "events.network.record",
    "kernel.compat",
    "network.close",
    "network.unix",
    "privilege.mounts",
];

/// Without functions, and with nothing else where there are such hooks.
fn ways() -> Vec<&'static str> {
    let without = match kernel_version() >= (7, 0) {
        true => "tracepoint",
        false => "raw-tracepoint",
    };
    match in_guest() {
        true => vec![without, "trampoline"],
        // Machines that are containers may refuse functions.
        false => vec![without],
    }
}

#[test]
fn every_program_is_accepted_with_each_way_to_hook() {
    for way in ways() {
        let mut setup = Setup::new().set("kernel.mechanism", &format!("{way:?}"));
        for switch in SWITCHES {
            setup = setup.set(switch, "true");
        }
        let output = setup.command("check").arg("--json").output();
        let output = output.expect("start the daemon");
        let json: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let events = json["events"].as_array().expect("events");
        let hooked = events.iter().filter(|event| event["mechanism"].is_string());
        assert!(hooked.count() > 20, "{way}: {json}");
        for event in events {
            let passed_over = event["passed_over"].as_array().expect("hooks");
            let reasons = passed_over.iter().map(|hook| &hook["reason"]);
            for reason in reasons.chain([&event["reason"]]) {
                let reason = reason.as_str().unwrap_or("");
                assert!(!reason.contains("os error"), "{way}: {event}");
            }
        }
    }
}
