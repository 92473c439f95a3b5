//! The log as its user sees it: append, commit, rotate.
//!
//! **Owns** the numbering and the order in which the files of the log change.
//! **Must not** write a record of its own: what has to be said is returned.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::active::Active;
use super::catalog::{Catalog, Entry, Sealed};
use super::digest::Follower;
use super::disk::{Disk, DiskFile, OsDisk};
use super::error::{Alarm, Alarms, AppendError, LogError};
use super::identity::{Identity, Origin};
use super::line::facts;
use super::lock::Lock;
use super::mark::{Mark, MarkFile};
use super::recovery::{self, Opened, open_segment};
use super::survey::Listed;
use super::tail::TailLines;
use super::{SEGMENT_BYTES_MIN, directory, names, scan, torn};

/// An open log. One thread owns it; see the module doc for what it guarantees.
pub struct Log<D: Disk = OsDisk> {
    pub(super) disk: D,
    pub(super) dir: PathBuf,
    pub(super) catalog: Catalog,
    pub(super) active: Active<D>,
    /// First sequence of the active segment.
    active_first: u64,
    /// Sequence of the next line to append.
    next: u64,
    /// Everything below is durable.
    pub(super) durable_next: u64,
    segment_bytes: u64,
    pub(super) torn_bytes: u64,
    identity: Identity,
    mark: MarkFile<D::File>,
    follower: Follower<D::File>,
    alarms: Alarms,
    lock: Option<Lock>,
}

impl Log<OsDisk> {
    /// Checks the directory, takes the lock, recovers, and opens the log. `segment_bytes` is the
    /// size at which a segment is due to be sealed.
    pub fn open(dir: &Path, segment_bytes: u64) -> Result<(Self, Opened), LogError> {
        directory::prepare(dir)?;
        let lock = Lock::acquire(dir)?;
        let orderly = lock.orderly();
        let (mut log, opened) = Self::open_on(OsDisk, dir, segment_bytes, orderly)?;
        log.lock = Some(lock);
        Ok((log, opened))
    }
}

impl<D: Disk> Log<D> {
    /// Opens the log on a disk of the caller's, who answers for the lock; `orderly` tells whether
    /// the writer before us ended in order.
    pub fn open_on(
        disk: D,
        dir: &Path,
        segment_bytes: u64,
        orderly: bool,
    ) -> Result<(Self, Opened), LogError> {
        let recovered = recovery::recover(&disk, dir, orderly)?;
        let follower = Follower::spawn()
            .map_err(|error| LogError::io("start the thread that hashes", dir, error))?;
        let active = recovered.active;
        follower.start(Arc::clone(active.file()), active.durable());
        let next = recovered.opened.next_sequence;
        let log = Self {
            disk,
            dir: dir.to_path_buf(),
            catalog: recovered.catalog,
            active,
            active_first: recovered.active_first,
            next,
            durable_next: next,
            segment_bytes: segment_bytes.max(SEGMENT_BYTES_MIN),
            torn_bytes: recovered.torn_bytes,
            identity: recovered.identity,
            mark: recovered.mark,
            follower,
            alarms: Alarms::default(),
            lock: None,
        };
        Ok((log, recovered.opened))
    }

    /// The log's directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The log's id and the kernel load being recorded.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Remembers the kernel load being recorded, durably.
    pub fn set_origin(&mut self, origin: Origin) -> Result<(), LogError> {
        let mut identity = self.identity.clone();
        identity.origin = Some(origin);
        let saved = match identity.is_bounded() {
            true => identity.save(&self.disk, &self.dir),
            false => Err(std::io::ErrorKind::InvalidInput.into()),
        };
        let path = || self.dir.join(names::IDENTITY);
        saved.map_err(|error| LogError::io("keep the origin in", &path(), error))?;
        self.identity = identity;
        Ok(())
    }

    /// The sequence that the next appended line has and must carry.
    pub fn next_sequence(&self) -> u64 {
        self.next
    }

    /// The sequence below which everything is durable.
    pub fn durable_sequence(&self) -> u64 {
        self.durable_next
    }

    /// Bytes that wait for a commit.
    pub fn waiting_bytes(&self) -> usize {
        self.active.waiting_bytes()
    }

    /// Takes a line (without LF) that carries [`Log::next_sequence`], and returns that number.
    /// A line that is refused uses up no number.
    #[inline]
    pub fn append(&mut self, line: &[u8]) -> Result<u64, AppendError> {
        debug_assert!(
            facts(line).is_none_or(|facts| facts.sequence == self.next),
            "the line carries another number than the log gives it"
        );
        self.active.push(line)?;
        let sequence = self.next;
        self.next += 1;
        Ok(sequence)
    }

    /// Makes all appended lines durable; returns the sequence below which everything is. After
    /// an error the lines still wait, and another commit tries again.
    pub fn commit(&mut self) -> Result<u64, LogError> {
        if self.active.is_settled() {
            return Ok(self.durable_next);
        }
        if self.next == u64::MAX {
            return Err(LogError::Exhausted {
                dir: self.dir.clone(),
            });
        }
        self.active.trim(&self.disk)?;
        self.meet_changes()?;
        self.active.write_out()?;
        self.durable_next = self.next;
        self.follower.advance(self.active.durable());
        self.mark.set(self.mark_now());
        Ok(self.durable_next)
    }

    /// What was found wrong while the log was in use, since the last call.
    pub fn take_alarms(&mut self) -> Vec<Alarm> {
        self.alarms.take()
    }

    /// The size at which a segment is due to be sealed, from the active one on.
    pub fn set_segment_bytes(&mut self, segment_bytes: u64) {
        self.segment_bytes = segment_bytes.max(SEGMENT_BYTES_MIN);
    }

