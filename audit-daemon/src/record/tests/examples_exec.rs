//! Programs that were started, or were to be, and the names of the golden files.

use super::super::view::*;
use super::super::*;
use super::examples::{
    CAPS_ALL, DEPLOY, Example, bash, deploy_session, file, labels, line, plain_owner, text,
};
use super::{at, event, id};

pub fn all() -> Vec<Example> {
    vec![
        ("09-process-exec", plain()),
        ("10-process-exec-denied", denied()),
        ("11-process-exec-script", script()),
        ("12-process-exec-setuid", setuid()),
        ("13-process-exec-filecaps", filecaps()),
        ("15-process-exec-fileless", fileless()),
        ("16-process-exec-preload", preload()),
        ("17-process-exec-truncated", truncated()),
        ("exec-folded-missing", folded_missing()),
        ("exec-masked", masked()),
    ]
}

/// What user deploy runs in /home/deploy.
pub fn launched(
    id: ProcessId,
    name: &'static str,
    exe: FileView<'static>,
    argv: &'static [u8],
) -> ProcessView<'static> {
    ProcessView {
        id,
        name: Fact::Known(name.as_bytes()),
        file: Fact::Known(exe),
        command: Fact::Known(text(argv)),
        directory: Fact::Known(text(b"/home/deploy")),
        owner: Fact::Known(DEPLOY),
        ..ProcessView::default()
    }
}

/// An exec by deploy's shell, as the n-th record of the examples.
fn exec(utc_ns: i64, sequence: u64, uid: (u32, u64), process: ProcessView) -> String {
    let (labels, parent) = (labels(), bash());
    let event = event(Lane::Critical, uid.0, uid.1);
    let meta = Meta {
        utc_ns,
        sequence,
        event,
        correlation: None,
        labels: &labels,
    };
    let view = ExecView {
        meta,
        actor: deploy_session(Some(&parent)),
        process,
    };
    line(|lines, out| lines.exec(out, &view))
}

fn plain() -> String {
    let exe = file(b"/usr/bin/git", 253, 1, 262_711);
    let argv = b"git\0-C\0/srv/payments\0log\0-1\0--format=%h %s\0";
    let process = launched(id(4102, 83_244), "git", exe, argv);
    exec(at(39, 515_309_992), 1_048_585, (3, 884_121), process)
}

fn denied() -> String {
    let exe = file(b"/srv/payments/bin/migrate", 253, 1, 131_201);
    let argv = b"/srv/payments/bin/migrate\0--all\0";
    let process = launched(id(4104, 83_244), "bash", exe, argv);
    let (labels, parent) = (labels(), bash());
    let view = ExecFailedView {
        meta: Meta {
            utc_ns: at(40, 521_169_367),
            sequence: 1_048_586,
            event: event(Lane::Critical, 3, 884_122),
            correlation: None,
            labels: &labels,
        },
        actor: deploy_session(Some(&parent)),
        process,
        errno: -13,
        folded: None,
    };
    line(|lines, out| lines.exec_failed(out, &view))
}

fn script() -> String {
    let exe = file(b"/usr/bin/bash", 253, 1, 262_199);
    let argv = b"/bin/bash\0/srv/payments/bin/rotate.sh\0keys\0";
    let inode = Inode {
        major: 253,
        minor: 1,
        number: 131_207,
        mode: 0o100_755,
    };
    let script = Script {
        path: text(b"/srv/payments/bin/rotate.sh"),
        inode: Fact::Known(inode),
    };
    let process = ProcessView {
        exec: ExecTraits {
            script: Fact::Known(script),
            ..ExecTraits::default()
        },
        ..launched(id(4106, 83_244), "rotate.sh", exe, argv)
    };
    exec(at(41, 284_841_242), 1_048_587, (3, 884_123), process)
}

fn setuid() -> String {
    let exe = file(b"/usr/bin/sudo", 253, 1, 262_922);
    let argv = b"sudo\0vim\0/srv/payments/secrets/api.key\0";
    let gain = Gain {
        setuid: true,
        ..Gain::default()
    };
    let before = Some(Before {
        euid: 1000,
        cap_effective: 0,
    });
    let process = ProcessView {
        owner: Fact::Known(Owner {
            euid: 0,
            fsuid: Some(0),
            caps: CAPS_ALL,
            ..DEPLOY
        }),
        exec: ExecTraits {
            gain,
            before,
            ..ExecTraits::default()
        },
        ..launched(id(4119, 83_245), "sudo", exe, argv)
    };
    exec(at(42, 150_075_617), 1_048_588, (3, 884_124), process)
}

fn filecaps() -> String {
    let exe = file(b"/usr/bin/ping", 253, 1, 262_777);
    let gain = Gain {
        file_caps: true,
        ..Gain::default()
    };
    let before = Some(Before {
        euid: 1000,
        cap_effective: 0,
    });
    let caps = Some(Caps {
        effective: 0x2000,
        full: 0x1ff_ffff_ffff,
    });
    let process = ProcessView {
        owner: Fact::Known(Owner { caps, ..DEPLOY }),
        exec: ExecTraits {
            gain,
            before,
            ..ExecTraits::default()
        },
        ..launched(id(4127, 83_246), "ping", exe, b"ping\0-c1\x0010.20.0.40\0")
    };
    exec(at(43, 585_622_492), 1_048_589, (3, 884_125), process)
}

