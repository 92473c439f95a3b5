//! Kernels that forbid or hide something, as their command line or their surroundings say.
//!
//! Owns one test for each restriction: the right message and the right exit code, from `check` and
//! from `run` alike; and where nothing that we use is lacking, that nothing is complained of. Tests of
//! a command line skip elsewhere: boot a guest with it (`cargo xtask vm --append …`).

use std::ffi::CStr;
use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use audit_tests::{Daemon, Setup};
use nix::fcntl::{self, OFlag};
use nix::libc;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::stat::Mode;
use nix::unistd::write;
use serde_json::Value;

use crate::load;

/// Is this word on the kernel's command line?
fn started_with(word: &str) -> bool {
    let line = fs::read_to_string("/proc/cmdline").expect("the command line");
    line.split_ascii_whitespace().any(|one| one == word)
}

/// Nothing can be loaded there: what else is missing is not found out.
fn is_locked() -> bool {
    started_with("lockdown=confidentiality")
}

/// Exit code, standard output, standard error.
fn outcome(command: &mut Command) -> (Option<i32>, String, String) {
    let output = command
        .stdin(Stdio::null())
        .output()
        .expect("start the daemon");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.code(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

/// Both commands end in the same way, with this message last, and leave nothing.
#[track_caller]
fn refused(setup: &Setup, mut command: impl FnMut(&str) -> Command, code: i32, message: &str) {
    for subcommand in ["check", "run"] {
        let (ended, _, said) = outcome(&mut command(subcommand));
        assert_eq!(ended, Some(code), "{subcommand}: {said}");
        assert!(said.ends_with(message), "{subcommand}: {said}");
        assert_eq!(said.matches("error: ").count(), 1, "{subcommand}: {said}");
        assert!(!setup.pin_dir().exists(), "{subcommand} leaves pins");
    }
}

/// What `check --json` says here.
fn checked(setup: &Setup) -> Value {
    let said = load::run(setup.command("check").arg("--json"));
    serde_json::from_str(&said).expect("JSON")
}

fn event<'a>(checked: &'a Value, name: &str) -> &'a Value {
    let events = checked["events"].as_array().expect("events");
    let found = events.iter().find(|event| event["event"] == name);
    found.unwrap_or_else(|| panic!("no {name} in {checked}"))
}

#[test]
fn lockdown_of_confidentiality_is_named_with_the_way_out() {
    if !is_locked() {
        audit_tests::skip!("this kernel was not started with lockdown=confidentiality");
    }
    let setup = Setup::new();
    let message = "error: this kernel is in lockdown: confidentiality \
                   (/sys/kernel/security/lockdown), and lets no eBPF program read its memory\n\
                   Nothing can be audited so. Start it with `lockdown=integrity` on its command \
                   line, which keeps all but that.\n";
    refused(&setup, |subcommand| setup.command(subcommand), 3, message);
}

/// No hook is of BPF LSM, and none is found by a symbol's address.
#[test]
fn without_bpf_among_the_security_modules_and_with_hidden_symbols_all_is_seen() {
    if !started_with("lsm=lockdown,capability") {
        audit_tests::skip!("this kernel was not started with lsm=lockdown,capability");
    }
    fs::write("/proc/sys/kernel/kptr_restrict", "2").expect("hide the symbols");
    let symbols = fs::read_to_string("/proc/kallsyms").expect("symbols");
    let first = symbols.lines().next().expect("a symbol");
    assert!(first.starts_with("0000000000000000 "), "{first}");
    let modules = fs::read_to_string("/sys/kernel/security/lsm").expect("security modules");
    assert!(!modules.contains("bpf"), "{modules}");

    let setup = Setup::new().set("events.file.record", "true");
    let json = checked(&setup);
    assert_eq!(json["restrictions"]["symbols_hidden"], true);
    for event in json["events"].as_array().expect("events") {
        assert!(event["mechanism"].is_string(), "{event}");
    }
    let (code, said, complaints) = outcome(&mut setup.command("check"));
    assert_eq!((code, &*complaints), (Some(0), ""), "{said}");
    for line in [
        "lsm      bpf is not among the security modules: not needed    ok",
        "symbols  hidden by kernel.kptr_restrict = 2: not needed       ok",
    ] {
        assert!(
            said.lines().any(|one| one == line),
            "{line:?} not in {said}"
        );
    }
    let mut daemon = Daemon::start(&setup);
    load::exec(setup.marker(), 0);
    let records = daemon.stop();
    assert_eq!(load::numbers(&records, setup.marker()), [0]);
    assert_eq!(records.of_kind("daemon.coverage").count(), 0);
}

/// What cannot be asked for is no blind spot.
#[test]
fn calls_of_32_bits_that_the_kernel_refuses_are_no_blind_spot() {
    if !started_with("ia32_emulation=0") {
        audit_tests::skip!("this kernel was not started with ia32_emulation=0");
    }
    let setup = Setup::new().set("events.file.record", "true");
    let json = checked(&setup);
    assert_eq!(json["restrictions"]["calls_of_32_bits"], false);
    let said = json.to_string();
    assert!(!said.contains("32-bit programs"), "{said}");
    assert_eq!(event(&json, "exec failed")["cannot_see"], "");
}

#[test]
fn rings_that_nobody_can_make_are_no_blind_spot() {
    const SETTING: &str = "/proc/sys/kernel/io_uring_disabled";
    if is_locked() || !audit_tests::in_guest() {
        audit_tests::skip!("needs a guest whose settings it may change");
    }
    let Ok(before) = fs::read_to_string(SETTING) else {
        audit_tests::skip!("this kernel cannot refuse rings");
    };
    let setup = Setup::new().set("events.file.record", "true");
    let json = checked(&setup);
    assert_eq!(json["restrictions"]["io_uring"], true);
    assert!(
        json.to_string().contains("io_uring-ftruncate") || audit_tests::kernel_version() < (6, 9)
    );
    fs::write(SETTING, "2").expect("refuse rings");
    let json = checked(&setup);
    fs::write(SETTING, before).expect("allow rings again");
    assert_eq!(json["restrictions"]["io_uring"], false);
    for event in json["events"].as_array().expect("events") {
        let spots = event["blind_spots"].to_string();
        assert!(!spots.contains("io_uring"), "{event}");
    }
}