    /// Whether the active segment has reached its size.
    pub fn needs_rotation(&self) -> bool {
        self.active.durable() >= self.segment_bytes
    }

    /// Commits, seals the active segment and begins the next. The first line to append then is
    /// the record about the sealed one. After an error the log goes on in the old segment.
    pub fn rotate(&mut self) -> Result<Sealed, LogError> {
        self.commit()?;
        if self.durable_next == self.active_first {
            return Err(LogError::NothingToSeal {
                path: self.active.path().to_path_buf(),
            });
        }
        let next = self.segment_at(self.durable_next)?;
        let digest = self.follower.finish();
        let (first, last) = (self.active_first, self.durable_next - 1);
        let entry = Entry {
            name: names::segment(first),
            size: self.active.durable(),
            records: digest
                .as_ref()
                .map_or(last - first + 1, |digest| digest.lines),
            sha256: digest.map(|digest| digest.sha256),
            first,
            last,
        };
        let sealed = entry.sealed(&self.dir);
        self.catalog.entries.push(entry);
        if let Err(error) = self.catalog.save(&self.disk, &self.dir) {
            tracing::warn!("sealed.jsonl not written, it is made again later: {error}");
        }
        self.go_on_in(next);
        Ok(sealed)
    }

    /// Bytes of the log on disk and about to be, set aside ones included.
    pub fn total_bytes(&self) -> u64 {
        let sealed: u64 = self.catalog.entries.iter().map(|entry| entry.size).sum();
        let waiting = self.active.waiting_bytes() as u64;
        sealed + self.active.durable() + waiting + self.torn_bytes
    }

    /// Durable lines from the last one backwards, across segments, until about `bytes_max` bytes
    /// of them were given.
    pub fn tail_lines_rev(&self, bytes_max: u64) -> TailLines<'_, D> {
        let sealed = self
            .catalog
            .entries
            .iter()
            .map(|entry| (self.dir.join(&entry.name), entry.size));
        let active = (self.active.path().to_path_buf(), self.active.durable());
        TailLines::new(&self.disk, sealed.chain([active]).collect(), bytes_max)
    }

    /// Commits and lets go of the lock in order. Dropping instead counts as a crash.
    pub fn close(mut self) -> Result<(), LogError> {
        self.commit()?;
        match self.lock.take() {
            Some(lock) => lock.release(&self.dir),
            None => Ok(()),
        }
    }

    fn mark_now(&self) -> Mark {
        Mark {
            first: self.active_first,
            bytes: self.active.durable(),
            next: self.durable_next,
        }
    }

    /// A new, empty segment that begins with `first`.
    fn segment_at(&self, first: u64) -> Result<Active<D>, LogError> {
        let file = open_segment(&self.disk, &self.dir, first)?;
        let path = self.dir.join(names::segment(first));
        let found = file
            .size()
            .map_err(|error| LogError::io("read", &path, error))?;
        if found > 0 {
            let taken = std::io::ErrorKind::AlreadyExists.into();
            return Err(LogError::io("begin a segment in", &path, taken));
        }
        Active::new(file, path, 0)
    }

    fn go_on_in(&mut self, next: Active<D>) {
        self.active.move_to(next);
        self.active_first = self.durable_next;
        self.follower.start(Arc::clone(self.active.file()), 0);
        self.mark.set(self.mark_now());
    }

    /// Never trusts the remembered length: looks whether the active segment is still the file
    /// that it was and as long as it was, raises an alarm if not, and goes on from what is.
    fn meet_changes(&mut self) -> Result<(), LogError> {
        let path = self.active.path();
        let durable = self.active.durable();
        let found = self
            .disk
            .len_if_same(path, self.active.file())
            .map_err(|error| LogError::io("look at", path, error))?;
        match found {
            Some(found) if found == durable => Ok(()),
            Some(found) if found > durable => self.meet_foreign_bytes(found - durable),
            Some(found) => self.meet_shortening(found),
            None => self.meet_replacement(),
        }
    }

    fn meet_foreign_bytes(&mut self, bytes: u64) -> Result<(), LogError> {
        let name = names::segment(self.active_first);
        let offset = self.active.durable();
        let torn = torn::set_aside(&self.disk, &self.dir, &name, self.active.file(), offset)?;
        self.torn_bytes += torn.bytes;
        self.alarms.raise(Alarm::Foreign {
            name,
            offset,
            bytes,
            path: torn.path,
        });
        Ok(())
    }

    fn meet_shortening(&mut self, found: u64) -> Result<(), LogError> {
        let name = names::segment(self.active_first);
        let one = Listed {
            first: self.active_first,
            bytes: found,
        };
        let durable = self.active.durable();
        let file = Arc::clone(self.active.file());
        let tail = scan::inspect(file.as_ref(), one, found, Some(durable))
            .map_err(|error| LogError::io("read", self.active.path(), error))?;
        if tail.end < found {
            let torn = torn::set_aside(&self.disk, &self.dir, &name, &file, tail.end)?;
            self.torn_bytes += torn.bytes;
        }
        self.active.accept(tail.end)?;
        self.follower.start(file, tail.end);
        tail.alarms
            .into_iter()
            .for_each(|alarm| self.alarms.raise(alarm));
        Ok(())
    }

    /// The name leads nowhere or elsewhere: what was in the file is gone, so the lines that wait
    /// begin a segment of their own.
    fn meet_replacement(&mut self) -> Result<(), LogError> {
        let name = names::segment(self.active_first);
        let last = self
            .durable_next
            .checked_sub(1)
            .filter(|&last| last >= self.active_first);
        let next = self.segment_at(self.durable_next)?;
        self.go_on_in(next);
        self.alarms.raise(Alarm::Replaced { name, last });
        Ok(())
    }
}
