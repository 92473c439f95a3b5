//! Bytes of a ring entry -> an event. Pure and total: same bytes, same answer, on any machine.
//!
//! Owns the check of every claim that the bytes make: sizes, kind, lane, tails. Holding an [`Event`]
//! proves that each slice in it is inside the entry and that fixed parts are whole; it does not
//! prove that paths are paths or that text is UTF-8. Must not panic, allocate, read a clock or look
//! anything up.

use audit_common::{
    Header, Kind, Lane,
    cgroup::Cgroup,
    events::{Tail, tag, tail_flag},
    exec::Exec,
    exec_failed::ExecFailed,
    exit::Exit,
    file_act::FileAct,
    file_open::FileOpen,
    fork::Fork,
    header::WIRE_VERSION,
    net::Net,
    privilege::Privilege,
};
use thiserror::Error;
use zerocopy::FromBytes;

/// Why an entry is not an event. Counted, never silently dropped.
#[derive(Debug, Error, PartialEq, Eq, Clone, Copy)]
pub enum Malformed {
    #[error("{0} bytes are too few for a header")]
    NoHeader(usize),
    #[error("the header says {claimed} bytes, the ring entry has {actual}")]
    Size { claimed: u32, actual: usize },
    #[error("wire version {0}, this daemon reads {WIRE_VERSION}")]
    Version(u8),
    #[error("lane {0}")]
    Lane(u8),
    #[error("{bytes} bytes are too few for an event of kind {kind}")]
    Fixed { kind: u16, bytes: usize },
    #[error("a tail says {claimed} bytes where {left} are left")]
    Tail { claimed: u32, left: usize },
}

/// A variable-length part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Part<'a> {
    pub bytes: &'a [u8],
    pub original: u32,
    pub flags: u16,
}

impl<'a> Part<'a> {
    /// All there was.
    pub fn whole(bytes: &'a [u8]) -> Part<'a> {
        Part {
            bytes,
            original: bytes.len() as u32,
            flags: 0,
        }
    }

    pub fn unreadable(&self) -> bool {
        self.flags & tail_flag::UNREADABLE != 0
    }

    pub fn truncated(&self) -> bool {
        self.flags & tail_flag::TRUNCATED != 0
    }

    /// The original length is a lower bound only.
    pub fn uncounted(&self) -> bool {
        self.flags & tail_flag::UNCOUNTED != 0
    }

    /// A walk that did not meet the process's root.
    pub fn detached(&self) -> bool {
        self.flags & tail_flag::DETACHED != 0
    }
}

/// The tails of one event, by what they are; of those that may come once the last one counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tails<'a> {
    pub exe: Option<Part<'a>>,
    pub cwd: Option<Part<'a>>,
    pub base: Option<Part<'a>>,
    pub filename: Option<Part<'a>>,
    pub interpreter: Option<Part<'a>>,
    pub argv: Option<Part<'a>>,
    pub tty: Option<Part<'a>>,
    pub cgroup: Option<Part<'a>>,
    pub file: Option<Part<'a>>,
    pub on_disk: Option<Part<'a>>,
    pub second_base: Option<Part<'a>>,
    pub second_name: Option<Part<'a>>,
    pub text: Option<Part<'a>>,
    pub second_file: Option<Part<'a>>,
    pub second_on_disk: Option<Part<'a>>,
    pub unix_name: Option<Part<'a>>,
    pub groups: Option<Part<'a>>,
    pub old_groups: Option<Part<'a>>,
    pub old_text: Option<Part<'a>>,
    /// All tails, checked; [`Tails::environment`] finds the variables among them.
    pub(crate) all: &'a [u8],
}

