//! The log: the append-only sequence of records of this host, as files in one directory.
//!
//! **Owns** the log directory and every file in it: segments, lock, identity, marks, what was
//! set aside. It alone writes there. It also owns the numbering of records.
//!
//! **Must not** know what a record means. It sees bytes, times and sequence numbers, never a
//! kind; it formats no record. What must be said in the log about the log (`log.rotate`,
//! `log.delete`, an alarm) is returned as facts, and the caller writes the record.
//!
//! # On disk
//!
//! ```text
//! <dir>/                         0700, every file in it 0600
//!   00000000000000000000.jsonl   a segment, named after the first sequence in it, 20 digits
//!   00000000000000071032.jsonl   the highest is the active one, all others are sealed
//!   lock                         flock held by the daemon; its pid and LF while it runs, empty
//!                                after an orderly end
//!   identity.json                who this log is, and which kernel load it is recording
//!   durable                      how far the active segment is known to be on disk
//!   sealed.jsonl                 size, SHA-256 and range of each sealed segment
//!   torn/<segment>.<offset>      bytes that were cut off a segment, at this offset of it
//!   *.tmp                        the next version of a file, before it is renamed into place
//! ```
//!
//! **Segment.** Lines, each ended by one LF: `{…,"metadata":{…,"sequence":N,…},…}` LF. A line
//! is at most [`LINE_BYTES_MAX`] bytes without its LF and holds no LF and no NUL. The first
//! line of a segment has the sequence that the file is named after, each next line one more, and
//! the next segment goes on where the one before ended.
//!
//! **identity.json**, one line, replaced whole (write `.tmp`, fsync, rename, fsync directory):
//! `{"format":1,"log_id":"9f1c2b7a40d3","origin":{"load_id":"…","boot_id":"…","first_sequence":0}}`.
//! The log id is random and made once, with the log. `origin` is absent until set.
//!
//! **durable**, [`MARK_BYTES`] bytes, overwritten in place *after* each group commit and not
//! fsynced: first sequence of the active segment, bytes of it that are durable, next sequence
//! (each 20 digits, then a space), 8 hex digits of the SHA-256 of those 63 bytes, LF. It
//! survives a kill at once and a power loss some seconds late, so it is always a lower bound.
//!
//! **sealed.jsonl**, replaced whole like the identity. First line
//! `{"format":1,"removed_below":N}`, with `,"deleting":"<segment>"` while one is being removed;
//! then for each sealed segment, oldest first,
//! `{"name":…,"size":…,"sha256":…,"first":…,"last":…,"records":…}`. It only saves work: an entry
//! that is missing is read from its segment again.
//!
//! # Invariants
//!
//! 1. *Durable prefix.* What [`Log::commit`] acknowledged is on disk and is never rewritten with
//!    other bytes, nor cut, by this module. The one exception is a tail that somebody else
//!    damaged: it is moved to `torn/` and an [`Alarm`] says so.
//! 2. *No gaps, no doubles.* The next sequence is that of the last line plus one, across
//!    restarts and segments.
//! 3. *Nothing half-written.* After a failed commit the segment is as long as before it, and the
//!    lines still wait in memory for the next try. After a failed fsync nothing that the page
//!    cache says is believed: the segment is reopened, its last block and the waiting lines are
//!    written again, and read back from the disk.
//! 4. *Crash and corruption differ.* Bytes beyond the durable mark that are not whole lines are
//!    a torn tail: normal, set aside, reported as [`Torn`]. Anything wrong below the mark is an
//!    [`Alarm`]: left as it is, never repaired in silence, never a reason not to start. Without a
//!    mark only the bad end of the file is torn, all else is an alarm. An alarm about bytes that
//!    stay in place is raised at every start that sees them.
//! 5. *Nothing is deleted unsaid.* [`Log::plan_cap`] names what has to go, the caller commits a
//!    record for each, and only then [`Log::delete`] removes it; it refuses before. A crash in
//!    between leaves the file; the next plan names it again, and its later record is the true one.
//! 6. *One writer.* A second opener is refused with the pid of the first.
//!
//! # Recovery, case by case
//!
//! | found at open | done |
//! |---|---|
//! | no directory | made (its parent must exist) |
//! | no segment, no trace of one | new log from sequence 0 |
//! | last line without LF, with NULs, not JSON, not the next number | from there on set aside |
//! | the same, though the writer before us ended in order | the same, and [`Opened::orderly`] tells |
//! | the same, but below the durable mark, with good lines after it | left, alarm |
//! | active segment shorter than the mark | alarm; goes on after the last whole line |
//! | active segment gone, but mark or `sealed.jsonl` know of it | alarm; its numbers are not used again |
//! | active segment empty, one before it | the crash came before `log.rotate`: [`Opened::rotation_unsaid`] |
//! | segment named in `deleting` still there | removed: it was said |
//! | sealed segment missing, changed in size, or not joined to the next | alarm |
//! | `sealed.jsonl` or `durable` missing or damaged | made again |
//! | identity missing or damaged | log id taken from the last line, alarm |
//!
//! Work at open is bounded: the directory listing, the last [`TAIL_WINDOW_BYTES`] below the mark
//! (more only while no whole line is found in them) and all that is above it.

mod active;
mod catalog;
mod digest;
mod directory;
mod disk;
mod error;
mod identity;
mod line;
mod lock;
mod mark;
mod names;
mod recovery;
mod retention;
mod scan;
mod survey;
mod tail;
mod torn;
mod writer;

#[cfg(test)]
mod tests;

pub use catalog::Sealed;
pub use directory::{DirectoryError, cap_bytes_default};
pub use disk::{Disk, DiskFile, OpenMode, OsDisk};
pub use error::{Alarm, AppendError, LogError};
pub use identity::{Identity, LogId, Origin};
pub use mark::MARK_BYTES;
pub use recovery::Opened;
pub use retention::Planned;
pub use tail::TailLines;
pub use torn::Torn;
pub use writer::Log;

/// Longest line, without its LF: the limit that records are cut to (RECORDS, section 1).
pub const LINE_BYTES_MAX: usize = 65_536;

/// Most bytes that wait for a commit. A commit is due at 1 MiB; the rest is room for a burst
/// while the disk refuses. At the bound `append` says `Full`, and the ring holds what comes.
pub const BUFFER_BYTES_MAX: usize = 4 << 20;

/// Size at which a segment is sealed, unless configured: small enough that retention is fine
/// grained and hashing one takes a fraction of a second, large enough that files stay few.
pub const SEGMENT_BYTES_DEFAULT: u64 = 64 << 20;

/// Smallest segment size accepted: below it a rotation would follow nearly every commit.
pub const SEGMENT_BYTES_MIN: u64 = 4_096;

/// How far below the durable mark the active segment is checked at open.
pub const TAIL_WINDOW_BYTES: u64 = 256 << 10;

/// Alarms kept between two looks at them; further ones are counted in the last.
pub const ALARMS_MAX: usize = 64;

/// Segments named by one plan: facts of each may have to be read from the disk.
pub const PLANNED_MAX: usize = 8;

/// Files kept in `torn/`, so that a crash loop cannot fill the disk; the oldest go first.
pub const TORN_FILES_MAX: usize = 64;

const _: () = assert!(
    BUFFER_BYTES_MAX > LINE_BYTES_MAX,
    "a line must fit the buffer"
);
const _: () = assert!(
    TAIL_WINDOW_BYTES > 2 * (LINE_BYTES_MAX as u64 + 1),
    "the window must hold at least one whole line wherever it starts"
);
