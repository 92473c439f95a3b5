//! Events of privileges, with made-up contents: one of each family.

use audit_common::{
    Kind,
    events::{tag, tail_flag},
    header::flag as header_flag,
    privilege::{NO_VALUE, Privilege, Sets, Target, call, flag, namespace},
};
use zerocopy::FromZeros;

use crate::events::{Built, ON_HOST, header};

/// Everything but root's own: of a kernel with 41 capabilities.
const ALL: u64 = u64::MAX >> (64 - 41);

/// Name and bytes of each.
pub fn all() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("priv-setuid", setuid()),
        ("priv-setgroups", setgroups()),
        ("priv-capset", capset()),
        ("priv-userns", userns()),
        ("priv-setns-denied", setns_denied()),
        ("priv-ptrace", ptrace()),
        ("priv-pidfd-getfd", pidfd_getfd()),
        ("priv-vm-write", vm_write()),
        ("priv-signal", signal()),
        ("priv-module-load", module_load()),
        ("priv-module-unload", module_unload()),
        ("priv-bpf-load", bpf_load()),
        ("priv-bpf-attach", bpf_attach()),
        ("priv-clock-set", clock_set()),
        ("priv-hostname", hostname()),
        ("priv-kexec", kexec()),
        ("priv-reboot", reboot()),
        ("priv-perf-open", perf_open()),
        ("priv-perf-all", perf_all()),
        ("priv-userfaultfd", userfaultfd()),
        ("priv-personality", personality()),
        ("priv-securebits", securebits()),
        ("priv-no-new-privs", no_new_privs()),
        ("priv-swapon", swapon()),
        ("priv-swapoff", swapoff()),
    ]
}

/// By root, of whom nothing changed.
fn blank(call: u32, number: u64) -> Privilege {
    let mut event = Privilege::new_zeroed();
    event.header = header(Kind::Privilege, number);
    let header = &mut event.header;
    (header.uid, header.euid, header.suid, header.fsuid) = (0, 0, 0, 0);
    header.cap_effective = ALL;
    event.caps = sets(ALL);
    event.before_caps = sets(ALL);
    event.call = call;
    event.namespace_pid = 4102;
    event
}

fn sets(capabilities: u64) -> Sets {
    Sets {
        effective: capabilities,
        permitted: capabilities,
        inheritable: 0,
        ambient: 0,
    }
}

fn target() -> Target {
    Target {
        start_ns: 4_000_000_000,
        cap_effective: 0,
        ids: [1000; 8],
        tgid: 3007,
        tid: 3007,
        flags: ON_HOST,
        reserved: 0,
        comm: *b"ssh-agent\0\0\0\0\0\0\0",
    }
}

fn setuid() -> Vec<u8> {
    let mut event = blank(call::SETUID, 20);
    event.flags = flag::BEFORE;
    event.before_ids = [1000, 1000, 0, 1000, 0, 1000, 0, 1000];
    Built::of(&event).finish()
}

fn setgroups() -> Vec<u8> {
    let mut event = blank(call::SETGROUPS, 21);
    event.flags = flag::BEFORE;
    event.before_ids = [0, 1000, 0, 1000, 0, 1000, 0, 1000];
    let words = |groups: &[u32]| -> Vec<u8> {
        groups
            .iter()
            .flat_map(|group| group.to_ne_bytes())
            .collect()
    };
    Built::of(&event)
        .tail(tag::OLD_GROUPS, &words(&[4, 24, 27]))
        .tail(tag::GROUPS, &words(&[0]))
        .finish()
}

fn capset() -> Vec<u8> {
    let mut event = blank(call::CAPSET, 22);
    event.flags = flag::BEFORE;
    event.header.cap_effective = 0x3000;
    event.caps = sets(0x3000);
    Built::of(&event).finish()
}

fn userns() -> Vec<u8> {
    let mut event = blank(call::UNSHARE, 23);
    let header = &mut event.header;
    (header.uid, header.euid, header.suid, header.fsuid) = (1000, 1000, 1000, 1000);
    header.cap_effective = 0;
    event.flags = flag::BEFORE;
    event.before_ids = [1000; 8];
    event.values[0] = namespace::NAMES[0].1 | namespace::NAMES[1].1;
    event.namespaces[0] = 4_026_532_841;
    event.namespaces[1] = 4_026_532_842;
    Built::of(&event).finish()
}

/// By root of a user namespace.
fn setns_denied() -> Vec<u8> {
    let mut event = blank(call::SETNS, 24);
    event.header.flags &= !header_flag::HOST_USER_NS;
    event.header.user_ns = 4_026_532_841;
    (event.header.uid, event.header.euid) = (1000, 1000);
    event.flags = flag::BEFORE;
    event.errno = 1;
    event.values[1] = 4_026_531_840;
    Built::of(&event).tail(tag::TEXT, b"net").finish()
}

fn ptrace() -> Vec<u8> {
    let mut event = blank(call::PTRACE, 25);
    event.values[0] = 16;
    event.values[1] = 3007;
    event.flags = flag::TARGET;
    event.target = target();
    Built::of(&event).finish()
}

fn pidfd_getfd() -> Vec<u8> {
    let mut event = blank(call::PIDFD_GETFD, 26);
    event.values = [7, 5, 0, 0, 0, 0];
    event.flags = flag::TARGET;
    event.target = target();
    Built::of(&event).finish()
}

