//! The result and act columns.
//!
//! OWNS: words for results and acts. MUST NOT: list kinds; a new kind of a known family gets its
//! word from its own name, a kind of an unknown family is shown whole.

use super::fields::{Record, STATUS_FAILURE, STATUS_OTHER};
use super::screen::{push_formatted, push_outside};

/// Families whose kinds are told apart by the part after the dot.
const FAMILIES: [&str; 6] = ["process", "file", "net", "priv", "login", "finding"];

/// Kinds whose last part would read like another act.
const OWN_WORDS: [(&str, &str); 6] = [
    ("process.snapshot", "found"),
    ("file.open_read", "open"),
    ("file.open_write", "open"),
    ("login.open", "login"),
    ("login.close", "logout"),
    ("finding.compliance", "policy"),
];

/// One word for the act.
pub(super) fn name(kind: &str) -> &str {
    if let Some((_, word)) = OWN_WORDS.iter().find(|(own, _)| *own == kind) {
        return word;
    }
    match kind.split_once('.') {
        Some((family, act)) if FAMILIES.contains(&family) && !act.is_empty() => act,
        _ => kind,
    }
}

/// `ok`, the errno or signal, an exit code, or the severity of a finding.
pub(super) fn push_result(record: &Record<'_>, out: &mut String) {
    if record.kind().starts_with("finding.") {
        out.push_str(severity_word(record.severity_id));
        return;
    }
    match (record.status_id, record.status_code.as_deref()) {
        (STATUS_FAILURE, Some("ECONNREFUSED")) => out.push_str("refused"),
        (STATUS_FAILURE, Some(code)) => push_outside(out, code),
        (STATUS_FAILURE, None) => out.push_str("failed"),
        (STATUS_OTHER, _) => out.push_str("pending"),
        (1, _) => match record.exit_code {
            Some(code) if code != 0 => push_formatted(out, format_args!("code {code}")),
            _ => out.push_str("ok"),
        },
        _ => out.push('?'),
    }
}

fn severity_word(severity_id: i64) -> &'static str {
    match severity_id {
        1 => "info",
        2 => "low",
        3 => "medium",
        4 => "high",
        5 => "critical",
        _ => "?",
    }
}
