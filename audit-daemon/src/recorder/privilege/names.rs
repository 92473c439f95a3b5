//! The kernel's own names for numbers: calls, requests, types of programs, clocks.
//!
//! Owns these tables. Must not ask the running kernel: a number that has no name here is written as one.

use audit_common::privilege::{NO_VALUE, PERF_OF_CGROUP, Privilege, call, calls::CALLS};

/// Not an id: leave it as it is.
const UNCHANGED: u32 = u32::MAX;

pub fn system_call(event: &Privilege) -> &'static str {
    match event.call {
        call::CLONE if event.values[0] != 0 => "clone3",
        call::BPF_ATTACH => name_of(call::BPF_LOAD),
        call => name_of(call),
    }
}

/// Of several calls that are one act the first.
fn name_of(call: u32) -> &'static str {
    let row = CALLS.iter().find(|row| row.call == call);
    row.map_or("unknown", |row| row.name)
}

/// A change of ids that was refused: `setresuid(0, -1, -1)`.
pub fn asked(event: &Privilege) -> String {
    let count = match event.call {
        call::SETREUID | call::SETREGID => 2,
        call::SETRESUID | call::SETRESGID => 3,
        _ => 1,
    };
    let id = |value: &u64| match *value as u32 {
        UNCHANGED => "-1".to_owned(),
        id => id.to_string(),
    };
    let ids: Vec<String> = event.values[..count].iter().map(id).collect();
    format!("{}({})", system_call(event), ids.join(", "))
}

pub fn ambient(event: &Privilege) -> String {
    let [operation, capability, ..] = event.values;
    match operation {
        2 => format!("PR_CAP_AMBIENT_RAISE {capability}"),
        3 => format!("PR_CAP_AMBIENT_LOWER {capability}"),
        4 => "PR_CAP_AMBIENT_CLEAR_ALL".to_owned(),
        other => format!("PR_CAP_AMBIENT {other}"),
    }
}

pub fn ptrace(request: u64) -> &'static str {
    match request {
        0 => "PTRACE_TRACEME",
        16 => "PTRACE_ATTACH",
        _ => "PTRACE_SEIZE",
    }
}

pub fn clock(number: u64) -> String {
    const NAMES: [&str; 12] = [
        "CLOCK_REALTIME",
        "CLOCK_MONOTONIC",
        "CLOCK_PROCESS_CPUTIME_ID",
        "CLOCK_THREAD_CPUTIME_ID",
        "CLOCK_MONOTONIC_RAW",
        "CLOCK_REALTIME_COARSE",
        "CLOCK_MONOTONIC_COARSE",
        "CLOCK_BOOTTIME",
        "CLOCK_REALTIME_ALARM",
        "CLOCK_BOOTTIME_ALARM",
        "CLOCK_SGI_CYCLE",
        "CLOCK_TAI",
    ];
    match NAMES.get(number as usize) {
        Some(name) => (*name).to_owned(),
        // A device's clock by its descriptor, or none at all.
        None => format!("clock {}", number as u32 as i32),
    }
}

/// What an adjustment of the clock is about.
pub fn modes(modes: u64) -> Option<String> {
    const SINGLESHOT: u64 = 0x8001;
    const NAMES: [(u64, &str); 11] = [
        (0x1, "ADJ_OFFSET"),
        (0x2, "ADJ_FREQUENCY"),
        (0x4, "ADJ_MAXERROR"),
        (0x8, "ADJ_ESTERROR"),
        (0x10, "ADJ_STATUS"),
        (0x20, "ADJ_TIMECONST"),
        (0x80, "ADJ_TAI"),
        (0x100, "ADJ_SETOFFSET"),
        (0x1000, "ADJ_MICRO"),
        (0x2000, "ADJ_NANO"),
        (0x4000, "ADJ_TICK"),
    ];
    if modes == SINGLESHOT {
        return Some("ADJ_OFFSET_SINGLESHOT".to_owned());
    }
    (modes != 0).then(|| flags(&NAMES, modes))
}

pub fn kexec_flags(event: &Privilege) -> Option<String> {
    let flags = event.values[0];
    let by_file = event.call == call::KEXEC_FILE_LOAD;
    let (unload, on_crash) = if by_file { (1, 2) } else { (0, 1) };
    if by_file && flags & unload != 0 {
        return Some("KEXEC_FILE_UNLOAD".to_owned());
    }
    let name = if by_file {
        "KEXEC_FILE_ON_CRASH"
    } else {
        "KEXEC_ON_CRASH"
    };
    (flags & on_crash != 0).then(|| name.to_owned())
}

pub fn reboot(command: u64) -> String {
    let name = match command as u32 {
        0x0123_4567 => "RESTART",
        0xcdef_0123 => "HALT",
        0x89ab_cdef => "CAD_ON",
        0 => "CAD_OFF",
        0x4321_fedc => "POWER_OFF",
        0xa1b2_c3d4 => "RESTART2",
        0xd000_fce2 => "SW_SUSPEND",
        0x4558_4543 => "KEXEC",
        other => return format!("command {other:#x}"),
    };
    format!("LINUX_REBOOT_CMD_{name}")
}

