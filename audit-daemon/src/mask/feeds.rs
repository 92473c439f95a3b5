//! Secrets that are printed for another program: `echo x | sudo -S`, `<<< x`,
//! `--password-command "echo x"`.
//!
//! Owns: which words before a pipe are printed, and which programs read a secret there.
//! Must not: follow anything but one pipe or one here-string.
//! Invariant: only words of `echo` and its kind are marked, and of them only what is printed.

use super::rules::{PRINTERS, Part, Place, Program};
use super::scan::Scan;
use super::text::is_head;
use super::words::Join;

/// Blanks and brackets between the last word of a group and its pipe.
const BLANKS_MAX: usize = 16;

impl Scan<'_> {
    /// Masks what `echo` (the words `from..to`) sends to a program that reads a secret.
    pub(super) fn feed(
        &mut self,
        from: usize,
        to: usize,
        first: usize,
        last: usize,
        printed: bool,
    ) {
        let sinks = self.programs(first, last, false);
        for (at, entry) in sinks.iter() {
            for row in &entry.rows {
                let Some(part) = self.piped_part(row, at + 1, last) else {
                    continue;
                };
                let begin = if printed {
                    self.printed_words(from, to)
                } else {
                    Some(from)
                };
                let Some(begin) = begin else { return };
                for word in begin..to {
                    let (start, end) = self.inner(word);
                    let text = &self.buf[start..end];
                    // `echo y |` answers a question.
                    if !text.starts_with(b"-") && !matches!(text, b"y" | b"n") {
                        self.mark_part(row.rule, part, start, end);
                    }
                }
            }
        }
    }

    /// Masks what a command prints into a pipe, or a group of them: `(echo x; echo x) |`.
    pub(super) fn feed_group(&mut self, printed: usize, to: usize, first: usize, last: usize) {
        let end = self.words[to - 1].end;
        let behind = self.buf[end..self.words[first].start].iter();
        let group = behind
            .take(BLANKS_MAX)
            .take_while(|byte| **byte != b'|')
            .any(|byte| matches!(byte, b')' | b'}'));
        let mut stop = to;
        for at in (printed..to).rev() {
            if self.words[at].join == Join::Same && at > printed {
                continue;
            }
            self.feed(at, stop, first, last, true);
            if !group && !self.is_brace(to - 1) {
                return;
            }
            stop = at;
        }
    }

    fn is_brace(&self, word: usize) -> bool {
        self.inner_text(word) == b"}"
    }

    pub(super) fn is_printer(&self, word: usize) -> bool {
        let found = self.masker.directory.find(self.inner_text(word));
        found.is_some_and(|entry| entry.printer)
    }

    fn piped_part(&self, row: &'static Program, first: usize, last: usize) -> Option<Part> {
        row.places.iter().find_map(|place| {
            let Place::Piped(options, part) = *place else {
                return None;
            };
            let given = |option: &&str| {
                (first..last).any(|word| {
                    let text = self.inner_text(word);
                    let cluster = option.len() == 2
                        && text.starts_with(b"-")
                        && !text.starts_with(b"--")
                        && text.contains(&option.as_bytes()[1]);
                    text.starts_with(option.as_bytes()) || cluster
                })
            };
            (options.is_empty() || options.iter().any(given)).then_some(part)
        })
    }

    /// The first word that `echo` or `printf` prints; a format with a `%` is none.
    fn printed_words(&self, from: usize, to: usize) -> Option<usize> {
        let entry = self.masker.directory.find(self.inner_text(from))?;
        if !entry.printer {
            return None;
        }
        let mut begin = from + 1;
        while begin < to && self.inner_text(begin).starts_with(b"-") {
            begin += 1;
        }
        let format = begin + 1 < to && self.inner_text(begin).contains(&b'%');
        Some(begin + usize::from(format))
    }
}

/// `--password-command "echo SECRET"`: where the secret begins in a command that only prints it.
pub(super) fn printed_secret(name: &[u8], command: &[u8]) -> Option<usize> {
    let printer = PRINTERS.iter().find(|printer| {
        command.starts_with(printer.as_bytes()) && command.get(printer.len()) == Some(&b' ')
    })?;
    let ends = [&b"command"[..], b"cmd", b"eval"]
        .iter()
        .any(|tail| is_head(name, tail));
    let pass = name
        .windows(4)
        .any(|part| part.eq_ignore_ascii_case(b"pass"));
    (ends && pass).then_some(printer.len() + 1)
}
