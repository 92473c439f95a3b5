//! The file systems that programs expect.
//!
//! Owns: what is mounted where. Each function gives a list of what could not be mounted: some
//! kernels lack some, and only the tests know which they need.
//!
//! Must not: touch anything outside of the mount table and empty directories.

use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use audit_guest::manifest::CgroupLayout;

use crate::system;

const CGROUP_ROOT: &str = "/sys/fs/cgroup";
/// v1 controllers, each with a hierarchy of its own as systemd made them.
const V1_CONTROLLERS: [&str; 10] = [
    "cpu,cpuacct",
    "cpuset",
    "memory",
    "pids",
    "devices",
    "freezer",
    "blkio",
    "net_cls,net_prio",
    "perf_event",
    "hugetlb",
];

/// Makes the root a mount of its own above the kernel's first one. Nobody can pivot_root away
/// from the first, which every container runtime does; from this one they can.
pub fn own_root() -> Vec<String> {
    const STEP: &str = "/vm/root";
    let step = || -> io::Result<()> {
        fs::create_dir_all(STEP)?;
        let (root, step) = (Path::new("/"), Path::new(STEP));
        system::mount(root, step, "", libc::MS_BIND, "")?;
        std::env::set_current_dir(STEP)?;
        system::mount(Path::new("."), root, "", libc::MS_MOVE, "")?;
        std::os::unix::fs::chroot(".")?;
        std::env::set_current_dir("/")
    };
    step()
        .err()
        .map(|error| format!("a root of its own: {error}"))
        .into_iter()
        .collect()
}

/// What every job finds.
pub fn base() -> Vec<String> {
    let mut notes = Vec::new();
    for (kind, target, data) in [
        ("proc", "/proc", ""),
        ("sysfs", "/sys", ""),
        ("devtmpfs", "/dev", ""),
        ("devpts", "/dev/pts", "gid=5,mode=620,ptmxmode=666"),
        ("tmpfs", "/dev/shm", "mode=1777"),
        ("mqueue", "/dev/mqueue", ""),
        ("tmpfs", "/run", "mode=755"),
        ("debugfs", "/sys/kernel/debug", ""),
        ("tracefs", "/sys/kernel/tracing", ""),
        ("securityfs", "/sys/kernel/security", ""),
        ("bpf", "/sys/fs/bpf", "mode=700"),
    ] {
        if let Err(error) = mount_new(kind, target, data) {
            notes.push(format!("mount {kind} on {target}: {error}"));
        }
    }
    for (target, link) in [
        ("/proc/self/fd", "/dev/fd"),
        ("/proc/self/fd/0", "/dev/stdin"),
        ("/proc/self/fd/1", "/dev/stdout"),
        ("/proc/self/fd/2", "/dev/stderr"),
    ] {
        if let Err(error) = symlink(target, link) {
            notes.push(format!("link {link}: {error}"));
        }
    }
    for directory in [
        "/run/lock",
        "/run/user",
        "/var/log",
        "/var/lib",
        "/var/tmp",
        "/out",
    ] {
        if let Err(error) = fs::create_dir_all(directory) {
            notes.push(format!("directory {directory}: {error}"));
        }
    }
    // What the image has in /tmp (a workspace there) must not be hidden.
    let empty = fs::read_dir("/tmp").map_or(true, |mut entries| entries.next().is_none());
    if empty && let Err(error) = mount_new("tmpfs", "/tmp", "") {
        notes.push(format!("mount tmpfs on /tmp: {error}"));
    }
    // umask and initramfs may say otherwise; programs run as other users need these.
    for directory in ["/tmp", "/var/tmp", "/out"] {
        if let Err(error) = fs::set_permissions(directory, fs::Permissions::from_mode(0o1777)) {
            notes.push(format!("permissions of {directory}: {error}"));
        }
    }
    notes
}

/// The control group trees.
pub fn cgroups(layout: CgroupLayout) -> Vec<String> {
    let mut notes = Vec::new();
    let mut attempt = |kind: &str, target: &str, data: &str| {
        if let Err(error) = mount_new(kind, target, data) {
            notes.push(format!("mount {kind} ({data}) on {target}: {error}"));
        }
    };
    if layout == CgroupLayout::V2 {
        attempt("cgroup2", CGROUP_ROOT, "nsdelegate");
        return notes;
    }
    attempt("tmpfs", CGROUP_ROOT, "mode=755");
    for controller in V1_CONTROLLERS {
        attempt("cgroup", &format!("{CGROUP_ROOT}/{controller}"), controller);
    }
    attempt(
        "cgroup",
        &format!("{CGROUP_ROOT}/systemd"),
        "none,name=systemd",
    );
    if layout == CgroupLayout::Hybrid {
        attempt("cgroup2", &format!("{CGROUP_ROOT}/unified"), "nsdelegate");
    }
    notes
}

/// An ext4 disk on /mnt.
pub fn disk(device: &Path) -> io::Result<()> {
    fs::create_dir_all("/mnt")?;
    system::mount(device, Path::new("/mnt"), "ext4", 0, "")
}

fn mount_new(kind: &str, target: &str, data: &str) -> io::Result<()> {
    fs::create_dir_all(target)?;
    match system::mount(Path::new(kind), Path::new(target), kind, 0, data) {
        // Already there: some kernels mount devtmpfs themselves.
        Err(error) if error.raw_os_error() == Some(libc::EBUSY) => Ok(()),
        other => other,
    }
}
