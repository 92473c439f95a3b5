//! /etc/passwd and /etc/group, read directly, and again when they change.
//!
//! Owns their parsing and the thread that watches them by inode, size and times, once a second.
//! Must not be the only source: what is not here is asked from NSS. Must not fail: a file that is
//! missing or odd has only the entries that could be read.

use std::collections::HashMap;
use std::fs::{File, Metadata};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError};
use std::thread;
use std::time::{Duration, SystemTime};

use super::{KnownName, NamesError, NamesSettings, Sort};

const THREAD: &str = "names-files";
/// A host with more local users than this asks NSS for the rest: 2 MiB of memory.
const LOCAL_MAX: usize = 16 * 1024;
/// 16,384 lines of some 100 bytes, and large groups.
const FILE_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// Longer than a tick of any kernel (10 ms) or file server.
const SETTLED: Duration = Duration::from_millis(100);

/// The names of one file.
#[derive(Debug, Default)]
pub(super) struct Local(HashMap<u32, Arc<KnownName>>);

impl Local {
    pub(super) fn get(&self, id: u32) -> Option<&Arc<KnownName>> {
        self.0.get(&id)
    }

    /// `NAME:PASSWORD:ID:…` in both files. The first line of an id counts, as in libc; lines that
    /// begin with `+` or `-` are not users but NIS directions.
    pub(super) fn parse(text: &[u8]) -> Local {
        let mut names = HashMap::new();
        for line in text.split(|&byte| byte == b'\n') {
            if names.len() >= LOCAL_MAX {
                break;
            }
            let Some((id, name)) = entry(line) else {
                continue;
            };
            names.entry(id).or_insert_with(|| Arc::new(name));
        }
        Local(names)
    }
}

fn entry(line: &[u8]) -> Option<(u32, KnownName)> {
    let mut fields = line.split(|&byte| byte == b':');
    let name = fields.next()?;
    if matches!(name.first()?, b'+' | b'-' | b'#') {
        return None;
    }
    let digits = fields.nth(1)?;
    // parse() would take a plus sign too.
    if !digits.first()?.is_ascii_digit() {
        return None;
    }
    let id = std::str::from_utf8(digits).ok()?.parse().ok()?;
    Some((id, KnownName::from_bytes(name)?))
}

/// Nothing is ever sent: the channel only tells that its other end is gone.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Never {}

/// A file was read anew.
pub(super) struct News {
    pub(super) sort: Sort,
    pub(super) local: Local,
}

pub(super) struct Watch {
    files: [WatchedFile; 2],
    check: Duration,
}

struct WatchedFile {
    sort: Sort,
    path: PathBuf,
    seen: Seen,
}

/// The state of the file when it was read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Seen {
    Missing,
    As(Stamp),
    /// To be read again, whatever it looks like.
    Unsure,
}

/// What changes when a file is replaced or written.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp {
    dev: u64,
    ino: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Watch {
    /// Reads both files for the first time.
    pub(super) fn open(settings: &NamesSettings) -> ([Local; 2], Watch) {
        let file = |sort, path: &PathBuf| WatchedFile {
            sort,
            path: path.clone(),
            seen: Seen::Unsure,
        };
        let mut files = [
            file(Sort::User, &settings.passwd),
            file(Sort::Group, &settings.group),
        ];
        let local = files.each_mut().map(|file| file.read());
        (
            local,
            Watch {
                files,
                check: settings.files_check,
            },
        )
    }

    /// Watches until the other end of `owner` is gone.
    pub(super) fn start(
        mut self,
        owner: Receiver<Never>,
        news: SyncSender<News>,
    ) -> Result<(), NamesError> {
        let watch = move || {
            while owner.recv_timeout(self.check) == Err(RecvTimeoutError::Timeout) {
                self.check_once(&news);
            }
        };
        let thread = thread::Builder::new().name(THREAD.into()).spawn(watch);
        thread.map(drop).map_err(|source| NamesError::Thread {
            thread: THREAD,
            source,
        })
    }

    fn check_once(&mut self, news: &SyncSender<News>) {
        for file in &mut self.files {
            if file.seen == Seen::now(&file.path) {
                continue;
            }
            let local = file.read();
            match news.try_send(News {
                sort: file.sort,
                local,
            }) {
                Ok(()) => tracing::debug!(path = %file.path.display(), "names read anew"),
                // The pipeline is busy: read again next time.
                Err(TrySendError::Full(_)) => file.seen = Seen::Unsure,
                Err(TrySendError::Disconnected(_)) => return,
            }
        }
    }
}

impl WatchedFile {
    fn read(&mut self) -> Local {
        let mut text = Vec::new();
        // Stamped before the read: a change meanwhile shows at the next check.
        self.seen = match Seen::now(&self.path) {
            Seen::As(stamp) if !stamp.is_settled() => Seen::Unsure,
            seen => seen,
        };
        let read = File::open(&self.path)
            .and_then(|file| file.take(FILE_BYTES_MAX).read_to_end(&mut text));
        if let Err(error) = read {
            tracing::warn!(path = %self.path.display(), %error, "cannot read; names come from NSS");
        }
        Local::parse(&text)
    }
}

impl Stamp {
    fn of(metadata: &Metadata) -> Stamp {
        Stamp {
            dev: metadata.dev(),
            ino: metadata.ino(),
            size: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// Times are coarse: a second write within one tick of the clock shows in none of these, so a
    /// file that was only just changed is read once more.
    fn is_settled(&self) -> bool {
        let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let now = since_1970.map_or(0, |since| since.as_nanos());
        let (seconds, nanoseconds) = self.changed;
        let changed = i128::from(seconds) * 1_000_000_000 + i128::from(nanoseconds);
        now.cast_signed().abs_diff(changed) > SETTLED.as_nanos()
    }
}

impl Seen {
    fn now(path: &Path) -> Seen {
        std::fs::metadata(path).map_or(Seen::Missing, |metadata| Seen::As(Stamp::of(&metadata)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_was_just_changed_is_read_once_more() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("passwd");
        let mut file = WatchedFile {
            sort: Sort::User,
            path: path.clone(),
            seen: Seen::Unsure,
        };
        assert!(file.read().0.is_empty() && file.seen == Seen::Missing);
        std::fs::write(&path, "a:x:1:\n").unwrap();
        assert_eq!((file.read().0.len(), file.seen == Seen::Unsure), (1, true));
        thread::sleep(2 * SETTLED);
        assert_eq!(
            (file.read().0.len(), file.seen == Seen::now(&path)),
            (1, true)
        );
        std::fs::write(&path, "b:x:1:\n").unwrap();
        assert!(file.seen != Seen::now(&path));
    }

    #[test]
    fn more_local_names_than_the_bound_are_left_to_nss() {
        let text: String = (0..LOCAL_MAX + 5)
            .map(|id| format!("u{id}:x:{id}:\n"))
            .collect();
        let local = Local::parse(text.as_bytes());
        assert_eq!(local.0.len(), LOCAL_MAX);
        assert!(local.get(LOCAL_MAX as u32).is_none());
    }
}
