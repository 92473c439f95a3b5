//! Containers of real runtimes: every exec inside carries the container's id, from the first
//! process on, and no exec outside does.

use std::process::{Child, Command, Stdio};

use audit_tests::{Daemon, Record, Records, Setup};

use crate::load;
use crate::runtimes::{Oci, Podman, busybox, has};

/// Ends the test if a runtime is missing.
macro_rules! need {
    ($($program:literal),*) => {
        $(if !has($program) {
            audit_tests::skip!("no {} here", $program);
        })*
        if busybox().is_none() {
            audit_tests::skip!("no busybox here");
        }
    };
}

/// Execs whose command line begins like this, with their containers' ids.
fn placed<'a>(records: &'a Records, start: &str) -> Vec<(&'a str, &'a str)> {
    let execs = records.iter().filter(|record| record.is_exec());
    execs
        .filter(|record| record.str("process.cmd_line").starts_with(start))
        .map(|record| {
            (
                record.str("process.cmd_line"),
                record.str("process.container.uid"),
            )
        })
        .collect()
}

/// The one exec of `/bin/true <argument>`.
#[track_caller]
fn exec_of<'a>(records: &'a Records, argument: &str) -> &'a Record {
    let command = format!("/bin/true {argument}");
    let mut found = records
        .iter()
        .filter(|record| record.is_exec() && record.str("process.cmd_line") == command);
    let first = found
        .next()
        .unwrap_or_else(|| panic!("no exec of {command}"));
    assert_eq!(found.count(), 0, "more than one exec of {command}");
    first
}

#[track_caller]
fn assert_inside(records: &Records, argument: &str, id: &str) {
    let record = exec_of(records, argument);
    assert_eq!(record.str("process.container.uid"), id, "{}", record.line);
    let pending = record
        .at("unmapped.pending")
        .as_array()
        .expect("names are not known yet");
    for path in ["process.container.name", "process.container.image"] {
        assert!(
            pending.iter().any(|p| p == path),
            "{path} is not pending: {}",
            record.line
        );
    }
    let profiles = record.at("metadata.profiles").as_array().expect("profiles");
    assert!(
        profiles.iter().any(|profile| profile == "container"),
        "{}",
        record.line
    );
}

#[track_caller]
fn assert_on_host(records: &Records, argument: &str) {
    let record = exec_of(records, argument);
    assert!(record.at("process.container").is_null(), "{}", record.line);
    assert!(
        !record.mentions("process.container"),
        "known, not pending: {}",
        record.line
    );
}

#[track_caller]
fn wait_all(children: Vec<Child>) {
    for mut child in children {
        assert!(child.wait().expect("wait").success());
    }
}

/// What runs in each: its own shell, and two programs; every third lives somewhat longer.
fn script(tag: &str, number: usize) -> String {
    let pause = if number.is_multiple_of(3) {
        "/bin/sleep 0.3;"
    } else {
        ""
    };
    format!("/bin/true {tag}-{number}-a; {pause} /bin/true {tag}-{number}-b")
}

