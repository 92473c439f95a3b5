//! Decisions, to the exact list of watches.

mod speed;

use proptest::prelude::*;

use super::super::pattern::tests::{some_path, some_pattern};
use super::*;
use crate::config::Exception;
use crate::watch::exceptions::FileId;

fn watch(name: &str, paths: &[&str]) -> Watch {
    Watch {
        name: name.to_owned(),
        paths: paths.iter().map(|path| (*path).to_owned()).collect(),
        ..Watch::default()
    }
}

fn set(watches: Vec<Watch>) -> WatchSet {
    WatchSet::new(watches).expect("valid watches")
}

fn names(watching: Watching<'_>) -> Vec<&str> {
    watching.map(|(_, watch)| watch.name.as_str()).collect()
}

fn matching<'s>(set: &'s WatchSet, path: &str, scratch: &'s mut Scratch) -> Vec<&'s str> {
    names(set.matches(path.as_bytes(), Operation::Write, scratch))
}

const SUBJECT: Subject<'static> = Subject {
    path: b"/srv/pay/a",
    with_below: false,
    inside: None,
    known: &[],
    executable: None,
    time_ns: 100,
    uid: 1_000,
    user: Some("eve"),
    container: None,
};

#[test]
fn what_is_above_a_watch_takes_it_along() {
    let set = set(vec![
        watch("tree", &["/srv/pay/**"]),
        watch("keys", &["/home/*/.ssh/keys"]),
        watch("anywhere", &["/**/secret"]),
    ]);
    let moved = |path: &str, with_below| -> Vec<String> {
        let mut scratch = Scratch::default();
        let subject = Subject {
            path: path.as_bytes(),
            with_below,
            ..SUBJECT
        };
        match set.judge(&subject, Operation::Rename, &mut scratch) {
            Judgement::Watched(watching) => {
                names(watching).into_iter().map(str::to_owned).collect()
            }
            _ => Vec::new(),
        }
    };
    assert_eq!(moved("/srv", true), ["tree"]);
    assert_eq!(moved("/srv/pay", true), ["tree"]);
    assert_eq!(moved("/srv/pay", false), [""; 0]);
    assert_eq!(moved("/srv/pay/x", true), ["tree"]);
    assert_eq!(moved("/srv/pays", true), [""; 0]);
    assert_eq!(moved("/home/eve", true), ["keys"]);
    assert_eq!(moved("/home/eve/.ssh", true), ["keys"]);
    assert_eq!(moved("/home/eve/x", true), [""; 0]);
    assert_eq!(moved("/", true), ["tree", "keys", "anywhere"]);
    // What only `**` leads to is not above anything by its name.
    assert_eq!(moved("/var", true), [""; 0]);
}

#[test]
fn a_path_finds_each_of_its_watches_once_and_in_order() {
    let all = set(vec![
        watch("tree", &["/srv/**", "/srv/pay/**", "/**/a"]),
        watch("glob", &["/srv/*/[ab]", "/srv/p*/a", "/*/*y/a"]),
        watch("plain", &["/srv/pay", "/srv/pay/a"]),
        watch("other", &["/srv", "/srv/pay/a/b", "/pay/a", "/**/pay/b"]),
        watch("ends", &["/srv/**/pay/**/a", "/**"]),
        watch("root", &["/"]),
    ]);
    let mut scratch = Scratch::default();
    for (path, expect) in [
        ("/srv/pay/a", &["tree", "glob", "plain", "ends"][..]),
        ("//srv/pay//a/", &["tree", "glob", "plain", "ends"]),
        ("/srv/pay", &["tree", "plain", "ends"]),
        ("/srv", &["other", "ends"]),
        ("/srv/pay/b", &["tree", "glob", "other", "ends"]),
        ("/a", &["tree", "ends"]),
        ("/", &["root"]),
        ("", &[]),
        ("srv/pay/a", &[]),
    ] {
        assert_eq!(matching(&all, path, &mut scratch), expect, "{path}");
    }
}

#[test]
fn only_the_operations_of_a_watch_count() {
    let mut read = watch("read", &["/a"]);
    read.operations = vec![Operation::Read, Operation::Link];
    let all = set(vec![read, watch("changes", &["/a"])]);
    let mut scratch = Scratch::default();
    for (operation, expect) in [
        (Operation::Read, &["read"][..]),
        (Operation::Link, &["read", "changes"]),
        (Operation::Mount, &["changes"]),
    ] {
        let found = all.matches(b"/a", operation, &mut scratch);
        assert_eq!(names(found), expect, "{operation:?}");
    }
}

