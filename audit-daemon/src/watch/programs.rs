//! Excluded programs: which versions of their files hold the contents that they have now.
//!
//! OWNS: reading them, what was read before, and telling what became of it. MUST NOT: decide about
//! an access, or say anything to anybody.
//!
//! A version (device, inode, ctime, size) stands for contents only if nothing can change them and
//! leave the version as it is. So the ctime must not be too young (a change in the same tick of the
//! kernel's clock would bear the same one), and what is stored through mappings is written back
//! before: the next store is then noticed by the file system. Contents are read once for a version.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read as _, Seek as _};
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use nix::fcntl::OFlag;
use sha2::{Digest, Sha256};

use super::disk::{Ground, Identify, ground_of};
use super::exceptions::{Identified, Version};

/// SHA-256 of contents.
pub type Hash = [u8; 32];

/// In digits.
pub fn hex(hash: &Hash) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// No program is larger, and whoever makes one so large does not hold up the daemon.
const BYTES_MAX: u64 = 256 << 20;
/// Bytes that are read at once.
const CHUNK_BYTES: usize = 128 << 10;
/// A file that is changed while it is read is read so often.
const ATTEMPTS_MAX: u32 = 3;
/// The kernel's clock for files ticks every ten milliseconds at the slowest.
const YOUNG: Duration = Duration::from_millis(100);
/// Where the file system keeps whole seconds only.
const YOUNG_BY_SECONDS: Duration = Duration::from_secs(2);
/// Versions with the same contents that are remembered: each change of mode or links makes one.
const VERSIONS_MAX: usize = 32;

/// A program has other contents than before, or is another file with the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// As it was written.
    pub path: PathBuf,
    pub before: Hash,
    pub now: Hash,
    /// CLOCK_BOOTTIME from which it is excluded as it is now.
    pub since_ns: u64,
}

/// What a program is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    Identified(Hash),
    /// There is none.
    Missing,
    /// Changed just now: to be looked at again after so long.
    Young(Duration),
    /// It cannot be identified, for this reason.
    Unfit(String),
}

/// What a look at a program gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looked {
    /// What it is excluded by.
    pub versions: Vec<Identified>,
    pub state: State,
    pub change: Option<Change>,
}

/// Excluded programs by their paths, as of the last look at each.
#[derive(Debug, Default)]
pub struct Programs {
    known: HashMap<PathBuf, Program>,
}

#[derive(Debug)]
struct Program {
    hash: Hash,
    /// What it was found to be last.
    last: Version,
    /// All with these contents, oldest first.
    versions: Vec<Identified>,
    /// To be read again, whatever its version.
    is_doubtful: bool,
}

impl Programs {
    /// Looks at a program. `boot_ns` is CLOCK_BOOTTIME.
    pub fn look(&mut self, path: &Path, identify: &Identify, boot_ns: impl Fn() -> u64) -> Looked {
        let outcome = Opened::open(path, identify).and_then(|opened| {
            let Some(mut opened) = opened else {
                return Ok(Outcome::Unfit("is no file of a local file system"));
            };
            let read = |version: &Version| self.read_before(path, version);
            contents(&mut opened, read, now_ns)
        });
        self.take(path, outcome, boot_ns)
    }

    /// The same contents may not stand behind what is known: everything is read again.
    pub fn doubt(&mut self) {
        for program in self.known.values_mut() {
            program.is_doubtful = true;
        }
    }

    /// Forgets programs that nobody excludes any more.
    pub fn keep(&mut self, is_excluded: impl Fn(&Path) -> bool) {
        self.known.retain(|path, _| is_excluded(path));
    }

    fn read_before(&self, path: &Path, version: &Version) -> Option<Hash> {
        let program = self.known.get(path).filter(|one| !one.is_doubtful)?;
        let mut versions = program.versions.iter();
        versions
            .any(|one| one.version == *version)
            .then_some(program.hash)
    }

