//! Rules `ring-owner`, `aya-owner` and `kind-owner`: what only one place may name.
//!
//! Owns: these three rules and the places they protect. Must not: look at other crates' files.

use super::Finding;
use super::source::{Source, words};

const KERNEL_SIDE: &str = "audit-ebpf/src/";
const USER_SIDE: &str = "audit-daemon/src/";
const RING_OWNER: &str = "emit";
/// The modules of the daemon that meet the kernel.
const AYA_OWNERS: &[&str] = &["kernel", "source", "hooks"];
const KIND_OWNER: &str = "kind.rs";

/// A program that reserved or submitted by itself could forget to count a loss.
pub fn rings(source: &Source) -> Vec<Finding> {
    let Some(module) = module_in(source, KERNEL_SIDE) else {
        return Vec::new();
    };
    if module == RING_OWNER {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for (at, word) in source.words() {
        let called = source.code[..at].trim_end().ends_with('.');
        let verb = matches!(
            word,
            "reserve" | "reserve_bytes" | "submit" | "discard" | "output"
        );
        if (verb && called) || word.starts_with("RingBuf") {
            let text = format!("`{word}` belongs to emit.rs alone, which counts what is lost");
            findings.push(Finding::new("ring-owner", source, source.line_of(at), text));
        }
    }
    findings
}

/// Everything else works on bytes and types of our own, and is tested without a kernel.
pub fn aya(source: &Source) -> Vec<Finding> {
    let Some(module) = module_in(source, USER_SIDE) else {
        return Vec::new();
    };
    if AYA_OWNERS.iter().any(|owner| module.starts_with(owner)) {
        return Vec::new();
    }
    let named = source
        .words()
        .filter(|(_, word)| matches!(*word, "aya" | "aya_obj" | "aya_log"));
    named
        .map(|(at, word)| {
            let text = format!(
                "`{word}` is for {} only: pass a type of our own",
                AYA_OWNERS.join(", ")
            );
            Finding::new("aya-owner", source, source.line_of(at), text)
        })
        .collect()
}

/// A kind's number written anywhere else would not move with the table.
pub fn kinds(source: &Source) -> Vec<Finding> {
    let ours = ["audit-common/src/", KERNEL_SIDE, USER_SIDE];
    let is_ours = ours.iter().any(|start| source.path.starts_with(start));
    // Other tables have kinds too (BTF, for one): who means ours names its type.
    let names_the_table = source
        .words()
        .any(|(_, word)| word == "Kind" || word == "KINDS");
    if !is_ours || !names_the_table || source.path.ends_with(KIND_OWNER) {
        return Vec::new();
    }
    let compared = source
        .words()
        .filter(|(_, word)| *word == "kind" || *word == "Kind");
    let compared = compared.filter(|(at, word)| {
        let behind = source.code[at + word.len()..].trim_start();
        ["==", "!=", "=", ":", "("].iter().any(|sign| {
            behind
                .strip_prefix(sign)
                .is_some_and(|value| starts_with_number(value.trim_start()))
        })
    });
    let numbers = compared.map(|(at, _)| at).chain(matched_numbers(source));
    let mut lines: Vec<usize> = numbers.map(|at| source.line_of(at)).collect();
    lines.dedup();
    lines
        .into_iter()
        .map(|line| {
            let text = "a kind is named by its constant in kind.rs, never by its number";
            Finding::new("kind-owner", source, line, text)
        })
        .collect()
}

/// The offsets of arms `NUMBER =>` in a `match` on something called kind.
fn matched_numbers(source: &Source) -> Vec<usize> {
    let mut found = Vec::new();
    for (at, _) in source.words().filter(|(_, word)| *word == "match") {
        let Some(body) = source.body_after(at) else {
            continue;
        };
        if !words(&source.code[at..body.start]).any(|(_, word)| word == "kind") {
            continue;
        }
        let arms = words(&source.code[body.clone()]).filter(|(arm_at, word)| {
            let behind = source.code[body.start + arm_at + word.len()..].trim_start();
            // Not the end of a guard, such as `_ if links > 0 =>`.
            let before = source.code[..body.start + arm_at].trim_end();
            let begins = before.ends_with(['{', '}', ',', '|']);
            begins
                && starts_with_number(word)
                && (behind.starts_with("=>") || behind.starts_with('|'))
        });
        found.extend(arms.map(|(arm_at, _)| body.start + arm_at));
    }
    found
}

fn starts_with_number(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit())
}

/// The first part of the path below `start`, without its ending.
fn module_in<'a>(source: &'a Source, start: &str) -> Option<&'a str> {
    let below = source.path.strip_prefix(start)?;
    Some(below.split('/').next()?.trim_end_matches(".rs"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(rule: fn(&Source) -> Vec<Finding>, path: &str, text: &str) -> Vec<usize> {
        rule(&Source::new(path, text))
            .iter()
            .map(|finding| finding.line)
            .collect()
    }

    #[test]
    fn a_program_that_touches_a_ring_is_found() {
        let text =
            "use aya_ebpf::maps::RingBuf;\nlet e = RING.reserve::<E>(0);\ne\n    .submit(0);\n";
        assert_eq!(
            lines(rings, "audit-ebpf/src/programs/exec.rs", text),
            [1, 2, 4]
        );
        assert_eq!(lines(rings, "audit-ebpf/src/emit.rs", text), [0usize; 0]);
        assert_eq!(
            lines(rings, "audit-daemon/src/source.rs", text),
            [0usize; 0]
        );
        let fine = "emit::submit(event); let output = 1; // .submit()\n";
        assert_eq!(
            lines(rings, "audit-ebpf/src/programs/exec.rs", fine),
            [0usize; 0]
        );
    }

    #[test]
    fn aya_is_found_outside_the_modules_that_meet_the_kernel() {
        let text = "use aya::Ebpf;\n// aya\nlet a = \"aya\";\naya_log::init();\n";
        assert_eq!(lines(aya, "audit-daemon/src/record/exec.rs", text), [1, 4]);
        for fine in ["kernel.rs", "kernel/load.rs", "source.rs", "hooks.rs"] {
            assert_eq!(
                lines(aya, &format!("audit-daemon/src/{fine}"), text),
                [0usize; 0]
            );
        }
        assert_eq!(lines(aya, "tests/kernel/exec.rs", text), [0usize; 0]);
    }

    #[test]
    fn a_kinds_number_is_found_outside_its_table() {
        let text = "if kind == 3 {}\nlet h = Header { kind: 7, seq };\nKind(2);\n\
                    match header.kind {\n    4 => a(),\n    KIND_EXEC => b(5),\n    6 | 7 => {}\n}\n";
        let path = "audit-daemon/src/decode.rs";
        let of_another_table = "match kind {\n 4 => a(),\n}\n";
        assert_eq!(lines(kinds, path, of_another_table), [0usize; 0]);
        assert_eq!(lines(kinds, path, text), [1, 2, 3, 5, 7]);
        assert_eq!(lines(kinds, "audit-common/src/kind.rs", text), [0usize; 0]);
        let fine =
            "if kind == Kind::EXEC {}\nmatch size {\n 4 => a(),\n}\nlet kinds = 3; kind: u16,\n";
        assert_eq!(lines(kinds, path, fine), [0usize; 0]);
    }
}
