//! The table is complete, and its exceptions are harmless.

use super::*;
use crate::watch::interpreters::is_interpreter;
use crate::watch::set::WatchSet;
use crate::watch::trie::Scratch;

fn own() -> Own {
    Own {
        log: PathBuf::from("/var/log/{a}/"),
        config: vec![PathBuf::from("/etc/audit-daemon")],
        executable: Some(PathBuf::from("/usr/sbin/audit-daemon")),
    }
}

fn matching(path: &str, operation: Operation) -> Vec<String> {
    let set = WatchSet::new(watches(&own(), |_| true)).expect("valid watches");
    let mut scratch = Scratch::default();
    let found = set.matches(path.as_bytes(), operation, &mut scratch);
    found.map(|(_, watch)| watch.name.clone()).collect()
}

#[test]
fn each_thing_of_the_list_is_watched() {
    for (path, name) in [
        ("/etc/passwd", "accounts"),
        ("/etc/group-", "accounts"),
        ("/etc/shadow", "password-hashes"),
        ("/etc/gshadow-", "password-hashes"),
        ("/etc/sudoers", "sudoers"),
        ("/etc/sudoers.d", "sudoers"),
        ("/etc/sudoers.d/x", "sudoers"),
        ("/etc/pam.d/sshd", "pam"),
        ("/usr/lib/x86_64-linux-gnu/security/pam_unix.so", "pam"),
        ("/etc/ssh/sshd_config.d/x", "sshd"),
        ("/root/.ssh/authorized_keys", "authorized-keys"),
        ("/home/ann/.ssh", "authorized-keys"),
        ("/etc/ssl/private/x.key", "private-keys"),
        ("/home/ann/.ssh/id_rsa", "user-keys"),
        ("/etc/cron.daily/x", "cron"),
        ("/var/spool/cron/crontabs/root", "cron"),
        ("/etc/systemd/system/x.service", "systemd-units"),
        ("/usr/lib/systemd/system/x.service", "systemd-units"),
        ("/home/ann/.config/systemd/user/x.service", "systemd-units"),
        ("/etc/ld.so.preload", "linker"),
        ("/etc/ld.so.conf.d/x.conf", "linker"),
        ("/usr/lib/modules/6.1/x.ko", "kernel-modules"),
        ("/lib/modules/6.1/x.ko", "kernel-modules"),
        ("/etc/modprobe.d/x", "kernel-modules"),
        ("/proc/sys/kernel/core_pattern", "kernel-settings"),
        ("/proc/sys/kernel/yama/ptrace_scope", "kernel-settings"),
        ("/proc/sys/fs/protected_symlinks", "kernel-settings"),
        ("/proc/sys/fs/binfmt_misc/register", "kernel-settings"),
        ("/proc/sysrq-trigger", "kernel-settings"),
        ("/boot/grub/grub.cfg", "boot"),
        ("/var/log/{a}/1.log", "own-log"),
        ("/var/log/{a}", "own-log"),
        ("/etc/audit-daemon/conf.d/x.toml", "own-config"),
        ("/usr/sbin/audit-daemon", "own-config"),
    ] {
        assert_eq!(matching(path, Operation::Write), [name], "{path}");
    }
}

#[test]
fn secrets_and_the_log_are_watched_for_reading_too() {
    for (path, expect) in [
        ("/etc/shadow", &["password-hashes-read"][..]),
        ("/etc/security/opasswd", &["password-hashes-read"]),
        ("/etc/ssh/ssh_host_rsa_key", &["private-keys-read"]),
        ("/etc/ssh/ssh_host_rsa_key.pub", &[]),
        ("/root/.ssh/id_ed25519", &["user-keys"]),
        ("/var/log/{a}/1.log", &["own-log"]),
        ("/etc/passwd", &[]),
        ("/etc/audit-daemon/config.toml", &[]),
    ] {
        assert_eq!(matching(path, Operation::Read), expect, "{path}");
    }
}

#[test]
fn only_reading_has_excluded_programs_and_none_is_an_interpreter() {
    let all = watches(&own(), |_| true);
    let mut excluding = Vec::new();
    for watch in &all {
        for exception in watch
            .exclude
            .iter()
            .filter(|one| !one.executables.is_empty())
        {
            assert_eq!(watch.operations, [Operation::Read], "{}", watch.name);
            excluding.push(watch.name.as_str());
            for program in &exception.executables {
                assert!(!is_interpreter(Path::new(program)), "{program}");
                assert!(!program.ends_with("/sudo") && !program.ends_with("/ssh"));
            }
        }
    }
    assert_eq!(excluding, ["password-hashes-read", "private-keys-read"]);
    let few = watches(&own(), |path| path == Path::new("/usr/bin/passwd"));
    let excluded: Vec<_> = few.iter().flat_map(|watch| &watch.exclude).collect();
    let executables: Vec<_> = excluded.iter().flat_map(|one| &one.executables).collect();
    assert_eq!(executables, ["/usr/bin/passwd"]);
    assert_eq!(excluded.len(), 2);
}

#[test]
fn names_are_unique_and_as_a_configuration_has_them() {
    let all = watches(&own(), |_| true);
    assert_eq!(all.len(), TABLE.len() + 2);
    for (at, watch) in all.iter().enumerate() {
        assert!(
            all[..at].iter().all(|other| other.name != watch.name),
            "{}",
            watch.name
        );
        let fits = |c: char| c.is_ascii_lowercase() || c == '-';
        assert!(watch.name.chars().all(fits), "{}", watch.name);
    }
}
