//! Where file systems are mounted in the host's tree: from a place on a file system to host paths.
//!
//! Owns the table of the host's mounts, read from init's mountinfo. A place may have several paths,
//! where parts of its file system are bound elsewhere, or none, where nothing of it is mounted on
//! the host. Must not touch the file systems themselves: a dead NFS server stops nobody here.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

/// One mount of the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    pub id: u32,
    /// major << 20 | minor, as the kernel has it (`stat` may show another one).
    pub dev: u32,
    /// What of the file system is mounted: a directory (or file) of it, without `/` at its end.
    pub root: Vec<u8>,
    /// Where, without `/` at its end: the root directory is empty.
    pub point: Vec<u8>,
    /// Another machine or program answers for it, or does not.
    pub remote: bool,
}

/// Types of such file systems, by their beginnings.
const REMOTE: [&[u8]; 9] = [
    b"nfs",
    b"cifs",
    b"smb",
    b"fuse",
    b"ceph",
    b"9p",
    b"afs",
    b"autofs",
    b"virtiofs",
];
/// Links in one path, as many as the kernel follows.
const LINKS_MAX: u32 = 40;

/// The host's mounts, in the order in which they were made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mounts {
    mounts: Vec<Mount>,
}

/// Larger than mountinfo of any host that works.
const BYTES_MAX: u64 = 64 << 20;

impl Mounts {
    /// Those that a process sees, from its own root.
    pub fn of_process(tgid: u32) -> io::Result<Mounts> {
        Mounts::read(Path::new(&format!("/proc/{tgid}/mountinfo")))
    }

    /// Init's mounts.
    pub fn of_host() -> io::Result<Mounts> {
        Mounts::read(Path::new("/proc/1/mountinfo"))
            .or_else(|_| Mounts::read(Path::new("/proc/self/mountinfo")))
    }

    fn read(path: &Path) -> io::Result<Mounts> {
        use std::io::Read;
        let mut text = Vec::new();
        std::fs::File::open(path)?
            .take(BYTES_MAX)
            .read_to_end(&mut text)?;
        Ok(Mounts::parse(&text))
    }

    /// Lines that are no mounts are left out.
    pub fn parse(text: &[u8]) -> Mounts {
        let mounts = text.split(|byte| *byte == b'\n').filter_map(mount);
        Mounts {
            mounts: mounts.collect(),
        }
    }

    /// The device of a mount.
    pub fn device(&self, mount: u32) -> Option<u32> {
        let found = self.mounts.iter().find(|one| one.id == mount);
        found.map(|one| one.dev)
    }

    /// Mount ids with their devices.
    pub fn devices(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        self.mounts.iter().map(|mount| (mount.id, mount.dev))
    }

    /// The host paths of a place on a file system; `on_disk` is absolute, from its root.
    pub fn paths<'a>(&'a self, dev: u32, on_disk: &'a [u8]) -> impl Iterator<Item = Vec<u8>> + 'a {
        let of_dev = self.mounts.iter().filter(move |mount| mount.dev == dev);
        of_dev.filter_map(move |mount| {
            let rest = below(&mount.root, on_disk)?;
            let path = [&mount.point[..], rest].concat();
            Some(if path.is_empty() { b"/".to_vec() } else { path })
        })
    }

    /// A host path with its symbolic links resolved, as far as that asks no remote file system. What
    /// is not there stays as it is written; `last` says whether the last name is followed, too.
    pub fn resolved(&self, path: &[u8], last: bool) -> Vec<u8> {
        self.resolved_below(b"", path, last, None)
    }

