//! What lies in the log directory, before the active segment is looked into.
//!
//! **Owns** the comparison of the segments found with what `sealed.jsonl` and `durable` remember.
//! **Must not** change a segment. It removes one only if that was said in the log and begun.

use std::path::Path;

use super::catalog::{Catalog, Entry};
use super::disk::{Disk, DiskFile, OpenMode};
use super::error::{Alarm, Alarms, LogError};
use super::line::Facts;
use super::mark::{Mark, MarkFile};
use super::{names, scan};

/// A segment as the directory shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) first: u64,
    pub(super) bytes: u64,
}

pub(super) struct Survey {
    /// The sealed segments that are there.
    pub(super) catalog: Catalog,
    /// The segment to go on in; `None` if a new one has to be made.
    pub(super) active: Option<Listed>,
    /// The mark, if it speaks of a segment not newer than the active one.
    pub(super) mark: Option<Mark>,
    /// No number below this may be given again.
    pub(super) floor: u64,
    /// Neither a segment nor a memory of one.
    pub(super) blank: bool,
}

pub(super) fn survey<D: Disk>(
    disk: &D,
    dir: &Path,
    alarms: &mut Alarms,
) -> Result<Survey, LogError> {
    let failed = |name: &'static str| move |error| LogError::io("read", &dir.join(name), error);
    let mut listed = list(disk, dir)?;
    let (memory, remembered) = Catalog::load(disk, dir).map_err(failed(names::CATALOG))?;
    finish_deletion(disk, dir, &memory, &mut listed)?;
    let mark = MarkFile::<D::File>::load(disk, dir).map_err(failed(names::MARK))?;

    let blank = listed.is_empty() && !remembered && mark.is_none();
    let missing = missing(&memory, mark, &listed);
    for &first in &missing {
        alarms.raise(Alarm::SegmentMissing {
            name: names::segment(first),
            first,
        });
    }
    // A segment whose successor was there once is sealed, even if it is now the highest.
    let newest = missing.last().copied();
    let active = listed
        .last()
        .copied()
        .filter(|last| newest.is_none_or(|at| at < last.first));
    if active.is_some() {
        listed.pop();
    }
    let entries = entries(disk, dir, &memory, &listed, alarms);
    let expected = remembered.then_some(memory.removed_below);
    check_joints(&entries, active, expected, &missing, alarms);

    let lost = mark
        .filter(|mark| missing.contains(&mark.first))
        .map(|mark| mark.next);
    let known = memory
        .entries
        .iter()
        .chain(&entries)
        .map(|entry| entry.last + 1);
    let floor = known
        .chain(lost)
        .chain([memory.removed_below])
        .max()
        .unwrap_or(0);
    let catalog = Catalog {
        entries,
        deleting: None,
        removed_below: memory.removed_below,
    };
    let changed = catalog.entries != memory.entries || memory.deleting.is_some();
    if changed && let Err(error) = catalog.save(disk, dir) {
        tracing::warn!("sealed.jsonl not written: {error}");
    }
    Ok(Survey {
        catalog,
        active,
        mark: mark.filter(|_| active.is_some()),
        floor,
        blank,
    })
}

fn list<D: Disk>(disk: &D, dir: &Path) -> Result<Vec<Listed>, LogError> {
    let files = disk
        .list(dir)
        .map_err(|error| LogError::io("list", dir, error))?;
    let mut listed: Vec<Listed> = files
        .into_iter()
        .filter_map(|(name, bytes)| {
            Some(Listed {
                first: names::segment_first(&name)?,
                bytes,
            })
        })
        .collect();
    listed.sort_by_key(|segment| segment.first);
    Ok(listed)
}

