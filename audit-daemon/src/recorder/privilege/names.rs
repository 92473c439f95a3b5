//! The kernel's own names for numbers: calls, requests, types of programs, clocks.
//!
//! Owns these tables. Must not ask the running kernel: a number that has no name here is written as one.

use audit_common::privilege::{Privilege, call};

/// Not an id: leave it as it is.
const UNCHANGED: u32 = u32::MAX;

pub fn system_call(event: &Privilege) -> &'static str {
    match event.call {
        call::SETUID => "setuid",
        call::SETREUID => "setreuid",
        call::SETRESUID => "setresuid",
        call::SETFSUID => "setfsuid",
        call::SETGID => "setgid",
        call::SETREGID => "setregid",
        call::SETRESGID => "setresgid",
        call::SETFSGID => "setfsgid",
        call::UNSHARE => "unshare",
        call::SETNS => "setns",
        call::CLONE if event.values[0] != 0 => "clone3",
        call::CLONE => "clone",
        call::BPF_LOAD | call::BPF_ATTACH => "bpf",
        call::KEXEC_LOAD => "kexec_load",
        call::KEXEC_FILE_LOAD => "kexec_file_load",
        call::SETTIMEOFDAY => "settimeofday",
        call::CLOCK_SETTIME => "clock_settime",
        call::ADJTIMEX => "adjtimex",
        call::CLOCK_ADJTIME => "clock_adjtime",
        call::SETHOSTNAME => "sethostname",
        call::SETDOMAINNAME => "setdomainname",
        _ => "reboot",
    }
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
    let set = NAMES.iter().filter(|(bit, _)| modes & bit != 0);
    let set: Vec<&str> = set.map(|(_, name)| *name).collect();
    (!set.is_empty()).then(|| set.join("|"))
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