    /// The same of a path from another root, which stands at `root`; so do the mounts. `oneself` is
    /// what `/proc/self` means there.
    pub fn resolved_below(
        &self,
        root: &[u8],
        path: &[u8],
        last: bool,
        oneself: Option<u32>,
    ) -> Vec<u8> {
        let (mut done, mut links) = (Vec::new(), 0);
        let parts = |path: &[u8]| -> Vec<Vec<u8>> {
            let parts = path
                .split(|byte| *byte == b'/')
                .filter(|part| !part.is_empty());
            parts.rev().map(<[u8]>::to_vec).collect()
        };
        let mut rest = parts(path);
        while let Some(part) = rest.pop() {
            match &part[..] {
                b"." => continue,
                b".." => {
                    let end = done.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
                    done.truncate(end);
                    continue;
                }
                _ => {}
            }
            let above = done.len();
            done.push(b'/');
            done.extend_from_slice(&part);
            if (rest.is_empty() && !last) || self.is_remote(&done) {
                continue;
            }
            if let (Some(pid), b"/proc/self") = (oneself, &done[..]) {
                done.truncate(above);
                rest.push(pid.to_string().into_bytes());
                continue;
            }
            let at = [root, &done[..]].concat();
            if let Ok(target) = std::fs::read_link(OsStr::from_bytes(&at))
                && links < LINKS_MAX
            {
                links += 1;
                let target = target.into_os_string().into_vec();
                done.truncate(if target.starts_with(b"/") { 0 } else { above });
                rest.extend(parts(&target));
            }
        }
        if done.is_empty() {
            done.push(b'/');
        }
        done
    }

    /// Is this on a file system that may not answer?
    pub fn is_remote(&self, path: &[u8]) -> bool {
        let mut remote = self.mounts.iter().filter(|mount| mount.remote);
        remote.any(|mount| below(&mount.point, path).is_some())
    }

    /// The mount that a host path is on, and what of its file system it is.
    pub fn place(&self, path: &[u8]) -> Option<(u32, Vec<u8>)> {
        // Of two at the same point the later one covers the earlier.
        let covering = |mount: &&Mount| below(&mount.point, path).is_some();
        let deepest = self
            .mounts
            .iter()
            .filter(covering)
            .max_by_key(|mount| mount.point.len())?;
        let rest = below(&deepest.point, path)?;
        Some((deepest.dev, [&deepest.root[..], rest].concat()))
    }
}

/// What the kernel calls an open file: the device by the mount that it was opened through, the inode
/// by what is said of the descriptor. `stat` shows others on btrfs and overlayfs.
pub fn identify(
    file: BorrowedFd<'_>,
    device_of_mount: impl Fn(u32) -> Option<u32>,
) -> io::Result<(u32, u64)> {
    let text = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", file.as_raw_fd()))?;
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().parse::<u64>().ok()
    };
    let stat = nix::sys::stat::fstat(file)?;
    let mount = field("mnt_id:").and_then(|id| u32::try_from(id).ok());
    let by_stat = || {
        let (major, minor) = (
            nix::sys::stat::major(stat.st_dev),
            nix::sys::stat::minor(stat.st_dev),
        );
        (major << 20 | minor) as u32
    };
    Ok((
        mount.and_then(device_of_mount).unwrap_or_else(by_stat),
        // Kernels before 5.14 do not tell it here.
        field("ino:").unwrap_or(stat.st_ino),
    ))
}

/// What follows `above` in `path`, beginning with `/` or empty; `None` if it is not below.
fn below<'a>(above: &[u8], path: &'a [u8]) -> Option<&'a [u8]> {
    let rest = path.strip_prefix(above)?;
    match rest.first() {
        None | Some(b'/') => Some(if rest == b"/" { b"" } else { rest }),
        Some(_) => None,
    }
}

/// `36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw`
fn mount(line: &[u8]) -> Option<Mount> {
    let mut fields = line.split(|byte| *byte == b' ');
    let id = std::str::from_utf8(fields.next()?).ok()?.parse().ok()?;
    let mut behind = line
        .split(|byte| *byte == b' ')
        .skip_while(|field| *field != b"-");
    let kind = behind.nth(1).unwrap_or_default();
    let mut fields = fields.skip(1);
    let dev = std::str::from_utf8(fields.next()?).ok()?;
    let (major, minor) = dev.split_once(':')?;
    let whole = |field: &[u8]| {
        let mut path = unescaped(field);
        while path.last() == Some(&b'/') {
            path.pop();
        }
        path
    };
    Some(Mount {
        id,
        dev: major.parse::<u32>().ok()? << 20 | minor.parse::<u32>().ok()?,
        root: whole(fields.next()?),
        point: whole(fields.next()?),
        remote: REMOTE.iter().any(|begin| kind.starts_with(begin)),
    })
}