/// A removal that was said in the log and begun is carried through.
fn finish_deletion<D: Disk>(
    disk: &D,
    dir: &Path,
    memory: &Catalog,
    listed: &mut Vec<Listed>,
) -> Result<(), LogError> {
    let Some(name) = &memory.deleting else {
        return Ok(());
    };
    // Only ever a sealed segment: the last one stays, whatever the file says.
    let candidates = listed.len().saturating_sub(1);
    let at = listed
        .iter()
        .take(candidates)
        .position(|one| names::segment(one.first) == *name);
    if let Some(at) = at {
        let path = dir.join(name);
        disk.remove(&path)
            .and_then(|()| disk.sync_dir(dir))
            .map_err(|error| LogError::io("remove", &path, error))?;
        listed.remove(at);
    }
    Ok(())
}

/// First sequences of segments that should be there and are not, in order.
fn missing(memory: &Catalog, mark: Option<Mark>, listed: &[Listed]) -> Vec<u64> {
    let is_listed = |first: u64| listed.binary_search_by_key(&first, |one| one.first).is_ok();
    let mut missing: Vec<u64> = memory
        .entries
        .iter()
        .map(|entry| entry.first)
        // The successor of the last sealed one was there before that was called sealed.
        .chain(memory.entries.last().map(|entry| entry.last + 1))
        .chain(mark.map(|mark| mark.first))
        .filter(|&first| first >= memory.removed_below && !is_listed(first))
        .collect();
    missing.sort_unstable();
    missing.dedup();
    // A successor may begin elsewhere, after an earlier loss: then it is not missing.
    let last = memory.entries.last().map(|entry| entry.last + 1);
    missing.retain(|&first| {
        Some(first) != last
            || mark.is_some_and(|mark| mark.first == first)
            || listed.last().is_none_or(|highest| highest.first < first)
    });
    missing
}

fn entries<D: Disk>(
    disk: &D,
    dir: &Path,
    memory: &Catalog,
    sealed: &[Listed],
    alarms: &mut Alarms,
) -> Vec<Entry> {
    let mut entries = Vec::with_capacity(sealed.len());
    for one in sealed {
        match memory.get(one.first) {
            Some(entry) if entry.size == one.bytes => {
                entries.push(entry.clone());
                continue;
            }
            Some(entry) => alarms.raise(Alarm::SealedChanged {
                name: entry.name.clone(),
                sealed: entry.size,
                found: one.bytes,
            }),
            None => {}
        }
        let name = names::segment(one.first);
        let last = match last_record(disk, dir, *one) {
            Ok(Some(facts)) => facts.sequence.max(one.first),
            Ok(None) => {
                let reason = "no record is in it".to_owned();
                alarms.raise(Alarm::Unreadable {
                    name: name.clone(),
                    reason,
                });
                one.first
            }
            Err(error) => {
                let reason = error.to_string();
                alarms.raise(Alarm::Unreadable {
                    name: name.clone(),
                    reason,
                });
                one.first
            }
        };
        let records = last - one.first + 1;
        entries.push(Entry {
            name,
            size: one.bytes,
            sha256: None,
            first: one.first,
            last,
            records,
        });
    }
    entries
}

/// The last record of a segment that is not looked into otherwise.
pub(super) fn last_record<D: Disk>(
    disk: &D,
    dir: &Path,
    one: Listed,
) -> std::io::Result<Option<Facts>> {
    let file = disk.open(&dir.join(names::segment(one.first)), OpenMode::Read)?;
    let bytes = file.size()?;
    Ok(scan::inspect(&file, one, bytes, None)?.last)
}

/// Each segment must begin where the one before ended.
fn check_joints(
    entries: &[Entry],
    active: Option<Listed>,
    mut expected: Option<u64>,
    missing: &[u64],
    alarms: &mut Alarms,
) {
    let spans = entries.iter().map(|entry| (entry.first, Some(entry.last)));
    let mut oldest = true;
    for (found, last) in spans.chain(active.map(|one| (one.first, None))) {
        if let Some(expected) = expected.filter(|expected| !missing.contains(expected)) {
            let name = names::segment(found);
            if found > expected {
                alarms.raise(Alarm::Gap {
                    name,
                    expected,
                    found,
                });
            } else if found < expected && !oldest {
                alarms.raise(Alarm::Repeated {
                    name,
                    expected,
                    found,
                });
            }
        }
        expected = last.map(|last| last + 1);
        oldest = false;
    }
}
