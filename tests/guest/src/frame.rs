//! Frames: what the guest tells the runner, one after the other, over the ring.
//!
//! Layout, little endian:
//!
//! | offset | size | what |
//! |---|---|---|
//! | 0 | 2 | 0xA5 0x1F, so that a reader out of step notices |
//! | 2 | 1 | kind, see [`Kind`] |
//! | 3 | 1 | 0 |
//! | 4 | 4 | job: its place in the manifest, [`NO_JOB`] if it belongs to none |
//! | 8 | 4 | length of the payload, at most [`PAYLOAD_BYTES_MAX`] |
//! | 12 | n | payload |
//!
//! Owns: this encoding and the payloads of [`Ending`] and [`Entry`].
//! Must not: read or write anything but the bytes it is given. The decoder takes what a
//! guest wrote, which tests may have made misbehave: it never panics and never trusts a length.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

/// The job number of frames that belong to no job.
pub const NO_JOB: u32 = u32::MAX;
/// The longest payload: small enough that output is seen soon, large enough for throughput.
pub const PAYLOAD_BYTES_MAX: usize = 64 << 10;

const SYNC: [u8; 2] = [0xA5, 0x1F];
const HEADER_BYTES: usize = 12;

/// What a frame says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The guest is ready; the payload is the kernel's release.
    Booted = 1,
    /// A job begins. No payload.
    Started = 2,
    /// Bytes that a job wrote to its standard output.
    Stdout = 3,
    /// Bytes that a job wrote to its standard error.
    Stderr = 4,
    /// A job is over; the payload is an [`Ending`].
    Ended = 5,
    /// A file, directory or link of /out; the payload is an [`Entry`].
    Entry = 6,
    /// The next bytes of the file that the last `Entry` named.
    Data = 7,
    /// A line for people: something the guest could not do, or saw.
    Note = 8,
    /// Everything was sent; the guest powers off. No payload.
    Done = 9,
}

impl Kind {
    fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::Booted,
            2 => Self::Started,
            3 => Self::Stdout,
            4 => Self::Stderr,
            5 => Self::Ended,
            6 => Self::Entry,
            7 => Self::Data,
            8 => Self::Note,
            9 => Self::Done,
            _ => return None,
        })
    }
}

/// One message of the guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    pub kind: Kind,
    pub job: u32,
    pub payload: Vec<u8>,
}

/// Why bytes are no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameError {
    OutOfStep,
    UnknownKind(u8),
    TooLong(u32),
    BadPayload(Kind),
}

impl std::fmt::Display for FrameError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::OutOfStep => write!(f, "no frame begins here"),
            Self::UnknownKind(number) => write!(f, "unknown kind of frame {number}"),
            Self::TooLong(length) => {
                write!(
                    f,
                    "frame of {length} bytes, {PAYLOAD_BYTES_MAX} are allowed"
                )
            }
            Self::BadPayload(kind) => write!(f, "malformed payload of a frame {kind:?}"),
        }
    }
}

impl std::error::Error for FrameError {}

/// Appends one frame to `out`. `payload` must not be longer than [`PAYLOAD_BYTES_MAX`].
pub fn encode(kind: Kind, job: u32, payload: &[u8], out: &mut Vec<u8>) {
    assert!(
        payload.len() <= PAYLOAD_BYTES_MAX,
        "the caller splits what is longer"
    );
    out.extend_from_slice(&SYNC);
    out.push(kind as u8);
    out.push(0);
    out.extend_from_slice(&job.to_le_bytes());
    out.extend_from_slice(&(payload.len() as u32).to_le_bytes());
    out.extend_from_slice(payload);
}

/// Takes bytes as they come and gives frames as they are complete.
#[derive(Debug, Default)]
pub struct Decoder {
    pending: Vec<u8>,
    consumed: usize,
}

