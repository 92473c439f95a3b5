//! Owns: the words after a command's name, and how options are taken out of them.
//! Must not: know any command or option by name, print anything but help, or exit.
//!
//! A command takes what it knows (`flag`, `value`, `values`), then calls
//! [`Args::finish`]: a word nobody took is an error that names the nearest known one. Everything
//! after a lone `--` is [`Args::trailing`] and is never looked into.

use std::ffi::OsString;

use anyhow::{Result, bail};

/// What was typed after the command's name. `--name VALUE` and `--name=VALUE` mean the same.
#[derive(Debug, Clone, Default)]
pub struct Args {
    words: Vec<String>,
    trailing: Vec<OsString>,
    known: Vec<&'static str>,
}

impl Args {
    /// Splits at the first lone `--`. A word before it that is not UTF-8 is an error.
    pub fn new(words: impl IntoIterator<Item = OsString>) -> Result<Self> {
        let mut args = Self::default();
        let mut words = words.into_iter();
        for word in words.by_ref() {
            if word == "--" {
                break;
            }
            match word.into_string() {
                Ok(word) => args.words.push(word),
                Err(word) => {
                    bail!("{word:?} is not UTF-8; put it after `--` to pass it on as it is")
                }
            }
        }
        args.trailing = words.collect();
        Ok(args)
    }

    /// Prints `text` and answers true if `--help` or `-h` was asked for.
    pub fn help(&mut self, text: &str) -> bool {
        let asked = self.take("--help") || self.take("-h");
        if asked {
            println!("{}", text.trim_end());
        }
        asked
    }

    /// Whether the switch `name` (with its dashes) was given; twice is the same as once.
    pub fn flag(&mut self, name: &'static str) -> bool {
        self.known.push(name);
        let mut given = false;
        while self.take(name) {
            given = true;
        }
        given
    }

    /// The value of the option `name` (with its dashes); giving it twice is an error.
    pub fn value(&mut self, name: &'static str) -> Result<Option<String>> {
        let mut values = self.values(name)?;
        if values.len() > 1 {
            bail!("{name} is given {} times; it takes one value", values.len());
        }
        Ok(values.pop())
    }

    /// Every value of the option `name`, in order. `a,b` counts as two.
    pub fn values(&mut self, name: &'static str) -> Result<Vec<String>> {
        self.known.push(name);
        let mut values = Vec::new();
        while let Some(at) = self.words.iter().position(|word| is_option(word, name)) {
            let word = self.words.remove(at);
            let value = match word.split_once('=') {
                Some((_, value)) => value.to_owned(),
                None if at < self.words.len() && !self.words[at].starts_with("--") => {
                    self.words.remove(at)
                }
                None => bail!("{name} needs a value: {name} VALUE"),
            };
            values.extend(
                value
                    .split(',')
                    .filter(|part| !part.is_empty())
                    .map(str::to_owned),
            );
        }
        Ok(values)
    }

    /// All that was typed, for a command that reads its words itself.
    pub fn into_words(self) -> Vec<OsString> {
        let separator = (!self.trailing.is_empty()).then(|| OsString::from("--"));
        let words = self.words.into_iter().map(OsString::from);
        words.chain(separator).chain(self.trailing).collect()
    }

    /// What stood after the lone `--`.
    pub fn trailing(&mut self) -> Vec<OsString> {
        std::mem::take(&mut self.trailing)
    }

    /// Fails if anything was typed that the command did not take.
    pub fn finish(self) -> Result<()> {
        if let Some(word) = self.words.first() {
            let name = word.split('=').next().unwrap_or(word);
            match nearest(name, &self.known) {
                Some(near) => bail!("unknown option `{name}`; did you mean `{near}`?"),
                None => bail!("unknown argument `{name}`; see --help"),
            }
        }
        if let Some(word) = self.trailing.first() {
            bail!("nothing may follow `--` here, but {word:?} does; see --help");
        }
        Ok(())
    }

    fn take(&mut self, name: &str) -> bool {
        let at = self.words.iter().position(|word| word == name);
        at.map(|at| self.words.remove(at)).is_some()
    }
}

/// The candidate that `word` most likely meant: at most two letters, or a third of it, differ.
pub fn nearest<'a>(word: &str, candidates: &[&'a str]) -> Option<&'a str> {
    let reach = (word.len() / 3).max(2);
    let best = candidates
        .iter()
        .map(|name| (edits(word, name), *name))
        .min()?;
    (best.0 <= reach).then_some(best.1)
}

fn is_option(word: &str, name: &str) -> bool {
    word.strip_prefix(name)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
}

/// Levenshtein distance in bytes.
fn edits(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let substituted = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(line: &str) -> Args {
        Args::new(line.split_whitespace().map(OsString::from)).unwrap()
    }

    #[test]
    fn takes_switches_values_and_the_rest() {
        let mut args = args("--release --tier unit,golden --tier=vm --filter exec -- --tier x");
        assert!(args.flag("--release"));
        assert!(!args.flag("--check"));
        assert_eq!(args.values("--tier").unwrap(), ["unit", "golden", "vm"]);
        assert_eq!(args.value("--filter").unwrap().as_deref(), Some("exec"));
        assert_eq!(args.trailing(), ["--tier", "x"]);
        args.finish().unwrap();
    }

    #[test]
    fn a_word_nobody_took_names_the_nearest() {
        let mut args = args("--tire unit");
        assert_eq!(args.values("--tier").unwrap(), [""; 0]);
        let error = args.finish().unwrap_err().to_string();
        assert_eq!(error, "unknown option `--tire`; did you mean `--tier`?");
        let error = self::args("--zzz").finish().unwrap_err().to_string();
        assert_eq!(error, "unknown argument `--zzz`; see --help");
    }

    #[test]
    fn a_missing_or_repeated_value_is_an_error() {
        for line in ["--tier", "--tier --release"] {
            let error = args(line).value("--tier").unwrap_err().to_string();
            assert_eq!(error, "--tier needs a value: --tier VALUE");
        }
        let error = args("--filter a --filter b")
            .value("--filter")
            .unwrap_err()
            .to_string();
        assert_eq!(error, "--filter is given 2 times; it takes one value");
    }

    #[test]
    fn words_come_back_as_typed() {
        for line in ["", "--kernel 5.10 x", "-a -- --b"] {
            assert_eq!(args(line).into_words().join(&OsString::from(" ")), line);
        }
    }

    #[test]
    fn unasked_trailing_words_are_refused() {
        let error = args("-- x").finish().unwrap_err().to_string();
        assert_eq!(
            error,
            "nothing may follow `--` here, but \"x\" does; see --help"
        );
    }

    #[test]
    fn an_option_is_not_taken_for_its_prefix() {
        let mut args = args("--tiers x");
        assert_eq!(args.value("--tier").unwrap(), None);
    }

    #[test]
    fn distance_counts_single_letter_edits() {
        assert_eq!(edits("kitten", "sitting"), 3);
        assert_eq!(edits("", "abc"), 3);
        assert_eq!(edits("same", "same"), 0);
    }
}
