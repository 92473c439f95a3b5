//! From whatever a crash or a person left to a log that can be written.
//!
//! **Owns** the steps of opening a log, in their order (the cases are in the table in the module
//! doc of `log`). **Must not** guess: bytes are kept in place, or moved to `torn/` and said.

use std::io;
use std::path::Path;

use super::active::{Active, BLOCK_BYTES};
use super::catalog::{Catalog, Sealed};
use super::digest::digest_file;
use super::disk::{Disk, DiskFile, OpenMode};
use super::error::{Alarm, Alarms, LogError};
use super::identity::{Found, Identity, LogId};
use super::line::{CHUNK_BYTES, Facts};
use super::mark::{Mark, MarkFile};
use super::scan::{Tail, inspect};
use super::survey::{self, Listed, Survey};
use super::torn::{self, Torn};
use super::{TAIL_WINDOW_BYTES, names};

/// What opening the log found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// There was no log; one was made.
    pub created: bool,
    /// The holder before us ended in order, and nothing was torn.
    pub clean: bool,
    /// The holder before us ended in order: no crash explains a tail.
    pub orderly: bool,
    /// The tail that was set aside.
    pub torn: Option<Torn>,
    /// What no crash explains. Already logged; the caller says it in the log.
    pub alarms: Vec<Alarm>,
    /// The sequence of the next record.
    pub next_sequence: u64,
    /// `time_dt` of the last record.
    pub last_record_time: Option<String>,
    /// The active segment is empty and the one before it was sealed: the first record to append
    /// is the `log.rotate` about it.
    pub rotation_unsaid: Option<Sealed>,
    /// Segments, the active one among them.
    pub segments: usize,
}

/// The parts of a log, ready to be written.
pub(super) struct Recovered<D: Disk> {
    pub(super) identity: Identity,
    pub(super) catalog: Catalog,
    pub(super) active: Active<D>,
    pub(super) active_first: u64,
    pub(super) mark: MarkFile<D::File>,
    pub(super) torn_bytes: u64,
    pub(super) opened: Opened,
}

pub(super) fn recover<D: Disk>(
    disk: &D,
    dir: &Path,
    orderly: bool,
) -> Result<Recovered<D>, LogError> {
    let mut alarms = Alarms::default();
    let mut torn_bytes = torn::prepare(disk, dir)?;
    let Survey {
        mut catalog,
        active,
        mark,
        floor,
        blank,
    } = survey::survey(disk, dir, &mut alarms)?;

    let one = active.unwrap_or(Listed {
        first: floor,
        bytes: 0,
    });
    let (file, tail, torn) = settle_tail(disk, dir, one, mark, &mut alarms)?;
    torn_bytes += torn.as_ref().map_or(0, |torn| torn.bytes);
    let name = names::segment(one.first);

    let next_sequence = tail
        .last
        .as_ref()
        .map_or(one.first, |last| last.sequence + 1);
    let last = match tail.last {
        None => last_sealed_record(disk, dir, &catalog),
        last => last,
    };
    let identity = identify(disk, dir, blank, &name, last.as_ref(), &mut alarms)?;
    let rotation_unsaid = match tail.end {
        0 => seal_facts(disk, dir, &mut catalog),
        _ => None,
    };
    let active = Active::new(file, dir.join(&name), tail.end)?;
    let now = Mark {
        first: one.first,
        bytes: tail.end,
        next: next_sequence,
    };
    let mark = MarkFile::create(disk, dir, now)
        .map_err(|error| LogError::io("write", &dir.join(names::MARK), error))?;
    let opened = Opened {
        created: blank,
        clean: orderly && torn.is_none(),
        orderly,
        torn,
        alarms: alarms.take(),
        next_sequence,
        last_record_time: last.and_then(|last| last.time),
        rotation_unsaid,
        segments: catalog.entries.len() + 1,
    };
    Ok(Recovered {
        identity,
        catalog,
        active,
        active_first: one.first,
        mark,
        torn_bytes,
        opened,
    })
}