fn fileless() -> String {
    let parent = ProcessView {
        id: id(6011, 91_500),
        path: Fact::Known(text(b"/usr/bin/python3.13")),
        ..ProcessView::default()
    };
    // A walk to the root of the memory file's mount puts a slash before the name.
    let exe = FileView {
        is_deleted: true,
        permissions: None,
        details: None,
        kind: 0,
        ..file(b"/memfd:kit", 0, 1, 4117)
    };
    let process = ProcessView {
        directory: Fact::Known(text(b"/tmp")),
        exec: ExecTraits {
            fileless: Some(Fileless::Memfd),
            ..ExecTraits::default()
        },
        ..launched(id(6014, 91_500), "[kworker/1:0]", exe, b"[kworker/1:0]\0")
    };
    let labels = labels();
    let meta = Meta {
        utc_ns: at(45, 667_653_742),
        sequence: 1_048_591,
        event: event(Lane::Critical, 2, 77_124),
        correlation: None,
        labels: &labels,
    };
    let view = ExecView {
        meta,
        actor: deploy_session(Some(&parent)),
        process,
    };
    line(|lines, out| lines.exec(out, &view))
}

fn preload() -> String {
    let exe = file(b"/usr/bin/curl", 253, 1, 262_340);
    let environment = [Variable {
        name: b"LD_PRELOAD",
        value: text(b"/tmp/libhook.so"),
    }];
    let process = ProcessView {
        environment: &environment,
        ..launched(
            id(4133, 83_247),
            "curl",
            exe,
            b"curl\0-s\0https://api.example/health\0",
        )
    };
    exec(at(46, 376_638_117), 1_048_592, (2, 77_125), process)
}

fn truncated() -> String {
    let parent = ProcessView {
        id: id(2201, 4021),
        ..bash()
    };
    let argv = b"tar\0cf\0/backup/p.tar\0caf\xe9-0000.pdf\0caf\xe9-0001.pdf\0caf\xe9-0002.pdf\0";
    let process = ProcessView {
        command: Fact::Known(Text {
            cut_from: Some(18_234),
            ..text(argv)
        }),
        directory: Fact::Known(text(b"/srv/docs")),
        owner: Fact::Known(plain_owner(34, "backup")),
        ..launched(
            id(2207, 4021),
            "tar",
            file(b"/usr/bin/tar", 253, 1, 262_901),
            b"",
        )
    };
    let labels = labels();
    let meta = Meta {
        utc_ns: at(47, 780_934_992),
        sequence: 1_048_593,
        event: event(Lane::Critical, 0, 51_201),
        correlation: None,
        labels: &labels,
    };
    let actor = ActorView {
        process: Some(&parent),
        ..ActorView::default()
    };
    line(|lines, out| {
        lines.exec(
            out,
            &ExecView {
                meta,
                actor,
                process,
            },
        )
    })
}

/// The search along PATH for a program that is nowhere; numbers per nesting depth, as on 5.10.
fn folded_missing() -> String {
    let asked = Text {
        source: Source::AsGiven,
        ..text(b"/usr/local/bin/kubectl")
    };
    let missing = FileView {
        path: asked,
        ..FileView::default()
    };
    let parent = ProcessView {
        path: Fact::Unknown,
        ..bash()
    };
    let process = launched(id(4150, 83_249), "bash", missing, b"kubectl\0get\0pods\0");
    let first_utc_ns = at(51, 100_000_001);
    let view = ExecFailedView {
        meta: Meta {
            utc_ns: first_utc_ns,
            sequence: 1_048_597,
            event: Some(EventUid {
                lane: Lane::Critical,
                cpu: 3,
                strand: 1,
                number: 77,
            }),
            correlation: None,
            labels: &[],
        },
        actor: deploy_session(Some(&parent)),
        process,
        errno: 2,
        folded: Some(Folded {
            count: 5,
            first_utc_ns,
            last_utc_ns: at(51, 101_000_000),
        }),
    };
    line(|lines, out| lines.exec_failed(out, &view))
}

fn masked() -> String {
    let marks = [Mark {
        rule: "password-option",
        length: 11,
    }];
    let command = Text {
        marks: &marks,
        ..text(b"mysql\0--password=<masked>\0shop\0")
    };
    let token = [Mark {
        rule: "bearer",
        length: 40,
    }];
    let environment = [Variable {
        name: b"GIT_SSH_COMMAND",
        value: Text {
            marks: &token,
            ..text(b"ssh -o ProxyCommand='<masked>'")
        },
    }];
    let process = ProcessView {
        command: Fact::Known(command),
        environment: &environment,
        owner: Fact::Known(Owner {
            gid: 100,
            fsuid: Some(0),
            user_name: Fact::Pending,
            group_name: Fact::Known("users"),
            ..DEPLOY
        }),
        ..launched(
            id(4151, 83_250),
            "mysql",
            file(b"/usr/bin/mysql", 253, 1, 262_500),
            b"",
        )
    };
    exec(at(52, 0), 1_048_598, (3, 884_130), process)
}