/// Blanks, tabs, newlines and backslashes stand as `\ooo`.
fn unescaped(field: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(field.len());
    let mut rest = field;
    while let [first, after @ ..] = rest {
        if let (
            b'\\',
            [
                a @ b'0'..=b'3',
                b @ b'0'..=b'7',
                c @ b'0'..=b'7',
                behind @ ..,
            ],
        ) = (first, after)
        {
            out.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
            rest = behind;
        } else {
            out.push(*first);
            rest = after;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &[u8] = b"\
        22 1 8:1 / / rw - ext4 /dev/sda1 rw\n\
        30 22 8:2 / /srv rw - ext4 /dev/sda2 rw\n\
        31 22 8:2 /pay\\040roll /mnt/bound rw shared:1 - ext4 /dev/sda2 rw\n\
        nonsense\n\
        32 22 0:45 / /run rw - tmpfs tmpfs rw\n";
    const SDA2: u32 = 8 << 20 | 2;

    fn paths(dev: u32, on_disk: &str) -> Vec<String> {
        let mounts = Mounts::parse(TEXT);
        mounts
            .paths(dev, on_disk.as_bytes())
            .map(|path| String::from_utf8(path).unwrap())
            .collect()
    }

    #[test]
    fn a_place_has_a_path_by_every_mount_that_shows_it() {
        assert_eq!(
            paths(SDA2, "/pay roll/x"),
            ["/srv/pay roll/x", "/mnt/bound/x"]
        );
        assert_eq!(paths(SDA2, "/pay roll"), ["/srv/pay roll", "/mnt/bound"]);
        assert_eq!(paths(SDA2, "/pay rolls"), ["/srv/pay rolls"]);
        assert_eq!(paths(8 << 20 | 1, "/etc"), ["/etc"]);
        assert_eq!(paths(8 << 20 | 1, "/"), ["/"]);
        assert_eq!(paths(45, "/x"), ["/run/x"]);
        assert_eq!(paths(99, "/x"), [""; 0]);
    }

    #[test]
    fn a_path_is_on_the_deepest_mount() {
        let mounts = Mounts::parse(TEXT);
        let place = |path: &str| mounts.place(path.as_bytes());
        assert_eq!(place("/srv/a"), Some((SDA2, b"/a".to_vec())));
        assert_eq!(place("/mnt/bound/a"), Some((SDA2, b"/pay roll/a".to_vec())));
        assert_eq!(place("/srvx"), Some((8 << 20 | 1, b"/srvx".to_vec())));
    }

    #[test]
    fn octal_escapes_are_bytes_and_nothing_else_is() {
        assert_eq!(unescaped(b"a\\040b\\134\\012c"), b"a b\\\nc");
        assert_eq!(unescaped(b"a\\9\\40"), b"a\\9\\40");
    }

    #[test]
    fn links_are_resolved_and_what_is_remote_is_not_asked() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        std::fs::create_dir(at("real")).unwrap();
        std::os::unix::fs::symlink("real", at("way")).unwrap();
        std::os::unix::fs::symlink(at("real/x"), at("real/link")).unwrap();
        std::os::unix::fs::symlink("loop", at("loop")).unwrap();
        let root = std::fs::canonicalize(dir.path()).unwrap();
        let resolved = |mounts: &Mounts, path: &str, last| {
            let path = format!("{}/{path}", dir.path().display());
            let bytes = mounts.resolved(path.as_bytes(), last);
            let text = String::from_utf8(bytes).unwrap();
            text.replace(root.to_str().unwrap(), "")
        };
        let none = Mounts::default();
        let own = none.resolved_below(b"", b"/proc/self/x", true, Some(1));
        assert_eq!(own, b"/proc/1/x");
        assert_eq!(resolved(&none, "way/./y//z", true), "/real/y/z");
        assert_eq!(resolved(&none, "way/../real/link", true), "/real/x");
        assert_eq!(resolved(&none, "way/link", false), "/real/link");
        assert_eq!(resolved(&none, "loop", true), "/loop");
        assert_eq!(none.resolved(b"/../..", true), b"/");
        let line = format!("1 1 0:9 / {} rw - nfs4 x rw", root.join("way").display());
        let remote = Mounts::parse(line.as_bytes());
        assert_eq!(resolved(&remote, "way/y", true), "/way/y");
    }
}
