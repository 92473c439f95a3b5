//! Reloads that change nothing: bad configurations, nobody there, nobody allowed.

use std::os::unix::process::CommandExt;
use std::process::Command;

use audit_tests::home::daemon_program;
use audit_tests::{Daemon, Setup};
use nix::sys::signal::Signal;
use serde_json::Value;

use super::{changes, file, home, opens, read, reload, reloaded, sha256, text, watch};

#[test]
fn a_bad_configuration_leaves_the_old_one_and_says_so_everywhere() {
    let plain = home();
    let file = file(&plain, "kept");
    let before = plain.append(&watch(&file, "a"));
    let mut daemon = Daemon::start(&before);
    let old_hash = sha256(&before.config_file());
    let bad = before.clone().append("opertaions = [\"write\"]\n");
    let output = reload(&bad);
    let config = bad.config_file().display().to_string();
    let line = bad.config_text().lines().count();
    let gutter = " ".repeat(line.to_string().len());
    let expected = format!(
        "error: unknown key `opertaions` in [[watch]] \"kept\"\n{gutter} --> {config}:{line}:1\n \
         {gutter} |\n {line} | opertaions = [\"write\"]\n {gutter} | ^^^^^^^^^^ did you mean \
         `operations`?\nNothing was started; the running daemon keeps its old config.\n"
    );
    assert_eq!(text(&output.stderr), expected);
    assert_eq!(
        (output.status.code(), text(&output.stdout)),
        (Some(2), String::new())
    );
    let said = daemon.stderr();
    assert!(
        said.contains("configuration refused; the old one stays"),
        "{said}"
    );
    assert!(said.contains(&expected), "{said}");
    let problem = &daemon.ask().0["problems"][0];
    assert_eq!(
        problem["what"],
        "the last reload was refused, the old configuration stays"
    );
    read(&file);
    let bad_hash = sha256(&bad.config_file());
    // A good one makes all well again.
    assert_eq!(
        reloaded(&before),
        "Configuration reloaded: nothing changed\n"
    );
    assert_eq!(daemon.ask().0["problems"], serde_json::json!([]));
    let records = daemon.stop();
    assert_eq!(opens(&records, &file).len(), 1);
    let found = changes(&records);
    assert_eq!(found.len(), 2);
    let refused = found[0];
    assert_eq!(
        (refused.num("status_id"), refused.num("severity_id")),
        (2, 1)
    );
    let detail = format!("unknown key `opertaions` in [[watch]] \"kept\" ({config}:{line}:1)");
    assert_eq!(refused.str("status_detail"), detail);
    assert_eq!(refused.str("entity.uid"), old_hash);
    assert_eq!(refused.str("entity_result.uid"), bad_hash);
    assert_eq!(refused.at("unmapped"), &Value::Null);
    assert_eq!(refused.str("actor.process.name"), "audit-daemon");
    // The old one is what the next one replaces.
    assert_eq!(found[1].str("entity.uid"), old_hash);
}

#[test]
fn whatever_is_wrong_the_old_one_stays() {
    let setup = Setup::new();
    let mut daemon = Daemon::start(&setup);
    let kept = "keeps its old config.\n";
    let cases = [
        ("[mask]\nenabled = perhaps\n", 2, "--> "),
        ("[[mask.rule]]\nname = \"x\"\npattern = '('\n", 2, "--> "),
        (
            "[[watch]]\nname = \"x\"\npaths = [\"relative\"]\n",
            2,
            "--> ",
        ),
        ("\u{0}\u{1}", 2, "--> "),
    ];
    for (more, code, part) in cases {
        let output = reload(&setup.clone().append(more));
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(said.contains(part) && said.ends_with(kept), "{said}");
    }
    // A file that is gone has no hash.
    std::fs::remove_file(setup.config_file()).expect("remove");
    daemon.signal(Signal::SIGHUP);
    let records = daemon.wait_for("five refusals", |records| changes(records).len() == 5);
    let last = changes(&records)[4];
    assert!(
        last.str("status_detail")
            .starts_with("cannot read the configuration: ")
    );
    assert_eq!(last.at("entity_result"), &Value::Null);
    setup.write_config();
    let statuses: Vec<i64> = changes(&daemon.stop())
        .iter()
        .map(|change| change.num("status_id"))
        .collect();
    assert_eq!(statuses, [2; 5]);
}

/// More names than the kernel's map can hold are found out when some are in it already.
#[test]
fn watches_without_room_in_the_kernel_are_refused_and_taken_out_again() {
    const PATHS: usize = 130;
    const NAMES: usize = 300;
    let plain = home();
    let [kept, many] = ["kept", "many"].map(|name| file(&plain, name));
    // There already: one that is made is a reason to look again, which would tidy up as well.
    let name = many.with_file_name("half-0-0");
    std::fs::write(&name, "").expect("write");
    let before = plain.append(&watch(&kept, "a"));
    let mut daemon = Daemon::start(&before);
    let dir = many.parent().expect("a directory").display().to_string();
    let watching = |name: &str, paths: usize| {
        let of_path = |path: usize| {
            let names = (0..NAMES).map(|number| format!("{name}-{path}-{number}"));
            format!("\"{dir}/{{{}}}\"", names.collect::<Vec<_>>().join(","))
        };
        let paths: Vec<String> = (0..paths).map(of_path).collect();
        let paths = paths.join(", ");
        format!("[[watch]]\nname = \"{name}\"\noperations = [\"read\"]\npaths = [{paths}]\n")
    };
    let too_many = watching("all", PATHS);
    let output = reload(&before.clone().append(&too_many));
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.starts_with("error: watches: ") && said.contains("the watch maps"),
        "{said}"
    );
    read(&kept);
    // There is room again for others.
    let half = watching("half", PATHS / 2);
    assert_eq!(
        reloaded(&before.clone().append(&half)),
        "Configuration reloaded: 1 watch added\n  watches added     half\n"
    );
    read(&name);
    read(&kept);
    before.write_config();
    let records = daemon.stop();
    assert_eq!(opens(&records, &kept).len(), 2);
    assert_eq!(opens(&records, &name).len(), 1);
    assert_eq!(changes(&records)[0].num("status_id"), 2);
}

#[test]
fn without_a_daemon_it_says_how_to_start_one() {
    let setup = Setup::new();
    let output = reload(&setup);
    let expected = format!(
        "error: audit-daemon is not running (nobody answers on {}).\nStart it: sudo systemctl start \
         audit-daemon, or by hand: sudo audit-daemon run\n",
        setup.socket().display()
    );
    assert_eq!(
        (output.status.code(), text(&output.stderr)),
        (Some(1), expected)
    );
    // What is wrong with the configuration says more.
    let output = reload(&setup.clone().append("[log]\nsegmnt = 1\n"));
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.starts_with("error: "), "{said}");
    setup.write_config();
}

#[test]
fn only_root_may_reload() {
    const NOBODY: u32 = 65_534;
    let setup = Setup::new();
    let mut daemon = Daemon::start(&setup);
    let program = setup.dir().join("audit-daemon");
    std::fs::copy(daemon_program(), &program).expect("copy");
    let mut command = Command::new(program);
    command
        .args(["reload", "--config"])
        .arg(setup.config_file());
    let output = command.uid(NOBODY).gid(NOBODY).output().expect("start");
    let expected = format!(
        "error: only root may reload ({}).\nRun: sudo audit-daemon reload\n",
        setup.socket().display()
    );
    assert_eq!(
        (output.status.code(), text(&output.stderr)),
        (Some(4), expected)
    );
    let records = daemon.stop();
    assert_eq!(changes(&records).len(), 0);
}