#[test]
fn fifty_at_once_all_named_from_the_first_process_on() {
    const RUNC: usize = 34;
    const ALL: usize = 50;
    need!("runc", "podman");
    let setup = Setup::new();
    let tag = format!("{}-in", setup.marker());
    let (mut runc, podman) = (Oci::new("runc", &setup), Podman::new(&setup));
    let name = |number: usize| format!("{}-c{number}", setup.marker());
    let bundles: Vec<_> = (0..RUNC)
        .map(|number| {
            // Half where the runtime puts them, half below a name of ours.
            let cgroup = (number % 2 == 0).then(|| runc.cgroup(&name(number)));
            let args = ["/bin/sh", "-c", &script(&tag, number)];
            runc.bundle(&name(number), &args, cgroup.as_deref())
        })
        .collect();
    let mut daemon = Daemon::start(&setup);
    let mut children = Vec::new();
    for number in 0..ALL {
        children.push(match bundles.get(number) {
            Some(bundle) => runc.start(&name(number), bundle),
            None => podman.start(&name(number), &["/bin/sh", "-c", &script(&tag, number)]),
        });
    }
    load::exec(&format!("{}-host", setup.marker()), 0);
    wait_all(children);
    let records = daemon.stop();
    for number in 0..ALL {
        let id = match number {
            ..RUNC => name(number),
            _ => podman.id(&name(number)),
        };
        let shell = placed(
            &records,
            &format!("/bin/sh -c '/bin/true {tag}-{number}-a;"),
        );
        assert_eq!(
            shell.iter().map(|(_, id)| *id).collect::<Vec<_>>(),
            [id.as_str()],
            "first process"
        );
        assert_inside(&records, &format!("{tag}-{number}-a"), &id);
        assert_inside(&records, &format!("{tag}-{number}-b"), &id);
        if number >= RUNC {
            let record = exec_of(&records, &format!("{tag}-{number}-a"));
            assert_eq!(record.str("process.container.runtime"), "podman");
        }
    }
    assert_eq!(placed(&records, &format!("/bin/true {tag}")).len(), 2 * ALL);
    assert_on_host(&records, &format!("{}-host-0", setup.marker()));
    // The runtimes themselves are on the host.
    let starters: Vec<_> = placed(&records, "runc --root ");
    let theirs: Vec<_> = starters
        .iter()
        .filter(|(line, _)| line.contains(setup.marker()))
        .collect();
    assert!(
        theirs.len() >= RUNC && theirs.iter().all(|(_, id)| id.is_empty()),
        "{theirs:?}"
    );
    records.assert_numbered();
    assert_eq!(records.losses().len(), 0);
}

/// `nsenter` into some namespaces of a process.
fn nsenter(pid: u32, namespaces: &[&str], argument: &str) {
    let mut command = Command::new("nsenter");
    command
        .args(["--target", &pid.to_string()])
        .args(namespaces);
    load::run(command.args(["/bin/true", argument]));
}

/// Enters a container in every way there is; `exec` is the runtime's own.
#[track_caller]
fn enter(setup: &Setup, exec: impl Fn(&str) -> Command, pid: u32) {
    let tag = setup.marker();
    load::run(&mut exec(&format!("{tag}-exec")));
    nsenter(pid, &["--all"], &format!("{tag}-all"));
    nsenter(pid, &["--mount", "--pid"], &format!("{tag}-mount-pid"));
    nsenter(pid, &["--mount"], &format!("{tag}-mount"));
    nsenter(pid, &["--pid"], &format!("{tag}-pid"));
    // Into what many share: that is not inside.
    nsenter(pid, &["--uts", "--ipc"], &format!("{tag}-uts"));
    load::run(Command::new("/bin/true").arg(format!("{tag}-host")));
}

#[track_caller]
fn assert_entered(records: &Records, setup: &Setup, id: &str) {
    for way in ["exec", "all", "mount-pid", "mount", "pid"] {
        assert_inside(records, &format!("{}-{way}", setup.marker()), id);
    }
    for way in ["uts", "host"] {
        assert_on_host(records, &format!("{}-{way}", setup.marker()));
    }
}

#[test]
fn who_enters_a_plain_container_is_inside() {
    need!("runc", "nsenter");
    for cgroup in [false, true] {
        let setup = Setup::new();
        let mut runc = Oci::new("runc", &setup);
        let id = format!("{}-sleeper", setup.marker());
        let path = cgroup.then(|| runc.cgroup(&id));
        let bundle = runc.bundle(&id, &["/bin/sleep", "600"], path.as_deref());
        let mut daemon = Daemon::start(&setup);
        let pid = runc.start_detached(&id, &bundle);
        let exec = |argument: &str| {
            let mut command = runc.command();
            command.args(["exec", &id, "/bin/true", argument]);
            command
        };
        enter(&setup, exec, pid);
        let records = daemon.stop();
        assert_entered(&records, &setup, &id);
    }
}

