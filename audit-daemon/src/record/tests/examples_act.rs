//! Files that were changed, or were to be, and the names of the golden files.

use super::super::view::*;
use super::super::*;
use super::examples::{Example, ROOT, bash, deploy_session, file, labels, line, text};
use super::examples_file::{KEY, inode_of, vim};
use super::{at, event, id};

const ANOTHER_KEY: &[u8] = b"/srv/payments/secrets/api.key~";
const SECRETS: &str = "watch:app-secrets";
const EPERM: i32 = 1;

/// One act: seconds and nanoseconds, and how far behind the first of them its numbers are.
struct Acted<'a> {
    when: (i64, i64),
    place: u64,
    act: Act,
    watch: Option<&'a str>,
    file: FileView<'a>,
    result: Option<FileResult<'a>>,
    errno: i32,
}

fn acted(of: &Acted<'_>, process: &ProcessView<'_>, lane: Lane) -> String {
    let labels: Vec<String> = labels()
        .into_iter()
        .chain(of.watch.map(str::to_owned))
        .collect();
    let meta = Meta {
        utc_ns: at(of.when.0, of.when.1),
        sequence: 1_048_602 + of.place,
        event: event(lane, 3, 884_134 + of.place),
        correlation: None,
        labels: &labels,
    };
    let view = FileActView {
        folded: None,
        meta,
        actor: deploy_session(Some(process)),
        act: of.act,
        file: of.file,
        result: of.result,
        detail: None,
        errno: of.errno,
        via: Via::Call,
    };
    line(|lines, out| lines.file_act(out, &view))
}

pub fn all() -> Vec<Example> {
    let mut all = names();
    all.extend(changes());
    all.extend(devices());
    all.push(("file-utimes", utimes()));
    all.extend(directories());
    all.extend(roots());
    all
}

fn root(when: (i64, i64), numbers: (u64, u64), of: (&'static str, Text<'_>, i32)) -> String {
    let chroot = ProcessView {
        id: id(4199, 83_254),
        name: Fact::Known(b"chroot"),
        path: Fact::Known(text(b"/usr/sbin/chroot")),
        owner: Fact::Known(ROOT),
        ..ProcessView::default()
    };
    let labels = labels();
    let (system_call, path, errno) = of;
    let view = RootChangeView {
        folded: None,
        meta: Meta {
            utc_ns: at(when.0, when.1),
            sequence: numbers.0,
            event: event(Lane::Critical, 2, numbers.1),
            correlation: None,
            labels: &labels,
        },
        actor: deploy_session(Some(&chroot)),
        system_call,
        path,
        errno,
    };
    line(|lines, out| lines.root_change(out, &view))
}

fn roots() -> Vec<Example> {
    let jail = text(b"/srv/jail");
    let followed = Text {
        source: Source::Userspace,
        ..text(b"/srv/caf\xe9")
    };
    vec![
        (
            "60-priv-chroot",
            root((86, 17_263_117), (1_048_632, 77_135), ("chroot", jail, 0)),
        ),
        (
            "priv-pivot-root-denied",
            root(
                (87, 17_263_117),
                (1_048_633, 77_136),
                ("pivot_root", followed, EPERM),
            ),
        ),
    ]
}

fn names() -> Vec<Example> {
    let by_vim = |of: Acted<'_>| acted(&of, &vim(), Lane::Bulk);
    let delete = Acted {
        when: (56, 927_419_367),
        place: 0,
        act: Act::Delete,
        watch: Some(SECRETS),
        file: inode_of(b"/srv/payments/secrets/.api.key.swp", 131_099, 0o100_600),
        result: None,
        errno: 0,
    };
    let rename = Acted {
        when: (57, 566_091_242),
        place: 1,
        act: Act::Rename,
        watch: Some(SECRETS),
        file: inode_of(KEY, 131_073, 0o100_600),
        result: Some(FileResult::Name(inode_of(ANOTHER_KEY, 131_073, 0o100_600))),
        errno: 0,
    };
    let link = Acted {
        when: (58, 806_325_617),
        place: 2,
        act: Act::Link,
        watch: Some("watch:shadow"),
        file: FileView {
            links: 2,
            ..inode_of(b"/etc/shadow", 655_411, 0o100_640)
        },
        result: Some(FileResult::Name(inode_of(b"/tmp/s", 655_411, 0o100_640))),
        errno: 0,
    };
    let target = FileDetails {
        link_target: Some(text(KEY)),
        ..FileDetails::default()
    };
    let symlink = Acted {
        when: (59, 116_872_492),
        place: 3,
        act: Act::Symlink,
        watch: None,
        file: FileView {
            details: Some(&target),
            ..inode_of(b"/tmp/key", 655_420, 0o120_777)
        },
        result: None,
        errno: 0,
    };
    vec![
        ("26-file-delete", by_vim(delete)),
        ("27-file-rename", by_vim(rename)),
        ("28-file-link", by_vim(link)),
        ("29-file-symlink", acted(&symlink, &bash(), Lane::Bulk)),
    ]
}

