//! What the daemon hooks on this machine, in its own words.
//!
//! Owns: one question to `audit-daemon check`. Must not: know what follows from the answer.

use std::sync::OnceLock;

use serde_json::Value;

use crate::home::Setup;

/// Are opens told by the kernel's own function, whoever asks for them?
pub fn opens_on_functions() -> bool {
    mechanism_of("file open").as_deref() == Some("trampoline")
}

/// Are objects looked at in the kernel before acts are done?
pub fn acts_on_functions() -> bool {
    mechanism_of("unlink begins").as_deref() == Some("trampoline")
}

/// Are sockets looked at on functions, too?
pub fn sockets_on_functions() -> bool {
    mechanism_of("network connect").as_deref() == Some("trampoline")
}

/// Are changes of credentials looked at on functions, too?
pub fn credentials_on_functions() -> bool {
    mechanism_of("credentials narrow").as_deref() == Some("trampoline")
}

fn mechanism_of(event: &str) -> Option<String> {
    static CHECKED: OnceLock<Value> = OnceLock::new();
    let checked = CHECKED.get_or_init(|| {
        let setup = Setup::new().set("events.file.record", "true");
        let setup = setup.set("events.network.record", "true");
        setup.write_config();
        let mut check = setup.command("check");
        let output = check.arg("--json").output().expect("run check");
        serde_json::from_slice(&output.stdout).expect("JSON of check")
    });
    let events = checked["events"].as_array().expect("events");
    let found = events.iter().find(|found| found["event"] == event)?;
    found["mechanism"].as_str().map(str::to_owned)
}
