//! Owns: what a failed test said of its failure, cut to what a reader of a run's end can take in.
//! Must not: judge, or keep all of what a test printed: that is in the run's own output.

/// Lines of one failure, and characters of one line, that are kept.
const LINES: usize = 16;
const LINE: usize = 1_200;

/// Reads the output of one failed test, line by line.
#[derive(Debug, Default)]
pub struct Said {
    lines: Vec<String>,
    panicked: bool,
}

/// `---- NAME stdout ----`
pub fn header(line: &str) -> Option<&str> {
    line.strip_prefix("---- ")?.strip_suffix(" stdout ----")
}

impl Said {
    /// Its last lines before it panicked, then the first ones of what the panic says.
    pub fn line(&mut self, line: &str) {
        let begins = line.starts_with("thread '") && line.contains(" panicked at ");
        if begins && !self.panicked {
            self.panicked = true;
            let all_but = self.lines.len().saturating_sub(LINES / 2);
            self.lines.drain(..all_but);
        }
        if !self.panicked && self.lines.len() == LINES {
            self.lines.remove(0);
        }
        if !line.is_empty() && self.lines.len() < LINES {
            self.lines.push(cut(line));
        }
    }

    pub fn finish(self) -> Vec<String> {
        self.lines
    }
}

fn cut(line: &str) -> String {
    let mut characters = line.char_indices();
    match characters.nth(LINE) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(lines: impl IntoIterator<Item = String>) -> Vec<String> {
        let mut said = Said::default();
        lines.into_iter().for_each(|line| said.line(&line));
        said.finish()
    }

    #[test]
    fn what_is_printed_before_a_panic_does_not_push_it_out() {
        let noise = (0..100).map(|number| format!("noise {number}"));
        let panic = ["thread 'a' (7) panicked at x.rs:1:2:", "", "left: 1"];
        let behind = (0..100).map(|number| format!("at {number}"));
        let all = noise.chain(panic.map(str::to_owned)).chain(behind);
        let lines = said(all);
        assert_eq!(lines.len(), LINES);
        assert_eq!(
            (lines[0].as_str(), lines[7].as_str()),
            ("noise 92", "noise 99")
        );
        assert!(lines[8].ends_with("x.rs:1:2:") && lines[9] == "left: 1");
        assert_eq!(lines[15], "at 5");
    }

    #[test]
    fn long_lines_are_cut_and_say_so() {
        let lines = said(["é".repeat(LINE + 1), "é".repeat(LINE)]);
        assert_eq!(lines[0], format!("{}…", "é".repeat(LINE)));
        assert_eq!(lines[1], "é".repeat(LINE));
    }

    #[test]
    fn a_header_names_its_test() {
        assert_eq!(header("---- a::b stdout ----"), Some("a::b"));
        assert_eq!(header("---- a::b"), None);
    }
}