/// What becomes of an access to a watch with these exceptions.
fn judged(
    exclude: Vec<Exception>,
    subject: &Subject<'_>,
) -> Result<Vec<String>, Option<Condition>> {
    let mut one = watch("pay", &["/srv/pay/**"]);
    one.exclude = exclude;
    let mut all = set(vec![one]);
    all.identify(|path| {
        let number = path.to_str().and_then(|path| path.strip_prefix("/bin/"));
        let ino = number.and_then(|number| number.parse().ok());
        let known = |ino| Identified {
            version: version(1, ino, 5),
            since_ns: 50,
        };
        ino.map(known).into_iter().collect()
    });
    match all.judge(subject, Operation::Write, &mut Scratch::default()) {
        Judgement::Unwatched => Err(None),
        Judgement::Excepted(condition) => Err(Some(condition)),
        Judgement::Watched(found) => Ok(found.map(|(_, watch)| watch.name.clone()).collect()),
    }
}

fn version(dev: u64, ino: u64, ctime_ns: i64) -> Version {
    Version {
        id: FileId { dev, ino },
        ctime_ns,
        size: 10,
    }
}

fn exception(
    paths: &[&str],
    executables: &[&str],
    users: &[&str],
    containers: &[&str],
) -> Exception {
    let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
    Exception {
        paths: texts(paths),
        executables: texts(executables),
        users: texts(users),
        containers: texts(containers),
    }
}

#[test]
fn all_conditions_of_an_exception_must_hold() {
    let recorded = Ok(vec!["pay".to_owned()]);
    let backup = Subject {
        executable: Some(version(1, 7, 5)),
        user: Some("backup"),
        uid: 34,
        ..SUBJECT
    };
    let both = || vec![exception(&[], &["/bin/7"], &["backup"], &[])];
    assert_eq!(judged(both(), &backup), Err(Some(Condition::Executable)));
    let unnamed = Subject {
        user: None,
        ..backup
    };
    assert_eq!(judged(both(), &unnamed), recorded);
    let unknown = Subject {
        executable: None,
        ..backup
    };
    assert_eq!(judged(both(), &unknown), recorded);
    let longer = Version {
        size: 11,
        ..version(1, 7, 5)
    };
    for other in [version(2, 7, 5), version(1, 8, 5), version(1, 7, 6), longer] {
        let subject = Subject {
            executable: Some(other),
            ..backup
        };
        assert_eq!(judged(both(), &subject), recorded, "{other:?}");
    }
    for (time_ns, expect) in [
        (49, recorded.clone()),
        (50, Err(Some(Condition::Executable))),
    ] {
        let subject = Subject { time_ns, ..backup };
        assert_eq!(judged(both(), &subject), expect, "at {time_ns}");
    }
}

#[test]
fn one_of_several_exceptions_is_enough() {
    let recorded = Ok(vec!["pay".to_owned()]);
    let backup = Subject {
        user: Some("backup"),
        uid: 34,
        ..SUBJECT
    };
    let number = || vec![exception(&[], &[], &["34"], &[])];
    assert_eq!(judged(number(), &backup), Err(Some(Condition::User)));
    assert_eq!(judged(number(), &SUBJECT), recorded);

    let path = || {
        vec![exception(
            &["/srv/pay/tmp/**", "/srv/pay/[a]"],
            &[],
            &["eve"],
            &[],
        )]
    };
    assert_eq!(judged(path(), &SUBJECT), Err(Some(Condition::User)));
    assert_eq!(
        judged(
            path(),
            &Subject {
                path: b"/srv/pay/b",
                ..SUBJECT
            }
        ),
        recorded
    );
    assert_eq!(judged(path(), &backup), recorded);
    // One of several is enough; one without conditions is none.
    let several = vec![
        exception(&[], &[], &[], &[]),
        exception(&["/srv/pay/a"], &[], &[], &[]),
    ];
    assert_eq!(judged(several, &SUBJECT), Err(Some(Condition::Path)));
    assert_eq!(
        judged(vec![exception(&[], &[], &[], &[])], &SUBJECT),
        recorded
    );
}

#[test]
fn what_is_not_known_excludes_nothing() {
    let recorded = Ok(vec!["pay".to_owned()]);
    // The program does not exist, and the access has none: they are not the same.
    let missing = vec![exception(&[], &["/bin/missing"], &[], &[])];
    assert_eq!(judged(missing, &SUBJECT), recorded);
}

