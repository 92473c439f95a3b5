//! What is told of a change, and what of it takes effect. Must not read files.

use super::*;

fn watch(name: &str, path: &str) -> Watch {
    Watch {
        name: name.to_owned(),
        paths: vec![path.to_owned()],
        ..Watch::default()
    }
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn watches_are_told_apart_by_name_and_settings_by_key() {
    let start = Config::default();
    let mut old = Config::default();
    old.records.labels = names(&["env:test"]);
    let mut new = Config::default();
    new.records.labels = names(&["env:prod"]);
    new.mask.enabled = false;
    new.log.dir = "/elsewhere".into();
    new.kernel.ring_bulk *= 2;
    let old_watches = [watch("a", "/a"), watch("b", "/b"), watch("c", "/c")];
    // Another order is no difference.
    let new_watches = [watch("d", "/d"), watch("b", "/b2"), watch("a", "/a")];
    let found = between(&start, (&old, &old_watches), (&new, &new_watches));
    let expected = ConfigDifference {
        added: names(&["d"]),
        removed: names(&["c"]),
        changed: names(&["b"]),
        settings: names(&["mask.enabled", "records.labels"]),
        restart: names(&["kernel.ring_bulk", "log.dir"]),
    };
    assert_eq!(found, expected);
    assert_eq!(
        summary(&found),
        "configuration reloaded: 1 watch added, 1 removed, 1 changed, 2 settings changed, 2 settings \
         wait for a restart"
    );
}

#[test]
fn what_waits_for_a_restart_is_named_until_then() {
    let start = Config::default();
    let mut new = Config::default();
    new.log.dir = "/elsewhere".into();
    let again = between(&start, (&new, &[]), (&new, &[]));
    assert_eq!(again.restart, ["log.dir"]);
    assert_eq!(
        text(&again, &[]),
        "Configuration reloaded: 1 setting waits for a restart\n  needs a restart   log.dir\n\
         Restart the daemon for the rest: sudo systemctl restart audit-daemon"
    );
    let back = between(&start, (&new, &[]), (&start, &[]));
    assert!(back.is_empty(), "{back:?}");
    assert_eq!(
        text(&back, &["careful".to_owned()]),
        "Configuration reloaded: nothing changed\n! careful"
    );
}

/// What a reload takes effect for is documented: docs/CONTRACT.md, section 12.
#[test]
fn what_takes_effect_at_once_is_this() {
    let mut new = Config::default();
    new.counts.interval *= 2;
    new.log.cap = config::Cap::Bytes(1 << 30);
    new.log.commit_interval *= 2;
    new.log.segment_size *= 2;
    new.mask.disabled_rules = names(&["x"]);
    new.records.actor_detail = config::ActorDetail::Full;
    new.records.environment.clear();
    new.records.command_line_max *= 2;
    new.records.snapshot = false;
    new.users.cache_max *= 2;
    new.status.socket = "/x".into();
    let old = Config::default();
    let found = between(&old, (&old, &[]), (&new, &[]));
    let live = [
        "counts.interval",
        "log.cap",
        "log.commit_interval",
        "log.segment_size",
        "mask.disabled_rules",
        "records.actor_detail",
    ];
    let restart = [
        "records.command_line_max",
        "records.environment",
        "records.snapshot",
        "status.socket",
        "users.cache_max",
    ];
    assert_eq!(found.settings, live);
    assert_eq!(found.restart, restart);
    let live = |key| is_live(&old, key);
    assert!(live("events.exit.record") && !live("events.exit.required"));
    // Without it at the start there are no hooks.
    assert!(live("events.file.record"));
    let mut off = Config::default();
    off.events.record_none();
    assert!(is_live(&off, "events.exit.record") && !is_live(&off, "events.file.record"));
}

#[test]
fn several_files_are_known_by_the_list_of_them() {
    let source = |path: &str, digit: &str| Source {
        path: path.into(),
        sha256: digit.repeat(64),
        embedded: false,
    };
    let one = identity(&[source("/a", "1")]);
    assert_eq!((&*one.name, one.sha256), (&b"/a"[..], [0x11; 32]));
    let two = identity(&[source("/a", "1"), source("/b", "2")]);
    assert_eq!(two.name, b"/a");
    let list = format!("{}  /a\n{}  /b\n", "1".repeat(64), "2".repeat(64));
    let expected: [u8; 32] = Sha256::digest(list.as_bytes()).into();
    assert_eq!(two.sha256, expected);
}

#[test]
fn long_lists_are_cut_for_people() {
    let added = (0..25).map(|n| format!("w{n:02}")).collect();
    let many = ConfigDifference {
        added,
        ..ConfigDifference::default()
    };
    let said = text(&many, &[]);
    assert!(
        said.starts_with("Configuration reloaded: 25 watches added\n"),
        "{said}"
    );
    assert!(said.ends_with("w18, w19 and 5 more"), "{said}");
}

#[test]
fn a_refusal_says_first_what_and_where() {
    let error = RunError::NotTaken;
    let (reason, text) = refused(&error);
    assert!(
        !reason.contains('\n') && text.starts_with("error: "),
        "{text}"
    );
    assert!(text.ends_with(KEPT), "{text}");
}
