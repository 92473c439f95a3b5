//! Which files count, in which order, and what is said about them.

use std::fs::{self, Permissions};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::super::files::{ADDITIONS_MAX, FILE_BYTES_MAX};
use super::super::{Config, load, try_load};
use super::{Files, check_errors, pretty_assert};

#[test]
fn without_files_the_embedded_default_counts() {
    let files = Files::new();
    let loaded = files.load().unwrap();
    assert_eq!(loaded.config, Config::default());
    assert_eq!(loaded.sources.len(), 1);
    assert!(loaded.sources[0].embedded);
    assert_eq!(loaded.sources[0].path.to_str(), Some("(embedded default)"));
    assert_eq!(loaded.warnings, Vec::<String>::new());

    fs::remove_dir(files.path("conf.d")).unwrap();
    assert_eq!(files.load().unwrap(), loaded);
}

/// Whoever asks the daemon to reload must find it, and its record names what was refused.
#[test]
fn a_refusal_knows_its_files_and_the_socket() {
    let files = Files::main("[log]\nsegmnt = 1\n[status]\nsocket = '/run/x.sock'\n")
        .with("conf.d/a.toml", "= =\n");
    let refused = files.try_load().unwrap_err();
    assert_eq!(refused.status_socket.to_str(), Some("/run/x.sock"));
    assert_eq!(refused.sources.len(), 2);
    assert!(refused.sources.iter().all(|source| !source.embedded));
    assert_eq!(refused.errors, files.load().unwrap_err());

    fs::create_dir(files.path("again")).unwrap();
    let missing = try_load(Some(&files.path("again/none.toml"))).unwrap_err();
    assert!(missing.sources.is_empty(), "{:?}", missing.sources);
    assert_eq!(missing.status_socket, Config::default().status.socket);
}

#[test]
fn later_files_override_in_byte_order_and_rules_add_up() {
    let rule = |name: &str| format!("[[mask.rule]]\nname = '{name}'\npattern = 'x'\n");
    let files = Files::main(format!(
        "log.dir = '/main'\nlog.cap = '3 GiB'\n{}",
        rule("main")
    ))
    .with(
        "conf.d/b.toml",
        format!("log.dir = '/b'\nrecords.labels = ['b:1']\n{}", rule("b")),
    )
    .with(
        "conf.d/a.toml",
        format!("log.dir = '/a'\nrecords.labels = ['a:1']\n{}", rule("a")),
    )
    .with("conf.d/Z.toml", "log.dir = '/Z'\nusers.cache_max = 99\n")
    .with("conf.d/10.toml", "users.cache_max = 50\n")
    .with("conf.d/.hidden.toml", "not toml")
    .with("conf.d/c.toml.bak", "not toml");
    let loaded = files.load().unwrap();
    let names: Vec<_> = loaded
        .sources
        .iter()
        .map(|s| s.path.file_name().unwrap())
        .collect();
    assert_eq!(
        names,
        ["config.toml", "10.toml", "Z.toml", "a.toml", "b.toml"]
    );
    assert!(loaded.sources.iter().all(|source| !source.embedded));
    let config = &loaded.config;
    assert_eq!(config.log.dir.to_str(), Some("/b"));
    assert_eq!(config.log.cap, super::super::Cap::Bytes(3 << 30));
    assert_eq!(config.users.cache_max, 99);
    assert_eq!(config.records.labels, ["b:1"]);
    let rules: Vec<_> = config
        .mask
        .rule
        .iter()
        .map(|rule| rule.name.as_str())
        .collect();
    assert_eq!(rules, ["main", "a", "b"]);
}

#[test]
fn each_file_is_identified_by_its_hash() {
    let files = Files::main("").with("conf.d/a.toml", "abc = 1");
    let errors = files.load().unwrap_err();
    assert_eq!(errors.reports.len(), 1);
    let loaded = files
        .with("conf.d/a.toml", "log.dir = '/l'\n")
        .load()
        .unwrap();
    let uids: Vec<_> = loaded.sources.iter().map(|source| source.uid()).collect();
    assert_eq!(
        uids,
        [
            "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "sha256:ead7d84c0262d42b37519e1c7e7c30d95c4c0e62446a3bb9844163ffca4f8c61",
        ]
    );
}

#[test]
fn a_named_file_must_exist_and_brings_its_own_additions() {
    let files = Files::new().with("other.toml", "log.dir = '/other'\n");
    let files = files.with("conf.d/a.toml", "users.cache_max = 77\n");
    let loaded = load(Some(&files.path("other.toml"))).unwrap();
    assert_eq!(loaded.config.log.dir.to_str(), Some("/other"));
    assert_eq!(loaded.config.users.cache_max, 77);
    assert_eq!(loaded.sources.len(), 2);

    let missing = load(Some(&files.path("missing.toml")))
        .unwrap_err()
        .to_string();
    let expect = format!(
        "\
error: cannot read the configuration: No such file or directory (os error 2)
  --> {}
   = name an existing file, or none to use the usual one or the defaults
Nothing was started; the running daemon keeps its old config.",
        files.path("missing.toml").display()
    );
    pretty_assert(&missing, &expect);
}

