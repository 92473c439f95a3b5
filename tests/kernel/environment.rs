//! Environment variables: the listed ones, and no other.

use audit_tests::acts::act;
use audit_tests::{Lent, Record, Setup, elf};
use serde_json::{Value, json};

use crate::expect::{assert_at, severity_on};

/// Executes a program with exactly these variables; gives its record.
fn with_variables(setup: &Setup, variables: &[String]) -> Record {
    let mut daemon = Lent::take(setup);
    let program = elf::place(setup.dir().join("program"));
    let act = act(["clear"]);
    let act = variables
        .iter()
        .fold(act, |act, variable| act.with(["set", variable]));
    act.with(["exec"]).with([&program]).with(["called"]).done();
    daemon.seen().exec(setup.marker()).clone()
}

fn strings(variables: &[&str]) -> Vec<String> {
    variables
        .iter()
        .map(|variable| (*variable).to_owned())
        .collect()
}

#[test]
fn only_listed_variables_are_recorded() {
    let setup = Setup::new();
    let record = with_variables(
        &setup,
        &strings(&[
            "HOME=/root",
            "LD_PRELOAD=/tmp/hook.so",
            "LD_PRELOADED=1",
            "XLD_PRELOAD=1",
            "LD_=1",
            "PYTHONPATH=/a:/b",
            "SECRET_THING=very",
            "ENV=",
            "ENVIRONMENT=x",
            "LD_DEBUG=all",
        ]),
    );
    assert_at(
        &record,
        "process.environment_variables",
        json!([
            {"name": "LD_PRELOAD", "value": "/tmp/hook.so"},
            {"name": "PYTHONPATH", "value": "/a:/b"},
            {"name": "ENV", "value": ""},
        ]),
    );
    assert_at(&record, "severity_id", severity_on(setup.dir(), 2));
    for absent in ["LD_PRELOADED", "SECRET_THING", "ENVIRONMENT", "LD_DEBUG"] {
        assert!(!record.mentions(absent), "{absent} in {}", record.line);
    }
}

#[test]
fn without_a_listed_variable_nothing_is_said() {
    let setup = Setup::new();
    let record = with_variables(&setup, &strings(&["HOME=/root", "PATH=/bin"]));
    assert_at(&record, "process.environment_variables", Value::Null);
    assert_at(&record, "severity_id", severity_on(setup.dir(), 1));
}

#[test]
fn variables_of_interpreters_do_not_raise_the_severity() {
    let setup = Setup::new();
    let record = with_variables(&setup, &strings(&["PYTHONPATH=/a", "BASH_ENV=/b"]));
    assert_eq!(
        record
            .at("process.environment_variables")
            .as_array()
            .map(Vec::len),
        Some(2)
    );
    assert_at(&record, "severity_id", severity_on(setup.dir(), 1));
}

