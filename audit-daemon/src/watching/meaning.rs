//! What a name meant that a program gave: where its object stands in the host's tree, and which it is.
//!
//! Owns the way from names to objects after the fact. The kernel says where a name starts from; the
//! rest is found out here when the act is over, so a link that was changed meanwhile leads elsewhere:
//! records say that the daemon joined it. Must not wait for a file system that may not answer.
//!
//! A process with another root or other mounts is asked what it sees (`/proc/PID/root` and
//! `mountinfo`); of one that is gone, the place of the directory on its file system is enough for a
//! name that goes straight down from there.

use std::{
    ffi::OsStr,
    os::{
        fd::AsFd,
        unix::{
            ffi::OsStrExt,
            fs::{MetadataExt, OpenOptionsExt},
        },
    },
    time::{Duration, Instant},
};

use audit_common::{Header, header::flag};
use nix::fcntl::OFlag;

use super::{Decider, ObjectId};
use crate::enrich::mounts::{self, Mounts};

/// An object that stands where a name leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identified {
    pub id: ObjectId,
    pub mode: u32,
    pub links: u64,
}

/// Where a name starts from.
#[derive(Clone, Copy)]
pub struct Start<'a> {
    /// Its path as the process sees it; the root directory for a name that begins with `/`.
    pub path: &'a [u8],
    /// The same from its file system's root, if that was captured, and its device.
    pub on_disk: Option<(u32, &'a [u8])>,
}

/// What a name meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Meaning {
    /// The path as the process sees it, links on its way followed.
    pub path: Vec<u8>,
    /// Where that is in the host's tree: several with bind mounts, none where it cannot be told.
    pub hosts: Vec<Vec<u8>>,
    /// What is there now.
    pub object: Option<Identified>,
}

/// What processes with other roots see, kept for a moment: their acts come in crowds.
#[derive(Default)]
pub struct Views {
    last: Option<View>,
}

struct View {
    tgid: u32,
    mnt_ns: u32,
    taken: Instant,
    root: Vec<u8>,
    mounts: Mounts,
}

const VIEW_KEPT: Duration = Duration::from_millis(100);

impl Views {
    /// What the process of this event sees; `None` if it is gone or lives elsewhere by now.
    fn of(&mut self, header: &Header) -> Option<&View> {
        let (tgid, mnt_ns) = (header.tgid, header.mnt_ns);
        let fits = |view: &View| {
            (view.tgid, view.mnt_ns) == (tgid, mnt_ns) && view.taken.elapsed() < VIEW_KEPT
        };
        if !self.last.as_ref().is_some_and(fits) {
            self.last = View::take(tgid, mnt_ns);
        }
        self.last.as_ref()
    }
}

impl View {
    fn take(tgid: u32, mnt_ns: u32) -> Option<View> {
        let namespace = std::fs::metadata(format!("/proc/{tgid}/ns/mnt")).ok()?;
        if namespace.ino() != u64::from(mnt_ns) {
            return None;
        }
        Some(View {
            tgid,
            mnt_ns,
            taken: Instant::now(),
            root: format!("/proc/{tgid}/root").into_bytes(),
            mounts: Mounts::of_process(tgid).ok()?,
        })
    }
}

impl Decider {
    /// What `name` meant; `follow`: a link at its end, too.
    pub fn meaning(
        &self,
        header: &Header,
        start: &Start<'_>,
        name: &[u8],
        follow: bool,
        views: &mut Views,
    ) -> Meaning {
        let asked = match name.starts_with(b"/") {
            true => name.to_vec(),
            false => [start.path, b"/", name].concat(),
        };
        let home = flag::HOST_ROOT | flag::HOST_MNT_NS;
        if header.flags & home == home {
            return self.seen_from(b"", &self.mounts, &asked, follow);
        }
        if let Some(view) = views.of(header) {
            let meaning = self.seen_from(&view.root, &view.mounts, &asked, follow);
            if !meaning.hosts.is_empty() {
                return meaning;
            }
        }
        let hosts = start
            .on_disk
            .map(|(dev, on_disk)| {
                let place = straight(on_disk, name);
                self.mounts.paths(dev, &place).collect()
            })
            .unwrap_or_default();
        Meaning {
            path: straight(start.path, name),
            hosts,
            object: None,
        }
    }

    /// As seen from the root that stands at `root` and has these mounts.
    fn seen_from(&self, root: &[u8], mounts: &Mounts, asked: &[u8], follow: bool) -> Meaning {
        let path = mounts.resolved_below(root, asked, follow);
        let hosts = match mounts.place(&path) {
            Some((dev, on_disk)) => self.mounts.paths(dev, &on_disk).collect(),
            None => Vec::new(),
        };
        let object = match mounts.is_remote(&path) {
            true => None,
            false => look(&[root, &path].concat(), mounts),
        };
        Meaning {
            path,
            hosts,
            object,
        }
    }
}

/// What stands at a path, without opening what an open could start.
fn look(path: &[u8], mounts: &Mounts) -> Option<Identified> {
    let file = std::fs::OpenOptions::new()
        .read(true)
        .custom_flags((OFlag::O_PATH | OFlag::O_NOFOLLOW).bits())
        .open(OsStr::from_bytes(path))
        .ok()?;
    let metadata = file.metadata().ok()?;
    Some(Identified {
        id: mounts::identify(file.as_fd(), |mount| mounts.device(mount)).ok()?,
        mode: metadata.mode(),
        links: metadata.nlink(),
    })
}

/// The name below its start, as it is written.
fn straight(start: &[u8], name: &[u8]) -> Vec<u8> {
    let mut path = start.to_vec();
    if path == b"/" {
        path.clear();
    }
    for part in name.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => {
                let end = path.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
                path.truncate(end);
            }
            part => {
                path.push(b'/');
                path.extend_from_slice(part);
            }
        }
    }
    if path.is_empty() {
        path.push(b'/');
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_goes_straight_from_its_start() {
        let straight = |start: &str, name: &str| {
            String::from_utf8(straight(start.as_bytes(), name.as_bytes())).unwrap()
        };
        assert_eq!(straight("/a/b", "c"), "/a/b/c");
        assert_eq!(straight("/a/b", "./c//d/"), "/a/b/c/d");
        assert_eq!(straight("/a/b", "../c"), "/a/c");
        assert_eq!(straight("/", "../../c"), "/c");
        assert_eq!(straight("/a", ".."), "/");
        assert_eq!(straight("/", "/x"), "/x");
    }
}
