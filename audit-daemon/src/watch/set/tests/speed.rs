//! What a lookup costs, with few watches and with many.

use std::time::{Duration, Instant};

use super::{Operation, Scratch, Watch, WatchSet, matching, set, watch};

/// `count` watches of five kinds.
fn many(count: usize) -> WatchSet {
    let one = |n: usize| {
        let paths = [
            format!("/srv/team{n}/app/config/settings.toml"),
            format!("/home/*/project{n}/**"),
            format!("/opt/*-{n}.service"),
            format!("/var/lib/app{n}-*/[a-z]*.db"),
            format!("/**/secret{n}.key"),
        ];
        Watch {
            name: format!("w{n}"),
            paths: vec![paths[n % paths.len()].clone()],
            ..Watch::default()
        }
    };
    set((0..count).map(one).collect())
}

/// Nanoseconds of a lookup, the best of some rounds.
fn lookup_ns(set: &WatchSet, path: &str) -> u64 {
    const LOOKUPS: u32 = 2_000;
    let mut scratch = Scratch::default();
    let round = |_| {
        let start = Instant::now();
        for _ in 0..LOOKUPS {
            let found = set.matches(
                std::hint::black_box(path.as_bytes()),
                Operation::Write,
                &mut scratch,
            );
            std::hint::black_box(found.count());
        }
        (start.elapsed() / LOOKUPS).as_nanos() as u64
    };
    (0..7).map(round).min().unwrap_or(0)
}

#[test]
fn a_lookup_does_not_grow_with_the_number_of_watches() {
    let paths = [
        "/usr/lib/x86_64-linux-gnu/libc.so.6",
        "/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/s/t",
        "/srv/team9000/app/config/settings.toml",
        "/home/ann/project9001/src/main.rs",
        "/opt/web-9002.service",
        "/var/lib/app9003-blue/main.db",
        "/mnt/x/secret9004.key",
    ];
    let (few, more, most) = (many(5), many(100), many(10_000));
    for path in paths {
        let ns = [&few, &more, &most].map(|set| lookup_ns(set, path));
        println!("{ns:?} ns  {path}");
        // Ten times is far from two thousand times, and near enough on a busy machine.
        assert!(ns[2] < 10 * ns[0].max(200), "{path}: {ns:?}");
    }
    let mut scratch = Scratch::default();
    for (path, expect) in paths[2..].iter().zip(9_000..) {
        assert_eq!(
            matching(&most, path, &mut scratch),
            [format!("w{expect}")],
            "{path}"
        );
    }
    assert_eq!(matching(&most, paths[0], &mut scratch), Vec::<&str>::new());
}

#[test]
fn hostile_paths_end_soon() {
    let trees = format!("{}/x", "/**/a*".repeat(31));
    let all = set(vec![
        watch("trees", &[trees.as_str(), "/**/*a*a*a*a*b"]),
        watch("every", &["/**"]),
    ]);
    let long = "/aaaaaaa".repeat(8_192);
    let start = Instant::now();
    let mut scratch = Scratch::default();
    assert_eq!(matching(&all, &long, &mut scratch), ["every"]);
    assert!(
        start.elapsed() < Duration::from_secs(1),
        "{:?}",
        start.elapsed()
    );
}
