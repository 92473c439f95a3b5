//! Secrets that reach a program through its standard input: `echo x | sudo -S`, `<<< x`.
//!
//! Owns: which words before a pipe are printed, and which programs read a secret there.
//! Must not: follow anything but one pipe or one here-string.
//! Invariant: only words of `echo` and its kind are marked, and of them only what is printed.

use super::rules::{Part, Place, Program};
use super::scan::Scan;

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
                    if !self.buf[start..end].starts_with(b"-") {
                        self.mark_part(row.rule, part, start, end);
                    }
                }
            }
        }
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