/// Opens the active segment, sets its torn end aside, and makes what stays durable.
fn settle_tail<D: Disk>(
    disk: &D,
    dir: &Path,
    one: Listed,
    mark: Option<Mark>,
    alarms: &mut Alarms,
) -> Result<(D::File, Tail, Option<Torn>), LogError> {
    let name = names::segment(one.first);
    let path = dir.join(&name);
    let file = open_segment(disk, dir, one.first)?;
    let bytes = file
        .size()
        .map_err(|error| LogError::io("read", &path, error))?;
    let durable = durable_of(mark, one.first);
    let mut tail =
        inspect(&file, one, bytes, durable).map_err(|error| LogError::io("read", &path, error))?;
    std::mem::take(&mut tail.alarms)
        .into_iter()
        .for_each(|alarm| alarms.raise(alarm));
    let torn = match tail.end < bytes {
        true => Some(torn::set_aside(disk, dir, &name, &file, tail.end)?),
        false => None,
    };
    // What was written and not acknowledged is counted on from here: make it so.
    let unsure = durable.unwrap_or_else(|| tail.end.saturating_sub(TAIL_WINDOW_BYTES));
    make_durable(&file, unsure, tail.end)
        .map_err(|error| LogError::io("make durable", &path, error))?;
    Ok((file, tail, torn))
}

/// Opens a segment, makes it if it is missing, and makes its name durable.
pub(super) fn open_segment<D: Disk>(disk: &D, dir: &Path, first: u64) -> Result<D::File, LogError> {
    let path = dir.join(names::segment(first));
    let failed = |error| LogError::io("create", &path, error);
    let file = disk.open(&path, OpenMode::Create).map_err(failed)?;
    disk.sync_dir(dir).map_err(failed)?;
    Ok(file)
}

/// Writes bytes again over themselves and syncs. The process before us may have met a failed
/// fsync: then the page cache calls them clean, and a sync alone would do nothing.
fn make_durable<F: DiskFile>(file: &F, from: u64, end: u64) -> io::Result<()> {
    let mut offset = from - from % BLOCK_BYTES;
    let mut chunk = vec![0; CHUNK_BYTES];
    while offset < end {
        let want = usize::try_from(end - offset)
            .unwrap_or(CHUNK_BYTES)
            .min(CHUNK_BYTES);
        let bytes = chunk.get_mut(..want).unwrap_or_default();
        if file.read_full_at(bytes, offset)? != want {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        file.write_all_at(bytes, offset)?;
        offset += want as u64;
    }
    file.sync()
}

/// The known durable length of the segment; a mark about an older one says that nothing in this
/// one was acknowledged.
fn durable_of(mark: Option<Mark>, first: u64) -> Option<u64> {
    let mark = mark?;
    Some(if mark.first == first { mark.bytes } else { 0 })
}

fn last_sealed_record<D: Disk>(disk: &D, dir: &Path, catalog: &Catalog) -> Option<Facts> {
    let entry = catalog.entries.last()?;
    let one = Listed {
        first: entry.first,
        bytes: entry.size,
    };
    survey::last_record(disk, dir, one).ok().flatten()
}

/// The newest sealed segment, with its digest made if it was missing.
fn seal_facts<D: Disk>(disk: &D, dir: &Path, catalog: &mut Catalog) -> Option<Sealed> {
    let entry = catalog.entries.last_mut()?;
    if entry.sha256.is_none()
        && let Ok(digest) = digest_file(disk, &dir.join(&entry.name))
    {
        entry.sha256 = Some(digest.sha256);
        entry.records = digest.lines;
    }
    Some(entry.sealed(dir))
}

fn identify<D: Disk>(
    disk: &D,
    dir: &Path,
    blank: bool,
    name: &str,
    last: Option<&Facts>,
    alarms: &mut Alarms,
) -> Result<Identity, LogError> {
    let path = dir.join(names::IDENTITY);
    let failed = |action| {
        let path = path.clone();
        move |error| LogError::io(action, &path, error)
    };
    let in_line = last.and_then(|last| last.log_id.as_deref());
    let reason = match Identity::load(disk, dir).map_err(failed("read"))? {
        Found::Identity(identity) => {
            let log_id = identity.log_id.as_str();
            if let Some(found) = in_line.filter(|&found| found != log_id) {
                alarms.raise(Alarm::IdentityMismatch {
                    name: name.to_owned(),
                    found: found.to_owned(),
                    log_id: log_id.to_owned(),
                });
            }
            return Ok(identity);
        }
        Found::Nothing if blank => None,
        Found::Nothing => Some("missing".to_owned()),
        Found::Damaged(reason) => Some(reason),
    };
    let log_id = match in_line.and_then(LogId::parse) {
        Some(log_id) => log_id,
        None => LogId::random().map_err(failed("make a random id for"))?,
    };
    if let Some(reason) = reason {
        alarms.raise(Alarm::IdentityLost {
            reason,
            log_id: log_id.to_string(),
        });
    }
    let identity = Identity::new(log_id);
    identity.save(disk, dir).map_err(failed("write"))?;
    Ok(identity)
}
