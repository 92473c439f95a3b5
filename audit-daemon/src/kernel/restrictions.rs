//! What this kernel was told to forbid or to hide, as an operator set it.
//!
//! Owns the reading of it, and what of it matters to hooks. Must not decide whether hooks work: that
//! is found out by loading them.

use std::fs;

use serde::Serialize;

const LOCKDOWN: &str = "/sys/kernel/security/lockdown";
const SECURITY_MODULES: &str = "/sys/kernel/security/lsm";
const SYMBOLS: &str = "/proc/sys/kernel/kptr_restrict";
/// The level that forbids eBPF programs to read the kernel's memory.
const CONFIDENTIALITY: &str = "confidentiality";

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Restrictions {
    /// `None`: this kernel has no lockdown, or does not say (no securityfs).
    pub lockdown: Option<String>,
    /// Empty if the kernel does not say.
    pub security_modules: Vec<String>,
    /// Also from root.
    pub symbols_hidden: bool,
    /// Why there is no tracefs.
    pub tracefs_missing: Option<String>,
    pub calls_of_32_bits: bool,
    pub io_uring: bool,
}

/// The chosen one of `none [integrity] confidentiality`.
fn chosen(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once('[')?;
    Some(rest.split_once(']')?.0)
}

pub fn lockdown() -> Option<String> {
    let text = fs::read_to_string(LOCKDOWN).ok()?;
    chosen(&text).map(str::to_owned)
}

pub fn read(tracefs: &Result<(), String>, facts: &crate::hooks::Facts) -> Restrictions {
    let modules = fs::read_to_string(SECURITY_MODULES).unwrap_or_default();
    let modules = modules.trim().split(',').filter(|name| !name.is_empty());
    Restrictions {
        lockdown: lockdown(),
        security_modules: modules.map(str::to_owned).collect(),
        symbols_hidden: fs::read_to_string(SYMBOLS).is_ok_and(|level| level.trim() == "2"),
        tracefs_missing: tracefs.clone().err(),
        calls_of_32_bits: facts.calls_of_32_bits,
        io_uring: facts.io_uring,
    }
}

/// Is it lockdown that makes the verifier reject a program for this reason? It hides the helper that
/// reads the kernel's memory, which every kernel has that we run on.
pub fn is_lockdown(reason: &str) -> bool {
    let hidden = reason.contains("cannot use helper") || reason.contains("unknown func");
    lockdown().as_deref() == Some(CONFIDENTIALITY) || hidden && reason.contains("bpf_probe_read")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chosen_lockdown_stands_in_brackets() {
        assert_eq!(
            chosen("none [integrity] confidentiality\n"),
            Some("integrity")
        );
        assert_eq!(chosen("[none] integrity confidentiality\n"), Some("none"));
        assert_eq!(chosen("none\n"), None);
    }

    #[test]
    fn a_hidden_helper_is_lockdown_and_another_reason_is_not() {
        // As 6.12 and 5.10 say it.
        assert!(is_lockdown(
            "program of this type cannot use helper bpf_probe_read#4"
        ));
        assert!(is_lockdown("unknown func bpf_probe_read_kernel#113"));
        assert_eq!(
            is_lockdown("R1 invalid mem access 'scalar'"),
            lockdown().as_deref() == Some(CONFIDENTIALITY)
        );
    }
}
