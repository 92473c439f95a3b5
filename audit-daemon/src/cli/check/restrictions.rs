//! What `check` tells of a kernel that forbids or hides something.
//!
//! Owns the lines about it, also where it costs nothing: who has heard of a restriction wants to know.
//! Must not read any of it itself.

use std::fmt::Write;

use super::put_wrapped;
use crate::kernel::Restrictions;

/// One line for each thing, and what can be done about what is missing.
pub fn put(out: &mut String, restrictions: &Restrictions) {
    let mut line = |name: &str, text: &str, verdict: &str| {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{name:<8} {text:<52} {verdict}");
    };
    if let Some(level) = &restrictions.lockdown {
        line("lockdown", level, "ok");
    }
    let modules = &restrictions.security_modules;
    if !modules.is_empty() && !modules.iter().any(|name| name == "bpf") {
        line(
            "lsm",
            "bpf is not among the security modules: not needed",
            "ok",
        );
    }
    if restrictions.symbols_hidden {
        line(
            "symbols",
            "hidden by kernel.kptr_restrict = 2: not needed",
            "ok",
        );
    }
    if !restrictions.calls_of_32_bits {
        line(
            "32-bit",
            "programs cannot run here: nothing passes by",
            "ok",
        );
    }
    if !restrictions.io_uring {
        line("io_uring", "is off: nothing passes by", "ok");
    }
    if let Some(reason) = &restrictions.tracefs_missing {
        line("tracefs", "missing", "!");
        put_wrapped(
            out,
            &format!(
                "! {reason}: hooks on system calls are lost. Mount it (`mount -t tracefs tracefs \
                 /sys/kernel/tracing`); in a container, mount the host's there. A kernel without \
                 CONFIG_FTRACE_SYSCALLS has none of them."
            ),
        );
    }
}
