//! The canary itself: a child of the daemon that does the acts it is told, says which it did, and ends.
//!
//! Owns what parent and child say to each other. Must not judge: it does not know what was seen.
//!
//! The child reads `DIR`, `CGROUP` and the ids of acts, one a line, until its input ends: whoever made it
//! has told by then whom to expect. It prints the ids of the acts that it did.

use std::{
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use nix::{libc as c, unistd};

use super::{
    acts::{ACTS, Doing},
    scene::{self, Scene},
};

/// What a child is told.
pub struct Task<'a> {
    pub dir: &'a Path,
    pub cgroup: Option<&'a Path>,
    /// Numbers in [`ACTS`].
    pub acts: &'a [usize],
}

impl Task<'_> {
    pub fn text(&self) -> String {
        let cgroup = self
            .cgroup
            .map_or(String::new(), |at| at.display().to_string());
        let ids = self.acts.iter().map(|at| ACTS[*at].id());
        let ids: Vec<String> = ids.collect();
        format!("{}\n{cgroup}\n{}\n", self.dir.display(), ids.join("\n"))
    }
}

/// The acts of what a child printed.
pub fn done(printed: &str) -> Vec<usize> {
    let number = |id: &str| ACTS.iter().position(|act| act.id() == id);
    printed.lines().filter_map(number).collect()
}

/// Does what it is told on its input.
pub fn run() -> io::Result<()> {
    scene::end_with_parent();
    let daemon = unistd::getppid().as_raw();
    let mut told = String::new();
    io::stdin().read_to_string(&mut told)?;
    let mut lines = told.lines();
    let dir = PathBuf::from(lines.next().unwrap_or_default());
    let cgroup = lines.next().filter(|line| !line.is_empty()).map(Path::new);
    let (mut printed, mut again) = (String::new(), false);
    for id in lines {
        let Some(act) = ACTS.iter().find(|act| act.id() == id) else {
            continue;
        };
        let done = match act.doing {
            Doing::Being => true,
            Doing::Again => {
                again = true;
                true
            }
            Doing::Scene(doing) => doing(&Scene::new(&dir, act.name, cgroup, daemon)).is_ok(),
        };
        if done {
            printed.push_str(id);
            printed.push('\n');
        }
    }
    io::stdout().write_all(printed.as_bytes())?;
    io::stdout().flush()?;
    match again {
        true => be_executed_again(),
        false => Ok(()),
    }
}

/// Executes the same program, which finds nothing to do: its input has ended.
fn be_executed_again() -> io::Result<()> {
    let arguments = [
        c"audit-daemon".as_ptr(),
        c"canary".as_ptr(),
        std::ptr::null(),
    ];
    let environment = [std::ptr::null::<c::c_char>()];
    // SAFETY: strings and vectors that outlive the call, each vector ended by a null pointer.
    unsafe {
        c::syscall(
            c::SYS_execveat,
            c::AT_FDCWD,
            c"/proc/self/exe".as_ptr(),
            arguments.as_ptr(),
            environment.as_ptr(),
            0,
        )
    };
    Err(io::Error::last_os_error())
}
