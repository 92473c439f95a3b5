//! Other names, other directories, names that are new.

use std::path::Path;

use audit_tests::acts::act;
use audit_tests::hooks::acts_on_functions;

use super::{
    Places, RDONLY, WRONLY, assert_all, assert_opens, assert_seen, assert_whole_log,
    in_guests_less, kinds, of_file, of_process, open, skipped, with,
};
use crate::expect::file_uid;

const WRITE: &[&str] = &["file.open_write"];

#[test]
fn a_hard_link_made_before_the_start_is_no_way_round() {
    for file in [Places::file, Places::plain] {
        let places = Places::new();
        let alias = places.outside.join("alias");
        std::fs::hard_link(file(&places), &alias).expect("link");
        assert_seen(&places, &open(&alias, WRONLY), &file(&places), WRITE);
    }
}

/// Of a file that is watched by its own name. That of a file below a tree is a miss, by name.
#[test]
fn a_hard_link_made_after_the_start_and_opened_at_once_is_no_way_round() {
    let places = Places::new();
    let (file, alias) = (places.plain(), places.outside.join("alias"));
    let act = with(&["link-open"], [&file, &alias], WRONLY);
    assert_seen(&places, &act, &file, WRITE);
}

/// Each link in that directory makes the daemon look anew, so that many are made during a look.
#[test]
fn hard_links_made_while_the_daemon_looks_are_no_way_round() {
    if !acts_on_functions() {
        audit_tests::skip!("a link of a file below a tree is a miss here, by name");
    }
    const COUNT: usize = 400;
    let places = Places::new();
    let uids: Vec<String> = (0..COUNT)
        .map(|number| {
            let file = places.tree.join(number.to_string());
            std::fs::write(&file, b"content").expect("write");
            file_uid(&file)
        })
        .collect();
    let mut daemon = places.start();
    let acted = act(["link-many", &COUNT.to_string()])
        .with([&places.tree, &places.outside])
        .with([WRONLY.to_string()])
        .done();
    let records = daemon.stop();
    assert_eq!(acted.number(), 0);
    assert_whole_log(&records);
    let found = of_process(&records, acted.pid);
    assert_eq!(kinds(&found), vec![WRITE[0]; found.len()]);
    let found: Vec<&str> = found.iter().map(|record| record.str("file.uid")).collect();
    let uids: Vec<&str> = uids.iter().map(String::as_str).collect();
    assert_all(&found, &uids, skipped(&records));
}

#[test]
fn a_bare_handle_that_is_opened_again_is_recorded_twice() {
    let places = Places::new();
    let act = with(&["reopen"], [&places.file()], WRONLY);
    let both = ["file.open_read", "file.open_write"];
    assert_seen(&places, &act, &places.file(), &both);
}

#[test]
fn a_handle_that_was_got_elsewhere_is_no_way_round() {
    let places = Places::new();
    let act = act(["chdir"])
        .with([&places.outside])
        .with(["open-by-handle"])
        .with([&places.file()])
        .with([WRONLY.to_string()]);
    assert_seen(&places, &act, &places.file(), WRITE);
}

#[test]
fn new_directories_are_watched_within_microseconds() {
    let count = in_guests_less(1_000);
    let places = Places::new();
    let mut daemon = places.start();
    let acted = act(["fresh-many", &count.to_string()])
        .with([&places.tree])
        .with(["", "new"])
        .done();
    let records = daemon.stop();
    assert_whole_log(&records);
    let found = of_process(&records, acted.pid);
    assert_opens(&found, None);
    let found: Vec<(&str, &str)> = found
        .iter()
        .map(|record| (record.kind(), record.str("file.path")))
        .collect();
    let names: Vec<String> = (0..count)
        .map(|number| format!("{}/{number}/new", places.tree.display()))
        .collect();
    let expected: Vec<(&str, &str)> = names
        .iter()
        .flat_map(|name| [("file.create", &**name), ("file.open_read", name)])
        .collect();
    assert_all(&found, &expected, skipped(&records));
}

