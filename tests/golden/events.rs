//! One event of each kind, with made-up contents that use every field.

use audit_common::{
    Header, Kind,
    cgroup::Cgroup,
    events::{Tail, tag, tail_flag},
    exec::{Exec, flag as exec_flag},
    exec_failed::ExecFailed,
    exit::{Exit, flag as exit_flag},
    file_act::{FileAct, call, flag as act_flag},
    file_open::{FileOpen, flag as open_flag, reason},
    fork::Fork,
    header::{UNSET, WIRE_VERSION, flag},
    net::{Net, call as net_call, family, flag as net_flag},
};
use zerocopy::{FromZeros, Immutable, IntoBytes};

pub const ON_HOST: u32 =
    flag::HOST_ROOT | flag::HOST_USER_NS | flag::HOST_PID_NS | flag::HOST_MNT_NS;

/// Name and bytes of each.
pub fn all() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("exec", exec()),
        ("exec-script", exec_script()),
        ("exec-setuid", exec_setuid()),
        ("exec-container", exec_container()),
        ("exec-memfd-cut", exec_memfd_cut()),
        ("exec-failed", exec_failed()),
        ("fork", fork()),
        ("exit", exit()),
        ("cgroup-created", cgroup()),
        ("net-connect", net_connect()),
        ("net-unix", net_unix()),
    ]
}

fn net_connect() -> Vec<u8> {
    let mut fixed = Net {
        header: header(Kind::Net, 12),
        started_ns: 3_500_000_000,
        inode: 28_812,
        cookie: 4097,
        bytes_in: 0,
        bytes_out: 0,
        local: [0; 16],
        remote: [0; 16],
        local_port: 45_124,
        remote_port: 4444,
        call: net_call::CONNECT,
        errno: 111,
        flags: net_flag::ANSWERS,
        scope: 0,
        family: family::INET,
        socket_type: 1,
        protocol: 6,
        net_ns: 13,
        namespace_pid: 4102,
    };
    for (to, last) in [(&mut fixed.local, 11), (&mut fixed.remote, 9)] {
        to[10..].copy_from_slice(&[0xff, 0xff, 10, 20, 0, last]);
    }
    Built::of(&fixed).finish()
}

fn net_unix() -> Vec<u8> {
    let fixed = Net {
        header: header(Kind::Net, 13),
        inode: 28_820,
        call: net_call::CONNECT,
        errno: 2,
        flags: net_flag::SAID,
        family: family::UNIX,
        socket_type: 1,
        net_ns: 13,
        namespace_pid: 4102,
        ..Net::new_zeroed()
    };
    Built::of(&fixed)
        .tail(tag::UNIX_NAME, b"\0bus-\xff")
        .finish()
}

/// Of these a record depends on what is watched: the kernel suite has those.
pub fn of_files() -> Vec<(&'static str, Vec<u8>)> {
    vec![("file-open", file_open()), ("file-act", file_act())]
}

fn file_open() -> Vec<u8> {
    let fixed = FileOpen {
        header: header(Kind::FileOpen, 10),
        ino: 131_073,
        tree_ino: 131_001,
        dev: 253 << 20 | 1,
        repeats: 7,
        mode: 0o100_600,
        links: 2,
        exec_id: 1000,
        tree_levels: 2,
        tree_dev: 253 << 20 | 1,
        flags: open_flag::AT | open_flag::ON_ROOT_FS | open_flag::UNPROVEN,
        open_flags: 0o2001,
        errno: 0,
        reasons: reason::OBJECT | reason::TREE,
        namespace_pid: 4102,
    };
    Built::of(&fixed)
        .tail(tag::FILE, b"\x07api.key\x07secrets\x03srv")
        .tail(tag::ON_DISK, b"\x07api.key\x07secrets")
        .finish()
}