fn named(names: &[&str], number: u64) -> String {
    match names.get(number as usize) {
        Some(name) => (*name).to_owned(),
        None => number.to_string(),
    }
}

/// What a process set for itself, and what it was: `ADDR_NO_RANDOMIZE, was 0`.
pub fn personality(event: &Privilege) -> String {
    let [wanted, was, ..] = event.values;
    changed(
        flags(PERSONALITY, wanted),
        event.errno,
        flags(PERSONALITY, was),
    )
}

pub fn securebits(event: &Privilege) -> String {
    let [wanted, was, ..] = event.values;
    let before = match was {
        NO_VALUE => "unknown".to_owned(),
        was => flags(SECUREBITS, was),
    };
    changed(flags(SECUREBITS, wanted), event.errno, before)
}

fn changed(wanted: String, errno: u32, was: String) -> String {
    match errno {
        0 => format!("{wanted}, was {was}"),
        _ => wanted,
    }
}

#[rustfmt::skip]
const PERSONALITY: &[(u64, &str)] = &[
    (0x0002_0000, "UNAME26"), (0x0004_0000, "ADDR_NO_RANDOMIZE"), (0x0008_0000, "FDPIC_FUNCPTRS"),
    (0x0010_0000, "MMAP_PAGE_ZERO"), (0x0020_0000, "ADDR_COMPAT_LAYOUT"), (0x0040_0000, "READ_IMPLIES_EXEC"),
    (0x0080_0000, "ADDR_LIMIT_32BIT"), (0x0100_0000, "SHORT_INODE"), (0x0200_0000, "WHOLE_SECONDS"),
    (0x0400_0000, "STICKY_TIMEOUTS"), (0x0800_0000, "ADDR_LIMIT_3GB"),
];
#[rustfmt::skip]
const SECUREBITS: &[(u64, &str)] = &[
    (0x1, "SECBIT_NOROOT"), (0x2, "SECBIT_NOROOT_LOCKED"), (0x4, "SECBIT_NO_SETUID_FIXUP"),
    (0x8, "SECBIT_NO_SETUID_FIXUP_LOCKED"), (0x10, "SECBIT_KEEP_CAPS"), (0x20, "SECBIT_KEEP_CAPS_LOCKED"),
    (0x40, "SECBIT_NO_CAP_AMBIENT_RAISE"), (0x80, "SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED"),
    (0x100, "SECBIT_EXEC_RESTRICT_FILE"), (0x200, "SECBIT_EXEC_RESTRICT_FILE_LOCKED"),
    (0x400, "SECBIT_EXEC_DENY_INTERACTIVE"), (0x800, "SECBIT_EXEC_DENY_INTERACTIVE_LOCKED"),
];
#[rustfmt::skip]
const USERFAULTFD: &[(u64, &str)] = &[
    (0x1, "UFFD_USER_MODE_ONLY"), (0x800, "O_NONBLOCK"), (0x8_0000, "O_CLOEXEC"),
];

/// Names of flags, and what is left as a number: `UNAME26|0x8`; of none `0`.
fn flags(names: &[(u64, &str)], flags: u64) -> String {
    let mut left = flags;
    let mut parts: Vec<String> = Vec::new();
    for (flag, name) in names.iter().filter(|(flag, _)| flags & flag != 0) {
        left &= !flag;
        parts.push((*name).to_owned());
    }
    if left != 0 {
        parts.push(format!("{left:#x}"));
    }
    match parts.is_empty() {
        true => "0".to_owned(),
        false => parts.join("|"),
    }
}

pub fn userfaultfd(event: &Privilege) -> Option<String> {
    let [asked, ..] = event.values;
    (asked != 0).then(|| flags(USERFAULTFD, asked))
}

/// Of which events it is, and where: `PERF_TYPE_TRACEPOINT 312, cpu 0`.
pub fn perf_event(event: &Privilege) -> String {
    let [_, kind, config, cpu, of] = [0, 1, 2, 3, 4].map(|at| event.values[at]);
    const TYPES: [&str; 6] = [
        "PERF_TYPE_HARDWARE",
        "PERF_TYPE_SOFTWARE",
        "PERF_TYPE_TRACEPOINT",
        "PERF_TYPE_HW_CACHE",
        "PERF_TYPE_RAW",
        "PERF_TYPE_BREAKPOINT",
    ];
    let mut told = match (kind, TYPES.get(kind as usize)) {
        (NO_VALUE, _) => "unreadable attributes".to_owned(),
        (_, Some(name)) => (*name).to_owned(),
        (kind, None) => format!("type {kind}"),
    };
    if config != NO_VALUE && kind != NO_VALUE {
        told.push_str(&format!(" {config:#x}"));
    }
    if of & PERF_OF_CGROUP != 0 {
        told.push_str(&format!(
            ", of the control group of fd {}",
            event.values[0] as u32
        ));
    }
    if cpu as u32 != u32::MAX {
        told.push_str(&format!(", cpu {}", cpu as u32));
    }
    told
}