/// Puts an empty file system over a directory, for this process only.
fn hide(directory: &CStr) -> nix::Result<()> {
    let (none, tmpfs) = (None::<&CStr>, Some(c"tmpfs"));
    mount(none, directory, tmpfs, MsFlags::MS_RDONLY, none)
}

/// Runs this in the child before it becomes the daemon. It must not allocate.
fn after(mut command: Command, step: fn() -> nix::Result<()>) -> Command {
    // SAFETY: the steps below make system calls only, on strings that the compiler made.
    unsafe { command.pre_exec(move || step().map_err(io::Error::from)) };
    command
}

fn own_mounts() -> nix::Result<()> {
    unshare(CloneFlags::CLONE_NEWNS)?;
    let none = None::<&CStr>;
    mount(
        none,
        c"/",
        none,
        MsFlags::MS_REC | MsFlags::MS_PRIVATE,
        none,
    )
}

/// And the right to mount is gone, as under a strict unit.
fn lose_tracefs() -> nix::Result<()> {
    const CAP_SYS_ADMIN: libc::c_ulong = 21;
    own_mounts()?;
    hide(c"/sys/kernel/tracing")?;
    hide(c"/sys/kernel/debug")?;
    // SAFETY: takes a number away from the set that the next program is bounded by.
    match unsafe { libc::prctl(libc::PR_CAPBSET_DROP, CAP_SYS_ADMIN) } {
        0 => Ok(()),
        _ => Err(nix::Error::last()),
    }
}

fn lose_types() -> nix::Result<()> {
    own_mounts()?;
    hide(c"/sys/kernel/btf")
}

fn become_root_of_nobody() -> nix::Result<()> {
    unshare(CloneFlags::CLONE_NEWUSER)?;
    let map = fcntl::open(c"/proc/self/uid_map", OFlag::O_WRONLY, Mode::empty())?;
    write(map, b"0 0 1").map(drop)
}

const NO_TRACEFS: &str =
    "tracefs is not mounted at /sys/kernel/tracing, and mounting it fails (EPERM";

#[test]
fn without_tracefs_it_is_said_which_hooks_are_lost_and_why() {
    if is_locked() {
        audit_tests::skip!("nothing works in lockdown");
    }
    let setup = Setup::new()
        .set("events.exec_failed.required", "\"if-available\"")
        .set("events.file.record", "true");
    let mut command = after(setup.command("check"), lose_tracefs);
    let (code, said, complaints) = outcome(command.arg("--json"));
    assert_eq!(code, Some(0), "{complaints}");
    let json: Value = serde_json::from_str(&said).expect("JSON");
    let missing = json["restrictions"]["tracefs_missing"].as_str();
    assert!(
        missing.is_some_and(|why| why.starts_with(NO_TRACEFS)),
        "{missing:?}"
    );
    let lost = event(&json, "exec failed");
    assert!(lost["mechanism"].is_null(), "{lost}");
    let reason = lost["reason"].as_str().expect("a reason");
    assert!(reason.contains(NO_TRACEFS), "{reason}");
    let (code, said, _) = outcome(&mut after(setup.command("check"), lose_tracefs));
    let words: Vec<&str> = said.split_whitespace().collect();
    assert_eq!(code, Some(0));
    let advice = "Mount it (`mount -t tracefs tracefs /sys/kernel/tracing`)";
    assert!(words.join(" ").contains(advice), "{said}");
}

#[test]
fn without_tracefs_a_required_event_refuses_the_start_with_that_reason() {
    if is_locked() {
        audit_tests::skip!("nothing works in lockdown");
    }
    let setup = Setup::new().set("events.exec_failed.required", "\"always\"");
    for subcommand in ["check", "run"] {
        let (code, _, said) = outcome(&mut after(setup.command(subcommand), lose_tracefs));
        assert_eq!(code, Some(3), "{subcommand}: {said}");
        let begin = "error: `events.exec_failed.required = \"always\"`, but this kernel cannot have \
                     it: ";
        assert!(said.contains(begin) && said.contains(NO_TRACEFS), "{said}");
        assert!(!setup.pin_dir().exists(), "{subcommand} leaves pins");
    }
}

#[test]
fn without_the_kernels_types_it_is_said_what_is_needed() {
    let setup = Setup::new();
    let message = "error: cannot read /sys/kernel/btf/vmlinux: No such file or directory (os error \
                   2)\nIt tells how this kernel lays out its data. A kernel built with \
                   CONFIG_DEBUG_INFO_BTF is needed; those of Debian 11, Ubuntu 20.10, RHEL 8.2 and \
                   later are. In a container, mount the host's /sys.\n";
    let without = |subcommand: &str| after(setup.command(subcommand), lose_types);
    refused(&setup, without, 3, message);
}

/// All capabilities, and none of the host's.
#[test]
fn root_of_a_user_namespace_is_told_that_it_is_none() {
    let setup = Setup::new();
    let message = "error: this process is root of a user namespace only (an unprivileged \
                   container)\nThe kernel wants the capabilities of the host's root for eBPF: run \
                   the daemon on the host itself, once for all containers.\n";
    let inside = |subcommand: &str| after(setup.command(subcommand), become_root_of_nobody);
    refused(&setup, inside, 4, message);
}