#[test]
fn who_enters_a_podman_container_is_inside() {
    need!("podman", "runc", "nsenter");
    let setup = Setup::new();
    let podman = Podman::new(&setup);
    let mut daemon = Daemon::start(&setup);
    podman.start_detached("sleeper", &["/bin/sleep", "600"]);
    let id = podman.id("sleeper");
    let said = load::run(
        podman
            .command()
            .args(["inspect", "--format", "{{.State.Pid}}", &id]),
    );
    let pid = said.trim().parse().expect("a pid");
    let exec = |argument: &str| {
        let mut command = podman.command();
        command.args(["exec", &id, "/bin/true", argument]);
        command
    };
    enter(&setup, exec, pid);
    let records = daemon.stop();
    assert_entered(&records, &setup, &id);
}

#[test]
fn a_container_that_ran_before_the_daemon_is_known() {
    need!("runc", "nsenter");
    // Restarted with pins the daemon has the table of cgroups from the trees, not from events.
    let setup = Setup::new().set("kernel.pin", "\"auto\"");
    let mut runc = Oci::new("runc", &setup);
    let id = format!("{}-early", setup.marker());
    let bundle = runc.bundle(&id, &["/bin/sleep", "600"], None);
    let pid = runc.start_detached(&id, &bundle);
    let mut daemon = Daemon::start(&setup);
    nsenter(pid, &["--all"], &format!("{}-first", setup.marker()));
    daemon.stop();
    let mut daemon = Daemon::start(&setup);
    nsenter(pid, &["--all"], &format!("{}-second", setup.marker()));
    load::run(runc.command().args([
        "exec",
        &id,
        "/bin/true",
        &format!("{}-third", setup.marker()),
    ]));
    let records = daemon.stop();
    let early = records
        .of_kind("process.snapshot")
        .find(|record| record.pid() == pid)
        .expect("the container's process in the snapshot");
    assert_eq!(early.str("process.container.uid"), id, "{}", early.line);
    for time in ["first", "second", "third"] {
        assert_inside(&records, &format!("{}-{time}", setup.marker()), &id);
    }
}

#[test]
fn after_its_end_a_container_has_no_more_processes() {
    need!("runc", "unshare");
    let setup = Setup::new();
    let mut runc = Oci::new("runc", &setup);
    let id = format!("{}-gone", setup.marker());
    let argument = format!("{}-inside", setup.marker());
    let bundle = runc.bundle(&id, &["/bin/true", &argument], None);
    let mut daemon = Daemon::start(&setup);
    for _ in 0..3 {
        wait_all(vec![runc.start(&id, &bundle)]);
        // The kernel gives the numbers of its namespaces out again at once.
        let mut command = Command::new("unshare");
        let outside = format!("{}-outside", setup.marker());
        command.args(["--mount", "--pid", "--fork", "/bin/true", &outside]);
        load::run(&mut command);
    }
    let records = daemon.stop();
    let all = |argument: &str| placed(&records, &format!("/bin/true {argument}"));
    let inside = all(&argument);
    assert_eq!(
        inside.iter().map(|(_, uid)| *uid).collect::<Vec<_>>(),
        [id.as_str(); 3]
    );
    let outside = all(&format!("{}-outside", setup.marker()));
    assert_eq!(
        outside.iter().map(|(_, uid)| *uid).collect::<Vec<_>>(),
        [""; 3]
    );
}

#[test]
fn crun_too() {
    need!("crun", "unshare");
    let setup = Setup::new();
    let runtime = Oci::new("crun", &setup);
    let id = format!("{}-crun", setup.marker());
    let (first, second) = (format!("{id}-a"), format!("{id}-b"));
    let script = format!("/bin/true {first}; /bin/true {second}");
    let bundle = runtime.bundle(&id, &["/bin/sh", "-c", &script], None);
    let mut daemon = Daemon::start(&setup);
    // It refuses a unified tree beside the old ones; without it the old ones tell the container.
    let start = "umount /sys/fs/cgroup/unified 2>/dev/null; exec \"$0\" \"$@\"";
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "sh", "-c", start, "crun", "--root"])
        .arg(setup.dir().join("state"));
    command.args(["run", "--bundle"]).arg(&bundle).arg(&id);
    load::run(command.stdin(Stdio::null()));
    let records = daemon.stop();
    assert_inside(&records, &first, &id);
    assert_inside(&records, &second, &id);
}
