//! Which system call is which act: one table for each machine.
//!
//! Owns the numbers. What an act is about is read elsewhere.

use audit_common::privilege::call;

/// The act of a system call; 0: none. Of calls that do several things the first of them.
#[cfg(not(bpf_target_arch = "aarch64"))]
#[inline(always)]
pub fn call(number: u64) -> u32 {
    match number {
        62 | 129 | 200 | 234 | 297 | 424 => call::SIGNAL,
        101 => call::PTRACE,
        105 => call::SETUID,
        106 => call::SETGID,
        113 => call::SETREUID,
        114 => call::SETREGID,
        116 => call::SETGROUPS,
        117 => call::SETRESUID,
        119 => call::SETRESGID,
        122 => call::SETFSUID,
        123 => call::SETFSGID,
        126 => call::CAPSET,
        157 => call::PRCTL_AMBIENT,
        159 => call::ADJTIMEX,
        164 => call::SETTIMEOFDAY,
        169 => call::REBOOT,
        170 => call::SETHOSTNAME,
        171 => call::SETDOMAINNAME,
        175 => call::INIT_MODULE,
        176 => call::DELETE_MODULE,
        227 => call::CLOCK_SETTIME,
        246 => call::KEXEC_LOAD,
        272 => call::UNSHARE,
        305 => call::CLOCK_ADJTIME,
        308 => call::SETNS,
        310 => call::VM_READ,
        311 => call::VM_WRITE,
        313 => call::FINIT_MODULE,
        320 => call::KEXEC_FILE_LOAD,
        321 => call::BPF_LOAD,
        438 => call::PIDFD_GETFD,
        _ => 0,
    }
}

/// Calls that send a signal, by where they say to whom.
#[cfg(not(bpf_target_arch = "aarch64"))]
pub mod signal {
    /// To one thread of a process: the signal is the third argument.
    pub const TGKILL: u64 = 234;
    pub const RT_TGSIGQUEUEINFO: u64 = 297;
    pub const PIDFD_SEND_SIGNAL: u64 = 424;
}

/// Makes a process by a structure.
#[cfg(not(bpf_target_arch = "aarch64"))]
pub const CLONE3: u64 = 435;

#[cfg(bpf_target_arch = "aarch64")]
#[inline(always)]
pub fn call(number: u64) -> u32 {
    match number {
        91 => call::CAPSET,
        97 => call::UNSHARE,
        104 => call::KEXEC_LOAD,
        105 => call::INIT_MODULE,
        106 => call::DELETE_MODULE,
        112 => call::CLOCK_SETTIME,
        117 => call::PTRACE,
        129 | 130 | 131 | 138 | 240 | 424 => call::SIGNAL,
        142 => call::REBOOT,
        143 => call::SETREGID,
        144 => call::SETGID,
        145 => call::SETREUID,
        146 => call::SETUID,
        147 => call::SETRESUID,
        149 => call::SETRESGID,
        151 => call::SETFSUID,
        152 => call::SETFSGID,
        159 => call::SETGROUPS,
        161 => call::SETHOSTNAME,
        162 => call::SETDOMAINNAME,
        167 => call::PRCTL_AMBIENT,
        170 => call::SETTIMEOFDAY,
        171 => call::ADJTIMEX,
        266 => call::CLOCK_ADJTIME,
        268 => call::SETNS,
        270 => call::VM_READ,
        271 => call::VM_WRITE,
        273 => call::FINIT_MODULE,
        280 => call::BPF_LOAD,
        294 => call::KEXEC_FILE_LOAD,
        438 => call::PIDFD_GETFD,
        _ => 0,
    }
}

#[cfg(bpf_target_arch = "aarch64")]
pub mod signal {
    pub const TGKILL: u64 = 131;
    pub const RT_TGSIGQUEUEINFO: u64 = 240;
    pub const PIDFD_SEND_SIGNAL: u64 = 424;
}

#[cfg(bpf_target_arch = "aarch64")]
pub const CLONE3: u64 = 435;

const PR_CAP_AMBIENT: u64 = 47;
/// Asks only.
const AMBIENT_IS_SET: u64 = 1;

/// Does prctl change ambient capabilities?
#[inline(always)]
pub fn is_ambient(option: u64, operation: u64) -> bool {
    option as u32 as u64 == PR_CAP_AMBIENT && operation != AMBIENT_IS_SET
}
