//! Trees are found in real and made-up mount tables, v2, v1 and hybrid.

use std::collections::BTreeMap;

use super::*;

const HYBRID_MOUNTS: &[u8] = b"\
22 27 0:21 / /proc rw,relatime - proc proc rw
31 23 0:28 / /sys/fs/cgroup rw,relatime shared:9 - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:10 master:3 - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,xattr,name=systemd
41 31 0:38 / /sys/fs/cgroup/uni\\040fied rw,relatime - cgroup2 cgroup2 rw
42 31 0:38 /sub /mnt/part rw - cgroup2 cgroup2 rw
";
const HYBRID_SELF: &[u8] = b"9:name=systemd:/\n4:memory:/a:b\n2:cpu,cpuacct:/\n1:pids:/\n0::/x\n";

#[test]
fn hybrid_trees_are_found_with_their_numbers() {
    let found = Trees::parse(HYBRID_MOUNTS, HYBRID_SELF);
    let places: Vec<(u32, &str)> = found
        .trees
        .iter()
        .map(|tree| (tree.hierarchy, tree.mount_point.to_str().unwrap()))
        .collect();
    assert_eq!(
        places,
        [
            (9, "/sys/fs/cgroup/systemd"),
            (4, "/sys/fs/cgroup/memory"),
            (2, "/sys/fs/cgroup/cpu,cpuacct"),
            (0, "/sys/fs/cgroup/uni fied"),
        ]
    );
    assert!(found.trees.iter().all(|tree| tree.root == b"/"));
    let missing = TreeProblem::NotMounted {
        hierarchy: 1,
        controllers: "pids".into(),
    };
    assert_eq!(found.problems_of(Some(4)).count(), 0);
    assert_eq!(found.problems_of(Some(1)).collect::<Vec<_>>(), [&missing]);
    assert_eq!(found.problems, [missing]);
}

#[test]
fn a_part_of_a_tree_is_used_and_said() {
    let mounts = b"42 31 0:38 /docker/x /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";
    let found = Trees::parse(mounts, b"0::/\n");
    assert_eq!(found.trees[0].root, b"/docker/x");
    assert_eq!(found.problems.len(), 1);
    assert!(
        found.problems[0]
            .to_string()
            .contains("only from /docker/x down")
    );
}

#[test]
fn hostile_text_is_no_tree() {
    for text in [
        &b""[..],
        b"\n\n",
        b"1 2 3",
        b"a b c d e f - cgroup2",
        b"\xff\xfe - - cgroup x y",
    ] {
        assert_eq!(Trees::parse(text, b"x:y\n:\n\xff::\n"), Trees::default());
    }
    assert_eq!(unescape(b"\\040\\134x\\9\\04"), b" \\x\\9\\04");
}

#[test]
fn the_v1_controller_is_chosen_by_preference() {
    let text = "#subsys_name\thierarchy\tnum_cgroups\tenabled\n\
                cpuset\t3\t1\t1\nblkio\t7\t1\t1\nmemory\t4\t29\t0\npids\t0\t1\t1\ndevices\t5\t1\t1\n";
    let choice = v1_choice_of(text).unwrap();
    assert_eq!((choice.subsystem, choice.hierarchy), ("devices", 5));
    let text = "blkio\t7\t1\t1\n";
    assert_eq!(v1_choice_of(text).unwrap().btf_enumerator(), "io_cgrp_id");
    let unified_only = "#subsys_name\thierarchy\tnum_cgroups\tenabled\nmemory\t0\t90\t1\n";
    assert_eq!(v1_choice_of(unified_only), None);
    assert_eq!(v1_choice_of("memory"), None);
}

#[test]
fn the_walk_gives_inode_numbers_and_paths_from_the_root() {
    let temp = tempfile::tempdir().unwrap();
    for path in ["a/b/c", "d"] {
        fs::create_dir_all(temp.path().join(path)).unwrap();
    }
    fs::write(temp.path().join("a/cgroup.procs"), "").unwrap();
    let walk = |root: &[u8], cgroups_max| {
        let mount_point = temp.path().to_owned();
        let tree = Tree {
            hierarchy: 0,
            mount_point,
            root: root.to_vec(),
        };
        let mut found = BTreeMap::new();
        let summary = tree.walk(cgroups_max, |id, path| {
            found.insert(String::from_utf8(path.to_vec()).unwrap(), id);
        });
        (found, summary)
    };
    let ino = |path: &str| fs::metadata(temp.path().join(path)).unwrap().ino();

    let (found, summary) = walk(b"/", 100);
    let expected = [
        ("/", ""),
        ("/a", "a"),
        ("/a/b", "a/b"),
        ("/a/b/c", "a/b/c"),
        ("/d", "d"),
    ]
    .map(|(path, at)| (path.to_owned(), ino(at)));
    assert_eq!(found, BTreeMap::from(expected));
    assert_eq!(
        summary,
        WalkSummary {
            cgroups: 5,
            vanished: 0,
            skipped: 0
        }
    );

    let (found, _) = walk(b"/docker/x", 100);
    assert_eq!(found.keys().next_back().unwrap(), "/docker/x/d");
    assert!(found.contains_key("/docker/x"));

    let (found, summary) = walk(b"/", 2);
    assert_eq!((found.len(), summary.cgroups), (2, 2));
    assert!(summary.skipped >= 1);
}

#[test]
fn the_walk_stops_at_its_depth() {
    let temp = tempfile::tempdir().unwrap();
    fs::create_dir_all(temp.path().join("x/".repeat(DEPTH_MAX + 3))).unwrap();
    let tree = Tree {
        hierarchy: 0,
        mount_point: temp.path().to_owned(),
        root: b"/".to_vec(),
    };
    let summary = tree.walk(1000, |_, _| {});
    assert_eq!(
        summary,
        WalkSummary {
            cgroups: DEPTH_MAX as u64 + 1,
            vanished: 0,
            skipped: 1
        }
    );
}

#[test]
fn a_tree_that_is_gone_is_counted() {
    let tree = Tree {
        hierarchy: 0,
        mount_point: "/nonexistent".into(),
        root: b"/".to_vec(),
    };
    assert_eq!(tree.walk(10, |_, _| panic!()).skipped, 1);
    let mut summary = WalkSummary::default();
    summary.note(&io::Error::from_raw_os_error(libc::ENODEV));
    assert_eq!(summary.vanished, 1);
}

#[test]
fn the_trees_of_this_machine_can_be_read() {
    let found = Trees::discover().unwrap();
    for tree in &found.trees {
        let mut ids = Vec::new();
        tree.walk(10_000, |id, _| ids.push(id));
        assert_eq!(ids[0], fs::metadata(&tree.mount_point).unwrap().ino());
    }
}