/// Two directories on the way to what is watched are not there at the start.
#[test]
fn a_path_that_is_made_after_the_start_is_watched_at_once() {
    let places = Places::new();
    let mut daemon = places.start();
    let later = places.setup.dir().join("later");
    std::fs::create_dir(&later).expect("mkdir");
    // later/deep/0/sub/new
    let acted = act(["chdir"])
        .with([&later])
        .with(["descend", "1", "deep", "fresh-many", "2", ".", "sub", "new"])
        .done();
    let records = daemon.stop();
    assert_whole_log(&records);
    for number in ["0", "1"] {
        let uid = file_uid(&later.join(format!("deep/{number}/sub/new")));
        let found = of_file(&records, acted.pid, &uid);
        let expected = ["file.create", "file.open_read"];
        assert_all(&kinds(&found), &expected, skipped(&records));
        assert_opens(&found, None);
    }
    assert!(of_process(&records, acted.pid).len() <= 4);
}

/// By its own name and below a tree.
#[test]
fn a_file_that_is_put_in_the_place_of_another_is_watched_at_once() {
    const ROUNDS: usize = 200;
    for file in [Places::file, Places::plain] {
        let places = Places::new();
        let file = file(&places);
        let mut daemon = places.start();
        let temporary = places.outside.join("temporary");
        let rounds = ROUNDS.to_string();
        let acted = with(&["replace-open", &rounds], [&temporary, &file], RDONLY).done();
        assert_eq!(acted.number(), 0);
        let records = daemon.stop();
        assert_whole_log(&records);
        // The temporary file often gets the number of the one that was just replaced, and is not it.
        let found = of_process(&records, acted.pid);
        assert_opens(&found, None);
        let skipped = skipped(&records);
        assert_all(&kinds(&found), &["file.open_read"; ROUNDS], skipped);
        let last = found.last().expect("there are some");
        assert!(skipped > 0 || last.str("file.uid") == file_uid(&file));
    }
}

/// The watched directory itself: the daemon decides by where it stood.
#[test]
fn a_tree_that_is_elsewhere_for_a_moment_is_no_way_round() {
    let places = Places::new();
    let away = places.setup.dir().join("away");
    let sub = "sub/deep";
    for name in ["file", sub] {
        let file = places.tree.join(name);
        std::fs::create_dir_all(file.parent().expect("a parent")).expect("mkdir");
        if !file.exists() {
            std::fs::write(&file, b"").expect("write");
        }
    }
    for name in ["file", sub] {
        let act = with(&["move-open"], [&places.tree, &away, name.as_ref()], WRONLY);
        assert_seen(&places, &act, &places.tree.join(name), WRITE);
    }
}

/// The directory itself has another name, or one further up, while the file is written to.
#[test]
fn a_parent_that_is_renamed_meanwhile_is_no_way_round() {
    let places = Places::new();
    let away = places.setup.dir().join("away");
    let deep = places.deep();
    let sub = places.tree.join("sub");
    let aside = places.tree.join("aside");
    let within = with(&["move-open"], [&sub, &aside, "deep".as_ref()], WRONLY);
    assert_seen(&places, &within, &deep, WRITE);
    let places = Places::new();
    let outside = places.outside.clone();
    let act = with(&["move-open"], [&outside, &away, "plain".as_ref()], WRONLY);
    assert_seen(&places, &act, &places.plain(), WRITE);
}

/// A tree, a directory further up, and a file: the daemon looks meanwhile, and nothing stands there.
#[test]
fn what_stays_away_for_some_looks_is_no_way_round() {
    const ROUNDS: usize = 50;
    let rounds = ROUNDS.to_string();
    let stay = |paths: [&Path; 3]| with(&["stay-away", &rounds], paths, WRONLY);
    let expected = ["file.open_write"; ROUNDS];
    let places = Places::new();
    let away = places.setup.dir().join("away");
    let file = places.tree.join("file");
    std::fs::write(&file, b"").expect("write");
    let act = stay([&places.tree, &away, Path::new("file")]);
    assert_seen(&places, &act, &file, &expected);
    let outside = places.outside.clone();
    let act = stay([&outside, &away, Path::new("plain")]);
    assert_seen(&places, &act, &places.plain(), &expected);
    let plain = places.plain();
    let act = stay([&plain, &outside.join("other"), Path::new("")]);
    assert_seen(&places, &act, &plain, &expected);
}
