//! What decides where hooks are blind on this kernel: what of it can be asked for at all.
//!
//! Owns the reading of these facts. In doubt something can be asked for: a blind spot too many is
//! told rather than one too few. Must not change any setting.

use std::fs;

use audit_common::offsets::{ABSENT, Offsets};

use super::btf::Btf;
use crate::hooks::Facts;

/// A system call's function for 32-bit programs, and the one that shows that such can be found.
const COMPAT: [(&str, &str); 2] = [
    ("__ia32_compat_sys_execve", "__x64_sys_execve"),
    ("__arm64_compat_sys_execve", "__arm64_sys_execve"),
];

/// Of x86: from this kernel on 32-bit programs can be refused on its command line.
const IA32_CHOICE_SINCE: (u32, u32) = (6, 7);

/// Functions that are looked for, and not hooked.
pub fn markers() -> impl Iterator<Item = &'static str> {
    COMPAT
        .into_iter()
        .flat_map(|(compat, native)| [compat, native])
}

pub fn find(version: (u32, u32), preempted: bool, btf: &Btf, offsets: &Offsets) -> Facts {
    let has = |name: &str| btf.function(name).is_some();
    let built_without = COMPAT
        .iter()
        .any(|(compat, native)| has(native) && !has(compat));
    let command_line = fs::read_to_string("/proc/cmdline").unwrap_or_default();
    let refused = version >= IA32_CHOICE_SINCE && refuses_ia32(&command_line);
    let rings = fs::read_to_string("/proc/sys/kernel/io_uring_disabled");
    let rings_refused = rings.is_ok_and(|setting| setting.trim() == "2");
    Facts {
        version,
        preempted,
        calls_of_32_bits: !built_without && !refused,
        io_uring: btf.tracepoint_arguments("io_uring_create").is_some() && !rings_refused,
        login_users: offsets.task_loginuid != ABSENT,
    }
}

/// The last one on the command line counts.
fn refuses_ia32(command_line: &str) -> bool {
    let settings = command_line.split_ascii_whitespace();
    let last = settings
        .filter_map(|word| word.strip_prefix("ia32_emulation="))
        .next_back();
    last.is_some_and(|value| matches!(value, "0" | "n" | "N" | "no" | "off" | "false" | "f"))
}

#[cfg(test)]
mod tests {
    use super::refuses_ia32;

    #[test]
    fn the_last_word_on_32_bit_programs_counts() {
        assert!(!refuses_ia32("quiet root=/dev/vda"));
        assert!(refuses_ia32("quiet ia32_emulation=0\n"));
        assert!(refuses_ia32("ia32_emulation=1 ia32_emulation=off"));
        assert!(!refuses_ia32("ia32_emulation=0 ia32_emulation=1"));
        assert!(!refuses_ia32("x.ia32_emulation=0"));
    }
}
