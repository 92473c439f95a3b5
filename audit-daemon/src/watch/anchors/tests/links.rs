//! Symbolic and hard links.

use std::fs;

use super::Root;

fn linked() -> Root {
    Root::with(&["/run/x", "/data/sub/f", "/etc/"])
        .link("/var", "/data/../run/./")
        .link("/etc/abs", "/data/sub/f")
        .link("/etc/rel", "../data/sub")
        .link("/etc/chain", "abs")
        .link("/etc/out", "../../../../data/sub/f")
        .link("/etc/gone", "/data/new/f")
}

#[test]
fn links_are_watched_and_so_is_what_they_lead_to() {
    let root = linked();
    root.check(
        &["/var/x"],
        &[
            "alias /run/x of 0",
            "name /run x",
            "object /run/x of 0",
            "object /var of 0",
            "way / data",
            "way / run",
            "way / var",
        ],
    );
    root.check(
        &["/etc/abs"],
        &[
            "alias /data/sub/f of 0",
            "name /data/sub f",
            "name /etc abs",
            "object /data/sub/f of 0",
            "object /etc/abs of 0",
            "way / data",
            "way / etc",
            "way /data sub",
        ],
    );
    root.check(
        &["/etc/rel/**"],
        &[
            "alias /data/sub/**/* of 0",
            "object /etc/rel of 0",
            "tree /data/sub",
            "way / data",
            "way / etc",
            "way /data sub",
            "way /etc rel",
        ],
    );
}

#[test]
fn links_of_links_and_out_of_the_root_and_to_nothing_are_followed() {
    let root = linked();
    root.check(
        &["/etc/chain"],
        &[
            "alias /data/sub/f of 0",
            "name /data/sub f",
            "name /etc abs",
            "name /etc chain",
            "object /data/sub/f of 0",
            "object /etc/abs of 0",
            "object /etc/chain of 0",
            "way / data",
            "way / etc",
            "way /data sub",
        ],
    );
    root.check(
        &["/etc/out"],
        &[
            "alias /data/sub/f of 0",
            "name /data/sub f",
            "name /etc out",
            "object /data/sub/f of 0",
            "object /etc/out of 0",
            "way / data",
            "way / etc",
            "way /data sub",
        ],
    );
    root.check(
        &["/etc/gone"],
        &[
            "alias /data/new/f of 0",
            "missing /data new",
            "name /etc gone",
            "object /etc/gone of 0",
            "way / data",
            "way / etc",
            "way /data new",
        ],
    );
}

#[test]
fn links_that_wildcards_match_are_followed_and_those_below_trees_are_not() {
    let root = Root::with(&["/home/ann/key", "/data/bob/key", "/data/f"])
        .link("/home/bob", "/data/bob")
        .link("/home/null", "/dev/null")
        .link("/home/f", "../data/f");
    root.check(
        &["/home/*/key"],
        &[
            "alias /data/bob/key of 0",
            "alias /data/f/key of 0",
            "alias /dev/null/key of 0",
            "missing / dev",
            "name /data/bob key",
            "object /data/bob/key of 0",
            "object /home/ann/key of 0",
            "object /home/bob of 0",
            "object /home/f of 0",
            "object /home/null of 0",
            "tree /home",
            "way / data",
            "way / dev",
            "way / home",
            "way /data bob",
            "way /data f",
            "watch \"w\": \"/dev\" does not exist yet: until then everything on this machine \
         may be looked at",
        ],
    );
    root.check(&["/home/**"], &["tree /home", "way / home"]);
    root.check(
        &["/home/[f]"],
        &[
            "alias /data/f of 0",
            "name /data f",
            "object /data/f of 0",
            "object /home/f of 0",
            "tree /home",
            "way / data",
            "way / home",
        ],
    );
}

