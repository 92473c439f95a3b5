//! The links of one load: where each program is attached, whether it still is, and attaching it again.
//!
//! Owns the descriptors of links, programs and shared maps for as long as the daemon runs, so that
//! a pin that somebody removes detaches nothing. Must not decide what is attached; `attach` does.
//!
//! A descriptor here may be closed behind our back (by a debugger, say) and its number be somebody
//! else's by then: each is known by the kernel's id of what is behind it, and asked before use.

use std::{
    collections::BTreeMap,
    io,
    mem::ManuallyDrop,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    path::{Path, PathBuf},
    sync::Arc,
};

use audit_common::watch::WatchState;
use tracing::warn;

use super::{
    MappedArray, Misses, bpf, filesystems,
    pins::{link_name, map_name, program_name},
};
use crate::hooks::{Candidate, HOOKS, HookRow, Mechanism};

/// Where one program is attached: a row of the hook table, its candidate, the candidate's program (1
/// is its twin) and one of its points.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    row: usize,
    candidate: usize,
    program: usize,
    point: usize,
}

impl Place {
    /// `None`: the table has no such place.
    pub fn new(hook: &str, candidate: usize, program: usize, point: usize) -> Option<Place> {
        let row = HOOKS.iter().position(|row| row.name == hook)?;
        let of = HOOKS[row].candidates.get(candidate)?;
        let is_program = program == 0 || (program == 1 && of.twin.is_some());
        (is_program && point < of.points.len()).then_some(Place {
            row,
            candidate,
            program,
            point,
        })
    }

    pub fn row(self) -> &'static HookRow {
        &HOOKS[self.row]
    }

    fn candidate(self) -> &'static Candidate {
        &self.row().candidates[self.candidate]
    }

    pub fn program(self) -> &'static str {
        let candidate = self.candidate();
        match self.program {
            0 => candidate.program,
            _ => candidate.twin.unwrap_or(candidate.program),
        }
    }

    /// The first program of its point, which acts show to be there: a twin does only what that did not.
    pub fn is_first(self) -> bool {
        self.program == 0
    }

    pub fn point(self) -> &'static str {
        self.candidate().points[self.point]
    }

    /// The file of its pin.
    pub fn pin_name(self) -> String {
        link_name(self.row().name, self.candidate, self.program, self.point)
    }

    fn twin(self) -> Place {
        Place { program: 1, ..self }
    }
}

/// What the kernel says is wrong with a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// Nothing is attached there any more.
    Detached,
    /// It is attached, and would not outlive the daemon.
    Unpinned,
}

struct Link {
    /// Closed only while it is known to be ours.
    fd: ManuallyDrop<OwnedFd>,
    /// 0: a trace event, of kernels that have no links for them.
    id: u32,
}

impl Link {
    /// Takes charge of what was attached just now, or was found pinned.
    fn of(fd: OwnedFd) -> Link {
        let id = bpf::identity(fd.as_fd()).map_or(0, |identity| identity.id);
        Link {
            fd: ManuallyDrop::new(fd),
            id,
        }
    }

    fn is_attached(&self, program: u32) -> bool {
        match self.id {
            0 => bpf::event_has(self.fd.as_fd(), program),
            id => bpf::identity(self.fd.as_fd())
                .is_ok_and(|now| now.id == id && now.program == program),
        }
    }

    /// Closes it, and with that detaches it if it is not pinned; not what has its number by now.
    fn close(mut self) {
        let is_ours = match self.id {
            0 => true,
            id => bpf::identity(self.fd.as_fd()).is_ok_and(|now| now.id == id),
        };
        if is_ours {
            // SAFETY: `self` is consumed; nobody uses it afterwards.
            unsafe { ManuallyDrop::drop(&mut self.fd) };
        }
    }
}

/// All links of a load.
pub struct Links {
    /// `None`: nothing is pinned.
    pin_dir: Option<PathBuf>,
    /// `None`: it was lost, and could not be attached again yet.
    links: BTreeMap<Place, Option<Link>>,
    programs: Arc<Misses>,
    maps: Vec<(&'static str, OwnedFd)>,
}

impl Links {
    pub fn new(pin_dir: Option<&Path>) -> Links {
        Links {
            pin_dir: pin_dir.map(Path::to_owned),
            links: BTreeMap::new(),
            programs: Arc::new(Misses::default()),
            maps: Vec::new(),
        }
    }