fn file_act() -> Vec<u8> {
    let fixed = FileAct {
        header: header(Kind::FileAct, 11),
        ino: 131_001,
        values: [2, 0, 0],
        dev: 253 << 20 | 1,
        mode: 0o040_755,
        links: 3,
        call: call::RENAME,
        flags: act_flag::TWO_NAMES,
        at_flags: 0,
        errno: 13,
        reasons: reason::ASKED,
        namespace_pid: 4102,
        tree_levels: 0,
        tree_dev: 0,
        umask: 0o22,
        tree_ino: 0,
    };
    Built::of(&fixed)
        .tail(tag::BASE, b"\x07secrets\x03srv")
        .tail(tag::FILENAME, b"api.key")
        .tail(tag::SECOND_BASE, b"\x03tmp")
        .tail(tag::SECOND_NAME, b"x/api.key~")
        .finish()
}

pub fn header(kind: Kind, number: u64) -> Header {
    let row = kind.row();
    Header {
        kind: kind as u16,
        version: WIRE_VERSION,
        lane: row.lane as u8,
        number,
        time_ns: 5_000_000_000,
        start_ns: 4_990_000_000,
        cgroup: 1,
        cpu: 3,
        flags: ON_HOST,
        tgid: 4102,
        tid: 4102,
        uid: 1000,
        gid: 1000,
        suid: 1000,
        sgid: 1000,
        euid: 1000,
        egid: 1000,
        fsuid: 1000,
        fsgid: 1000,
        login_uid: 1000,
        session: 42,
        mnt_ns: 11,
        pid_ns: 12,
        net_ns: 13,
        user_ns: 14,
        comm: *b"git\0\0\0\0\0\0\0\0\0\0\0\0\0",
        ..Header::new_zeroed()
    }
}

fn exec_fixed(number: u64) -> Exec {
    Exec {
        header: header(Kind::Exec, number),
        file_ino: 262_711,
        file_dev: 253 << 20 | 1,
        file_mode: 0o100755,
        file_links: 1,
        fs_magic: 0xef53,
        flags: exec_flag::BEFORE | exec_flag::ON_ROOT_FS,
        before_uid: 1000,
        before_euid: 1000,
        before_gid: 1000,
        before_egid: 1000,
        parent_start_ns: 4_000_000_000,
        parent_tgid: 4087,
        old_tid: 4102,
        argc: 2,
        namespace_pid: 4102,
        file_ctime_ns: 1_700_000_000_123_456_789,
        file_size: 142_144,
        ..Exec::new_zeroed()
    }
}

pub struct Built(Vec<u8>);

impl Built {
    pub fn of(fixed: &(impl IntoBytes + Immutable)) -> Built {
        Built(fixed.as_bytes().to_vec())
    }

    pub fn tail(self, tag: u16, content: &[u8]) -> Built {
        let length = content.len() as u32;
        self.cut(tag, 0, content, length)
    }

    pub fn cut(mut self, tag: u16, flags: u16, content: &[u8], original: u32) -> Built {
        let head = Tail {
            tag,
            flags,
            stored: content.len() as u32,
            original,
        };
        self.0.extend_from_slice(head.as_bytes());
        self.0.extend_from_slice(content);
        self
    }

    pub fn finish(mut self) -> Vec<u8> {
        let size = self.0.len() as u32;
        self.0[..4].copy_from_slice(&size.to_ne_bytes());
        self.0
    }
}

fn exec() -> Vec<u8> {
    Built::of(&exec_fixed(1))
        .tail(tag::EXE, b"\x03git\x03bin\x03usr")
        .tail(tag::CWD, b"\x06deploy\x04home")
        .tail(tag::FILENAME, b"/usr/bin/git")
        .tail(tag::TTY, b"pts0")
        .tail(tag::ENVIRONMENT, b"PYTHONPATH=/srv/lib")
        .tail(tag::ARGV, b"git\0log\0--format=%h %s\0")
        .finish()
}

fn exec_script() -> Vec<u8> {
    let mut fixed = exec_fixed(2);
    fixed.flags |= exec_flag::INTERPRETED;
    fixed.header.comm = *b"rotate.sh\0\0\0\0\0\0\0";
    Built::of(&fixed)
        .tail(tag::EXE, b"\x04bash\x03bin\x03usr")
        .tail(tag::CWD, b"\x08payments\x03srv")
        .tail(tag::FILENAME, b"./bin/rotate.sh")
        .tail(tag::INTERPRETER, b"/bin/bash")
        .tail(
            tag::ARGV,
            b"/bin/bash\0./bin/rotate.sh\0--token=s3cr3t-Value\0",
        )
        .finish()
}

