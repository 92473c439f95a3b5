//! The two file systems that we need from the kernel: tracefs to attach, bpffs to pin.
//!
//! Owns mounting them where they usually are, if nobody has. Must not touch any other mount.

use std::{
    io,
    path::{Path, PathBuf},
};

use nix::{
    mount::{MsFlags, mount},
    sys::statfs::{FsType, statfs},
};
use tracing::info;

use super::KernelError;

const BPFFS: &str = "/sys/fs/bpf";
const TRACEFS: &str = "/sys/kernel/tracing";
const BPF_FS_MAGIC: i64 = 0xcafe_4a11;
const TRACEFS_MAGIC: i64 = 0x7472_6163;

fn is(path: &Path, magic: i64) -> bool {
    statfs(path).is_ok_and(|fs| fs.filesystem_type() == FsType(magic))
}

/// Mounts tracefs if it is not there. Without it the tracepoint hooks are missing, each with the
/// reason that this gives.
pub fn tracefs() -> Result<(), String> {
    let old = Path::new("/sys/kernel/debug/tracing");
    if !is(Path::new(TRACEFS), TRACEFS_MAGIC) && !is(old, TRACEFS_MAGIC) {
        mount_tracefs().map_err(|error| {
            format!("tracefs is not mounted at {TRACEFS}, and mounting it fails ({error})")
        })?;
    }
    let has_events = |at: &Path| at.join("events").exists();
    match has_events(Path::new(TRACEFS)) || has_events(old) {
        true => Ok(()),
        false => Err(format!("tracefs at {TRACEFS} has no events")),
    }
}

fn mount_tracefs() -> nix::Result<()> {
    mount(
        Some("tracefs"),
        TRACEFS,
        Some("tracefs"),
        MsFlags::empty(),
        None::<&str>,
    )?;
    info!("mounted tracefs at {TRACEFS}: nobody had");
    Ok(())
}

/// Can this kernel load modules?
pub fn has_modules() -> bool {
    Path::new("/proc/modules").exists()
}

pub fn has_tracepoint(category_and_name: &str) -> bool {
    places_of(category_and_name).any(|place| place.join("id").exists())
}

/// The number by which perf_event_open(2) knows a trace event.
pub fn tracepoint_id(category_and_name: &str) -> io::Result<u64> {
    let texts = places_of(category_and_name).map(|place| std::fs::read_to_string(place.join("id")));
    let mut refused = io::ErrorKind::NotFound.into();
    for text in texts {
        match text {
            Ok(text) => return text.trim().parse().map_err(io::Error::other),
            Err(error) => refused = error,
        }
    }
    Err(refused)
}

/// Where the files of a trace event may be.
fn places_of(category_and_name: &str) -> impl Iterator<Item = PathBuf> {
    [TRACEFS, "/sys/kernel/debug/tracing"]
        .into_iter()
        .map(move |at| Path::new(at).join("events").join(category_and_name))
}

/// Where a member stands in the records of a trace event, by its `format`; 0: not there.
pub fn record_offset(category_and_name: &str, member: &str) -> u32 {
    places_of(category_and_name)
        .find_map(|place| std::fs::read_to_string(place.join("format")).ok())
        .and_then(|format| offset_in(&format, member))
        .unwrap_or(0)
}

/// A line is `field:TYPE NAME; offset:N; size:N; signed:N;`, and NAME may end in `[N]`.
fn offset_in(format: &str, member: &str) -> Option<u32> {
    format.lines().find_map(|line| {
        let (declared, rest) = line.trim().strip_prefix("field:")?.split_once(';')?;
        let name = declared.rsplit(' ').next()?;
        let name = name.split_once('[').map_or(name, |(name, _)| name);
        let offset = rest.trim().strip_prefix("offset:")?.split(';').next()?;
        (name == member).then(|| offset.parse().ok())?
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

#[cfg(test)]
mod tests {
    use super::offset_in;

    const FORMAT: &str = "name: task_newtask\nID: 123\nformat:\n\
        \tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n\
        \n\
        \tfield:pid_t pid;\toffset:8;\tsize:4;\tsigned:1;\n\
        \tfield:__data_loc char[] filename;\toffset:12;\tsize:4;\tsigned:1;\n\
        \tfield:char comm[16];\toffset:16;\tsize:16;\tsigned:1;\n\
        \nprint fmt: \"pid=%d\", REC->pid\n";

    #[test]
    fn members_are_found_by_their_whole_name() {
        assert_eq!(offset_in(FORMAT, "pid"), Some(8));
        assert_eq!(offset_in(FORMAT, "filename"), Some(12));
        assert_eq!(offset_in(FORMAT, "comm"), Some(16));
        assert_eq!(offset_in(FORMAT, "id"), None);
        assert_eq!(offset_in("field:int x; offset:many;", "x"), None);
    }
}
