//! The two file systems that we need from the kernel: tracefs to attach, bpffs to pin.
//!
//! Owns mounting them where they usually are, if nobody has. Must not touch any other mount.

use std::path::Path;

use nix::{
    mount::{MsFlags, mount},
    sys::statfs::{FsType, statfs},
};
use tracing::{info, warn};

use super::KernelError;

const BPFFS: &str = "/sys/fs/bpf";
const TRACEFS: &str = "/sys/kernel/tracing";
const BPF_FS_MAGIC: i64 = 0xcafe_4a11;
const TRACEFS_MAGIC: i64 = 0x7472_6163;

fn is(path: &Path, magic: i64) -> bool {
    statfs(path).is_ok_and(|fs| fs.filesystem_type() == FsType(magic))
}

/// Mounts tracefs if it is not there. Without it the tracepoint hooks are missing, each with that
/// reason.
pub fn tracefs() {
    let old = Path::new("/sys/kernel/debug/tracing");
    if is(Path::new(TRACEFS), TRACEFS_MAGIC) || is(old, TRACEFS_MAGIC) {
        return;
    }
    match mount(
        Some("tracefs"),
        TRACEFS,
        Some("tracefs"),
        MsFlags::empty(),
        None::<&str>,
    ) {
        Ok(()) => info!("mounted tracefs at {TRACEFS}: nobody had"),
        Err(error) => warn!("no tracefs at {TRACEFS}, and mounting it failed: {error}"),
    }
}

pub fn has_tracepoint(category_and_name: &str) -> bool {
    [TRACEFS, "/sys/kernel/debug/tracing"].iter().any(|at| {
        Path::new(at)
            .join("events")
            .join(category_and_name)
            .join("id")
            .exists()
    })
}

/// Makes sure that `pin_dir` is (or can be made) in a bpffs, and makes it.
pub fn bpffs(pin_dir: &Path) -> Result<(), KernelError> {
    let error = |reason: String| KernelError::NoBpffs {
        path: pin_dir.into(),
        reason,
    };
    let Some(parent) = pin_dir.parent() else {
        return Err(error("it has no parent".into()));
    };
    if parent == Path::new(BPFFS) && !is(parent, BPF_FS_MAGIC) {
        mount(
            Some("bpf"),
            BPFFS,
            Some("bpf"),
            MsFlags::empty(),
            Some("mode=700"),
        )
        .map_err(|errno| error(format!("mounting it at {BPFFS} failed: {errno}")))?;
        info!("mounted bpffs at {BPFFS}: nobody had");
    }
    if !is(parent, BPF_FS_MAGIC) {
        return Err(error(format!("{} is not a bpffs", parent.display())));
    }
    match std::fs::create_dir(pin_dir) {
        Err(made) if made.kind() != std::io::ErrorKind::AlreadyExists => {
            Err(error(made.to_string()))
        }
        _ => Ok(()),
    }
}
