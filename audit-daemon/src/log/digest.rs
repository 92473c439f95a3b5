//! SHA-256 and line count of the active segment, off the append path.
//!
//! **Owns** one thread that follows the active segment: it reads what became durable (it is
//! still in the page cache) and hashes it, so that sealing does not wait for a whole segment and
//! committing never waits for a hash. It works the same after a restart, where the beginning of
//! the segment was written by another process. **Must not** read past the durable length, or
//! hold the lock while it reads.

use std::io;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use super::disk::{Disk, DiskFile, OpenMode};

/// Bytes read and hashed at once, and how far the thread lets itself fall behind before it is
/// woken: a wake-up per small commit would cost more than the hashing.
const STEP_BYTES: usize = 256 << 10;

/// How often a waiter looks whether the thread still runs.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// What a whole file sums up to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FileDigest {
    pub(super) sha256: String,
    pub(super) lines: u64,
}

#[derive(Clone, Default)]
struct Sum {
    hash: Sha256,
    bytes: u64,
    lines: u64,
}

impl Sum {
    fn add(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
        self.lines += memchr::memchr_iter(b'\n', bytes).count() as u64;
    }

    fn finish(self) -> FileDigest {
        let hash = self.hash.finalize();
        let sha256 = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        FileDigest {
            sha256,
            lines: self.lines,
        }
    }
}

/// Hashes a file that nobody follows, in the caller's thread.
pub(super) fn digest_file<D: Disk>(disk: &D, path: &Path) -> io::Result<FileDigest> {
    let file = disk.open(path, OpenMode::Read)?;
    let mut chunk = vec![0; STEP_BYTES];
    let mut sum = Sum::default();
    loop {
        let read = file.read_full_at(&mut chunk, sum.bytes)?;
        if read == 0 {
            return Ok(sum.finish());
        }
        sum.add(chunk.get(..read).unwrap_or_default());
    }
}

struct State<F> {
    /// The file being followed, and a number that changes with it.
    file: Option<Arc<F>>,
    turn: u64,
    /// Durable length.
    target: u64,
    /// Somebody waits for the sum: do not linger.
    urgent: bool,
    sum: Sum,
    failed: bool,
    stop: bool,
}

struct Shared<F> {
    state: Mutex<State<F>>,
    work: Condvar,
    done: Condvar,
}

impl<F> Shared<F> {
    fn lock(&self) -> MutexGuard<'_, State<F>> {
        // The state is replaced whole under the lock: a panic cannot leave half of it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The following thread. It ends when this is dropped.
pub(super) struct Follower<F: DiskFile> {
    shared: Arc<Shared<F>>,
    thread: Option<JoinHandle<()>>,
}

impl<F: DiskFile> Follower<F> {
    pub(super) fn spawn() -> io::Result<Self> {
        let state = State {
            file: None,
            turn: 0,
            target: 0,
            urgent: false,
            sum: Sum::default(),
            failed: false,
            stop: false,
        };
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            work: Condvar::new(),
            done: Condvar::new(),
        });
        let theirs = Arc::clone(&shared);
        let thread = Builder::new()
            .name("log-digest".into())
            .spawn(move || follow(&theirs))?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// Follows another file, from its beginning.
    pub(super) fn start(&self, file: Arc<F>, durable: u64) {
        let mut state = self.shared.lock();
        state.file = Some(file);
        state.turn += 1;
        state.target = durable;
        state.urgent = false;
        state.sum = Sum::default();
        state.failed = false;
        self.shared.work.notify_one();
    }

    /// Tells that the file is durable up to here.
    pub(super) fn advance(&self, durable: u64) {
        let mut state = self.shared.lock();
        state.target = durable;
        if durable - state.sum.bytes.min(durable) >= STEP_BYTES as u64 {
            self.shared.work.notify_one();
        }
    }

    /// Waits until all that is durable is hashed; `None` if it could not be read.
    pub(super) fn finish(&self) -> Option<FileDigest> {
        let mut state = self.shared.lock();
        state.urgent = true;
        self.shared.work.notify_one();
        while !state.failed && state.sum.bytes < state.target {
            // The pause only matters should the thread have ended: then nobody would wake us.
            let waited = self.shared.done.wait_timeout(state, LOOK_AGAIN);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
            if self.thread.as_ref().is_none_or(JoinHandle::is_finished) {
                state.failed = true;
            }
        }
        state.urgent = false;
        (!state.failed).then(|| state.sum.clone().finish())
    }
}

impl<F: DiskFile> Drop for Follower<F> {
    fn drop(&mut self) {
        self.shared.lock().stop = true;
        self.shared.work.notify_one();
        if self
            .thread
            .take()
            .is_some_and(|thread| thread.join().is_err())
        {
            tracing::error!("the thread that hashes the log had panicked");
        }
    }
}

fn follow<F: DiskFile>(shared: &Shared<F>) {
    let mut chunk = vec![0; STEP_BYTES];
    let mut state = shared.lock();
    while !state.stop {
        let left = state.target.saturating_sub(state.sum.bytes);
        let due = left >= STEP_BYTES as u64 || state.urgent && left > 0;
        let file = state.file.clone().filter(|_| due && !state.failed);
        let Some(file) = file else {
            state = shared
                .work
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
            continue;
        };
        let (turn, mut sum) = (state.turn, state.sum.clone());
        drop(state);

        let want = usize::try_from(left).unwrap_or(STEP_BYTES).min(STEP_BYTES);
        let bytes = chunk.get_mut(..want).unwrap_or_default();
        let read = file.read_full_at(bytes, sum.bytes);
        let complete = matches!(read, Ok(read) if read == bytes.len());
        sum.add(bytes);

        state = shared.lock();
        // Another file may have taken its place meanwhile.
        if state.turn == turn {
            if complete {
                state.sum = sum;
            } else {
                tracing::error!("the active segment cannot be read to be hashed: {read:?}");
                state.failed = true;
            }
            shared.done.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::disk::OsDisk;
    use super::*;

    #[test]
    fn following_and_reading_agree() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        let file = Arc::new(OsDisk.open(&path, OpenMode::Create).unwrap());
        let content: Vec<u8> = (0..STEP_BYTES * 3 + 17).map(|n| (n % 251) as u8).collect();
        let follower = Follower::spawn().unwrap();
        follower.start(Arc::clone(&file), 0);
        let mut written = 0;
        for part in content.chunks(100_003) {
            file.write_all_at(part, written).unwrap();
            written += part.len() as u64;
            follower.advance(written);
        }
        let followed = follower.finish().unwrap();
        assert_eq!(followed, digest_file(&OsDisk, &path).unwrap());
        assert_eq!(
            followed.lines,
            content.iter().filter(|&&byte| byte == b'\n').count() as u64
        );

        // A second file begins anew; one that is shorter than it should be fails.
        follower.start(Arc::clone(&file), 3);
        let abc = follower.finish().unwrap();
        assert_eq!(
            abc.sha256,
            "ae4b3280e56e2faf83f414a6e3dabe9d5fbe18976544c05fed121accb85b53fc"
        );
        follower.start(file, written + 1);
        assert_eq!(follower.finish(), None);
    }
}
