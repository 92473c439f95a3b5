//! Exceptions of a watch: what it does not record.
//!
//! OWNS: whether an exception holds for an access. MUST NOT: look at the file system; who excluded
//! programs are is told by [`Executable::versions`].
//!
//! Invariants: all conditions of an exception must hold, each through one of its entries; what is
//! not known about an access (no executable, no user name) never makes a condition hold, so that a
//! gap in knowledge makes a record too many and never one too few.

use std::path::{Path, PathBuf};

use super::pattern::{Pattern, PatternError};
use super::set::Subject;
use crate::config::Exception;

/// As many digits of a container's id as its tools show.
const CONTAINER_ID_DIGITS_MIN: usize = 12;

/// What a file is, whatever it is called: device and inode number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId {
    /// Device number.
    pub dev: u64,
    /// Inode number.
    pub ino: u64,
}

/// A file as it is between two changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Version {
    /// What it is.
    pub id: FileId,
    /// When it was changed last, in nanoseconds since 1970.
    pub ctime_ns: i64,
    /// Its bytes.
    pub size: u64,
}

/// A version with the contents of an excluded program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identified {
    /// Of its file.
    pub version: Version,
    /// CLOCK_BOOTTIME from which it excludes.
    pub since_ns: u64,
}

/// Why an access is not recorded: the first of these among the conditions of the exception.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Condition {
    /// The program.
    Executable,
    /// The user.
    User,
    /// The container.
    Container,
    /// The path.
    Path,
}

/// An excluded program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Executable {
    /// As it was written.
    pub path: PathBuf,
    /// Versions of it with the contents that it has now; none excludes nothing.
    pub versions: Vec<Identified>,
}

impl Executable {
    fn is(&self, version: &Version, time_ns: u64) -> bool {
        let mut versions = self.versions.iter();
        versions.any(|one| one.version == *version && one.since_ns <= time_ns)
    }
}

/// An exception, ready to be tried.
#[derive(Debug, Clone)]
pub(super) struct Except {
    paths: Vec<Pattern>,
    pub executables: Vec<Executable>,
    users: Vec<User>,
    containers: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum User {
    Number(u32),
    Name(String),
}

impl Except {
    /// Of a configuration; else the path that is no pattern.
    pub fn new(exception: &Exception) -> Result<Self, (String, PatternError)> {
        let parse =
            |text: &String| Pattern::parse(text.as_bytes()).map_err(|error| (text.clone(), error));
        let user = |text: &String| match text.parse() {
            Ok(number) => User::Number(number),
            Err(_) => User::Name(text.clone()),
        };
        Ok(Self {
            paths: exception
                .paths
                .iter()
                .map(parse)
                .collect::<Result<_, _>>()?,
            executables: exception
                .executables
                .iter()
                .map(|path| Executable {
                    path: Path::new(path).to_owned(),
                    versions: Vec::new(),
                })
                .collect(),
            users: exception.users.iter().map(user).collect(),
            containers: exception.containers.clone(),
        })
    }

    /// Has it nothing to do with paths?
    pub fn is_of_subject(&self) -> bool {
        self.paths.is_empty()
    }

    /// The condition by which the subject is excluded, if all of them hold.
    pub fn holds(&self, subject: &Subject<'_>) -> Option<Condition> {
        let mut reason = None;
        let mut met = |given: bool, condition: Condition, holds: &dyn Fn() -> bool| {
            if given {
                reason = reason.or(Some(condition));
            }
            !given || holds()
        };
        let all = met(!self.executables.is_empty(), Condition::Executable, &|| {
            let mut executables = self.executables.iter();
            subject
                .executable
                .is_some_and(|version| executables.any(|one| one.is(&version, subject.time_ns)))
        }) && met(!self.users.is_empty(), Condition::User, &|| {
            self.users.iter().any(|user| match user {
                User::Number(number) => *number == subject.uid,
                User::Name(name) => Some(name.as_str()) == subject.user,
            })
        }) && met(!self.containers.is_empty(), Condition::Container, &|| {
            let container = subject.container;
            container.is_some_and(|id| self.containers.iter().any(|one| names(one, id)))
        }) && met(!self.paths.is_empty(), Condition::Path, &|| {
            self.paths.iter().any(|pattern| {
                pattern.matches(subject.path)
                    || subject.inside.is_some_and(|path| pattern.matches(path))
            })
        });
        reason.filter(|_| all)
    }
}

/// Does the entry mean this container: by its whole name, or by enough of its id?
fn names(entry: &str, container: &str) -> bool {
    let id = |text: &str| {
        text.len() >= CONTAINER_ID_DIGITS_MIN && text.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    entry == container || (id(entry) && id(container) && container.starts_with(entry))
}