#[test]
fn the_list_is_the_configurations() {
    let setup = Setup::new().set("records.environment", r#"["MY_OWN", "OTHER"]"#);
    let record = with_variables(
        &setup,
        &strings(&["LD_PRELOAD=/x", "MY_OWN=1", "MY_OWNER=2"]),
    );
    assert_at(
        &record,
        "process.environment_variables",
        json!([{"name": "MY_OWN", "value": "1"}]),
    );
}

#[test]
fn a_long_value_is_cut_and_says_how_long_it_was() {
    for (length, cut) in [(1023, false), (1024, false), (1025, true), (3000, true)] {
        let value = "v".repeat(length);
        let record = with_variables(&Setup::new(), &[format!("LD_LIBRARY_PATH={value}")]);
        let shown = record.str("process.environment_variables.0.value");
        assert_eq!(shown.len(), length.min(1024), "{length}");
        let original = match cut {
            true => json!({"process.environment_variables[0].value": length}),
            false => Value::Null,
        };
        assert_at(&record, "unmapped.truncated", original);
    }
}

#[test]
fn listed_variables_are_found_behind_long_ones() {
    let setup = Setup::new();
    let mut variables: Vec<String> = (0..80)
        .map(|number| format!("FILLER_{number}={}", "f".repeat(number * 100)))
        .collect();
    variables.insert(20, format!("HUGE={}", "h".repeat(100_000)));
    variables.push("LD_AUDIT=/last".to_owned());
    let record = with_variables(&setup, &variables);
    let expected = json!([{"name": "LD_AUDIT", "value": "/last"}]);
    match audit_tests::kernel_version() >= (5, 17) {
        true => assert_at(&record, "process.environment_variables", expected),
        // There only so many strings are looked at; it is found or said to be unknown.
        false => {
            let unknown = record
                .at("unmapped.unknown")
                .as_array()
                .expect("what is unknown");
            assert!(
                unknown.contains(&json!("process.environment_variables")),
                "{}",
                record.line
            );
        }
    }
}

#[test]
fn more_listed_variables_than_are_kept_are_not_passed_over_in_silence() {
    let names: Vec<String> = (0..20)
        .map(|number| format!("LISTED_{number:02}"))
        .collect();
    let list: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
    let setup = Setup::new().set("records.environment", &format!("[{}]", list.join(", ")));
    let variables: Vec<String> = names.iter().map(|name| format!("{name}=value")).collect();
    let record = with_variables(&setup, &variables);
    let found = record
        .at("process.environment_variables")
        .as_array()
        .expect("some");
    assert_eq!(found.len(), 13, "{}", record.line);
    assert_at(&record, "metadata.is_truncated", true);
    let kept = found.len() * "LISTED_00=value\0".len();
    assert_at(
        &record,
        "unmapped.truncated",
        json!({"process.environment_variables": kept + 1}),
    );
}

/// The same name may stand there many times: it must not hide what comes behind.
#[test]
fn a_crowd_of_harmless_variables_hides_nothing_in_silence() {
    let setup = Setup::new();
    let mut daemon = Lent::take(&setup);
    let program = elf::place(setup.dir().join("program"));
    let mut command = act(["exec-with"]).with([&program]);
    for number in 0..13 {
        command = command.with([format!("ENV=/harmless/{number}")]);
    }
    command.with(["LD_PRELOAD=/hidden.so"]).done();
    let records = daemon.seen();
    let record = records.exec(setup.marker());
    assert_at(record, "metadata.is_truncated", true);
    assert!(record.at("unmapped.truncated")["process.environment_variables"].is_u64());
}

#[test]
fn an_empty_string_or_one_without_a_value_hides_nothing() {
    let setup = Setup::new();
    let mut daemon = Lent::take(&setup);
    let program = elf::place(setup.dir().join("program"));
    act(["exec-with"])
        .with([&program])
        .with(["", "LD_AUDIT", "=", "LD_PRELOAD=/hidden.so", ""])
        .done();
    let records = daemon.seen();
    let record = records.exec(setup.marker());
    assert_at(
        record,
        "process.environment_variables",
        json!([{"name": "LD_PRELOAD", "value": "/hidden.so"}]),
    );
    assert_at(record, "unmapped.truncated", Value::Null);
}

#[test]
fn values_are_masked() {
    let setup = Setup::new().set(
        "records.environment",
        r#"["PGPASSWORD", "GIT_SSH_COMMAND"]"#,
    );
    let secret = "correct-horse-battery";
    let record = with_variables(
        &setup,
        &[
            format!("PGPASSWORD={secret}"),
            format!("GIT_SSH_COMMAND=sshpass -p {secret} ssh"),
        ],
    );
    assert!(!record.mentions(secret), "{}", record.line);
    assert_at(&record, "process.environment_variables.0.value", "<masked>");
    let marks = record.at("unmapped.masked")["process.environment_variables[0].value"].clone();
    assert_eq!(marks[0]["length"], secret.len(), "{}", record.line);
}

#[test]
fn values_of_any_bytes_are_kept() {
    let setup = Setup::new();
    let mut daemon = Lent::take(&setup);
    let program = elf::place(setup.dir().join("program"));
    act(["clear", "set"])
        .bytes(b"LD_PRELOAD=/tmp/\xff\x1b")
        .with(["exec"])
        .with([&program])
        .with(["called"])
        .done();
    let records = daemon.seen();
    let record = records.exec(setup.marker());
    assert_at(
        record,
        "process.environment_variables.0.value",
        "/tmp/\\xff\u{1b}",
    );
    assert_at(
        record,
        "unmapped.raw",
        json!({
            "process.environment_variables[0].value": "L3RtcC//Gw==",
        }),
    );
}
