//! The commands beside `run`: help, check, schema, unload.

use std::process::{Command, Output, Stdio};

use audit_tests::home::daemon_program;
use audit_tests::{Daemon, Setup};

use crate::load;

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn run(args: &[&str]) -> Output {
    Command::new(daemon_program())
        .args(args)
        .stdin(Stdio::null())
        .output()
        .expect("start")
}

#[test]
fn help_and_version_say_what_they_should_on_one_screen() {
    for args in [
        ["--help"].as_slice(),
        &["run", "--help"],
        &["check", "--help"],
        &["status", "-h"],
        &["reload", "--help"],
    ] {
        let output = run(args);
        let said = text(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{args:?}");
        assert!(
            said.lines().count() <= 40,
            "{args:?} fits no screen:\n{said}"
        );
        let longest = said.lines().map(|line| line.chars().count()).max();
        assert!(longest <= Some(80), "{args:?} is {longest:?} wide:\n{said}");
    }
    let help = text(&run(&["--help"]).stdout);
    for part in [
        "Exit codes: 0 fine",
        "Examples:",
        "run ",
        "check ",
        "status ",
        "reload ",
        "unload ",
        "schema ",
    ] {
        assert!(help.contains(part), "{part:?} is not in\n{help}");
    }
    let version = run(&["--version"]);
    assert_eq!(version.status.code(), Some(0));
    assert_eq!(
        text(&version.stdout),
        format!("audit-daemon {}\n", env!("CARGO_PKG_VERSION"))
    );
    assert_eq!(run(&["frobnicate"]).status.code(), Some(2));
    assert_eq!(run(&["run", "--stdout", "xml"]).status.code(), Some(2));
    assert_eq!(run(&[]).status.code(), Some(2));
}

#[test]
fn unload_takes_everything_out_once() {
    load::need_pins!();
    let setup = Setup::new().set("kernel.pin", "\"required\"");
    Daemon::start(&setup).stop();
    let pins = std::fs::read_dir(setup.pin_dir()).expect("pins").count();
    assert!(pins > 0);
    let said = load::run(&mut setup.command("unload"));
    let expected = format!(
        "Removed {pins} pins from {}: nothing of ours is left in the kernel, unless a daemon is \
         running.\n",
        setup.pin_dir().display()
    );
    assert_eq!(said, expected);
    assert_eq!(
        std::fs::read_dir(setup.pin_dir()).map_or(0, Iterator::count),
        0
    );
    let nothing = format!("Nothing is pinned in {}.\n", setup.pin_dir().display());
    assert_eq!(load::run(&mut setup.command("unload")), nothing);
    // The next start loads anew.
    let mut daemon = Daemon::start(&setup);
    assert_eq!(daemon.status().0["daemon"]["adopted_restarts"], 0);
    daemon.stop();
}

#[test]
fn the_schema_is_json_and_knows_the_keys() {
    let schema: serde_json::Value =
        serde_json::from_slice(&run(&["schema"]).stdout).expect("JSON Schema");
    let sections = schema["properties"].as_object().expect("properties");
    for section in [
        "log", "kernel", "events", "records", "mask", "status", "metrics",
    ] {
        assert!(sections.contains_key(section), "{section}");
    }
    assert_eq!(schema["additionalProperties"], false);
}

#[test]
fn check_fits_80_columns_and_starts_nothing() {
    let setup = Setup::new();
    let said = load::run(&mut setup.command("check"));
    for line in said.lines() {
        assert!(
            line.chars().count() <= 80 || line.contains(setup.marker()),
            "too wide: {line}"
        );
    }
    let file = setup.config_file().display().to_string();
    assert!(
        said.starts_with("audit-daemon ") && said.contains(&file),
        "{said}"
    );
    for event in [
        "exec  ",
        "exec failed ",
        "fork ",
        "exit ",
        "cgroup created ",
    ] {
        assert_eq!(
            said.lines().filter(|line| line.starts_with(event)).count(),
            1,
            "{said}"
        );
    }
    assert!(!setup.log_dir().exists() && !setup.pin_dir().exists() && !setup.socket().exists());
}

#[test]
fn check_as_json_names_every_event_with_its_mechanism() {
    let setup = Setup::new();
    let said = load::run(setup.command("check").arg("--json"));
    let checked: serde_json::Value = serde_json::from_str(&said).expect("JSON");
    let events = checked["events"].as_array().expect("events");
    let exec = events
        .iter()
        .find(|event| event["event"] == "exec")
        .expect("exec");
    let (mechanism, at) = match audit_tests::kernel_version() >= (7, 0) {
        true => ("tracepoint", "sched/sched_process_exec"),
        false => ("raw tracepoint", "sched_process_exec"),
    };
    assert_eq!(
        (
            &exec["mechanism"],
            &exec["at"],
            &exec["required"],
            &exec["cannot_see"]
        ),
        (
            &serde_json::json!(mechanism),
            &serde_json::json!([at]),
            &serde_json::json!("always"),
            &serde_json::json!("")
        )
    );
    let file = setup.config_file().display().to_string();
    assert_eq!(checked["config"][0]["path"], file);
    let digest = load::run(Command::new("sha256sum").arg(setup.config_file()));
    assert_eq!(
        checked["config"][0]["sha256"].as_str(),
        digest.split(' ').next()
    );
}

/// What is in order and yet not what its author thinks is said before anything is relied on.
#[test]
fn check_warns_of_watches_that_are_less_than_they_seem() {
    let setup = Setup::new().set("events.file.record", "true");
    let ring = setup.dir().join("ring");
    std::os::unix::fs::symlink("ring", &ring).expect("symlink");
    let watch = format!(
        "[[watch]]\nname = \"pay\"\npaths = [\"{}/x\", \"{}/**\"]\n\
         exclude = [{{ executables = [\"/bin/sh\", \"/no/such/program\"] }}]\n",
        ring.display(),
        setup.dir().display(),
    );
    let setup = setup.append(&watch);
    let said = load::run(setup.command("check").arg("--json"));
    let checked: serde_json::Value = serde_json::from_str(&said).expect("JSON");
    let warnings: Vec<&str> = checked["warnings"]
        .as_array()
        .expect("warnings")
        .iter()
        .map(|warning| warning.as_str().expect("text"))
        .collect();
    let expected = [
        "watch \"pay\": the excluded program \"/bin/sh\" is an interpreter or a script: whatever \
         runs in it is excluded too; name programs of their own"
            .to_owned(),
        "watch \"pay\": the excluded program \"/no/such/program\" does not exist: it excludes \
         nothing until it does"
            .to_owned(),
        format!(
            "watch \"pay\": {ring:?} leads round in a loop of symbolic links: only the links are \
             watched"
        ),
    ];
    assert_eq!(warnings, expected);
}

/// An auditor can compare what is excluded with what was delivered.
#[test]
fn check_lists_excluded_programs_by_their_contents() {
    let setup = Setup::new().set("events.file.record", "true");
    let program = setup.dir().join("program");
    std::fs::write(&program, "\x7fELF").expect("write");
    let watch = format!(
        "[[watch]]\nname = \"pay\"\npaths = [\"/srv/pay/**\"]\n\
         exclude = [{{ executables = [{program:?}, \"/no/such/program\"] }}, \
         {{ executables = [{program:?}], users = [\"backup\"] }}]\n"
    );
    let setup = setup.append(&watch);
    let said = load::run(setup.command("check").arg("--json"));
    let checked: serde_json::Value = serde_json::from_str(&said).expect("JSON");
    let digest = load::run(Command::new("sha256sum").arg(&program));
    let digest = digest.split(' ').next().expect("a digest");
    let expected = serde_json::json!([
        { "path": program, "sha256": digest, "reason": null },
        { "path": "/no/such/program", "sha256": null, "reason": "does not exist" },
    ]);
    assert_eq!(checked["excluded"], expected);
    let text = load::run(&mut setup.command("check"));
    let table: Vec<&str> = text
        .lines()
        .skip_while(|line| !line.starts_with("excluded program"))
        .take_while(|line| !line.is_empty())
        .collect();
    let row = |path: &str, hash: &str| format!("{path:<62}  {hash}");
    let path = program.to_str().expect("UTF-8");
    let expected = [
        row("excluded program", "sha256"),
        row(path, &digest[..16]),
        row("/no/such/program", "-"),
    ];
    assert_eq!(table, expected);
}
