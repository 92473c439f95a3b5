//! Which system call is which act: one table for each machine.
//!
//! Owns the numbers. What an act is about is read elsewhere.

use audit_common::privilege::call;

use crate::entry::Entry;

/// Sends a signal to who is behind a descriptor; by any entry.
pub const PIDFD_SEND_SIGNAL: u64 = 424;

/// The act of a system call by either entry; 0: none.
#[inline(always)]
pub fn by_entry(number: u64, entry: Entry) -> u32 {
    match entry {
        Entry::Native => call(number),
        Entry::Compat => call_32(number),
    }
}

/// The act of a system call; 0: none. Of calls that do several things the first of them.
#[cfg(not(bpf_target_arch = "aarch64"))]
#[inline(always)]
pub fn call(number: u64) -> u32 {
    match number {
        56 | CLONE3 => call::CLONE,
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

/// Calls that send a signal to one thread of a process: there it is the third argument.
#[cfg(not(bpf_target_arch = "aarch64"))]
#[inline(always)]
pub fn names_thread(number: u64, entry: Entry) -> bool {
    match entry {
        Entry::Native => matches!(number, 234 | 297),
        Entry::Compat => matches!(number, 270 | 335),
    }
}

/// The same of a call of the 32-bit entry, as i386 numbers them.
#[cfg(not(bpf_target_arch = "aarch64"))]
#[inline(always)]
pub fn call_32(number: u64) -> u32 {
    match number {
        23 | 213 => call::SETUID,
        25 | 79 => call::SETTIMEOFDAY,
        26 => call::PTRACE,
        37 | 178 | 238 | 270 | 335 | 424 => call::SIGNAL,
        46 | 214 => call::SETGID,
        70 | 203 => call::SETREUID,
        71 | 204 => call::SETREGID,
        74 => call::SETHOSTNAME,
        81 | 206 => call::SETGROUPS,
        88 => call::REBOOT,
        120 | CLONE3 => call::CLONE,
        121 => call::SETDOMAINNAME,
        124 => call::ADJTIMEX,
        128 => call::INIT_MODULE,
        129 => call::DELETE_MODULE,
        138 | 215 => call::SETFSUID,
        139 | 216 => call::SETFSGID,
        164 | 208 => call::SETRESUID,
        170 | 210 => call::SETRESGID,
        172 => call::PRCTL_AMBIENT,
        185 => call::CAPSET,
        264 | 404 => call::CLOCK_SETTIME,
        283 => call::KEXEC_LOAD,
        310 => call::UNSHARE,
        343 | 405 => call::CLOCK_ADJTIME,
        346 => call::SETNS,
        347 => call::VM_READ,
        348 => call::VM_WRITE,
        350 => call::FINIT_MODULE,
        357 => call::BPF_LOAD,
        438 => call::PIDFD_GETFD,
        _ => 0,
    }
}

/// Its ids have 16 bits.
#[cfg(not(bpf_target_arch = "aarch64"))]
#[inline(always)]
pub fn is_short_32(number: u64) -> bool {
    matches!(number, 23 | 46 | 70 | 71 | 138 | 139 | 164 | 170)
}

/// Its times have 64 bits, as native ones.
pub const CLOCK_SETTIME64: u64 = 404;

/// Makes a process by a structure; by any entry.
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
        220 | CLONE3 => call::CLONE,
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
#[inline(always)]
pub fn names_thread(number: u64, entry: Entry) -> bool {
    match entry {
        Entry::Native => matches!(number, 131 | 240),
        Entry::Compat => matches!(number, 268 | 363),
    }
}

/// As 32-bit Arm programs number them.
#[cfg(bpf_target_arch = "aarch64")]
#[inline(always)]
pub fn call_32(number: u64) -> u32 {
    match number {
        23 | 213 => call::SETUID,
        26 => call::PTRACE,
        37 | 178 | 238 | 268 | 363 | 424 => call::SIGNAL,
        46 | 214 => call::SETGID,
        70 | 203 => call::SETREUID,
        71 | 204 => call::SETREGID,
        74 => call::SETHOSTNAME,
        79 => call::SETTIMEOFDAY,
        81 | 206 => call::SETGROUPS,
        88 => call::REBOOT,
        120 | CLONE3 => call::CLONE,
        121 => call::SETDOMAINNAME,
        124 => call::ADJTIMEX,
        128 => call::INIT_MODULE,
        129 => call::DELETE_MODULE,
        138 | 215 => call::SETFSUID,
        139 | 216 => call::SETFSGID,
        164 | 208 => call::SETRESUID,
        170 | 210 => call::SETRESGID,
        172 => call::PRCTL_AMBIENT,
        185 => call::CAPSET,
        262 | 404 => call::CLOCK_SETTIME,
        337 => call::UNSHARE,
        347 => call::KEXEC_LOAD,
        372 | 405 => call::CLOCK_ADJTIME,
        375 => call::SETNS,
        376 => call::VM_READ,
        377 => call::VM_WRITE,
        379 => call::FINIT_MODULE,
        386 => call::BPF_LOAD,
        438 => call::PIDFD_GETFD,
        _ => 0,
    }
}

#[cfg(bpf_target_arch = "aarch64")]
#[inline(always)]
pub fn is_short_32(number: u64) -> bool {
    matches!(number, 23 | 46 | 70 | 71 | 138 | 139 | 164 | 170)
}

const PR_CAP_AMBIENT: u64 = 47;
/// Asks only.
const AMBIENT_IS_SET: u64 = 1;

/// Does prctl change ambient capabilities?
#[inline(always)]
pub fn is_ambient(option: u64, operation: u64) -> bool {
    option as u32 as u64 == PR_CAP_AMBIENT && operation != AMBIENT_IS_SET
}