#[test]
fn what_is_no_plain_file_of_bounded_size_is_refused() {
    let files = Files::main("").with("conf.d/big.toml", vec![b'#'; FILE_BYTES_MAX as usize + 1]);
    fs::create_dir(files.path("conf.d/dir.toml")).unwrap();
    symlink("/nonexistent", files.path("conf.d/link.toml")).unwrap();
    let fifo = files.path("conf.d/pipe.toml");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let errors = files.load().unwrap_err();
    let messages: Vec<_> = errors
        .reports
        .iter()
        .map(|report| report.message.as_str())
        .collect();
    assert_eq!(
        messages,
        [
            "the configuration file is larger than 1024 KiB",
            "the configuration must be a regular file",
            "cannot read the configuration: No such file or directory (os error 2)",
            "the configuration must be a regular file",
        ]
    );
    let largest = Files::main(vec![b'#'; FILE_BYTES_MAX as usize]);
    assert_eq!(largest.config(), Config::default());
}

#[test]
fn additions_are_bounded() {
    let mut files = Files::new();
    for n in 0..ADDITIONS_MAX {
        files = files.with(&format!("conf.d/{n}.toml"), "");
    }
    assert_eq!(files.load().unwrap().sources.len(), ADDITIONS_MAX);
    let errors = files.with("conf.d/one-more.toml", "").load().unwrap_err();
    assert_eq!(
        errors.reports[0].message,
        "more than 256 files in this directory"
    );
}

#[test]
fn errors_of_all_files_come_at_once() {
    let files = Files::main("[log]\nx = 1\n")
        .with("conf.d/a.toml", b"\xff")
        .with("conf.d/b.toml", "[[")
        .with("conf.d/c.toml", "log.dir = 5");
    let errors = files.load().unwrap_err();
    let mut found: Vec<_> = errors
        .reports
        .iter()
        .map(|report| report.file.as_deref().unwrap().rsplit('/').next().unwrap())
        .collect();
    found.sort_unstable();
    assert_eq!(found, ["a.toml", "b.toml", "c.toml", "config.toml"]);
}

#[test]
fn bytes_that_are_no_utf8_are_shown_in_their_line() {
    check_errors(
        b"[log]\n# \xc3\xa4\t\x1b\ndir = \"/\xe4\xff/x\" # \x1b[2J\n",
        "
error: the configuration file is not UTF-8
  --> /etc/audit-daemon/config.toml:3:9
   |
 3 | dir = \"/\\xe4\\xff/x\" # \\u001b[2J
   |         ^^^^ byte 0xe4 does not belong here
   = save the file as UTF-8
Nothing was started; the running daemon keeps its old config.",
    );
    check_errors(
        b"\xff\xfe[\0l\0o\0g\0]\0",
        "
error: the configuration file is not UTF-8
  --> /etc/audit-daemon/config.toml:1:1
   |
 1 | \\xff\\xfe[\\u0000l\\u0000o\\u0000g\\u0000]\\u0000
   | ^^^^ byte 0xff does not belong here
   = save the file as UTF-8
Nothing was started; the running daemon keeps its old config.",
    );
}

#[test]
fn as_root_files_that_others_can_write_are_warned_about() {
    let mut files = Files::main("").with("conf.d/a.toml", "");
    let uid = nix::unistd::geteuid().as_raw();
    files.as_root = true;
    fs::set_permissions(files.path("config.toml"), Permissions::from_mode(0o646)).unwrap();
    fs::set_permissions(files.path("conf.d"), Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(files.path("conf.d/a.toml"), Permissions::from_mode(0o644)).unwrap();
    let warnings = files.load().unwrap().warnings;
    if uid == 0 {
        let path = files.path("config.toml");
        let expect = format!(
            "{} can be written by everyone: whoever changes it decides what is recorded; \
             chown root, chmod go-w",
            path.display()
        );
        assert_eq!(warnings, [expect]);
    } else {
        assert_eq!(
            warnings.len(),
            3,
            "nothing of this belongs to root: {warnings:?}"
        );
    }
    files.as_root = false;
    assert_eq!(files.load().unwrap().warnings, Vec::<String>::new());
}

#[test]
fn odd_file_names_are_escaped() {
    let files = Files::new();
    let name = std::ffi::OsStr::from_bytes(b"\x1b[31m\xff.toml");
    fs::write(files.path("conf.d").join(name), "x = 1").unwrap();
    let shown = files.errors();
    assert!(
        shown.contains("--> /etc/audit-daemon/conf.d/\\u001b[31m\\xff.toml:1:1\n"),
        "{shown}"
    );
}
