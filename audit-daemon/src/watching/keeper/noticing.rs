//! What inotify tells of the directories on the way to watched paths, and of excluded programs.
//!
//! Owns its watches, and by what path each directory was known when it was last looked at. Must not look at
//! the file system itself.

use std::{
    collections::{BTreeSet, HashMap},
    os::fd::{AsFd, BorrowedFd},
    path::{Path, PathBuf},
};

use nix::{
    errno::Errno,
    sys::inotify::{AddWatchFlags, InitFlags, Inotify, InotifyEvent, WatchDescriptor},
};

use super::anchoring::Found;

pub(super) struct Noticing {
    inotify: Inotify,
    followed: HashMap<WatchDescriptor, PathBuf>,
}

/// What was told since it was last asked.
#[derive(Default)]
pub(super) struct Noticed {
    pub any: bool,
    /// Whoever could write to a program may have changed it behind its ctime.
    pub programs_written: bool,
    /// Names that lead elsewhere, or nowhere, by now.
    moved: BTreeSet<PathBuf>,
    ended: BTreeSet<PathBuf>,
    /// More than was kept.
    all: bool,
}

impl Noticed {
    /// Did what stood at this path go elsewhere?
    pub fn has_moved(&self, path: &Path) -> bool {
        self.all || path.ancestors().any(|above| self.moved.contains(above))
    }

    /// Is it known why nothing of that sort stands there any more?
    pub fn explains(&self, path: &Path) -> bool {
        self.has_moved(path) || path.ancestors().any(|above| self.ended.contains(above))
    }

    pub fn join(&mut self, later: Noticed) {
        self.any |= later.any;
        self.programs_written |= later.programs_written;
        self.moved.extend(later.moved);
        self.ended.extend(later.ended);
        self.all |= later.all;
    }

    fn take(&mut self, event: InotifyEvent, followed: &HashMap<WatchDescriptor, PathBuf>) {
        let is = |flags| event.mask.intersects(flags);
        self.any = true;
        self.all |= is(AddWatchFlags::IN_Q_OVERFLOW);
        self.programs_written |= is(AddWatchFlags::IN_CLOSE_WRITE | AddWatchFlags::IN_Q_OVERFLOW);
        let (Some(directory), Some(name)) = (followed.get(&event.wd), &event.name) else {
            return;
        };
        let path = directory.join(name);
        if is(AddWatchFlags::IN_MOVED_FROM) {
            self.moved.insert(path);
        } else if is(AddWatchFlags::IN_MOVED_TO | AddWatchFlags::IN_DELETE) {
            self.ended.insert(path);
        }
    }
}

impl Noticing {
    pub fn new() -> nix::Result<Noticing> {
        Ok(Noticing {
            inotify: Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)?,
            followed: HashMap::new(),
        })
    }

    /// Reads to the end.
    pub fn read(&self) -> Noticed {
        let mut noticed = Noticed::default();
        while let Ok(events) = self.inotify.read_events()
            && !events.is_empty()
        {
            for event in events {
                noticed.take(event, &self.followed);
            }
        }
        noticed
    }

    /// Follows what a look has found. Is there anything new among it, which may have changed before? And what
    /// is to be said if it cannot all be followed.
    pub fn follow(&mut self, found: &Found) -> (bool, Option<String>) {
        let in_directory = AddWatchFlags::IN_CREATE
            | AddWatchFlags::IN_MOVE
            | AddWatchFlags::IN_DELETE
            | AddWatchFlags::IN_ONLYDIR;
        let of_program = AddWatchFlags::IN_CLOSE_WRITE | AddWatchFlags::IN_ATTRIB;
        let excluded = &found.excluded;
        let directories: BTreeSet<_> = found.directories.union(&excluded.directories).collect();
        let files = excluded.files.iter().map(|file| (file, of_program));
        let places = directories.iter().map(|one| (*one, in_directory));
        let (mut left_out, mut any_new) = (0, false);
        for (place, flags) in places.chain(files) {
            match self.inotify.add_watch(place, flags) {
                Ok(seen) => any_new |= self.followed.insert(seen, place.clone()).is_none(),
                Err(Errno::ENOSPC | Errno::ENOMEM) => left_out += 1,
                // One that is gone again is found at the next look.
                Err(_) => {}
            }
        }
        let said = (left_out > 0).then(|| {
            format!(
                "changes in {left_out} of {} directories on the way to watched paths are noticed \
                 once a minute only: raise the sysctl fs.inotify.max_user_watches",
                directories.len() + excluded.files.len()
            )
        });
        (any_new, said)
    }
}

impl AsFd for Noticing {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inotify.as_fd()
    }
}
