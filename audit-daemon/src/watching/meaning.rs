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
    path::Path,
    time::{Duration, Instant},
};

use audit_common::{Header, header::flag};
use nix::{fcntl::OFlag, libc};

use super::{Decider, ObjectId};
use crate::enrich::mounts::{self, Mounts};

/// An object that stands where a name leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identified {
    pub id: ObjectId,
    pub mode: u32,
    pub links: u64,
    /// Nanoseconds since 1970, if that was looked at.
    pub modified: Option<i64>,
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
    /// What is there now, if that was asked for.
    pub object: Option<Identified>,
    /// Where to look for it.
    place: Option<Vec<u8>>,
    /// That was done.
    looked: bool,
}

/// What is asked about a name.
#[derive(Clone, Copy)]
pub struct Question<'a> {
    pub start: Start<'a>,
    pub name: &'a [u8],
    /// A link at its end is followed, too.
    pub follow: bool,
    /// The process's number in its own pid namespace.
    pub namespace_pid: u32,
}

/// What processes with other roots see, kept for a moment: their acts come in crowds.
#[derive(Default)]
pub struct Views {
    /// The oldest first.
    kept: Vec<View>,
}

struct View {
    tgid: u32,
    mnt_ns: u32,
    taken: Instant,
    root: Vec<u8>,
    mounts: Mounts,
}

const VIEW_KEPT: Duration = Duration::from_millis(100);
/// Processes of containers that act at the same time; a view is some kilobytes.
const VIEWS_MAX: usize = 16;

impl Views {
    /// What the process of this event sees; `None` if it is gone or lives elsewhere by now.
    fn of(&mut self, header: &Header) -> Option<&View> {
        let (tgid, mnt_ns) = (header.tgid, header.mnt_ns);
        self.kept.retain(|view| view.taken.elapsed() < VIEW_KEPT);
        let fits = |view: &View| (view.tgid, view.mnt_ns) == (tgid, mnt_ns);
        let at = match self.kept.iter().position(fits) {
            Some(at) => at,
            None => {
                let view = View::take(tgid, mnt_ns)?;
                if self.kept.len() == VIEWS_MAX {
                    self.kept.remove(0);
                }
                self.kept.push(view);
                self.kept.len() - 1
            }
        };
        self.kept.get(at)
    }
}

impl Meaning {
    /// What was said, where nobody can tell any more what it meant.
    pub fn as_said(path: Vec<u8>) -> Meaning {
        Meaning {
            path,
            ..Meaning::default()
        }
    }

    /// Of an object that the kernel named itself.
    pub fn of_object(path: Vec<u8>, hosts: Vec<Vec<u8>>, object: Identified) -> Meaning {
        Meaning {
            path,
            hosts,
            object: Some(object),
            ..Meaning::default()
        }
    }

    /// Of a place whose object nobody will know.
    pub fn of_place(path: Vec<u8>, hosts: Vec<Vec<u8>>) -> Meaning {
        Meaning {
            path,
            hosts,
            ..Meaning::default()
        }
    }

    /// Of places whose object is not looked for: paths as they were written.
    pub fn of_names(path: Vec<u8>, written: Vec<Vec<u8>>) -> Meaning {
        Meaning {
            path,
            hosts: written.iter().map(|one| straight(b"/", one)).collect(),
            ..Meaning::default()
        }
    }

    /// What is there now has nothing to do with it.
    pub fn forget_object(&mut self) {
        (self.object, self.place) = (None, None);
    }

    /// Does nothing but the umask of who makes something there decide about its permissions? `None` if
    /// its directory cannot be asked.
    pub fn umask_alone_decides(&self) -> Option<bool> {
        let place = Path::new(OsStr::from_bytes(self.place.as_deref()?));
        let directory = place.parent()?;
        let setgid = directory.metadata().ok()?.mode() & libc::S_ISGID != 0;
        let acl = rustix::fs::getxattr(directory, c"system.posix_acl_default", &mut [0u8; 0]);
        Some(!setgid && acl == Err(rustix::io::Errno::NODATA))
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

    /// Is its root the host's if it was then? It may have gone into another one since, from which the
    /// same name means something else.
    fn has_root_of(&self, header: &Header) -> bool {
        if header.flags & flag::HOST_ROOT == 0 {
            return true;
        }
        let identity = |path: &[u8]| {
            let root = std::fs::metadata(Path::new(OsStr::from_bytes(path))).ok()?;
            Some((root.dev(), root.ino()))
        };
        identity(&self.root).is_some_and(|its| Some(its) == identity(b"/"))
    }
}

impl Decider {
    /// What a name meant. Which object it is is a question of its own: see [`Decider::look`].
    pub fn meaning(&self, header: &Header, question: &Question<'_>, views: &mut Views) -> Meaning {
        let Question { start, name, .. } = *question;
        let home = flag::HOST_ROOT | flag::HOST_MNT_NS;
        if header.flags & home == home {
            return self.seen_from(b"", &self.mounts, question);
        }
        if let Some(view) = views.of(header)
            && view.has_root_of(header)
        {
            let meaning = self.seen_from(&view.root, &view.mounts, question);
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
            ..Meaning::default()
        }
    }

    /// As seen from the root that stands at `root` and has these mounts.
    fn seen_from(&self, root: &[u8], mounts: &Mounts, question: &Question<'_>) -> Meaning {
        let asked = match question.name.starts_with(b"/") {
            true => question.name.to_vec(),
            false => [question.start.path, b"/", question.name].concat(),
        };
        let oneself = Some(question.namespace_pid);
        let path = mounts.resolved_below(root, &asked, question.follow, oneself);
        let hosts = match mounts.place(&path) {
            Some((dev, on_disk)) => self.mounts.paths(dev, &on_disk).collect(),
            None => Vec::new(),
        };
        Meaning {
            place: (!mounts.is_remote(&path)).then(|| [root, &path].concat()),
            path,
            hosts,
            ..Meaning::default()
        }
    }

    /// Finds out which object stands where a name led to, unless that is known.
    pub fn look(&self, header: &Header, meaning: &mut Meaning, views: &mut Views) {
        if std::mem::replace(&mut meaning.looked, true) {
            return;
        }
        let Some(place) = &meaning.place else {
            return;
        };
        let home = flag::HOST_ROOT | flag::HOST_MNT_NS;
        let mounts = match header.flags & home == home {
            true => Some(&self.mounts),
            false => views.of(header).map(|view| &view.mounts),
        };
        meaning.object = mounts.and_then(|mounts| look(place, mounts));
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
        modified: metadata
            .mtime()
            .checked_mul(1_000_000_000)
            .and_then(|whole| whole.checked_add(metadata.mtime_nsec())),
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