impl Decoder {
    /// Adds bytes that follow those given before.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.consumed > 0 {
            self.pending.drain(..self.consumed);
            self.consumed = 0;
        }
        self.pending.extend_from_slice(bytes);
    }

    /// The next frame, or `None` until more bytes have come. After an error the decoder stays
    /// where it is: the stream cannot be trusted any more.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, FrameError> {
        let rest = &self.pending[self.consumed..];
        let Some((header, body)) = rest.split_first_chunk::<HEADER_BYTES>() else {
            return Ok(None);
        };
        if header[..2] != SYNC {
            return Err(FrameError::OutOfStep);
        }
        let kind = Kind::from_number(header[2]).ok_or(FrameError::UnknownKind(header[2]))?;
        let job = u32::from_le_bytes([header[4], header[5], header[6], header[7]]);
        let length = u32::from_le_bytes([header[8], header[9], header[10], header[11]]);
        if length as usize > PAYLOAD_BYTES_MAX {
            return Err(FrameError::TooLong(length));
        }
        let Some(payload) = body.get(..length as usize) else {
            return Ok(None);
        };
        let frame = Frame {
            kind,
            job,
            payload: payload.to_vec(),
        };
        self.consumed += HEADER_BYTES + length as usize;
        Ok(Some(frame))
    }
}

/// How a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It exited with this code.
    Code(i32),
    /// This signal ended it.
    Signal(i32),
    /// It was killed because its time was over.
    TimedOut,
    /// It could not be started: the errno.
    NotStarted(i32),
}

/// Payload of [`Kind::Ended`]: how (1 byte), value (i32), run time in microseconds (u64).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ending {
    pub exit: Exit,
    pub run_us: u64,
}

impl Ending {
    pub fn encode(self) -> Vec<u8> {
        let (how, value) = match self.exit {
            Exit::Code(code) => (0u8, code),
            Exit::Signal(signal) => (1, signal),
            Exit::TimedOut => (2, 0),
            Exit::NotStarted(errno) => (3, errno),
        };
        let mut out = vec![how];
        out.extend_from_slice(&value.to_le_bytes());
        out.extend_from_slice(&self.run_us.to_le_bytes());
        out
    }

    pub fn decode(payload: &[u8]) -> Result<Self, FrameError> {
        let bad = FrameError::BadPayload(Kind::Ended);
        let bytes: &[u8; 13] = payload.try_into().map_err(|_| bad)?;
        let value = i32::from_le_bytes([bytes[1], bytes[2], bytes[3], bytes[4]]);
        let exit = match bytes[0] {
            0 => Exit::Code(value),
            1 => Exit::Signal(value),
            2 => Exit::TimedOut,
            3 => Exit::NotStarted(value),
            _ => return Err(bad),
        };
        let run_us = u64::from_le_bytes([
            bytes[5], bytes[6], bytes[7], bytes[8], bytes[9], bytes[10], bytes[11], bytes[12],
        ]);
        Ok(Self { exit, run_us })
    }
}

/// What kind of thing an [`Entry`] is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryKind {
    Directory,
    /// Its bytes follow in `Data` frames.
    File,
    /// Where the symbolic link points.
    Link(OsString),
}

/// Payload of [`Kind::Entry`]: type (1 byte: d, f or l), permissions (u32), length of the
/// path (u32), the path relative to /out, and for a link its target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub kind: EntryKind,
    pub mode: u32,
    pub path: PathBuf,
}

impl Entry {
    pub fn encode(&self) -> Vec<u8> {
        let (letter, target) = match &self.kind {
            EntryKind::Directory => (b'd', None),
            EntryKind::File => (b'f', None),
            EntryKind::Link(target) => (b'l', Some(target)),
        };
        let path = self.path.as_os_str().as_bytes();
        let mut out = vec![letter];
        out.extend_from_slice(&self.mode.to_le_bytes());
        out.extend_from_slice(&(path.len() as u32).to_le_bytes());
        out.extend_from_slice(path);
        out.extend_from_slice(target.map_or(b"", |target| target.as_bytes()));
        out
    }

    pub fn decode(payload: &[u8]) -> Result<Self, FrameError> {
        let bad = FrameError::BadPayload(Kind::Entry);
        let (head, rest) = payload.split_first_chunk::<9>().ok_or(bad)?;
        let mode = u32::from_le_bytes([head[1], head[2], head[3], head[4]]);
        let length = u32::from_le_bytes([head[5], head[6], head[7], head[8]]) as usize;
        let (path, target) = rest.split_at_checked(length).ok_or(bad)?;
        let kind = match head[0] {
            b'd' if target.is_empty() => EntryKind::Directory,
            b'f' if target.is_empty() => EntryKind::File,
            b'l' => EntryKind::Link(OsString::from_vec(target.to_vec())),
            _ => return Err(bad),
        };
        Ok(Self {
            kind,
            mode,
            path: PathBuf::from(OsString::from_vec(path.to_vec())),
        })
    }
}

#[cfg(test)]
mod tests;
