//! What ran before the hooks were attached, from /proc.
//!
//! Owns the reading of /proc/PID, once at start. Everything in it is of the process's making and may
//! vanish in between: what cannot be read is left unknown, a process that is gone is left out. Must
//! not be used on the hot path.

use std::{
    fs,
    os::unix::ffi::{OsStrExt, OsStringExt},
    path::{Path, PathBuf},
};

use super::process::Key;

/// No more of a command line is looked at.
const COMMAND_BYTES_MAX: usize = 32 << 10;

/// One process as /proc shows it.
#[derive(Debug, Clone)]
pub struct Running {
    pub key: Key,
    pub parent_pid: u32,
    /// NUL-padded.
    pub name: [u8; 16],
    /// `None`: a kernel thread, or not readable.
    pub exe: Option<Exe>,
    /// NUL-separated; `None` for a kernel thread.
    pub command: Option<Vec<u8>>,
    pub directory: Option<Vec<u8>>,
    pub ids: Ids,
    pub login_uid: u32,
    pub session: u32,
    /// Lines of its `cgroup` file: hierarchy and path.
    pub cgroups: Vec<(u32, Vec<u8>)>,
    pub mnt_ns: u32,
    pub pid_ns: u32,
    pub user_ns: u32,
    /// Pid in the innermost namespace.
    pub namespace_pid: u32,
    /// Its root directory is the host's.
    pub host_root: bool,
}

#[derive(Debug, Clone)]
pub struct Exe {
    /// Without the kernel's " (deleted)".
    pub path: Vec<u8>,
    pub deleted: bool,
    pub dev_major: u32,
    pub dev_minor: u32,
    pub ino: u64,
    pub mode: u32,
    pub links: u32,
    /// 0: not known.
    pub ctime_ns: i64,
    pub size: u64,
}

#[derive(Debug, Clone, Copy, Default)]
pub struct Ids {
    pub uid: u32,
    pub euid: u32,
    pub fsuid: u32,
    pub gid: u32,
    pub egid: u32,
    pub cap_effective: u64,
}

/// Every process there is now.
pub fn all() -> impl Iterator<Item = Running> {
    let root = fs::metadata("/proc/1/root/.").ok();
    fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(move |entry| {
            let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
            read(pid, &entry.path(), root.as_ref())
        })
}

/// One process, if it is there.
pub fn one(pid: u32) -> Option<Running> {
    let root = fs::metadata("/proc/1/root/.").ok();
    read(pid, &PathBuf::from(format!("/proc/{pid}")), root.as_ref())
}

fn read(pid: u32, at: &Path, host_root: Option<&fs::Metadata>) -> Option<Running> {
    use std::os::unix::fs::MetadataExt;
    let stat = fs::read(at.join("stat")).ok()?;
    let (name, parent_pid, tick) = parse_stat(&stat)?;
    let status = fs::read(at.join("status")).ok()?;
    let root = fs::metadata(at.join("root/.")).ok();
    let number = |file: &str| -> u32 {
        let text = fs::read_to_string(at.join(file)).unwrap_or_default();
        text.trim().parse().unwrap_or(u32::MAX)
    };
    let namespace = |file: &str| namespace_number(&at.join("ns").join(file));
    let command = fs::read(at.join("cmdline"))
        .ok()
        .filter(|command| !command.is_empty());
    Some(Running {
        key: Key { pid, tick },
        parent_pid,
        name,
        exe: exe(&at.join("exe")),
        command: command.map(|mut command| {
            command.truncate(COMMAND_BYTES_MAX);
            command
        }),
        directory: fs::read_link(at.join("cwd"))
            .ok()
            .map(|path| path.into_os_string().into_vec()),
        ids: parse_ids(&status),
        login_uid: number("loginuid"),
        session: number("sessionid"),
        cgroups: parse_cgroups(&fs::read(at.join("cgroup")).unwrap_or_default()),
        mnt_ns: namespace("mnt"),
        pid_ns: namespace("pid"),
        user_ns: namespace("user"),
        namespace_pid: innermost_pid(&status).unwrap_or(pid),
        host_root: match (&root, host_root) {
            (Some(root), Some(host)) => root.dev() == host.dev() && root.ino() == host.ino(),
            _ => false,
        },
    })
}

/// `comm` may hold anything, a closing bracket too: it ends at the last one.
fn parse_stat(stat: &[u8]) -> Option<([u8; 16], u32, u64)> {
    let open = stat.iter().position(|byte| *byte == b'(')?;
    let close = stat.iter().rposition(|byte| *byte == b')')?;
    let mut name = [0; 16];
    let comm = stat.get(open + 1..close)?;
    let length = comm.len().min(15);
    name[..length].copy_from_slice(&comm[..length]);
    let rest = std::str::from_utf8(stat.get(close + 1..)?).ok()?;
    let mut fields = rest.split_ascii_whitespace();
    // Of the 52 fields the third is the first here.
    let parent = fields.nth(1)?.parse().ok()?;
    let tick = fields.nth(17)?.parse().ok()?;
    Some((name, parent, tick))
}

