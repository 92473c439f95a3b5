//! Rules `file-length` and `fn-length`: what does not fit on a few screens does too much.
//!
//! Owns: how files and functions are measured. Must not: know the exceptions.

use super::Finding;
use super::source::Source;

/// Without a test module at the end; a longer file does two things.
pub const FILE_LINES_MAX: usize = 400;
/// From the line of `fn` to that of the closing brace: about what one can see at once.
pub const FN_LINES_MAX: usize = 70;

pub fn files(source: &Source) -> Vec<Finding> {
    let lines = file_lines(source);
    if lines <= FILE_LINES_MAX {
        return Vec::new();
    }
    let text = format!(
        "{lines} lines, {FILE_LINES_MAX} are allowed: move what has a concept of its own into a \
         module of its own"
    );
    vec![Finding::measured("file-length", source, 1, "", lines, text)]
}

pub fn functions(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    for function in source.functions() {
        let from = source.line_of(function.span.start);
        let lines = source.line_of(function.span.end) - from + 1;
        if lines > FN_LINES_MAX {
            let name = &function.name;
            let text = format!(
                "fn {name} has {lines} lines, {FN_LINES_MAX} are allowed: give its steps names"
            );
            findings.push(Finding::measured(
                "fn-length",
                source,
                from,
                name,
                lines,
                text,
            ));
        }
    }
    findings
}

/// The lines of a file; it ends where a test module begins behind which there is nothing.
fn file_lines(source: &Source) -> usize {
    let mut end = source.text.trim_end().len();
    for (at, _) in source.code.match_indices("#[cfg(test)]") {
        let at_line_start = at == 0 || source.code.as_bytes()[at - 1] == b'\n';
        let behind = at + "#[cfg(test)]".len();
        let is_module = source.code[behind..].trim_start().starts_with("mod ");
        let Some(body) = source.body_after(behind) else {
            continue;
        };
        if at_line_start && is_module && source.text[body.end..].trim().is_empty() {
            end = source.text[..at].trim_end().len();
        }
    }
    source.text[..end].lines().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_file_is_found_and_its_tests_do_not_count() {
        let just = "//\n".repeat(FILE_LINES_MAX);
        let tests = format!("#[cfg(test)]\nmod tests {{\n{just}}}\n");
        assert_eq!(
            files(&Source::new("a.rs", format!("{just}\n{tests}"))).len(),
            0
        );
        let found = files(&Source::new("a.rs", format!("{just}fn a() {{}}\n{tests}")));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].measure, Some(FILE_LINES_MAX + 1));
        let behind = files(&Source::new(
            "a.rs",
            format!("{just}\n{tests}fn a() {{}}\n"),
        ));
        assert_eq!(behind.len(), 1, "a test module in the middle is no end");
    }

    #[test]
    fn a_long_function_is_found_by_name_and_line() {
        let text = |lines| format!("\nfn a() {{\n{}}}\nfn b() {{}}\n", "x();\n".repeat(lines));
        assert_eq!(
            functions(&Source::new("a.rs", text(FN_LINES_MAX - 2))).len(),
            0
        );
        let found = functions(&Source::new("a.rs", text(FN_LINES_MAX - 1)));
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].line, found[0].item.as_str()), (2, "a"));
        assert_eq!(found[0].measure, Some(FN_LINES_MAX + 1));
    }
}
