//! `file.open_read`, `file.open_write`, `file.create`: a file was opened, or was to be.
//!
//! OWNS: its view, and which of the three kinds an open is.
//! MUST NOT: call opening to write a change; only what is written afterwards is one.

use super::Lines;
use super::head::{Head, Kind, Occurring, Outcome};
use super::line::key;
use super::notes::At;
use super::view::{ActorView, FileView, Folded, Meta, Via};

#[derive(Debug, Clone, Copy)]
pub struct FileOpenView<'a> {
    pub meta: Meta<'a>,
    pub actor: ActorView<'a>,
    pub file: FileView<'a>,
    pub intent: Intent,
    /// As the program gave them to open(2).
    pub flags: u32,
    /// 0 is success.
    pub errno: i32,
    /// It stands for several.
    pub folded: Option<Folded>,
    pub via: Via,
}

/// What an open is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intent {
    Read,
    Write,
    /// The file was not there before, or was not to be.
    Create,
}

const O_ACCMODE: u32 = 0o3;
const O_CREAT: u32 = 0o100;
const O_EXCL: u32 = 0o200;
const O_NOCTTY: u32 = 0o400;
const O_TRUNC: u32 = 0o1000;
const O_LARGEFILE: u32 = 0o10_0000;
const O_CLOEXEC: u32 = 0o200_0000;
const O_TMPFILE: u32 = 0o2000_0000;

impl Intent {
    /// `created`: the kernel says that this open made the file; of a failure, what was asked.
    pub fn of(flags: u32, created: bool, failed: bool) -> Intent {
        let exclusive = O_CREAT | O_EXCL;
        let to_create = flags & exclusive == exclusive || flags & O_TMPFILE != 0;
        if created || flags & O_TMPFILE != 0 || failed && to_create {
            Intent::Create
        } else if flags & O_ACCMODE != 0 || flags & O_TRUNC != 0 {
            Intent::Write
        } else {
            Intent::Read
        }
    }
}

impl Lines {
    /// Appends one line, without LF.
    pub fn file_open(&mut self, out: &mut Vec<u8>, view: &FileOpenView) {
        let kind = match view.intent {
            Intent::Read => &READ,
            Intent::Write => &WRITE,
            Intent::Create => &CREATE,
        };
        self.write(out, |line| {
            let parts = line.actor_parts();
            let process = view.actor.process;
            let head = Head {
                severity: 1,
                outcome: Outcome::of(view.errno, view.via),
                occurring: process.map_or_else(Occurring::default, |p| parts.occurring(p)),
                ..Head::default()
            }
            .folded(view.folded);
            line.head(kind, &view.meta, &head);
            line.actor(&view.actor, parts);
            line.file(&At::root("file"), &view.file);
            let mask = view.flags & !(O_CLOEXEC | O_LARGEFILE | O_NOCTTY);
            if mask != 0 {
                line.integer(key!("access_mask"), u64::from(mask));
            }
            line.end(view.actor.session_ip, |line| line.via(view.via));
        });
    }
}

const fn open(code: &'static str) -> Kind {
    Kind {
        ids: r#""class_uid":1001,"category_uid":1,"activity_id":14,"type_uid":100114,"#,
        code,
        host_profile: false,
        full_device: false,
    }
}

const READ: Kind = open(r#""event_code":"file.open_read""#);
const WRITE: Kind = open(r#""event_code":"file.open_write""#);
const CREATE: Kind = Kind {
    ids: r#""class_uid":1001,"category_uid":1,"activity_id":1,"type_uid":100101,"#,
    code: r#""event_code":"file.create""#,
    host_profile: false,
    full_device: false,
};
