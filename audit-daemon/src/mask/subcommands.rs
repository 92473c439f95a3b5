//! Whether a row of the table applies: its sub-commands are there, in order.
//!
//! Owns: matching sub-commands, with the patterns that `rules::Program::sub` describes.
//! Must not: mark anything.
//! Invariant: each sub-command costs one pass over the words of the command.

use super::rules::Program;
use super::scan::Scan;

impl Scan<'_> {
    /// The word behind the sub-commands, if all are there in order.
    pub(super) fn after_sub_commands(
        &self,
        row: &Program,
        first: usize,
        last: usize,
    ) -> Option<usize> {
        let mut begin = first;
        for sub in row.sub {
            if let Some(letters) = sub.strip_suffix('*').filter(|sub| sub.starts_with('-')) {
                let mut wanted = letters.bytes().skip(1);
                let given = |letter: u8| {
                    (first..last).any(|word| {
                        let text = self.inner_text(word);
                        text.first() == Some(&b'-')
                            && text.get(1) != Some(&b'-')
                            && text.contains(&letter)
                    })
                };
                if !wanted.all(given) {
                    return None;
                }
                continue;
            }
            let (sub, head) = match sub.strip_prefix('^') {
                Some(sub) => (sub, true),
                None => (*sub, false),
            };
            let found = (begin..last).position(|word| fits_sub(self.inner_text(word), sub))?;
            if head && !self.only_options(begin, begin + found) {
                return None;
            }
            begin += 1 + found;
        }
        Some(begin)
    }

    /// Whether all these words are options or stand behind one.
    fn only_options(&self, first: usize, last: usize) -> bool {
        let option = |word: usize| self.inner_text(word).starts_with(b"-");
        (first..last).all(|word| option(word) || (word > first && option(word - 1)))
    }
}

/// A sub-command in any case. `x*`, `*x` and `*x*` stand for those that begin with, end with or
/// contain `x`.
fn fits_sub(text: &[u8], sub: &str) -> bool {
    let (sub, open_end) = match sub.strip_suffix('*') {
        Some(sub) => (sub, true),
        None => (sub, false),
    };
    let (sub, open_head) = match sub.strip_prefix('*') {
        Some(sub) => (sub.as_bytes(), true),
        None => (sub.as_bytes(), false),
    };
    if text.len() < sub.len() {
        return false;
    }
    let rest = text.len() - sub.len();
    match (open_head, open_end) {
        (false, false) => text.eq_ignore_ascii_case(sub),
        (false, true) => text[..sub.len()].eq_ignore_ascii_case(sub),
        (true, false) => text[rest..].eq_ignore_ascii_case(sub),
        (true, true) => memchr::memmem::find(text, sub).is_some(),
    }
}