#[test]
fn a_link_to_null_means_nothing() {
    let root = Root::with(&["/etc/"]).link("/etc/masked", "/dev/null");
    fs::create_dir(root.at("/dev")).expect("a directory");
    let mode = nix::sys::stat::Mode::from_bits_truncate(0o666);
    let made = nix::sys::stat::mknod(
        &root.at("/dev/null"),
        nix::sys::stat::SFlag::S_IFCHR,
        mode,
        nix::sys::stat::makedev(1, 3),
    );
    // Making devices needs a capability that even root may not have.
    if made == Err(nix::errno::Errno::EPERM) {
        return;
    }
    made.expect("a device");
    root.check(
        &["/etc/masked"],
        &[
            "name /dev null",
            "name /etc masked",
            "object /etc/masked of 0",
            "way / dev",
            "way / etc",
        ],
    );
    root.check(
        &["/dev/null"],
        &["name /dev null", "object /dev/null of 0", "way / dev"],
    );
}

#[test]
fn loops_of_links_end_with_a_warning() {
    let root = Root::with(&["/a/f"])
        .link("/a/x", "y")
        .link("/a/y", "../a/x")
        .link("/a/self", "self")
        .link("/a/up", "..");
    root.check(
        &["/a/x/f"],
        &[
            "object /a/x of 0",
            "object /a/y of 0",
            "way / a",
            "way /a x",
            "way /a y",
            "watch \"w\": \"/a/x\" leads round in a loop of symbolic links: only the links \
         are watched",
        ],
    );
    root.check(
        &["/a/self"],
        &[
            "name /a self",
            "object /a/self of 0",
            "way / a",
            "watch \"w\": \"/a/self\" leads round in a loop of symbolic links: only the links \
         are watched",
        ],
    );
    // Round and round, but each time one component is used up.
    let found = root.find(&[("w", &["/a/*/a/*/a/*/a/*/f"])]);
    assert_eq!(
        found
            .objects
            .values()
            .filter(|one| one.path.ends_with("a/f"))
            .count(),
        0
    );
    root.check(
        &["/a/up/a/up/a/f"],
        &[
            "alias /a/f of 0",
            "name /a f",
            "object /a/f of 0",
            "object /a/up of 0",
            "way / a",
            "way /a up",
        ],
    );
}

#[test]
fn hard_links_below_trees_are_found() {
    let root = Root::with(&[
        "/srv/a",
        "/srv/sub/b.key",
        "/srv/sub/b.txt",
        "/srv/one",
        "/tmp/",
    ])
    .hard_link("/tmp/a", "/srv/a")
    .hard_link("/srv/sub/c.key", "/srv/sub/b.key")
    .hard_link("/tmp/b", "/srv/sub/b.txt");
    let linked = |paths: &[&str]| {
        let found = root.find(&[("none", &["/tmp/none"]), ("w", paths)]);
        let lines = root.lines(&found);
        lines
            .into_iter()
            .filter(|line| line.starts_with("linked"))
            .collect::<Vec<_>>()
    };
    let all = linked(&["/srv/**"]);
    assert_eq!(all.len(), 3, "{all:?}");
    assert_eq!(all[0], "linked /srv/a of 1");
    assert_eq!(all[2], "linked /srv/sub/b.txt of 1");
    let keys = linked(&["/srv/**/*.key"]);
    assert!(
        keys.len() == 1 && keys[0].ends_with(".key of 1"),
        "{keys:?}"
    );
    assert_eq!(linked(&["/srv/*"]), Vec::<String>::new());
    assert_eq!(linked(&["/srv/*/**"]).len(), 2);
}

#[test]
fn as_many_links_are_followed_as_the_kernel_follows() {
    let mut root = Root::with(&["/a/f"]).link("/a/l1", "f");
    for n in 2..=41 {
        root = root.link(&format!("/a/l{n}"), &format!("l{}", n - 1));
    }
    let forty = root.find(&[("w", &["/a/l40"])]);
    assert_eq!((forty.objects.len(), forty.warnings.len()), (41, 0));
    let more = root.find(&[("w", &["/a/l41"])]);
    assert_eq!((more.objects.len(), more.warnings.len()), (41, 1));
    assert!(more.warnings[0].starts_with("watch \"w\": \"/a/l1\" leads round"));
}