fn line<'a>(status: &'a [u8], name: &[u8]) -> Option<&'a str> {
    let line = status
        .split(|byte| *byte == b'\n')
        .find_map(|line| line.strip_prefix(name))?;
    std::str::from_utf8(line).ok()
}

fn parse_ids(status: &[u8]) -> Ids {
    let numbers = |name: &[u8]| -> [u32; 4] {
        let mut fields = line(status, name).unwrap_or("").split_ascii_whitespace();
        std::array::from_fn(|_| {
            fields
                .next()
                .and_then(|n| n.parse().ok())
                .unwrap_or(u32::MAX)
        })
    };
    let ([uid, euid, _, fsuid], [gid, egid, ..]) = (numbers(b"Uid:"), numbers(b"Gid:"));
    let caps = line(status, b"CapEff:").unwrap_or("").trim();
    let cap_effective = u64::from_str_radix(caps, 16).unwrap_or(0);
    Ids {
        uid,
        euid,
        fsuid,
        gid,
        egid,
        cap_effective,
    }
}

fn innermost_pid(status: &[u8]) -> Option<u32> {
    line(status, b"NSpid:")?
        .split_ascii_whitespace()
        .next_back()?
        .parse()
        .ok()
}

fn parse_cgroups(text: &[u8]) -> Vec<(u32, Vec<u8>)> {
    text.split(|byte| *byte == b'\n')
        .filter_map(|line| {
            let mut parts = line.splitn(3, |byte| *byte == b':');
            let hierarchy = std::str::from_utf8(parts.next()?).ok()?.parse().ok()?;
            Some((hierarchy, parts.nth(1)?.to_vec()))
        })
        .collect()
}

/// The number in `mnt:[4026531841]`.
fn namespace_number(link: &Path) -> u32 {
    let target = fs::read_link(link).unwrap_or_default();
    let text = target.to_string_lossy();
    text.split(['[', ']'])
        .nth(1)
        .and_then(|number| number.parse().ok())
        .unwrap_or(0)
}

fn exe(link: &Path) -> Option<Exe> {
    use std::os::unix::fs::MetadataExt;
    const DELETED: &[u8] = b" (deleted)";
    let target = fs::read_link(link).ok()?;
    // Through the link: the file itself, though its name may lead elsewhere by now.
    let file = fs::metadata(link).ok();
    let bytes = target.as_os_str().as_bytes();
    let deleted = bytes.ends_with(DELETED) && file.as_ref().is_none_or(|file| file.nlink() == 0);
    let path = if deleted {
        &bytes[..bytes.len() - DELETED.len()]
    } else {
        bytes
    };
    let dev = file.as_ref().map_or(0, |file| file.dev());
    Some(Exe {
        path: path.to_vec(),
        deleted,
        dev_major: nix::libc::major(dev),
        dev_minor: nix::libc::minor(dev),
        ino: file.as_ref().map_or(0, |file| file.ino()),
        mode: file.as_ref().map_or(0, |file| file.mode()),
        links: file.as_ref().map_or(0, |file| file.nlink() as u32),
        ctime_ns: file.as_ref().map_or(0, |file| {
            let seconds = file.ctime().wrapping_mul(1_000_000_000);
            seconds.wrapping_add(file.ctime_nsec())
        }),
        size: file.as_ref().map_or(0, |file| file.size()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_and_blanks_is_read_whole() {
        let stat =
            b"4127 (a) b (c) S 4087 4127 4087 34816 4127 0 1 2 3 4 5 6 7 8 20 0 1 0 83246 9 9";
        let (name, parent, tick) = parse_stat(stat).unwrap();
        assert_eq!(&name[..7], b"a) b (c");
        assert_eq!((parent, tick), (4087, 83246));
        assert!(parse_stat(b"1 (x").is_none());
        assert!(parse_stat(b"").is_none());
    }

    #[test]
    fn we_are_found_with_our_own_ids() {
        let own = one(std::process::id()).unwrap();
        assert_eq!(own.parent_pid, std::os::unix::process::parent_id());
        let exe = own.exe.unwrap();
        assert_eq!(
            exe.path,
            std::env::current_exe().unwrap().as_os_str().as_bytes()
        );
        assert!(!exe.deleted);
        assert_eq!(own.ids.euid, nix::unistd::geteuid().as_raw());
        assert!(
            own.command
                .unwrap()
                .starts_with(std::env::args().next().unwrap().as_bytes())
        );
        assert_eq!(all().filter(|running| running.key == own.key).count(), 1);
    }

    #[test]
    fn cgroup_lines_keep_colons_in_paths() {
        let cgroups = parse_cgroups(b"4:pids:/a:b\n0::/x\nbroken\n");
        assert_eq!(cgroups, [(4, b"/a:b".to_vec()), (0, b"/x".to_vec())]);
    }
}
