//! Arguments: any bytes, each separable, whole up to the limit.

use std::process::{Command, Stdio};

use audit_tests::acts::act;
use audit_tests::{Daemon, Lent, Record, Records, Setup, elf};
use serde_json::Value;

use crate::expect::{assert_at, assert_whole};

/// Executes a program called `p` once for each list of arguments; gives the records in order.
fn executed(setup: &Setup, lists: &[Vec<&[u8]>]) -> (Vec<Record>, Records) {
    let mut daemon = Lent::take(setup);
    let program = elf::place(setup.dir().join("program"));
    for list in lists {
        let act = act(["exec"]).with([&program]);
        list.iter().fold(act, |act, word| act.bytes(word)).done();
    }
    let records = daemon.seen();
    let found: Vec<Record> = records.execs(setup.marker()).into_iter().cloned().collect();
    assert_eq!(found.len(), lists.len());
    (found, records)
}

/// Splits as a shell does: what readers do to have argv back.
fn shell_split(text: &str) -> Vec<String> {
    let (mut words, mut word, mut quote, mut begun) = (Vec::new(), String::new(), None, false);
    for c in text.chars() {
        match (quote, c) {
            (None, ' ') => {
                if begun {
                    words.push(std::mem::take(&mut word));
                }
                begun = false;
            }
            (None, '\'' | '"') => (quote, begun) = (Some(c), true),
            (Some(q), c) if q == c => quote = None,
            (_, c) => {
                word.push(c);
                begun = true;
            }
        }
    }
    assert_eq!(quote, None, "an open quote in {text}");
    if begun {
        words.push(word);
    }
    words
}

#[test]
fn arguments_are_separable_whatever_they_hold() {
    let setup = Setup::new();
    let list: Vec<&str> = vec![
        "p",
        "two words",
        "",
        "line\nbreak",
        "tab\there",
        "it's",
        "\"quoted\"",
        "back\\slash",
        "$HOME `id` ;|&<>*?[]{}~!#",
        "-",
        "--",
        " ",
        "näme",
        "日本語",
        "\u{1b}[31mred\u{7}",
        "'",
    ];
    let bytes: Vec<&[u8]> = list.iter().map(|word| word.as_bytes()).collect();
    let (found, _) = executed(&setup, &[bytes]);
    let record = &found[0];
    assert_eq!(shell_split(record.str("process.cmd_line")), list);
    assert_at(record, "unmapped.raw", Value::Null);
    assert!(!record.line.contains('\u{1b}') && !record.line.contains('\n'));
    assert_whole(record);
}

#[test]
fn bytes_that_are_no_text_are_kept_beside_their_escapes() {
    let setup = Setup::new();
    let (found, _) = executed(&setup, &[vec![b"p", b"caf\xe9", b"\xff\xfe\x80", b"ok"]]);
    let record = &found[0];
    let command = record.str("process.cmd_line");
    assert_eq!(
        shell_split(command),
        ["p", "caf\\xe9", "\\xff\\xfe\\x80", "ok"]
    );
    // argv joined by NUL: p\0caf\xe9\0\xff\xfe\x80\0ok
    assert_at(
        record,
        "unmapped.raw",
        serde_json::json!({
            "process.cmd_line": "cABjYWbpAP/+gABvaw==",
        }),
    );
}

#[test]
fn empty_arguments_count() {
    let setup = Setup::new();
    let (found, _) = executed(
        &setup,
        &[vec![b"p", b"", b"", b"x", b""], vec![b""], vec![b"", b""]],
    );
    let commands: Vec<&str> = found
        .iter()
        .map(|record| record.str("process.cmd_line"))
        .collect();
    assert_eq!(commands, ["p '' '' x ''", "''", "'' ''"]);
}

/// Newer kernels (and old ones that were mended) give a program one empty argument at least.
#[test]
fn no_arguments_at_all_are_recorded_as_the_kernel_makes_them() {
    let setup = Setup::new();
    let mut daemon = Lent::take(&setup);
    let program = elf::place_program(setup.dir().join("program"), &elf::waits());
    let mut child = act(["exec-null-argv"]).with([&program]).start();
    let proc = std::path::PathBuf::from(format!("/proc/{}", child.id()));
    // It sleeps once it runs; its path alone changes before its arguments are in place.
    let sleeps = || {
        let stat = std::fs::read_to_string(proc.join("stat")).expect("a running process");
        let path = std::fs::read_link(proc.join("exe")).expect("a running process");
        path == program && stat.contains(") S ")
    };
    while !sleeps() {
        std::thread::yield_now();
    }
    let truth = std::fs::read(proc.join("cmdline")).expect("its arguments");
    child.kill().expect("kill");
    child.wait().expect("wait");
    let records = daemon.seen();
    let record = records.exec(setup.marker());
    match truth.as_slice() {
        b"" => assert_at(record, "process.cmd_line", Value::Null),
        _ => assert_at(record, "process.cmd_line", "''"),
    }
    assert_whole(record);
}