fn exec_setuid() -> Vec<u8> {
    let mut fixed = exec_fixed(3);
    fixed.header.euid = 0;
    fixed.header.suid = 0;
    fixed.header.fsuid = 0;
    fixed.header.cap_effective = u64::MAX >> (64 - 41);
    fixed.file_mode = 0o104755;
    fixed.header.comm = *b"sudo\0\0\0\0\0\0\0\0\0\0\0\0";
    Built::of(&fixed)
        .tail(tag::EXE, b"\x04sudo\x03bin\x03usr")
        .tail(tag::CWD, b"")
        .tail(tag::FILENAME, b"/usr/bin/sudo")
        .tail(tag::ARGV, b"sudo\0id\0")
        .finish()
}

fn exec_container() -> Vec<u8> {
    let mut fixed = exec_fixed(4);
    fixed.header.cgroup = 77;
    fixed.header.flags = flag::HOST_USER_NS;
    fixed.header.login_uid = UNSET;
    fixed.header.session = UNSET;
    (fixed.header.mnt_ns, fixed.header.pid_ns) = (21, 22);
    fixed.namespace_pid = 1;
    Built::of(&fixed)
        .tail(tag::EXE, b"\x03api\x03app")
        .tail(tag::CWD, b"\x03app")
        .tail(tag::FILENAME, b"/app/api")
        .tail(tag::ARGV, b"/app/api\0--listen\0:8443\0")
        .finish()
}

fn exec_memfd_cut() -> Vec<u8> {
    let mut fixed = exec_fixed(5);
    fixed.file_links = 0;
    fixed.fs_magic = 0x0102_1994;
    fixed.flags = 0;
    Built::of(&fixed)
        .cut(tag::EXE, tail_flag::DETACHED, b"\x09memfd:kit", 10)
        .tail(tag::CWD, b"\x03tmp")
        .tail(tag::FILENAME, b"/dev/fd/3")
        .cut(tag::ARGV, tail_flag::TRUNCATED, b"kit\0caf\xe9\0", 18_234)
        .finish()
}

fn exec_failed() -> Vec<u8> {
    let fixed = ExecFailed {
        header: header(Kind::ExecFailed, 6),
        parent_start_ns: 4_000_000_000,
        parent_tgid: 4087,
        errno: 13,
        flags: 0,
        directory_fd: 0,
        namespace_pid: 4102,
        argc: 2,
    };
    Built::of(&fixed)
        .tail(tag::CWD, b"\x08payments\x03srv")
        .tail(tag::FILENAME, b"bin/migrate")
        .tail(tag::ARGV, b"bin/migrate\0--all\0")
        .finish()
}

fn fork() -> Vec<u8> {
    let fixed = Fork {
        header: header(Kind::Fork, 7),
        parent_start_ns: 4_000_000_000,
        parent_tgid: 4087,
        namespace_pid: 4102,
        maker_start_ns: 4_000_000_000,
        maker_tgid: 4087,
        reserved: 0,
    };
    Built::of(&fixed).finish()
}

fn exit() -> Vec<u8> {
    let fixed = Exit {
        header: header(Kind::Exit, 8),
        status: 139,
        flags: exit_flag::CERTAIN,
    };
    Built::of(&fixed).finish()
}

fn cgroup() -> Vec<u8> {
    let fixed = Cgroup {
        header: header(Kind::CgroupCreated, 9),
        id: 77,
        hierarchy: 0,
        level: 2,
    };
    let id = "c3f8a1d07be94c52a6e0f1b8d2937465c3f8a1d07be94c52a6e0f1b8d2937465";
    Built::of(&fixed)
        .tail(tag::CGROUP, format!("/docker/{id}").as_bytes())
        .finish()
}
