//! What a record should say, asked of the machine by other ways than the daemon's.
//!
//! Owns: expectations that several tests share. Must not: look at records to form them.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use audit_tests::Record;
use nix::sys::statfs::{TMPFS_MAGIC, statfs};
use serde_json::{Value, json};

/// `<major>:<minor>:<inode>`, for file systems whose `stat` shows the superblock's device.
pub fn file_uid(path: &Path) -> String {
    let meta = std::fs::metadata(path).expect("stat");
    format!(
        "{}:{}:{}",
        libc::major(meta.dev()),
        libc::minor(meta.dev()),
        meta.ino()
    )
}

/// Is a file there on no disk (and the root file system not of the same kind)?
pub fn is_fileless(path: &Path) -> bool {
    let dev = |path: &Path| std::fs::metadata(path).expect("stat").dev();
    let of_memory = statfs(path).expect("statfs").filesystem_type() == TMPFS_MAGIC;
    of_memory && dev(path) != dev(Path::new("/"))
}

/// Severity of an exec of this file that would have this one on a disk.
pub fn severity_on(path: &Path, on_disk: i64) -> i64 {
    if is_fileless(path) { 3 } else { on_disk }
}

/// `process.uid` of a process that runs now.
pub fn process_uid(pid: u32) -> String {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("a running process");
    let after_name = stat.rsplit_once(") ").expect("a name in brackets").1;
    // The first field after the name is field 3; the start time is field 22.
    let start = after_name.split(' ').nth(19).expect("field 22");
    format!("{}-{pid}-{start}", boot())
}

/// First eight digits of the boot id.
pub fn boot() -> String {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").expect("boot id");
    id[..8].to_owned()
}

/// Our own effective capabilities, 16 digits; `None` where a record of root leaves them out.
pub fn own_capabilities() -> Option<String> {
    let status = std::fs::read_to_string("/proc/self/status").expect("our own status");
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:\t"))
        .expect("CapEff");
    let last = std::fs::read_to_string("/proc/sys/kernel/cap_last_cap").expect("cap_last_cap");
    let last: u32 = last.trim().parse().expect("a number");
    let full = (1u64 << (last + 1)) - 1;
    let own = u64::from_str_radix(line, 16).expect("hexadecimal");
    (own != full).then(|| line.to_owned())
}

/// Our own login user and session, as `actor` has them; null where there is none.
pub fn own_login() -> (Value, Value) {
    let read = |name: &str| std::fs::read_to_string(format!("/proc/self/{name}")).ok();
    let set = |name: &str| read(name).filter(|text| text != "4294967295");
    let user = set("loginuid").map_or(Value::Null, |uid| json!(uid));
    let session = set("sessionid").map_or(Value::Null, |id| json!(format!("{}-{id}", boot())));
    (user, session)
}

/// The path of the program that runs this test.
pub fn own_path() -> String {
    let path = std::env::current_exe().expect("our own path");
    path.to_str().expect("UTF-8").to_owned()
}

/// Fails with the whole record.
#[track_caller]
pub fn assert_at(record: &Record, path: &str, expected: impl Into<Value>) {
    assert_eq!(
        *record.at(path),
        expected.into(),
        "{path} of {}",
        record.line
    );
}

/// Nothing of the record is unknown or cut.
#[track_caller]
pub fn assert_whole(record: &Record) {
    for path in [
        "unmapped.unknown",
        "unmapped.truncated",
        "metadata.is_truncated",
    ] {
        assert_at(record, path, Value::Null);
    }
}
