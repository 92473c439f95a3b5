//! Where one act is done: its names in the canary's directory, and the system calls themselves.
//!
//! Owns what an act opens, until it is over. Whether a call succeeds is of no interest, only whether the
//! kernel has it: hooks see failures, too.

use std::{
    cell::RefCell,
    ffi::CString,
    os::{
        fd::{AsRawFd, FromRawFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
    path::{Path, PathBuf},
};

use nix::{
    errno::Errno,
    libc::{self as c, AT_FDCWD},
    unistd,
};

use super::ring::Ring;

/// It was not done: this kernel cannot, or what it needs is not there.
#[derive(Debug)]
pub struct Undone;

pub type Done = Result<(), Undone>;

/// Room for a file's handle.
const HANDLE_BYTES: usize = 128;
/// No system call takes more.
const ARGUMENTS_MAX: usize = 6;
const CWD: usize = AT_FDCWD as usize;
/// "Leave it as it is".
const NO_ID: usize = u32::MAX as usize;
/// A user who owns nothing.
const NOBODY: usize = 65_534;

pub struct Scene {
    directory: CString,
    /// `DIR/NAME`, `DIR/NAME.other`, `DIR/NAME.none`
    path: CString,
    other: CString,
    nothing: CString,
    cgroup: Option<PathBuf>,
    daemon: i32,
    /// Open until the act is over.
    open: RefCell<Vec<OwnedFd>>,
}

fn c_string(path: &Path) -> CString {
    // A path without NUL: it came as an argument, or is a name of ours.
    CString::new(path.as_os_str().as_bytes()).unwrap_or_default()
}

impl Scene {
    /// `cgroup`: a control group that is made and removed by acts; `daemon`: the canary's parent.
    pub fn new(dir: &Path, name: &str, cgroup: Option<&Path>, daemon: i32) -> Scene {
        let named = |more: &str| c_string(&dir.join(format!("{name}{more}")));
        Scene {
            directory: c_string(dir),
            path: named(""),
            other: named(".other"),
            nothing: named(".none"),
            cgroup: cgroup.map(Path::to_owned),
            daemon,
            open: RefCell::default(),
        }
    }

    /// The act's own name.
    pub fn path(&self) -> usize {
        self.path.as_ptr() as usize
    }

    pub fn other(&self) -> usize {
        self.other.as_ptr() as usize
    }

    /// Where nothing is.
    pub fn nothing(&self) -> usize {
        self.nothing.as_ptr() as usize
    }

    /// The name of an attribute, and a value of one byte.
    pub fn attribute(&self) -> usize {
        c"user.canary".as_ptr() as usize
    }

    /// An argument vector without arguments.
    pub fn no_strings(&self) -> usize {
        static NONE: usize = 0;
        &raw const NONE as usize
    }

    /// One system call, with what it gives.
    pub fn raw(&self, number: i64, arguments: &[usize]) -> i64 {
        let mut all = [0; ARGUMENTS_MAX];
        all[..arguments.len()].copy_from_slice(arguments);
        let [a, b, c, d, e, f] = all;
        // SAFETY: the table of acts gives each call numbers, and pointers to strings of this scene or
        // to structures of the act, all of which outlive the call; what a call writes to is as large
        // as it is told.
        unsafe { c::syscall(number, a, b, c, d, e, f) }
    }

    /// One system call.
    pub fn call(&self, number: i64, arguments: &[usize]) -> Done {
        match self.raw(number, arguments) {
            0.. => Ok(()),
            _ => done(),
        }
    }

    /// One that gives a descriptor, which is closed when the act is over.
    pub fn descriptor(&self, number: i64, arguments: &[usize]) -> Done {
        let result = self.raw(number, arguments);
        match i32::try_from(result) {
            Ok(fd @ 0..) => {
                // SAFETY: the call has just made it for us.
                self.open
                    .borrow_mut()
                    .push(unsafe { OwnedFd::from_raw_fd(fd) });
                Ok(())
            }
            _ => done(),
        }
    }

    /// The same, which the act needs.
    pub fn opened(&self, number: i64, arguments: &[usize]) -> Result<usize, Undone> {
        let before = self.open.borrow().len();
        self.descriptor(number, arguments)?;
        if self.open.borrow().len() == before {
            return Err(Undone);
        }
        let open = self.open.borrow();
        let last = open.last().ok_or(Undone)?;
        Ok(last.as_raw_fd() as usize)
    }

    /// A file of the act's own name, there and open.
    pub fn file(&self) -> Result<usize, Undone> {
        let flags = (c::O_RDWR | c::O_CREAT | c::O_NOFOLLOW) as usize;
        self.opened(c::SYS_openat, &[CWD, self.path(), flags, 0o600])
    }

    /// The same, without having been opened.
    pub fn made(&self) {
        // It may be there.
        let mode = c::S_IFREG as usize | 0o600;
        let _ = self.call(c::SYS_mknodat, &[CWD, self.path(), mode, 0]);
    }

    /// The canary's directory, open.
    pub fn directory_fd(&self) -> Result<usize, Undone> {
        let flags = (c::O_RDONLY | c::O_DIRECTORY) as usize;
        let name = self.directory.as_ptr() as usize;
        self.opened(c::SYS_openat, &[CWD, name, flags])
    }

    /// Opens the act's file by its handle; not every file system has any.
    pub fn open_by_handle(&self) -> Done {
        self.made();
        let mut handle = [0u32; 2 + HANDLE_BYTES / 4];
        handle[0] = HANDLE_BYTES as u32;
        let mut mount = 0u32;
        let at = handle.as_mut_ptr() as usize;
        let mount = (&raw mut mount) as usize;
        match self.raw(c::SYS_name_to_handle_at, &[CWD, self.path(), at, mount, 0]) {
            0 => self.descriptor(c::SYS_open_by_handle_at, &[self.directory_fd()?, at, 0]),
            _ => Err(Undone),
        }
    }

    /// A directory of the act's own name.
    pub fn directory(&self) {
        // It may be there.
        let _ = self.call(c::SYS_mkdirat, &[CWD, self.path(), 0o700]);
    }

    /// Takes away what an earlier round left under the act's name.
    pub fn remove(&self) {
        // It is one of both, or not there.
        let _ = self.call(c::SYS_unlinkat, &[CWD, self.path(), 0]);
        let directory = c::AT_REMOVEDIR as usize;
        let _ = self.call(c::SYS_unlinkat, &[CWD, self.path(), directory]);
    }

    pub fn remove_other(&self) {
        // It may not be there.
        let _ = self.call(c::SYS_unlinkat, &[CWD, self.other(), 0]);
    }

    /// The daemon's process, as long as that is still the parent.
    pub fn daemon(&self) -> Result<usize, Undone> {
        match unistd::getppid().as_raw() {
            parent if parent == self.daemon => Ok(parent as usize),
            _ => Err(Undone),
        }
    }

    /// A change of users or groups, and back again.
    pub fn for_a_moment(&self, number: i64, arguments: &[usize]) -> Done {
        let user = unistd::geteuid().as_raw() as usize;
        let group = unistd::getegid().as_raw() as usize;
        let done = self.call(number, arguments);
        match number {
            c::SYS_setreuid | c::SYS_setresuid | c::SYS_setfsuid => {
                self.raw(c::SYS_setresuid, &[NO_ID, user, NO_ID]);
            }
            _ => {
                self.raw(c::SYS_setresgid, &[NO_ID, group, NO_ID]);
            }
        }
        end_with_parent();
        done
    }

    /// A call that is refused to who owns nothing and has no rights. If it is not it was not the act that was
    /// meant.
    pub fn refused_to_nobody(&self, number: i64, arguments: &[usize]) -> Done {
        let user = unistd::geteuid().as_raw() as usize;
        if self.raw(c::SYS_setresuid, &[NOBODY, NOBODY, user]) != 0 {
            return Err(Undone);
        }
        let refused = self.raw(number, arguments) < 0 && Errno::last() == Errno::EPERM;
        self.raw(c::SYS_setresuid, &[user, user, user]);
        end_with_parent();
        if refused { Ok(()) } else { Err(Undone) }
    }

    pub fn make_cgroup(&self) -> Done {
        let cgroup = self.cgroup.as_deref().ok_or(Undone)?;
        std::fs::create_dir(cgroup).map_err(|_| Undone)
    }

    pub fn remove_cgroup(&self) -> Done {
        let cgroup = self.cgroup.as_deref().ok_or(Undone)?;
        std::fs::remove_dir(cgroup).map_err(|_| Undone)
    }

    /// A ring, where this host allows one.
    pub fn ring(&self) -> Result<Ring<'_>, Undone> {
        Ring::new(self)
    }
}

/// Without its parent nobody waits for what a canary does. Asked for again after a change of users, which ends it.
pub fn end_with_parent() {
    // SAFETY: numbers.
    unsafe { c::prctl(c::PR_SET_PDEATHSIG, c::SIGKILL) };
}

/// A call that failed was seen, unless the kernel does not have it.
fn done() -> Done {
    match Errno::last() {
        Errno::ENOSYS => Err(Undone),
        _ => Ok(()),
    }
}