fn vm_write() -> Vec<u8> {
    let mut event = blank(call::VM_WRITE, 27);
    event.values = [3007, 0x7f31_c0a0_1000, 512, 0, 0, 0];
    event.flags = flag::TARGET;
    event.target = target();
    Built::of(&event).finish()
}

fn signal() -> Vec<u8> {
    let mut event = blank(call::SIGNAL, 28);
    event.values = [15, 0, 0, 0, 0, 0];
    event.flags = flag::TARGET;
    event.target = target();
    Built::of(&event).finish()
}

fn module_load() -> Vec<u8> {
    let mut event = blank(call::FINIT_MODULE, 29);
    event.flags = flag::OBJECT;
    (event.dev, event.ino, event.mode) = (253 << 20 | 1, 270_011, 0o100_644);
    Built::of(&event)
        .tail(tag::FILE, b"\x0cwireguard.ko\x07modules\x03lib\x03usr")
        .tail(tag::TEXT, b"wireguard")
        .finish()
}

fn module_unload() -> Vec<u8> {
    let mut event = blank(call::DELETE_MODULE, 30);
    event.errno = 11;
    Built::of(&event).tail(tag::TEXT, b"wireguard").finish()
}

fn bpf_load() -> Vec<u8> {
    let mut event = blank(call::BPF_LOAD, 31);
    event.flags = flag::OBJECT;
    event.values = [26, 24, 77, 0, 0, 0];
    Built::of(&event)
        .tail(tag::TEXT, b"trace_open")
        .tail(tag::SECOND_NAME, b"do_sys_openat2")
        .finish()
}

fn bpf_attach() -> Vec<u8> {
    let mut event = blank(call::BPF_ATTACH, 32);
    event.flags = flag::OBJECT;
    event.values = [26, 24, 77, 0, 0, 0];
    Built::of(&event)
        .tail(tag::TEXT, b"trace_open")
        .tail(tag::SECOND_NAME, b"do_sys_openat2")
        .finish()
}

/// Refused: of a success both times are this machine's.
fn clock_set() -> Vec<u8> {
    let mut event = blank(call::CLOCK_ADJTIME, 33);
    event.errno = 1;
    event.values = [0, 0, 0, 0x2101, 0, 0];
    Built::of(&event).finish()
}

fn hostname() -> Vec<u8> {
    let event = blank(call::SETHOSTNAME, 34);
    Built::of(&event)
        .tail(tag::OLD_TEXT, b"web-1")
        .tail(tag::TEXT, b"web-\xff")
        .finish()
}

fn kexec() -> Vec<u8> {
    let mut event = blank(call::KEXEC_FILE_LOAD, 35);
    event.flags = flag::OBJECT;
    (event.dev, event.ino, event.mode) = (253 << 20 | 1, 12, 0o100_644);
    Built::of(&event)
        .tail(tag::FILE, b"\x07vmlinuz\x04boot")
        .finish()
}

fn reboot() -> Vec<u8> {
    let mut event = blank(call::REBOOT, 36);
    event.flags = flag::NO_RESULT;
    event.values = [0x0123_4567, 1, 0, 0, 0, 0];
    Built::of(&event).finish()
}

fn perf_open() -> Vec<u8> {
    let mut event = blank(call::PERF_OPEN, 37);
    event.flags = flag::TARGET;
    event.target = target();
    // A breakpoint in it.
    event.values = [3007, 5, 0, u32::MAX.into(), 8, 0];
    Built::of(&event).finish()
}

fn perf_all() -> Vec<u8> {
    let mut event = blank(call::PERF_OPEN, 38);
    event.errno = 13;
    event.values = [u32::MAX.into(), 2, 312, 3, 0, 0];
    Built::of(&event).finish()
}

fn userfaultfd() -> Vec<u8> {
    let mut event = blank(call::USERFAULTFD, 39);
    event.values[0] = 0x8_0801;
    Built::of(&event).finish()
}

fn personality() -> Vec<u8> {
    let mut event = blank(call::PERSONALITY, 40);
    event.values = [0x44_0000, 0, 0, 0, 0, 0];
    Built::of(&event).finish()
}

/// What was before was lost.
fn securebits() -> Vec<u8> {
    let mut event = blank(call::SECUREBITS, 41);
    event.values = [0x2f, NO_VALUE, 0x2f, 0, 0, 0];
    Built::of(&event).finish()
}

fn no_new_privs() -> Vec<u8> {
    let mut event = blank(call::NO_NEW_PRIVS, 42);
    event.flags = flag::BEFORE;
    event.values[0] = 1;
    Built::of(&event).finish()
}

fn swapon() -> Vec<u8> {
    let mut event = blank(call::SWAPON, 43);
    event.values[0] = 0x8000;
    Built::of(&event).tail(tag::TEXT, b"/dev/vda2").finish()
}

/// Of a name that is in nobody's memory.
fn swapoff() -> Vec<u8> {
    let mut event = blank(call::SWAPOFF, 44);
    event.errno = 14;
    Built::of(&event)
        .cut(tag::TEXT, tail_flag::UNREADABLE, b"", 0)
        .finish()
}
