//! `file.delete` to `file.umount`: a file was changed by its name or descriptor, or was to be.
//!
//! OWNS: its view, and the type that each act has in OCSF.
//! MUST NOT: say what was before an act unless it was captured.

use super::Lines;
use super::head::{Head, Kind, Occurring, Outcome};
use super::notes::At;
use super::view::{ActorView, FileView, Folded, Meta, Via};

#[derive(Debug, Clone, Copy)]
pub struct FileActView<'a> {
    pub meta: Meta<'a>,
    pub actor: ActorView<'a>,
    pub act: Act,
    pub folded: Option<Folded>,
    pub file: FileView<'a>,
    pub result: Option<FileResult<'a>>,
    pub detail: Option<&'a str>,
    /// 0 is success.
    pub errno: i32,
    pub via: Via,
}

/// What came of it, or was to come.
#[derive(Debug, Clone, Copy)]
pub enum FileResult<'a> {
    /// Another name.
    Name(FileView<'a>),
    /// The same file, with what has changed in it.
    Change(FileView<'a>),
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    Delete,
    Rmdir,
    Rename,
    Link,
    Symlink,
    Mkdir,
    Mknod,
    Truncate,
    Chmod,
    Chown,
    SetXattr,
    /// An attribute of the user's own (`user.*`): no matter of security.
    SetUserXattr,
    RemoveXattr,
    RemoveUserXattr,
    Utimes,
    Mount,
    Umount,
}

impl Lines {
    /// Appends one line, without LF.
    pub fn file_act(&mut self, out: &mut Vec<u8>, view: &FileActView) {
        self.write(out, |line| {
            let parts = line.actor_parts();
            let process = view.actor.process;
            let head = Head {
                severity: 1,
                outcome: Outcome::of(view.errno, view.via),
                detail: view.detail,
                occurring: process.map_or_else(Occurring::default, |p| parts.occurring(p)),
                ..Head::default()
            };
            line.head(kind(view.act), &view.meta, &head.folded(view.folded));
            line.actor(&view.actor, parts);
            line.file(&At::root("file"), &view.file);
            let at = At::root("file_result");
            match &view.result {
                Some(FileResult::Name(file)) => line.file_result(&at, file),
                Some(FileResult::Change(file)) => line.file_changed(&at, file),
                None => {}
            }
            line.end(view.actor.session_ip, |line| line.via(view.via));
        });
    }
}

fn kind(act: Act) -> &'static Kind {
    match act {
        Act::Delete => &DELETE,
        Act::Rmdir => &RMDIR,
        Act::Rename => &RENAME,
        Act::Link => &LINK,
        Act::Symlink => &SYMLINK,
        Act::Mkdir => &MKDIR,
        Act::Mknod => &MKNOD,
        Act::Truncate => &TRUNCATE,
        Act::Chmod => &CHMOD,
        Act::Chown => &CHOWN,
        Act::SetXattr => &SET_XATTR,
        Act::SetUserXattr => &SET_USER_XATTR,
        Act::RemoveXattr => &REMOVE_XATTR,
        Act::RemoveUserXattr => &REMOVE_USER_XATTR,
        Act::Utimes => &UTIMES,
        Act::Mount => &MOUNT,
        Act::Umount => &UMOUNT,
    }
}

macro_rules! kinds {
    ($($name:ident = $activity:literal $type_uid:literal $code:literal),* $(,)?) => {
        $(const $name: Kind = Kind {
            ids: concat!(
                "\"class_uid\":1001,\"category_uid\":1,\"activity_id\":", $activity,
                ",\"type_uid\":", $type_uid, ","
            ),
            code: concat!("\"event_code\":\"", $code, "\""),
            host_profile: false,
            full_device: false,
        };)*
    };
}

kinds! {
    DELETE = 4 100104 "file.delete",
    RMDIR = 4 100104 "file.rmdir",
    RENAME = 5 100105 "file.rename",
    LINK = 1 100101 "file.link",
    SYMLINK = 1 100101 "file.symlink",
    MKDIR = 1 100101 "file.mkdir",
    MKNOD = 1 100101 "file.mknod",
    TRUNCATE = 3 100103 "file.truncate",
    CHMOD = 7 100107 "file.chmod",
    CHOWN = 7 100107 "file.chown",
    SET_XATTR = 7 100107 "file.setxattr",
    SET_USER_XATTR = 6 100106 "file.setxattr",
    REMOVE_XATTR = 7 100107 "file.rmxattr",
    REMOVE_USER_XATTR = 6 100106 "file.rmxattr",
    UTIMES = 6 100106 "file.utimes",
    MOUNT = 12 100112 "file.mount",
    UMOUNT = 13 100113 "file.umount",
}
