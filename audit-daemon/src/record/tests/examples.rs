//! Processes that were there, came to be and ended, with the names of their golden files; and the
//! people and programs of all examples.

use super::super::view::*;
use super::super::*;
use super::{ORIGIN, at, event, id};

pub type Example = (&'static str, String);

/// Renders one record by itself.
pub fn line(write: impl FnOnce(&mut Lines, &mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    write(&mut Lines::new(&ORIGIN, Settings::default()), &mut out);
    String::from_utf8(out).unwrap()
}

pub fn text(bytes: &'static [u8]) -> Text<'static> {
    Text::whole(bytes)
}

const CAPS_NONE: Option<Caps> = Some(Caps {
    effective: 0,
    full: 0x1ff_ffff_ffff,
});
pub const CAPS_ALL: Option<Caps> = Some(Caps {
    effective: 0x1ff_ffff_ffff,
    full: 0x1ff_ffff_ffff,
});

pub const fn plain_owner(uid: u32, name: &'static str) -> Owner<'static> {
    Owner {
        uid,
        gid: uid,
        euid: uid,
        egid: uid,
        fsuid: Some(uid),
        user_name: Fact::Known(name),
        group_name: Fact::Known(name),
        caps: CAPS_NONE,
    }
}

pub const ROOT: Owner<'static> = Owner {
    caps: CAPS_ALL,
    ..plain_owner(0, "root")
};
pub const DEPLOY: Owner<'static> = plain_owner(1000, "deploy");

pub fn labels() -> Vec<String> {
    vec!["env:prod".to_owned(), "team:payments".to_owned()]
}

pub fn bash() -> ProcessView<'static> {
    ProcessView {
        id: id(4087, 83_243),
        name: Fact::Known(b"bash"),
        path: Fact::Known(text(b"/usr/bin/bash")),
        owner: Fact::Known(DEPLOY),
        ..ProcessView::default()
    }
}

pub fn deploy_session<'a>(process: Option<&'a ProcessView<'a>>) -> ActorView<'a> {
    ActorView {
        process,
        login_uid: 1000,
        login_name: Fact::Known("deploy"),
        session: 42,
        session_ip: Some("203.0.113.7"),
    }
}

pub fn file(path: &'static [u8], major: u32, minor: u32, number: u64) -> FileView<'static> {
    let inode = Inode {
        major,
        minor,
        number,
        mode: 0o100_755,
    };
    FileView {
        path: text(path),
        inode: Fact::Known(inode),
        links: 1,
        is_deleted: false,
        permissions: None,
        details: None,
        kind: 0,
    }
}

pub fn all() -> Vec<Example> {
    vec![
        ("08-process-snapshot", snapshot()),
        ("18-process-fork", fork()),
        ("19-process-exit", exit()),
        ("20-process-exit-signal", exit_signal()),
    ]
}

fn snapshot() -> String {
    let parent = ProcessView {
        id: id(1400, 1420),
        name: Fact::Known(b"nginx"),
        path: Fact::Known(text(b"/usr/sbin/nginx")),
        ..ProcessView::default()
    };
    let process = ProcessView {
        id: id(1402, 1420),
        name: Fact::Known(b"nginx"),
        file: Fact::Known(file(b"/usr/sbin/nginx", 253, 1, 263_310)),
        command: Fact::Known(text(b"nginx: worker process\0")),
        directory: Fact::Known(text(b"/")),
        owner: Fact::Known(plain_owner(33, "www-data")),
        parent: Some(&parent),
        ..ProcessView::default()
    };
    let daemon = ProcessView {
        id: id(701, 912),
        ..ProcessView::default()
    };
    let labels = labels();
    let meta = Meta {
        utc_ns: at(38, 748_513_117),
        sequence: 1_048_584,
        event: None,
        correlation: None,
        labels: &labels,
    };
    line(|lines, out| {
        lines.snapshot(
            out,
            &SnapshotView {
                meta,
                daemon: &daemon,
                process,
            },
        )
    })
}

fn fork() -> String {
    let (labels, parent) = (labels(), bash());
    let meta = Meta {
        utc_ns: at(48, 474_294_367),
        sequence: 1_048_594,
        event: event(Lane::Critical, 3, 884_126),
        correlation: None,
        labels: &labels,
    };
    let child = ProcessView {
        id: id(4140, 83_248),
        ..bash()
    };
    let view = ForkView {
        meta,
        actor: deploy_session(Some(&parent)),
        child,
    };
    line(|lines, out| lines.fork(out, &view))
}

fn ended(meta: Meta, process: ProcessView, exited: Exited, lifetime_ms: u64) -> String {
    let lifetime_ns = Some(lifetime_ms * 1_000_000 + 999_999);
    let view = ExitView {
        meta,
        actor: deploy_session(None),
        process,
        exited,
        lifetime_ns,
    };
    line(|lines, out| lines.exit(out, &view))
}

fn exit() -> String {
    let labels = labels();
    let meta = Meta {
        utc_ns: at(49, 175_466_242),
        sequence: 1_048_595,
        event: event(Lane::Critical, 3, 884_127),
        correlation: None,
        labels: &labels,
    };
    let process = ProcessView {
        id: id(4121, 83_245),
        name: Fact::Known(b"vim"),
        path: Fact::Known(text(b"/usr/bin/vim.basic")),
        ..ProcessView::default()
    };
    ended(meta, process, Exited::from_wait_status(0), 9317)
}

fn exit_signal() -> String {
    let labels = labels();
    let meta = Meta {
        utc_ns: at(50, 228_200_617),
        sequence: 1_048_596,
        event: event(Lane::Critical, 3, 884_128),
        correlation: None,
        labels: &labels,
    };
    let process = ProcessView {
        id: id(4135, 83_247),
        name: Fact::Known(b"curl"),
        path: Fact::Known(text(b"/usr/bin/curl")),
        ..ProcessView::default()
    };
    ended(meta, process, Exited::from_wait_status(0x80 | 11), 12)
}