#[test]
fn many_arguments_are_all_there() {
    let setup = Setup::new();
    let words: Vec<String> = (0..2000).map(|number| number.to_string()).collect();
    let mut list: Vec<&[u8]> = vec![b"p"];
    list.extend(words.iter().map(|word| word.as_bytes()));
    let setup_wide = setup.clone().set("records.command_line_max", "\"16 KiB\"");
    let (found, _) = executed(&setup_wide, &[list]);
    assert_eq!(
        found[0].str("process.cmd_line"),
        format!("p {}", words.join(" "))
    );
    assert_whole(&found[0]);
}

/// Arguments whose bytes, NULs included, are so many: "p" and one long one.
fn list_of(bytes: usize) -> (String, Vec<u8>) {
    let long = "a".repeat(bytes - 3);
    (format!("p {long}"), long.into_bytes())
}

fn boundary(setup: &Setup, limit: usize) {
    let lists = [limit - 1, limit, limit + 1, 3 * limit].map(|bytes| (bytes, list_of(bytes)));
    let argvs: Vec<Vec<&[u8]>> = lists
        .iter()
        .map(|(_, (_, long))| vec![&b"p"[..], long.as_slice()])
        .collect();
    let (found, _) = executed(setup, &argvs);
    for (record, (bytes, (command, _))) in found.iter().zip(&lists) {
        let shown = record.str("process.cmd_line");
        if *bytes <= limit {
            assert_eq!(shown.len(), command.len(), "{bytes} bytes");
            assert_eq!(shown, command);
            assert_whole(record);
        } else {
            assert!(
                command.starts_with(shown) && shown.len() == limit,
                "{} bytes",
                shown.len()
            );
            assert_at(record, "metadata.is_truncated", true);
            assert_at(
                record,
                "unmapped.truncated",
                serde_json::json!({
                    "process.cmd_line": bytes,
                }),
            );
        }
    }
}

#[test]
fn the_default_limit_is_exact() {
    boundary(&Setup::new(), 8192);
}

#[test]
fn a_lower_limit_is_exact() {
    boundary(
        &Setup::new().set("records.command_line_max", "\"1 KiB\""),
        1024,
    );
}

#[test]
fn the_highest_limit_is_exact() {
    boundary(
        &Setup::new().set("records.command_line_max", "\"32 KiB\""),
        32 * 1024,
    );
}

#[test]
fn secrets_are_nowhere_in_the_log() {
    let secret = format!("hunter2-{}-s3cr3t", std::process::id());
    let url = format!("https://user:{secret}@example.org/");
    let option = format!("-p{secret}");
    let long = format!("--password={secret}");
    let setup = Setup::new();
    let mut daemon = Daemon::start(&setup);
    let mysql = elf::place(setup.dir().join("mysql"));
    let other = elf::place(setup.dir().join("tool"));
    let tag = format!("tag-{}", setup.marker());
    act(["exec"])
        .with([&mysql])
        .with(["mysql", &option, &tag])
        .done();
    act(["exec"])
        .with([&other])
        .with(["tool", &long, "--password", &secret, &url, &tag])
        .done();
    // A failed exec says as much.
    let missing = setup.dir().join("missing/mysql");
    act(["exec"])
        .with([&missing])
        .with(["mysql", &option, &tag])
        .done();
    let records = daemon.stop();
    let found = records.execs(&tag);
    assert_eq!(found.len(), 3);
    assert_at(
        found[0],
        "process.cmd_line",
        format!("mysql '-p<masked>' {tag}"),
    );
    for record in &found {
        let marks = record.at("unmapped.masked")["process.cmd_line"].as_array();
        let marks = marks.unwrap_or_else(|| panic!("marks of {}", record.line));
        for mark in marks {
            assert_eq!(mark["length"], secret.len(), "{}", record.line);
            assert!(mark["rule"].as_str().is_some_and(|rule| !rule.is_empty()));
        }
    }
    assert_eq!(
        found[1].at("unmapped.masked")["process.cmd_line"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
    // Not in any file of the log, whatever its name; grep is not needed for that.
    let mut dirs = vec![setup.log_dir()];
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(dir).expect("read the log directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                dirs.push(path);
                continue;
            }
            let bytes = std::fs::read(&path).expect("read");
            let found = bytes
                .windows(secret.len())
                .any(|window| window == secret.as_bytes());
            assert!(!found, "the secret is in {}", path.display());
        }
    }
}

#[test]
fn many_short_processes_keep_their_own_arguments() {
    let setup = Setup::new();
    let mut daemon = Lent::take(&setup);
    let program = elf::place(setup.dir().join("program"));
    let mut children = Vec::new();
    for number in 0..64 {
        let argument = format!("{number}-{}", "x".repeat(number * 100));
        let child = Command::new(&program)
            .arg(&argument)
            .stdin(Stdio::null())
            .spawn();
        children.push((child.expect("spawn"), argument));
    }
    let pids: Vec<(u32, String)> = children
        .iter()
        .map(|(child, argument)| (child.id(), argument.clone()))
        .collect();
    for (child, _) in &mut children {
        child.wait().expect("wait");
    }
    let records = daemon.seen();
    assert_eq!(records.execs(setup.marker()).len(), pids.len());
    for (pid, argument) in pids {
        let record = records
            .execs(setup.marker())
            .into_iter()
            .find(|record| record.pid() == pid);
        let record = record.expect("a record for each pid");
        assert_at(
            record,
            "process.cmd_line",
            format!("{} {argument}", program.display()),
        );
    }
}
