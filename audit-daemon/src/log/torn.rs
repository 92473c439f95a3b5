//! Setting bytes aside.
//!
//! **Owns** the directory `torn/`: whatever is cut off a segment is first copied there and made
//! durable. **Must not** lose a byte: if the copy cannot be made, nothing is cut.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::disk::{Disk, DiskFile, OpenMode};
use super::error::LogError;
use super::line::CHUNK_BYTES;
use super::{TORN_FILES_MAX, names};

/// Bytes that were cut off a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Torn {
    /// Where they are now.
    pub path: PathBuf,
    /// The segment that they were in.
    pub segment: String,
    /// Where they began in it.
    pub offset: u64,
    /// How many.
    pub bytes: u64,
}

/// Makes the directory, removes the oldest files over the bound, returns the bytes in it.
pub(super) fn prepare<D: Disk>(disk: &D, dir: &Path) -> Result<u64, LogError> {
    let torn = dir.join(names::TORN);
    let failed = |action| {
        let torn = torn.clone();
        move |error| LogError::io(action, &torn, error)
    };
    disk.create_dir(&torn).map_err(failed("create"))?;
    let mut files = disk.list(&torn).map_err(failed("list"))?;
    // Names begin with a sequence of fixed width: by name is by age.
    files.sort();
    let surplus = files.len().saturating_sub(TORN_FILES_MAX - 1);
    for (name, bytes) in files.drain(..surplus) {
        let path = torn.join(name);
        tracing::warn!(
            "{} ({bytes} bytes) removed: {TORN_FILES_MAX} are kept",
            path.display()
        );
        disk.remove(&path)
            .map_err(failed("remove the oldest file in"))?;
    }
    Ok(files.iter().map(|(_, bytes)| bytes).sum())
}

/// Copies the bytes from `offset` on to `torn/`, then cuts them off.
pub(super) fn set_aside<D: Disk>(
    disk: &D,
    dir: &Path,
    segment: &str,
    file: &D::File,
    offset: u64,
) -> Result<Torn, LogError> {
    let torn = dir.join(names::TORN);
    let failed = |error| LogError::io("set a torn tail aside in", &torn, error);
    disk.create_dir(&torn).map_err(failed)?;
    let path = free_name(disk, &torn, &format!("{segment}.{offset}")).map_err(failed)?;
    let bytes = copy(disk, file, offset, &path).map_err(failed)?;
    disk.sync_dir(&torn).map_err(failed)?;
    // The name of `torn` itself, if it is new.
    disk.sync_dir(dir).map_err(failed)?;
    file.set_len(offset)
        .and_then(|()| file.sync())
        .map_err(|error| LogError::io("cut", &dir.join(segment), error))?;
    Ok(Torn {
        path,
        segment: segment.to_owned(),
        offset,
        bytes,
    })
}

fn copy<D: Disk>(disk: &D, from: &D::File, offset: u64, path: &Path) -> io::Result<u64> {
    let to = disk.open(path, OpenMode::Create)?;
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut copied = 0;
    loop {
        let read = from.read_full_at(&mut chunk, offset + copied)?;
        if read == 0 {
            to.sync()?;
            return Ok(copied);
        }
        to.write_all_at(chunk.get(..read).unwrap_or_default(), copied)?;
        copied += read as u64;
    }
}

/// The name, with a number behind it if something else is already there: an earlier torn tail
/// at the same place, or the beginning of this one.
fn free_name<D: Disk>(disk: &D, torn: &Path, name: &str) -> io::Result<PathBuf> {
    for number in 0..=TORN_FILES_MAX {
        let path = match number {
            0 => torn.join(name),
            _ => torn.join(format!("{name}.{number}")),
        };
        match disk.open(&path, OpenMode::Read) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(path),
            Err(error) => return Err(error),
            Ok(_) => {}
        }
    }
    Err(ErrorKind::AlreadyExists.into())
}
