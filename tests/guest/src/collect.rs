//! Sends the contents of /out to the runner.
//!
//! Owns: the walk. Directories come before what is in them, each file's `Entry` before its
//! `Data`. Sockets, pipes and devices are left out with a note.
//!
//! Must not: follow symbolic links, or fail: what cannot be read is a note.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use audit_guest::frame::{Entry, EntryKind, Kind, NO_JOB, PAYLOAD_BYTES_MAX};

use crate::channel::Channel;

/// The deepest directory that is sent: deeper ones are a test's loop.
const DEPTH_MAX: usize = 64;

/// Sends everything under `root`, with paths relative to it.
pub fn send(root: &Path, channel: &mut Channel) {
    directory(root, root, 0, channel);
}

fn directory(root: &Path, path: &Path, depth: usize, channel: &mut Channel) {
    let skip = |channel: &mut Channel, path: &Path, why: &str| {
        channel.note(NO_JOB, &format!("{} was not sent: {why}", path.display()));
    };
    if depth > DEPTH_MAX {
        return skip(channel, path, "too deep");
    }
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) => return skip(channel, path, &error.to_string()),
    };
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort_unstable();
    for path in paths {
        if let Err(why) = one(root, &path, depth, channel) {
            skip(channel, &path, &why);
        }
    }
}

fn one(root: &Path, path: &Path, depth: usize, channel: &mut Channel) -> Result<(), String> {
    let text = |error: std::io::Error| error.to_string();
    let metadata = path.symlink_metadata().map_err(text)?;
    let kind = metadata.file_type();
    let entry = |kind| Entry {
        kind,
        mode: metadata.permissions().mode() & 0o7777,
        path: path.strip_prefix(root).unwrap_or(path).to_owned(),
    };
    if kind.is_dir() {
        channel.send(Kind::Entry, NO_JOB, &entry(EntryKind::Directory).encode());
        directory(root, path, depth + 1, channel);
    } else if kind.is_symlink() {
        let target = fs::read_link(path).map_err(text)?.into_os_string();
        channel.send(
            Kind::Entry,
            NO_JOB,
            &entry(EntryKind::Link(target)).encode(),
        );
    } else if kind.is_file() {
        let mut file = File::open(path).map_err(text)?;
        channel.send(Kind::Entry, NO_JOB, &entry(EntryKind::File).encode());
        let mut buffer = vec![0u8; PAYLOAD_BYTES_MAX];
        loop {
            match file.read(&mut buffer).map_err(text)? {
                0 => break,
                length => channel.send(Kind::Data, NO_JOB, &buffer[..length]),
            }
        }
    } else {
        return Err("neither file, directory nor link".into());
    }
    Ok(())
}
