//! Files that were opened, or were to be, and the names of the golden files.

use super::super::view::*;
use super::super::*;
use super::examples::{Example, ROOT, bash, deploy_session, file, labels, line, text};
use super::{at, event, id};

const O_WRONLY_APPEND: u32 = 0o2001;
const O_RDWR_CREAT_EXCL: u32 = 0o302;
const ENOENT: i32 = 2;
pub const KEY: &[u8] = b"/srv/payments/secrets/api.key";

pub fn all() -> Vec<Example> {
    let vim = vim();
    let key = |mode| inode_of(KEY, 131_073, mode);
    let swap = FileView {
        permissions: Some(0o600),
        ..inode_of(b"/srv/payments/secrets/.api.key.swp", 131_099, 0o100_600)
    };
    let missing = FileView {
        path: Text {
            source: Source::AsGiven,
            ..text(b"../secrets/api.key.old")
        },
        inode: Fact::Unknown,
        ..file(b"", 0, 0, 0)
    };
    let event_of = |cpu, number| event(Lane::Bulk, cpu, number);
    vec![
        (
            "21-file-open-read",
            open(
                (at(51, 101_247_492), 1_048_597, event_of(3, 884_129)),
                &vim,
                key(0o100_600),
                (Intent::Read, 0, 0),
            ),
        ),
        (
            "22-file-open-write",
            open(
                (at(52, 888_356_867), 1_048_598, event_of(3, 884_130)),
                &vim,
                key(0o100_600),
                (Intent::Write, O_WRONLY_APPEND, 0),
            ),
        ),
        (
            "24-file-open-missing",
            open(
                (
                    at(54, 704_763_117),
                    1_048_600,
                    event(Lane::Critical, 3, 884_132),
                ),
                &bash(),
                missing,
                (Intent::Read, 0, ENOENT),
            ),
        ),
        (
            "25-file-create",
            open(
                (at(55, 546_559_992), 1_048_601, event_of(3, 884_133)),
                &vim,
                swap,
                (Intent::Create, O_RDWR_CREAT_EXCL, 0),
            ),
        ),
    ]
}

pub fn inode_of(path: &'static [u8], number: u64, mode: u32) -> FileView<'static> {
    FileView {
        inode: Fact::Known(Inode {
            major: 253,
            minor: 1,
            number,
            mode,
        }),
        ..file(path, 0, 0, 0)
    }
}

pub fn vim() -> ProcessView<'static> {
    ProcessView {
        id: id(4121, 83_245),
        name: Fact::Known(b"vim"),
        path: Fact::Known(text(b"/usr/bin/vim.basic")),
        owner: Fact::Known(ROOT),
        ..ProcessView::default()
    }
}

/// Time, sequence and the kernel's number; intent, flags and errno.
fn open(
    (utc_ns, sequence, event): (i64, u64, Option<EventUid>),
    process: &ProcessView<'_>,
    file: FileView<'_>,
    (intent, flags, errno): (Intent, u32, i32),
) -> String {
    let mut labels = labels();
    labels.push("watch:app-secrets".to_owned());
    let meta = Meta {
        utc_ns,
        sequence,
        event,
        correlation: None,
        labels: &labels,
    };
    let view = FileOpenView {
        meta,
        actor: deploy_session(Some(process)),
        file,
        intent,
        flags,
        errno,
        folded: None,
        via: Via::Call,
    };
    line(|lines, out| lines.file_open(out, &view))
}

#[test]
fn an_intent_is_what_was_asked_or_what_came_of_it() {
    const O_TRUNC: u32 = 0o1000;
    const O_CREAT: u32 = 0o100;
    const O_EXCL: u32 = 0o200;
    const O_TMPFILE: u32 = 0o2020_0000;
    for (flags, created, failed, want) in [
        (0, false, false, Intent::Read),
        (1, false, false, Intent::Write),
        (2, false, true, Intent::Write),
        (O_TRUNC, false, false, Intent::Write),
        (O_CREAT, true, false, Intent::Create),
        (O_CREAT | 1, false, false, Intent::Write),
        (O_CREAT | O_EXCL | 1, false, true, Intent::Create),
        (O_CREAT | 1, false, true, Intent::Write),
        (O_TMPFILE | 2, false, false, Intent::Create),
    ] {
        assert_eq!(
            Intent::of(flags, created, failed),
            want,
            "{flags:o} {created} {failed}"
        );
    }
}
