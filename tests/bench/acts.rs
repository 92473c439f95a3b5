//! The acts whose cost is measured, and the clock that measures them.
//!
//! Owns the loops around single system calls. A sample is a few milliseconds of one act; whoever
//! compares takes the least sample of each side, for noise only ever adds.

use std::{
    ffi::{CStr, CString},
    io,
    os::unix::ffi::OsStrExt,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};

/// What is done over and over.
pub struct Act {
    pub name: &'static str,
    /// Times in one sample: some milliseconds.
    chunk: u32,
    /// How long it is sampled in one round, in shares of the round's time.
    share: u32,
    /// After each sample, so that what is recorded finds room: a full ring makes acts cheaper.
    rest: Duration,
    once: Once,
}

pub type Once = Box<dyn Fn() -> Result<()>>;

/// Opens in one sample.
pub const OPENS: u32 = 1_000;

pub const TRUE: &CStr = c"/bin/true";

impl Act {
    pub fn new(name: &'static str, chunk: u32, share: u32, once: Once) -> Act {
        Act {
            name,
            chunk,
            share,
            rest: Duration::ZERO,
            once,
        }
    }

    pub fn resting(self, rest: Duration) -> Act {
        Act { rest, ..self }
    }

    /// Nanoseconds of one time, sample by sample.
    pub fn sample(&self, time: Duration) -> Result<Vec<f64>> {
        let [samples] = sample_in_turn([self], time)?;
        Ok(samples)
    }

    fn sample_once(&self) -> Result<f64> {
        let began = Instant::now();
        for _ in 0..self.chunk {
            (self.once)()?;
        }
        let took = began.elapsed().as_nanos() as f64;
        if !self.rest.is_zero() {
            std::thread::sleep(self.rest);
        }
        Ok(took / f64::from(self.chunk))
    }
}

/// One sample of each, again and again, for as long as they are to be sampled together.
pub fn sample_in_turn<const N: usize>(acts: [&Act; N], time: Duration) -> Result<[Vec<f64>; N]> {
    let until = Instant::now() + acts.iter().map(|act| time * act.share).sum::<Duration>();
    let mut samples = [const { Vec::new() }; N];
    loop {
        for (act, of_act) in acts.iter().zip(&mut samples) {
            of_act.push(act.sample_once()?);
        }
        if Instant::now() >= until {
            return Ok(samples);
        }
    }
}

/// All of them; `dir` is where files may be made.
pub fn all(dir: &Path) -> Result<Vec<Act>> {
    let act = Act::new;
    let opened = |levels| anyhow::Ok(opening(&file_at_depth(dir, levels)?, libc::O_RDONLY));
    let denied = denied_program(dir)?;
    Ok(vec![
        act(
            "getppid",
            20_000,
            1,
            Box::new(|| {
                nix::unistd::getppid();
                Ok(())
            }),
        ),
        act("open+close, depth 5", OPENS, 1, opened(5)?),
        act("open+close, depth 20", OPENS, 1, opened(20)?),
        act("connect+accept+close, loopback", 100, 1, connecting()?),
        act(
            "fork+exec+exit of /bin/true",
            8,
            4,
            Box::new(|| fork_exec_wait(TRUE)),
        ),
        act(
            "failed exec (EACCES)",
            300,
            1,
            Box::new(move || fail_to_execute(&denied)),
        ),
    ])
}

/// A file below so many directories, counted from the root.
pub fn file_at_depth(dir: &Path, levels: usize) -> Result<CString> {
    let mut path = dir.canonicalize()?;
    let have = path.components().count() - 1;
    ensure!(
        have < levels,
        "{} is too deep for a file at depth {levels}",
        dir.display()
    );
    for _ in have..levels - 1 {
        path.push("d");
    }
    std::fs::create_dir_all(&path)?;
    path.push("f");
    std::fs::write(&path, b"x")?;
    Ok(CString::new(path.as_os_str().as_bytes())?)
}

/// A file that nobody may execute, not even root.
pub fn denied_program(dir: &Path) -> Result<CString> {
    let path = dir.canonicalize()?.join("not-executable");
    std::fs::write(&path, b"x")?;
    Ok(CString::new(path.as_os_str().as_bytes())?)
}

/// Opens and closes this file over and over.
pub fn opening(path: &CStr, flags: libc::c_int) -> Once {
    let path = path.to_owned();
    Box::new(move || open_and_close(&path, flags))
}