/// Is a wish for events about all processes, or those of a control group?
pub fn is_of_many(event: &Privilege) -> bool {
    event.values[0] as u32 == u32::MAX || event.values[4] & PERF_OF_CGROUP != 0
}

/// As the kernel and bpftool call them, in order.
#[rustfmt::skip]
pub fn program_type(number: u64) -> String {
    named(&[
        "unspec", "socket_filter", "kprobe", "sched_cls", "sched_act", "tracepoint", "xdp",
        "perf_event", "cgroup_skb", "cgroup_sock", "lwt_in", "lwt_out", "lwt_xmit", "sock_ops",
        "sk_skb", "cgroup_device", "sk_msg", "raw_tracepoint", "cgroup_sock_addr", "lwt_seg6local",
        "lirc_mode2", "sk_reuseport", "flow_dissector", "cgroup_sysctl", "raw_tracepoint_writable",
        "cgroup_sockopt", "tracing", "struct_ops", "ext", "lsm", "sk_lookup", "syscall", "netfilter",
    ], number)
}

#[rustfmt::skip]
pub fn attach_type(number: u64) -> String {
    named(&[
        "cgroup_inet_ingress", "cgroup_inet_egress", "cgroup_inet_sock_create", "cgroup_sock_ops",
        "sk_skb_stream_parser", "sk_skb_stream_verdict", "cgroup_device", "sk_msg_verdict",
        "cgroup_inet4_bind", "cgroup_inet6_bind", "cgroup_inet4_connect", "cgroup_inet6_connect",
        "cgroup_inet4_post_bind", "cgroup_inet6_post_bind", "cgroup_udp4_sendmsg",
        "cgroup_udp6_sendmsg", "lirc_mode2", "flow_dissector", "cgroup_sysctl",
        "cgroup_udp4_recvmsg", "cgroup_udp6_recvmsg", "cgroup_getsockopt", "cgroup_setsockopt",
        "trace_raw_tp", "trace_fentry", "trace_fexit", "modify_return", "lsm_mac", "trace_iter",
        "cgroup_inet4_getpeername", "cgroup_inet6_getpeername", "cgroup_inet4_getsockname",
        "cgroup_inet6_getsockname", "xdp_devmap", "cgroup_inet_sock_release", "xdp_cpumap",
        "sk_lookup", "xdp", "sk_skb_verdict", "sk_reuseport_select", "sk_reuseport_select_or_migrate",
        "perf_event", "trace_kprobe_multi", "lsm_cgroup", "struct_ops", "netfilter", "tcx_ingress",
        "tcx_egress", "trace_uprobe_multi", "cgroup_unix_connect", "cgroup_unix_sendmsg",
        "cgroup_unix_recvmsg", "cgroup_unix_getpeername", "cgroup_unix_getsockname",
        "netkit_primary", "netkit_peer", "trace_kprobe_session", "trace_uprobe_session",
    ], number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use zerocopy::FromZeros;

    #[test]
    fn numbers_stand_at_their_place() {
        assert_eq!(program_type(2), "kprobe");
        assert_eq!(program_type(26), "tracing");
        assert_eq!(program_type(29), "lsm");
        assert_eq!(program_type(32), "netfilter");
        assert_eq!(program_type(99), "99");
        assert_eq!(attach_type(24), "trace_fentry");
        assert_eq!(attach_type(27), "lsm_mac");
        assert_eq!(attach_type(41), "perf_event");
        assert_eq!(attach_type(46), "tcx_ingress");
        assert_eq!(clock(0), "CLOCK_REALTIME");
        assert_eq!(clock(11), "CLOCK_TAI");
        assert_eq!(clock(u32::MAX.into()), "clock -1");
        assert_eq!(modes(0x8001).as_deref(), Some("ADJ_OFFSET_SINGLESHOT"));
        assert_eq!(
            modes(0x2102).as_deref(),
            Some("ADJ_FREQUENCY|ADJ_SETOFFSET|ADJ_NANO")
        );
        assert_eq!(modes(0), None);
        assert_eq!(reboot(0x0123_4567), "LINUX_REBOOT_CMD_RESTART");
    }

    #[test]
    fn what_was_asked_reads_as_a_call() {
        let mut event = Privilege::new_zeroed();
        event.call = call::SETRESUID;
        event.values = [0, u64::MAX, 1000, 0, 0, 0];
        assert_eq!(asked(&event), "setresuid(0, -1, 1000)");
        event.call = call::SETFSGID;
        assert_eq!(asked(&event), "setfsgid(0)");
    }
}
