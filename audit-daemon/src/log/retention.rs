//! Keeping the log under its cap.
//!
//! **Owns** the removal of whole sealed segments, oldest first. **Must not** remove anything that
//! was not said in the log before, nor the active segment.
//!
//! The order: [`Log::plan_cap`] names the segments; the caller appends a record about each and
//! commits; [`Log::delete`] notes the removal in `sealed.jsonl`, removes the file, and refuses if
//! no line was committed since the plan. A crash before the note leaves a segment that is said
//! to be removed; the next plan names it again. A crash after it: the next open removes the file.

use std::io::ErrorKind;

use super::PLANNED_MAX;
use super::catalog::Sealed;
use super::digest::digest_file;
use super::disk::Disk;
use super::error::LogError;
use super::writer::Log;

/// A segment that has to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// What the record about it has to say.
    pub segment: Sealed,
    /// The record has this sequence or a later one: lines that waited before the plan say nothing.
    said_at: u64,
}

impl<D: Disk> Log<D> {
    /// Names the oldest sealed segments that must go to bring the log under `cap_bytes`, at most
    /// [`PLANNED_MAX`]: call again after they are gone. Removes nothing.
    pub fn plan_cap(&mut self, cap_bytes: u64) -> Vec<Planned> {
        let mut over = self.total_bytes().saturating_sub(cap_bytes);
        let next = self.next_sequence();
        let mut planned = Vec::new();
        for entry in self.catalog.entries.iter_mut().take(PLANNED_MAX) {
            if over == 0 {
                break;
            }
            if entry.sha256.is_none() {
                match digest_file(&self.disk, &self.dir.join(&entry.name)) {
                    Ok(digest) => {
                        entry.sha256 = Some(digest.sha256);
                        entry.records = digest.lines;
                    }
                    Err(error) => tracing::warn!("{} cannot be hashed: {error}", entry.name),
                }
            }
            over = over.saturating_sub(entry.size);
            let said_at = next + planned.len() as u64;
            planned.push(Planned {
                segment: entry.sealed(&self.dir),
                said_at,
            });
        }
        planned
    }

    /// Removes a planned segment, after the record about it was committed.
    pub fn delete(&mut self, planned: &Planned) -> Result<(), LogError> {
        let name = &planned.segment.name;
        if self.durable_next <= planned.said_at {
            return Err(LogError::Unsaid { name: name.clone() });
        }
        if self
            .catalog
            .entries
            .first()
            .is_none_or(|oldest| oldest.name != *name)
        {
            return Err(LogError::NotOldest { name: name.clone() });
        }
        let path = &planned.segment.path;
        let failed = |error| LogError::io("remove", path, error);

        let removed_below = self.catalog.removed_below;
        let entry = self.catalog.entries.remove(0);
        self.catalog.removed_below = removed_below.max(entry.last + 1);
        self.catalog.deleting = Some(entry.name.clone());
        let removed = self.catalog.save(&self.disk, &self.dir).and_then(|()| {
            match self.disk.remove(path) {
                // Somebody was faster.
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
                other => other,
            }
        });
        if let Err(error) = removed {
            self.catalog.entries.insert(0, entry);
            self.catalog.removed_below = removed_below;
            self.catalog.deleting = None;
            return Err(failed(error));
        }
        self.disk.sync_dir(&self.dir).map_err(failed)
    }
}