impl<'a> Tails<'a> {
    fn parse(all: &'a [u8]) -> Result<Tails<'a>, Malformed> {
        let mut tails = Tails {
            all,
            ..Tails::default()
        };
        let mut rest = all;
        while !rest.is_empty() {
            let (tag, part, after) = split(rest)?;
            rest = after;
            let place = match tag {
                tag::EXE => &mut tails.exe,
                tag::CWD => &mut tails.cwd,
                tag::BASE => &mut tails.base,
                tag::FILENAME => &mut tails.filename,
                tag::INTERPRETER => &mut tails.interpreter,
                tag::ARGV => &mut tails.argv,
                tag::TTY => &mut tails.tty,
                tag::CGROUP => &mut tails.cgroup,
                tag::FILE => &mut tails.file,
                tag::ON_DISK => &mut tails.on_disk,
                tag::SECOND_BASE => &mut tails.second_base,
                tag::SECOND_NAME => &mut tails.second_name,
                tag::TEXT => &mut tails.text,
                tag::SECOND_FILE => &mut tails.second_file,
                tag::SECOND_ON_DISK => &mut tails.second_on_disk,
                tag::UNIX_NAME => &mut tails.unix_name,
                tag::GROUPS => &mut tails.groups,
                tag::OLD_GROUPS => &mut tails.old_groups,
                tag::OLD_TEXT => &mut tails.old_text,
                // The environment comes several times; unknown tags are of a later version.
                _ => continue,
            };
            *place = Some(part);
        }
        Ok(tails)
    }

    /// `NAME=value` of each listed variable that is set.
    pub fn environment(&self) -> impl Iterator<Item = Part<'a>> + use<'a> {
        let mut rest = self.all;
        std::iter::from_fn(move || {
            loop {
                // `parse` has seen that every tail is whole.
                let (tag, part, after) = split(rest).ok()?;
                rest = after;
                if tag == tag::ENVIRONMENT {
                    return Some(part);
                }
            }
        })
    }
}

/// The first tail, and what follows it.
fn split(rest: &[u8]) -> Result<(u16, Part<'_>, &[u8]), Malformed> {
    let short = |claimed| Malformed::Tail {
        claimed,
        left: rest.len(),
    };
    let (head, content) = Tail::read_from_prefix(rest).map_err(|_| short(0))?;
    let stored = head.stored as usize;
    let (bytes, after) = content.split_at_checked(stored).ok_or(short(head.stored))?;
    Ok((
        head.tag,
        Part {
            bytes,
            original: head.original,
            flags: head.flags,
        },
        after,
    ))
}

/// The wire's kinds, with the event of each and whether tails follow it: all that decoding needs to know.
macro_rules! kinds {
    ($($kind:ident: $event:ident $($tails:ident)?,)*) => {
        /// A decoded entry.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Event<'a> {
            $($kind($event $(, $tails<'a>)?),)*
            /// A kind of a later version.
            Unknown(Header),
        }

        impl Event<'_> {
            pub fn header(&self) -> &Header {
                match self {
                    $(Event::$kind(event, ..) => &event.header,)*
                    Event::Unknown(header) => header,
                }
            }
        }

        fn of_kind(kind: Kind, entry: &[u8]) -> Result<Event<'_>, Malformed> {
            Ok(match kind {
                $(Kind::$kind => event!(kind as u16, entry, $kind $($tails)?),)*
            })
        }
    };
}

macro_rules! event {
    ($number:expr, $entry:expr, $kind:ident) => {
        Event::$kind(fixed($number, $entry)?.0)
    };
    ($number:expr, $entry:expr, $kind:ident Tails) => {{
        let (event, tails) = with_tails($number, $entry)?;
        Event::$kind(event, tails)
    }};
}

kinds! {
    Exec: Exec Tails,
    ExecFailed: ExecFailed Tails,
    Fork: Fork,
    Exit: Exit,
    CgroupCreated: Cgroup Tails,
    CgroupRemoved: Cgroup Tails,
    FileOpen: FileOpen Tails,
    FileAct: FileAct Tails,
    Net: Net Tails,
    Privilege: Privilege Tails,
}

/// The header of an entry, checked as far as it goes.
pub fn header(entry: &[u8]) -> Result<(Header, Lane), Malformed> {
    let (header, _) =
        Header::read_from_prefix(entry).map_err(|_| Malformed::NoHeader(entry.len()))?;
    if header.size as usize != entry.len() {
        return Err(Malformed::Size {
            claimed: header.size,
            actual: entry.len(),
        });
    }
    if header.version != WIRE_VERSION {
        return Err(Malformed::Version(header.version));
    }
    let lane = Lane::from_number(header.lane).ok_or(Malformed::Lane(header.lane))?;
    Ok((header, lane))
}

fn fixed<T: FromBytes>(kind: u16, entry: &[u8]) -> Result<(T, &[u8]), Malformed> {
    T::read_from_prefix(entry).map_err(|_| Malformed::Fixed {
        kind,
        bytes: entry.len(),
    })
}

fn with_tails<T: FromBytes>(kind: u16, entry: &[u8]) -> Result<(T, Tails<'_>), Malformed> {
    let (fixed, tails) = fixed::<T>(kind, entry)?;
    Ok((fixed, Tails::parse(tails)?))
}

/// The whole entry.
pub fn decode(entry: &[u8]) -> Result<Event<'_>, Malformed> {
    let (header, _) = header(entry)?;
    match Kind::from_number(header.kind) {
        Some(kind) => of_kind(kind, entry),
        None => Ok(Event::Unknown(header)),
    }
}

#[cfg(test)]
mod tests;
