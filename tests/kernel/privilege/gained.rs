//! Programs that bring privileges with them, run by an ordinary user, and what is done with those.

use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use audit_tests::acts::{Act, act, program};
use audit_tests::{Lent, Setup};
use serde_json::json;

use super::{call, results};
use crate::expect::{self, assert_at};
use crate::stories::chain::Story;

/// Owns nothing, and has no name.
const SOMEBODY: &str = "54321";

fn somebody() -> Act {
    act(["gid", SOMEBODY, "uid", SOMEBODY])
}

/// Those of the usual ones that this machine has, each with an argument by which it does nothing.
fn installed() -> Vec<(PathBuf, &'static str)> {
    let usual = [
        ("su", "--version"),
        ("sudo", "--version"),
        ("passwd", "--help"),
    ];
    let find = |(name, argument)| {
        let dirs = ["/usr/bin", "/bin", "/usr/sbin", "/sbin"].map(|dir| Path::new(dir).join(name));
        let path = dirs.iter().find_map(|path| path.canonicalize().ok())?;
        let found = path.metadata().ok()?;
        let of_root = found.uid() == 0 && found.mode() & libc::S_ISUID != 0;
        of_root.then_some((path, argument))
    };
    usual.into_iter().filter_map(find).collect()
}

#[test]
fn setuid_programs_of_the_machine_are_told_with_who_runs_them() {
    let all = installed();
    if all.is_empty() {
        audit_tests::skip!("no su, sudo or passwd that is setuid root here");
    }
    let setup = Setup::on_kept_programs();
    let mut daemon = Lent::take(&setup);
    let run = |(path, argument): &(PathBuf, &str)| {
        let acted = somebody().with(["exec"]).with([path]);
        acted.with([path]).with([argument]).run().pid
    };
    let pids: Vec<u32> = all.iter().map(run).collect();
    let records = daemon.seen();
    for ((path, argument), pid) in all.iter().zip(pids) {
        let story = Story::of(&records, pid);
        let record = story.exec(path);
        assert_at(record, "process.pid", pid);
        let name = path.display();
        assert_at(record, "process.cmd_line", format!("{name} {argument}"));
        assert_at(record, "process.user", json!({"uid": SOMEBODY}));
        assert_at(record, "process.euid", 0);
        assert_at(record, "process.egid", SOMEBODY.parse::<u32>().ok());
        assert_at(record, "process.xattributes.gain", "setuid");
        let capabilities = expect::own_capabilities();
        assert_at(record, "process.xattributes.cap_eff", capabilities);
        assert!(record.num("severity_id") >= 2, "{}", record.line);
    }
}

/// A copy of the program that acts.
fn copy(setup: &Setup, mode: u32) -> PathBuf {
    let path = setup.dir().join("acts");
    std::fs::copy(program(), &path).expect("copy");
    std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).expect("chmod");
    path
}

#[test]
fn who_becomes_root_by_a_setuid_program_is_told_step_by_step() {
    let setup = Setup::on_kept_programs();
    let mut daemon = Lent::take(&setup);
    let path = copy(&setup, 0o4755);
    let acts = call(act(["uid", SOMEBODY]), "setuid", &["0"]);
    let acts = acts.with(["become"]).with([&path]);
    // All three, as su does it, and back again for good.
    let acts = call(acts, "setresuid", &["0", "0", "0"]);
    let acts = call(acts, "setuid", &[SOMEBODY]);
    let acted = call(acts, "setuid", &["0"]).with(["done"]).done();
    let denied = -i64::from(libc::EPERM);
    assert_eq!(results(&acted.stdout), [denied, 0, 0, denied]);
    let story = Story::of(&daemon.seen(), acted.pid);
    let user = format!("{SOMEBODY}/{SOMEBODY}");
    assert_eq!(
        story.told(),
        [
            format!("process.exec {} as 0/0 done", program().display()),
            format!("priv.setuid 0/0 to {user} done"),
            format!("priv.setuid {user} to {user} EPERM"),
            format!("process.exec {} as {SOMEBODY}/0 done", path.display()),
            format!("priv.setuid {SOMEBODY}/0 to 0/0 done"),
            format!("priv.setuid 0/0 to {user} done"),
            format!("priv.setuid {user} to {user} EPERM"),
        ]
    );
    let gains = story.exec(&path);
    assert_at(gains, "process.xattributes.gain", "setuid");
}

/// `security.capability`, version 2: permitted and effective CAP_NET_RAW.
const NET_RAW: [u8; 20] = [
    1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
];

/// By setcap where that is, else as it does it.
fn let_make_raw_sockets(path: &Path) {
    let mut setcap = std::process::Command::new("setcap");
    match setcap.arg("cap_net_raw+ep").arg(path).status() {
        Ok(status) => assert!(status.success(), "{setcap:?}"),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let path = std::ffi::CString::new(path.as_os_str().as_bytes()).expect("no NUL");
            let (name, value) = (c"security.capability", NET_RAW.as_ptr().cast());
            // SAFETY: strings and a value of that length.
            let done =
                unsafe { libc::setxattr(path.as_ptr(), name.as_ptr(), value, NET_RAW.len(), 0) };
            assert_eq!(done, 0, "setxattr: {}", std::io::Error::last_os_error());
        }
        Err(error) => panic!("{setcap:?}: {error}"),
    }
}

#[test]
fn capabilities_of_a_file_are_told_with_what_they_are_used_for() {
    let setup = Setup::on_kept_programs().set("events.network.record", "true");
    let mut daemon = Lent::take(&setup);
    let path = copy(&setup, 0o755);
    let_make_raw_sockets(&path);
    // AF_INET, SOCK_RAW, ICMP
    let raw = |acts| call(acts, "socket", &["2", "3", "1"]);
    let acts = raw(act(["uid", SOMEBODY])).with(["become"]).with([&path]);
    let acted = raw(acts).with(["done"]).done();
    let found = results(&acted.stdout);
    assert_eq!(found[0], -i64::from(libc::EPERM));
    assert!(found[1] > 0, "{found:?}");
    let story = Story::of(&daemon.seen(), acted.pid);
    let user = format!("{SOMEBODY}/{SOMEBODY}");
    assert_eq!(
        story.told(),
        [
            format!("process.exec {} as 0/0 done", program().display()),
            format!("priv.setuid 0/0 to {user} done"),
            "net.raw_socket raw:1  ->  EPERM".to_owned(),
            format!("process.exec {} as {user} done", path.display()),
            "net.raw_socket raw:1  ->  done".to_owned(),
        ]
    );
    let gains = story.exec(&path);
    assert_at(gains, "process.xattributes.gain", "file_caps");
    assert_at(gains, "process.xattributes.cap_eff", "0000000000002000");
    let used = story.0.last().expect("a record");
    let capabilities = "actor.process.xattributes.cap_eff";
    assert_at(used, capabilities, "0000000000002000");
    assert_at(used, "actor.process.uid", gains.str("process.uid"));
}