fn changes() -> Vec<Example> {
    let by_vim = |of: Acted<'_>| acted(&of, &vim(), Lane::Bulk);
    let changed = |when, place, act, file, result| Acted {
        when,
        place,
        act,
        watch: Some(SECRETS),
        file,
        result,
        errno: 0,
    };
    let key = inode_of(KEY, 131_073, 0o100_600);
    let empty = FileDetails {
        size: Some(0),
        ..FileDetails::default()
    };
    let log = FileView {
        details: Some(&empty),
        ..inode_of(b"/var/log/auth.log", 657_002, 0o100_640)
    };
    let truncate = Acted {
        watch: Some("watch:system-logs"),
        ..changed((60, 591_481_867), 4, Act::Truncate, log, None)
    };
    let mode = |permissions| FileView {
        permissions: Some(permissions),
        ..key
    };
    let chmod = changed(
        (61, 448_903_742),
        5,
        Act::Chmod,
        mode(0o600),
        Some(FileResult::Change(mode(0o644))),
    );
    let owned = |uid, name| FileDetails {
        owner: Some((uid, Some(name))),
        primary_group: Some(uid),
        ..FileDetails::default()
    };
    let (before, after) = (owned(0, "root"), owned(1000, "deploy"));
    let owner = |details| FileView {
        details: Some(details),
        ..key
    };
    let chown = changed(
        (62, 532_888_117),
        6,
        Act::Chown,
        owner(&before),
        Some(FileResult::Change(owner(&after))),
    );
    let acl = FileDetails {
        xattr: Some(text(b"system.posix_acl_access")),
        xattr_size: Some(44),
        ..FileDetails::default()
    };
    let set = changed((63, 812_184_992), 7, Act::SetXattr, owner(&acl), None);
    vec![
        ("30-file-truncate", by_vim(truncate)),
        ("31-file-chmod", by_vim(chmod)),
        ("32-file-chown", by_vim(chown)),
        ("33-file-setxattr-acl", by_vim(set)),
    ]
}

fn utimes() -> String {
    let key = inode_of(KEY, 131_073, 0o100_600);
    let time = FileDetails {
        modified: Some((at(-86_400, 345_678_901), Source::Kernel)),
        ..FileDetails::default()
    };
    let set = Acted {
        when: (63, 912_184_992),
        place: 10,
        act: Act::Utimes,
        watch: Some(SECRETS),
        file: key,
        result: Some(FileResult::Change(FileView {
            details: Some(&time),
            ..key
        })),
        errno: 0,
    };
    acted(&set, &vim(), Lane::Bulk)
}

fn directories() -> Vec<Example> {
    let vault = |mode| inode_of(b"/srv/payments/secrets/old", 131_120, mode);
    let attribute = FileDetails {
        xattr: Some(text(b"user.comment")),
        ..FileDetails::default()
    };
    let done = |place, act, file, errno| {
        let of = Acted {
            when: (66, 456_716_242),
            place,
            act,
            watch: Some(SECRETS),
            file,
            result: None,
            errno,
        };
        acted(&of, &vim(), Lane::Bulk)
    };
    let made = FileView {
        permissions: Some(0o750),
        ..vault(0o040_750)
    };
    let bare = FileView {
        details: Some(&attribute),
        ..inode_of(KEY, 131_073, 0o100_600)
    };
    let stick = file(b"/mnt/usb", 8, 17, 2);
    vec![
        ("file-mkdir", done(11, Act::Mkdir, made, 0)),
        (
            "file-rmdir-denied",
            done(12, Act::Rmdir, vault(0o040_750), EPERM),
        ),
        ("file-rmxattr", done(13, Act::RemoveXattr, bare, 0)),
        ("file-umount", done(14, Act::Umount, stick, 0)),
    ]
}

fn devices() -> Vec<Example> {
    const BLOCK_DEVICE: u32 = 0o060_000;
    let disk = FileDetails {
        rdev: Some((8, 0)),
        ..FileDetails::default()
    };
    let mknod = Acted {
        when: (64, 880_544_367),
        place: 8,
        act: Act::Mknod,
        watch: None,
        file: FileView {
            inode: Fact::Absent,
            kind: BLOCK_DEVICE,
            permissions: Some(0o660),
            details: Some(&disk),
            ..file(b"/tmp/sda", 0, 0, 0)
        },
        result: None,
        errno: EPERM,
    };
    let stick = FileDetails {
        fstype: Some(text(b"ext4")),
        mount_options: Some("nosuid,nodev"),
        mount_source: Some(text(b"/dev/sdb1")),
        ..FileDetails::default()
    };
    let directory = Inode {
        major: 8,
        minor: 17,
        number: 2,
        mode: 0o040_755,
    };
    let mount = Acted {
        when: (65, 456_716_242),
        place: 9,
        act: Act::Mount,
        watch: None,
        file: FileView {
            inode: Fact::Known(directory),
            details: Some(&stick),
            ..file(b"/mnt/usb", 0, 0, 0)
        },
        result: None,
        errno: 0,
    };
    let by_mount = ProcessView {
        id: id(4150, 83_249),
        name: Fact::Known(b"mount"),
        path: Fact::Known(text(b"/usr/bin/mount")),
        owner: Fact::Known(ROOT),
        ..ProcessView::default()
    };
    vec![
        (
            "34-file-mknod-denied",
            acted(&mknod, &bash(), Lane::Critical),
        ),
        ("35-file-mount", acted(&mount, &by_mount, Lane::Bulk)),
    ]
}