    fn take(
        &mut self,
        path: &Path,
        outcome: io::Result<Outcome>,
        boot_ns: impl Fn() -> u64,
    ) -> Looked {
        let none = |state| Looked {
            versions: Vec::new(),
            state,
            change: None,
        };
        match outcome {
            Ok(Outcome::Read(version, hash)) => {
                let change = self.found(path, version, hash, boot_ns());
                Looked {
                    versions: self.versions(path),
                    state: State::Identified(hash),
                    change,
                }
            }
            // Processes of what it was run on.
            Ok(Outcome::Young(rest)) => Looked {
                versions: self.versions(path),
                ..none(State::Young(rest))
            },
            Ok(Outcome::Unfit(why)) => none(State::Unfit(why.to_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => none(State::Missing),
            Err(error) => none(State::Unfit(format!("cannot be read: {error}"))),
        }
    }

    fn versions(&self, path: &Path) -> Vec<Identified> {
        let known = self.known.get(path);
        known.map_or(Vec::new(), |one| one.versions.clone())
    }

    /// Remembers what was found; what is to be said of it.
    fn found(&mut self, path: &Path, version: Version, hash: Hash, now_ns: u64) -> Option<Change> {
        let since = |since_ns| Identified { version, since_ns };
        let Some(program) = self.known.get_mut(path) else {
            let first = Program {
                hash,
                last: version,
                versions: vec![since(0)],
                is_doubtful: false,
            };
            self.known.insert(path.to_owned(), first);
            return None;
        };
        let (before, last) = (program.hash, program.last);
        (program.hash, program.last) = (hash, version);
        program.is_doubtful = false;
        if before != hash {
            program.versions = vec![since(now_ns)];
        } else if !program.versions.iter().any(|one| one.version == version) {
            if program.versions.len() >= VERSIONS_MAX {
                program.versions.remove(0);
            }
            program.versions.push(since(now_ns));
        }
        (before != hash || last.id != version.id).then(|| Change {
            path: path.to_owned(),
            before,
            now: hash,
            since_ns: now_ns,
        })
    }
}

/// What came of reading a file.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Read(Version, Hash),
    Young(Duration),
    Unfit(&'static str),
}

/// A file whose contents are asked for.
trait Contents {
    fn version(&mut self) -> io::Result<Version>;
    fn hash(&mut self) -> io::Result<Hash>;
}

/// Reads a file as it is between two changes. `now_ns` is the clock of ctimes.
fn contents(
    file: &mut impl Contents,
    read_before: impl Fn(&Version) -> Option<Hash>,
    now_ns: impl Fn() -> i64,
) -> io::Result<Outcome> {
    for _ in 0..ATTEMPTS_MAX {
        let version = file.version()?;
        if let Some(hash) = read_before(&version) {
            return Ok(Outcome::Read(version, hash));
        }
        if version.size > BYTES_MAX {
            return Ok(Outcome::Unfit("is larger than 256 MiB"));
        }
        if let Some(rest) = youth_left(version.ctime_ns, now_ns()) {
            return Ok(Outcome::Young(rest));
        }
        let hash = file.hash()?;
        if file.version()? == version {
            return Ok(Outcome::Read(version, hash));
        }
    }
    Ok(Outcome::Young(YOUNG))
}

/// How long a change could still bear this ctime. One that lies far ahead was made by another clock.
fn youth_left(ctime_ns: i64, now_ns: i64) -> Option<Duration> {
    let by_seconds = ctime_ns % 1_000_000_000 == 0;
    let young = if by_seconds { YOUNG_BY_SECONDS } else { YOUNG };
    let age_ns = now_ns.saturating_sub(ctime_ns);
    let young_ns = young.as_nanos() as i64;
    (age_ns.abs() < young_ns).then(|| Duration::from_nanos((young_ns - age_ns).unsigned_abs()))
}

fn now_ns() -> i64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.map_or(0, |since| since.as_nanos() as i64)
}

struct Opened<'a> {
    file: File,
    identify: &'a Identify,
}

impl<'a> Opened<'a> {
    /// Opens a regular file of a local file system; None if it is none. Nothing else is woken.
    fn open(path: &Path, identify: &'a Identify) -> io::Result<Option<Self>> {
        let place = File::options()
            .read(true)
            .custom_flags(OFlag::O_PATH.bits())
            .open(path)?;
        if !place.metadata()?.is_file() || ground_of(place.as_fd()) != Ground::Local {
            return Ok(None);
        }
        let file = File::options()
            .read(true)
            .custom_flags((OFlag::O_NONBLOCK | OFlag::O_NOCTTY).bits())
            .open(format!("/proc/self/fd/{}", place.as_raw_fd()))?;
        Ok(Some(Self { file, identify }))
    }
}

impl Contents for Opened<'_> {
    fn version(&mut self) -> io::Result<Version> {
        let stat = self.file.metadata()?;
        let seconds = stat.ctime().wrapping_mul(1_000_000_000);
        Ok(Version {
            id: (self.identify)(self.file.as_fd())?,
            ctime_ns: seconds.wrapping_add(stat.ctime_nsec()),
            size: stat.size(),
        })
    }

    fn hash(&mut self) -> io::Result<Hash> {
        // A file system that cannot write has nothing to write back.
        let _ = self.file.sync_data();
        self.file.rewind()?;
        let mut hasher = Sha256::new();
        let mut chunk = vec![0; CHUNK_BYTES];
        // Of one that grows as it is read no more is needed: its version is another one by then.
        let mut rest = (&self.file).take(BYTES_MAX + 1);
        loop {
            match rest.read(&mut chunk)? {
                0 => return Ok(hasher.finalize().into()),
                length => hasher.update(&chunk[..length]),
            }
        }
    }
}

#[cfg(test)]
mod tests;