pub fn open_and_close(path: &CStr, flags: libc::c_int) -> Result<()> {
    // SAFETY: a NUL-terminated path that outlives the call.
    let fd = unsafe { libc::open(path.as_ptr(), flags | libc::O_CLOEXEC) };
    if fd < 0 {
        return Err(io::Error::last_os_error()).context("open");
    }
    // SAFETY: opened above, and known to nobody else.
    unsafe { libc::close(fd) };
    Ok(())
}

/// Connects to a listener of its own, accepts that and closes both, over and over. The end is a reset, for a
/// connection that ends in order keeps its port for a minute.
fn connecting() -> Result<Once> {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).context("listen")?;
    let address = listener.local_addr()?;
    Ok(Box::new(move || {
        let client = std::net::TcpStream::connect(address).context("connect")?;
        let (server, _) = listener.accept().context("accept")?;
        let at_once = libc::linger {
            l_onoff: 1,
            l_linger: 0,
        };
        // SAFETY: a socket of ours, and a structure of the size that is given.
        let done = unsafe {
            libc::setsockopt(
                std::os::fd::AsRawFd::as_raw_fd(&client),
                libc::SOL_SOCKET,
                libc::SO_LINGER,
                (&raw const at_once).cast(),
                size_of::<libc::linger>() as libc::socklen_t,
            )
        };
        ensure!(done == 0, "linger: {}", io::Error::last_os_error());
        drop((client, server));
        Ok(())
    }))
}

pub fn fork_exec_wait(program: &CStr) -> Result<()> {
    let argv = [program.as_ptr(), std::ptr::null()];
    // SAFETY: between fork and exec the child calls only execve and _exit, which are safe there.
    let child = unsafe { libc::fork() };
    match child {
        -1 => Err(io::Error::last_os_error()).context("fork"),
        0 => {
            // SAFETY: both arrays end with a null pointer and outlive the call.
            unsafe {
                libc::execve(program.as_ptr(), argv.as_ptr(), argv[1..].as_ptr());
                libc::_exit(127)
            }
        }
        child => {
            let mut status = 0;
            // SAFETY: waits for our own child, into a local.
            let waited = unsafe { libc::waitpid(child, &raw mut status, 0) };
            ensure!(
                waited == child && status == 0,
                "the child ended with {status:#x}"
            );
            Ok(())
        }
    }
}

pub fn fork_and_wait() -> Result<()> {
    // SAFETY: the child calls only _exit.
    let child = unsafe { libc::fork() };
    match child {
        -1 => Err(io::Error::last_os_error()).context("fork"),
        // SAFETY: ends the child without running anything of the parent's.
        0 => unsafe { libc::_exit(0) },
        child => {
            // SAFETY: waits for our own child; nothing is written.
            let waited = unsafe { libc::waitpid(child, std::ptr::null_mut(), 0) };
            ensure!(waited == child, "waitpid: {}", io::Error::last_os_error());
            Ok(())
        }
    }
}

pub fn fail_to_execute(denied: &CStr) -> Result<()> {
    let argv = [
        denied.as_ptr(),
        c"--of".as_ptr(),
        c"a few words".as_ptr(),
        std::ptr::null(),
    ];
    // SAFETY: both arrays end with a null pointer and outlive the call.
    unsafe { libc::execve(denied.as_ptr(), argv.as_ptr(), argv[3..].as_ptr()) };
    let error = io::Error::last_os_error();
    ensure!(
        error.raw_os_error() == Some(libc::EACCES),
        "the exec failed otherwise: {error}"
    );
    Ok(())
}

/// The least, and the middle one.
pub fn least_and_median(samples: &mut [f64]) -> (f64, f64) {
    samples.sort_by(f64::total_cmp);
    let at = |index: usize| samples.get(index).copied().unwrap_or(f64::NAN);
    (at(0), at(samples.len() / 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_act_can_be_done() {
        let dir = tempfile::tempdir().unwrap();
        for act in all(dir.path()).unwrap() {
            assert!(act.sample(Duration::ZERO).unwrap()[0] > 0.0, "{}", act.name);
        }
    }

    #[test]
    fn depth_counts_from_the_root() {
        let dir = tempfile::tempdir().unwrap();
        let file = file_at_depth(dir.path(), 9).unwrap();
        assert_eq!(file.to_str().unwrap().matches('/').count(), 9);
    }

    #[test]
    fn least_and_middle_of_samples() {
        assert_eq!(least_and_median(&mut [3.0, 1.0, 2.0, 9.0, 4.0]), (1.0, 3.0));
    }
}
