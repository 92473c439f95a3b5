//! Rules `module-doc`, `unsafe-reason`, `leftover` and `no-drawer`: what must be said beside the
//! code, and what must not be left in it.
//!
//! Owns: these four rules. Must not: know which crate may do what.

use super::Finding;
use super::source::{Source, words};

/// A safety comment stands at most so many lines above what it is about.
const SAFETY_LINES_MAX: usize = 8;
const UNFINISHED: &[&str] = &["TODO", "FIXME", "XXX", "HACK"];
const UNFINISHED_MACROS: &[&str] = &["todo", "unimplemented", "dbg"];
const DRAWERS: &[&str] = &["utils", "util", "helpers", "helper", "misc"];

pub fn module_doc(source: &Source) -> Vec<Finding> {
    for line in source.text.lines().map(str::trim) {
        if line.starts_with("//!") {
            return Vec::new();
        }
        if !(line.is_empty() || line.starts_with("//") || line.starts_with("#!")) {
            break;
        }
    }
    let text = "begin the file with `//!`: what it owns and what it must not do";
    vec![Finding::new("module-doc", source, 1, text)]
}

pub fn unsafe_reason(source: &Source) -> Vec<Finding> {
    let comments: Vec<&str> = source.comments.lines().collect();
    let mut findings = Vec::new();
    for (at, _) in source.words().filter(|(_, word)| *word == "unsafe") {
        let behind = source.code[at + "unsafe".len()..].trim_start();
        // `#[unsafe(no_mangle)]` is an attribute; `unsafe fn(u8)` and `unsafe extern "C" fn(u8)`
        // are types.
        let is_type = words(behind)
            .find(|(_, word)| *word == "fn")
            .is_some_and(|(fn_at, _)| {
                let between = behind[..fn_at].trim();
                let only_abi = between.is_empty() || between.starts_with("extern");
                only_abi && !between.contains('{') && behind[fn_at + 2..].starts_with('(')
            });
        if behind.starts_with('(') || is_type {
            continue;
        }
        let line = source.line_of(at);
        let above = &comments[line.saturating_sub(SAFETY_LINES_MAX + 1)..line];
        let declares = behind.starts_with("fn ") || behind.starts_with("trait ");
        let said =
            |text: &&str| text.contains("SAFETY:") || (declares && text.contains("# Safety"));
        if !above.iter().any(said) {
            let text = "say above it, after `// SAFETY:`, which fact makes this sound";
            findings.push(Finding::new("unsafe-reason", source, line, text));
        }
    }
    findings
}

pub fn leftovers(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (at, word) in words(&source.comments) {
        if UNFINISHED.contains(&word) {
            let text =
                format!("`{word}` in a comment: do it now, or open an issue and say its number");
            findings.push(Finding::new("leftover", source, source.line_of(at), text));
        }
    }
    for (at, word) in source.words() {
        let line = source.line_of(at);
        let behind = &source.code[at + word.len()..];
        let before = source.code[..at].trim_end();
        if UNFINISHED_MACROS.contains(&word) && behind.starts_with('!') {
            let text = format!("`{word}!` is not for finished code: take it out");
            findings.push(Finding::new("leftover", source, line, text));
        }
        if word == "ignore" && before.ends_with("#[") {
            let text = "no test is #[ignore]d: let it find out that it cannot run, print \
                        `SKIP name: reason`, and list it in tests/skips.toml";
            findings.push(Finding::new("leftover", source, line, text));
        }
    }
    findings
}

pub fn drawers(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    let advice = |name: &str| format!("`{name}` holds anything: name the concept that it is about");
    let path = source.path.trim_end_matches(".rs");
    for name in path.split('/').filter(|part| DRAWERS.contains(part)) {
        findings.push(Finding::new("no-drawer", source, 1, advice(name)));
    }
    let all: Vec<(usize, &str)> = source.words().collect();
    for pair in all.windows(2) {
        if let [(at, "mod"), (_, name)] = *pair
            && DRAWERS.contains(&name)
        {
            findings.push(Finding::new(
                "no-drawer",
                source,
                source.line_of(at),
                advice(name),
            ));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(rule: fn(&Source) -> Vec<Finding>, text: &str) -> Vec<usize> {
        let found = rule(&Source::new("a/src/b.rs", text));
        found.iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn a_file_without_module_doc_is_found() {
        assert_eq!(lines(module_doc, "use a;\n//! late\n"), [1]);
        assert_eq!(lines(module_doc, "/// of an item\nfn a() {}\n"), [1]);
        assert_eq!(lines(module_doc, ""), [1]);
        let fine = "// Copyright\n#![no_std]\n\n//! Owns: x.\nuse a;\n";
        assert_eq!(lines(module_doc, fine), [0usize; 0]);
    }

    #[test]
    fn unsafe_without_a_reason_is_found() {
        assert_eq!(lines(unsafe_reason, "fn a() {\n unsafe { b() }\n}\n"), [2]);
        assert_eq!(lines(unsafe_reason, "unsafe impl A for B {}\n"), [1]);
        assert_eq!(
            lines(unsafe_reason, "/// Does it.\npub unsafe fn a() {}\n"),
            [2]
        );
        let far = format!(
            "// SAFETY: x\n{}unsafe {{}}\n",
            "a();\n".repeat(SAFETY_LINES_MAX)
        );
        assert_eq!(lines(unsafe_reason, &far), [SAFETY_LINES_MAX + 2]);
    }

    #[test]
    fn unsafe_with_a_reason_or_in_a_type_is_fine() {
        for fine in [
            "// SAFETY: b is valid for the call.\nlet a = c(\n    unsafe { b() },\n);\n",
            "/// # Safety\n/// `a` must be valid.\npub unsafe fn a() {}\n",
            "#[unsafe(no_mangle)]\nstatic A: u8 = 0;\n",
            "type A = unsafe fn(u8);\ntype B = unsafe extern \"C\" fn(u8);\n",
            "let a = \"unsafe\"; // unsafe\n#![forbid(unsafe_code)]\n",
        ] {
            assert_eq!(lines(unsafe_reason, fine), [0usize; 0], "{fine}");
        }
    }

    #[test]
    fn leftovers_are_found() {
        assert_eq!(
            lines(leftovers, "// TODO: more\n/* FIXME */ a();\n// XXX\n"),
            [1, 2, 3]
        );
        assert_eq!(
            lines(leftovers, "todo!();\ndbg!(a);\nunimplemented!()\n"),
            [1, 2, 3]
        );
        assert_eq!(
            lines(
                leftovers,
                "#[test]\n#[ignore]\nfn a() {}\n#[ignore = \"x\"]\n"
            ),
            [2, 4]
        );
        let fine = "let ignore = \"TODO dbg!\"; // written as \\uXXXX, todolist\nlet todo = 1;\n";
        assert_eq!(lines(leftovers, fine), [0usize; 0]);
    }

    #[test]
    fn drawers_are_found_by_file_and_by_module() {
        assert_eq!(
            lines(
                drawers,
                "//! x\nmod utils;\nmod utility;\npub mod misc {}\n"
            ),
            [2, 4]
        );
        assert_eq!(drawers(&Source::new("a/src/helpers/b.rs", "")).len(), 1);
        assert_eq!(drawers(&Source::new("a/src/util.rs", "")).len(), 1);
    }
}