#[test]
fn containers_are_told_by_name_or_by_enough_of_their_id() {
    let id = "0123456789abcdef".repeat(4);
    let within = |container| Subject {
        container,
        ..SUBJECT
    };
    for (entry, container, excluded) in [
        ("web", Some("web"), true),
        ("web", Some("web2"), false),
        ("web", None, false),
        (&id[..12], Some(id.as_str()), true),
        (&id[..11], Some(id.as_str()), false),
        (id.as_str(), Some(id.as_str()), true),
        ("0123456789ab", Some("0123456789abx"), false),
    ] {
        let found = judged(vec![exception(&[], &[], &[], &[entry])], &within(container));
        assert_eq!(
            found == Err(Some(Condition::Container)),
            excluded,
            "{entry}"
        );
    }
}

#[test]
fn an_exception_is_of_its_own_watch_only() {
    let mut quiet = watch("quiet", &["/srv/**"]);
    quiet.exclude = vec![exception(&[], &[], &["eve"], &[])];
    let all = set(vec![quiet, watch("loud", &["/srv/pay/a"])]);
    let mut scratch = Scratch::default();
    match all.judge(&SUBJECT, Operation::Write, &mut scratch) {
        Judgement::Watched(found) => assert_eq!(names(found), ["loud"]),
        other => panic!("{other:?}"),
    }
    let unwatched = all.judge(&SUBJECT, Operation::Read, &mut scratch);
    assert!(matches!(unwatched, Judgement::Unwatched));
}

#[test]
fn identity_and_the_view_from_inside_count_too() {
    let mut everywhere = watch("everywhere", &["/etc/passwd"]);
    everywhere.scope = Scope::All;
    let all = set(vec![
        watch("host", &["/etc/passwd"]),
        everywhere,
        watch("pay", &["/srv/pay/a"]),
    ]);
    let mut scratch = Scratch::default();
    let mut judge = |subject: Subject<'_>| match all.judge(&subject, Operation::Write, &mut scratch)
    {
        Judgement::Watched(found) => names(found).join(" "),
        other => format!("{other:?}"),
    };
    let inside = Subject {
        path: b"/var/lib/c/1/etc/passwd",
        inside: Some(b"/etc/passwd"),
        ..SUBJECT
    };
    assert_eq!(judge(inside), "everywhere");
    assert_eq!(
        judge(Subject {
            inside: None,
            ..inside
        }),
        "Unwatched"
    );
    assert_eq!(
        judge(Subject {
            path: b"/etc/passwd",
            ..inside
        }),
        "host everywhere"
    );
    // A hard link elsewhere; also one that the path tells too, and a number of no watch.
    let linked = Subject {
        path: b"/tmp/x",
        known: &[WatchId(2), WatchId(9)],
        ..SUBJECT
    };
    assert_eq!(judge(linked), "pay");
    assert_eq!(
        judge(Subject {
            path: b"/srv/pay/a",
            ..linked
        }),
        "pay"
    );
}

#[test]
fn ways_through_links_lead_to_the_watch() {
    let mut all = set(vec![watch("run", &["/var/run/x"])]);
    let way = Pattern::parse(b"/run/x").expect("a pattern");
    all.add_way(WatchId(0), &way.alternatives()[0]);
    all.add_way(WatchId(7), &way.alternatives()[0]);
    let mut scratch = Scratch::default();
    assert_eq!(matching(&all, "/run/x", &mut scratch), ["run"]);
    assert_eq!(matching(&all, "/var/run/x", &mut scratch), ["run"]);
}

#[test]
fn a_path_that_is_none_is_named() {
    let error = WatchSet::new(vec![watch("pay", &["/ok", "relative"])]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "\"relative\" in watch \"pay\" is no path: expected a path that begins with /; correct it \
         in the configuration"
    );
    let mut except = watch("pay", &["/ok"]);
    except.exclude = vec![exception(&["/a/"], &[], &[], &[])];
    assert_eq!(WatchSet::new(vec![except]).unwrap_err().path, "/a/");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1_000) })]

    #[test]
    fn the_set_finds_what_its_patterns_match(
        patterns in prop::collection::vec(some_pattern(), 1..12),
        paths in prop::collection::vec(some_path(), 1..6),
    ) {
        let numbered = patterns.iter().enumerate();
        let all = set(numbered.map(|(n, text)| watch(&n.to_string(), &[text])).collect());
        // One memory for all, as in use.
        let mut scratch = Scratch::default();
        for path in paths {
            let matches = |text: &String| {
                Pattern::parse(text.as_bytes()).is_ok_and(|one| one.matches(path.as_bytes()))
            };
            let numbered = patterns.iter().enumerate();
            let expect: Vec<_> =
                numbered.filter(|(_, text)| matches(text)).map(|(n, _)| n.to_string()).collect();
            prop_assert_eq!(matching(&all, &path, &mut scratch), expect, "{} {:?}", path, &patterns);
        }
    }
}