    /// What an earlier daemon left pinned.
    pub fn of_pins(dir: &Path) -> Links {
        let mut links = Links::new(Some(dir));
        for (row, candidate, of) in candidates() {
            for program in 0..of.programs(true).count() {
                for point in 0..of.points.len() {
                    let place = Place {
                        row,
                        candidate,
                        program,
                        point,
                    };
                    if let Ok(fd) = bpf::pinned(&dir.join(place.pin_name())) {
                        links.links.insert(place, Some(Link::of(fd)));
                    }
                }
            }
        }
        links
    }

    /// What else must last: the programs, and the maps that a later daemon needs.
    pub fn hold(&mut self, programs: Arc<Misses>, maps: Vec<(&'static str, OwnedFd)>) {
        self.programs = programs;
        self.maps = maps;
    }

    pub fn len(&self) -> usize {
        self.links.len()
    }

    pub fn is_empty(&self) -> bool {
        self.links.is_empty()
    }

    pub fn places(&self) -> impl Iterator<Item = Place> {
        self.links.keys().copied()
    }

    /// Attaches a program at a place; false: it is attached and could not be pinned.
    pub fn attach(&mut self, place: Place, program: BorrowedFd<'_>) -> io::Result<bool> {
        let link = Link::of(attach(place, program)?);
        let pinned = match self.pin_dir.as_deref() {
            None => Ok(()),
            Some(dir) => bpf::pin(link.fd.as_fd(), &dir.join(place.pin_name())),
        };
        if let Err(error) = &pinned {
            warn!("cannot pin {}: {error}", place.pin_name());
        }
        self.links.insert(place, Some(link));
        Ok(pinned.is_ok())
    }

    /// Lets go of all links of a row, which was attached by half.
    pub fn detach_row(&mut self, hook: &str) {
        let of_row = |place: &Place| place.row().name == hook;
        let places: Vec<Place> = self.places().filter(of_row).collect();
        for place in places {
            self.detach(place);
        }
    }

    /// Takes pin and link away.
    fn detach(&mut self, place: Place) {
        if let Some(path) = self.pin_of(place) {
            // It may be what is missing.
            let _ = std::fs::remove_file(path);
        }
        if let Some(link) = self.links.remove(&place).flatten() {
            link.close();
        }
    }

    fn pin_of(&self, place: Place) -> Option<PathBuf> {
        let dir = self.pin_dir.as_deref()?;
        Some(dir.join(place.pin_name()))
    }

    /// Asks the kernel about each link and its pin.
    pub fn check(&self) -> Vec<(Place, Wrong)> {
        let wrong = self.links.iter().filter_map(|(place, link)| {
            let program = self.programs.id(place.program());
            let Some(link) = link.as_ref().filter(|link| link.is_attached(program)) else {
                return Some((*place, Wrong::Detached));
            };
            let path = self.pin_of(*place)?;
            (!is_pinned(&path, link.id)).then_some((*place, Wrong::Unpinned))
        });
        wrong.collect()
    }

    /// Pins again what else must last and lost its pin; gives the names.
    pub fn restore_other_pins(&mut self) -> Vec<String> {
        let Some(dir) = self.pin_dir.clone() else {
            return Vec::new();
        };
        let maps = self
            .maps
            .iter()
            .map(|(name, fd)| (map_name(name), fd.as_fd()));
        let programs = self
            .programs
            .descriptors()
            .map(|(name, fd)| (program_name(name), fd));
        let mut restored = Vec::new();
        for (name, fd) in maps.chain(programs) {
            let path = dir.join(&name);
            let Ok(identity) = bpf::identity(fd) else {
                continue;
            };
            if is_pinned(&path, identity.id) {
                continue;
            }
            match self.pin_again(fd, &path) {
                Ok(()) => restored.push(name),
                Err(error) => warn!("cannot pin {name} again: {error}"),
            }
        }
        restored
    }

    fn pin_again(&self, fd: BorrowedFd<'_>, path: &Path) -> io::Result<()> {
        if let Some(dir) = &self.pin_dir {
            // The directory may have gone as well, or the whole file system.
            filesystems::bpffs(dir).map_err(io::Error::other)?;
        }
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        bpf::pin(fd, path)
    }

    /// Pins the link of this place again.
    pub fn pin_link(&self, place: Place) -> io::Result<()> {
        match (self.links.get(&place), self.pin_of(place)) {
            (Some(Some(link)), Some(path)) => self.pin_again(link.fd.as_fd(), &path),
            _ => Ok(()),
        }
    }

    /// Attaches the program of this place anew, whatever is there. A twin must run behind its first,
    /// and what is attached last runs last: it is moved along.
    pub fn attach_again(&mut self, place: Place) -> io::Result<()> {
        let twin = place.twin();
        let has_twin = place.is_first() && self.links.contains_key(&twin);
        if has_twin {
            self.detach(twin);
        }
        let mut done = self.attach_one_again(place);
        if has_twin {
            done = done.and(self.attach_one_again(twin));
        }
        done
    }

    fn attach_one_again(&mut self, place: Place) -> io::Result<()> {
        let programs = self.programs.clone();
        let program = programs.descriptor(place.program())?;
        self.detach(place);
        if let Some(dir) = &self.pin_dir {
            filesystems::bpffs(dir).map_err(io::Error::other)?;
        }
        match self.attach(place, program) {
            Ok(true) => Ok(()),
            Ok(false) => Err(io::Error::other("attached, and not pinned")),
            Err(error) => {
                self.links.insert(place, None);
                Err(error)
            }
        }
    }

    /// The shared state of watches, once more.
    pub fn watch_state(&self) -> Option<MappedArray<WatchState>> {
        let (_, fd) = self.maps.iter().find(|(name, _)| *name == "WATCH_STATE")?;
        MappedArray::map(fd, 1).ok()
    }
}

impl Drop for Links {
    fn drop(&mut self) {
        std::mem::take(&mut self.links)
            .into_values()
            .flatten()
            .for_each(Link::close);
    }
}

fn candidates() -> impl Iterator<Item = (usize, usize, &'static Candidate)> {
    HOOKS.iter().enumerate().flat_map(|(row, of)| {
        let candidates = of.candidates.iter().enumerate();
        candidates.map(move |(candidate, of)| (row, candidate, of))
    })
}

/// Is it this very object that is pinned there?
fn is_pinned(path: &Path, id: u32) -> bool {
    let found = bpf::pinned(path).and_then(|fd| bpf::identity(fd.as_fd()));
    found.is_ok_and(|found| found.id == id)
}

fn attach(place: Place, program: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    match place.candidate().mechanism {
        Mechanism::RawTracepoint | Mechanism::Trampoline => bpf::attach_loaded(program),
        Mechanism::Tracepoint => {
            let event = filesystems::tracepoint_id(place.point())?;
            bpf::attach_event(program, event, aya::features().bpf_perf_link())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_one_of_the_table() {
        let place = Place::new("file_act", 0, 1, 3).expect("a twin's fourth point");
        assert_eq!(place.program(), "file_acted_again");
        assert_eq!(place.point(), "syscalls/sys_exit_rename");
        assert_eq!(place.pin_name(), "link_file_act_0_1_3");
        assert_eq!(Place::new("file_act", 0, 1, 300), None);
        assert_eq!(Place::new("cgroup_created", 0, 1, 0), None, "no twin");
        assert_eq!(Place::new("nothing", 0, 0, 0), None);
    }

    #[test]
    fn a_descriptor_that_is_another_ones_by_now_is_not_closed() {
        use std::os::fd::AsRawFd;
        let theirs = std::fs::File::open("/dev/null").expect("/dev/null");
        // SAFETY: the number is open; that two own it is what is tested.
        let same = unsafe { <OwnedFd as std::os::fd::FromRawFd>::from_raw_fd(theirs.as_raw_fd()) };
        let link = Link {
            fd: ManuallyDrop::new(same),
            id: 7,
        };
        assert!(!link.is_attached(1));
        link.close();
        assert!(theirs.metadata().is_ok(), "it is still open");
    }
}
