//! Whole intrusions, acted out by real programs and read back from the log: what each of them did, in its
//! order, and all of it joined to the one process that it began with.

pub mod chain;
mod escape;
mod port_scan;
mod preload;
mod reverse_shell;
mod rootkit;
mod setuid_shell;

use std::path::{Path, PathBuf};

use audit_tests::Setup;
use audit_tests::acts::Act;

use crate::watched::Places;

/// Who breaks in; owns nothing.
const INTRUDER: &str = "54321";

/// Files, sockets and privileges are told, each act by itself.
fn setup() -> Setup {
    Setup::on_kept_programs()
        .set("events.file.record", "true")
        .set("events.network.record", "true")
        .set("network.fold", "{ after = 0 }")
}

/// The same with places that are watched for all that can be done there.
fn watching() -> (Setup, Places) {
    let setup = setup();
    let places = Places::make(&setup);
    let operations = ["read", "write", "create", "delete", "attributes", "mount"];
    let watch = places.watch(&operations);
    (setup.append(&watch), places)
}

/// `run COUNT FILE ARG…`
fn run(act: Act, program: &Path, arguments: &[&str]) -> Act {
    act.with(["run", &(arguments.len() + 1).to_string()])
        .with([program])
        .with(arguments)
}

/// A program of this machine as records name it: by its own path, through links.
#[track_caller]
fn installed(name: &str) -> PathBuf {
    let paths = ["/usr/bin", "/usr/sbin", "/bin", "/sbin"].map(|dir| Path::new(dir).join(name));
    let found = paths.iter().find_map(|path| path.canonicalize().ok());
    found.unwrap_or_else(|| panic!("no program {name}"))
}
