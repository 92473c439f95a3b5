//! Rules of the operator, from the configuration.
//!
//! Owns: their settings, their checks, their compiled form and what they find.
//! Must not: reach into the built-in table; a custom rule adds, it never takes away.
//! Invariant: every compiled rule can match something, and has a literal for the prefilter or a
//! regular expression (linear in time, bounded in size).

use regex::bytes::{Regex, RegexBuilder};
use serde::Deserialize;

use super::MaskError;
use super::programs::base_name;
use super::rules::{NAME_WORDS, PROGRAMS, SHAPES};
use super::scan::RuleRef;
use super::value::is_reference;
use super::words::unquoted;

/// Compiled size of one regular expression: far above any rule a person writes.
const REGEX_BYTES_MAX: usize = 1 << 20;

/// One rule of the operator. At least one of options, variables, pattern must be given.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CustomRule {
    /// Stands in the record: lower-case letters, digits and `-`.
    pub name: String,
    /// Options whose value is secret: `--api-pin` (also `--api-pin=x`), `-P` (also `-Px`).
    pub options: Vec<String>,
    /// Options and pattern hold only in command lines of these programs, by base name; empty: in
    /// all. Variables hold everywhere.
    pub programs: Vec<String>,
    /// Names of variables, keys and parameters, with `*` for any characters: `*_PIN`.
    pub variables: Vec<String>,
    /// A regular expression whose only capture group is the secret; applied to each argument.
    pub pattern: Option<String>,
}

#[derive(Debug)]
pub(super) struct Compiled {
    pub name: String,
    pub options: Vec<Vec<u8>>,
    pub programs: Vec<Vec<u8>>,
    variables: Vec<Vec<u8>>,
    pub pattern: Option<Regex>,
}

/// Rule names of the built-in table that stand in no table row.
const SYNTAX_RULES: &[&str] = &[
    "url-credentials",
    "authorization",
    "session",
    "private-key",
    "sql-password",
    "telegram-token",
];

/// Whether a rule of this name is built in.
pub(super) fn is_builtin(name: &str) -> bool {
    SYNTAX_RULES.contains(&name)
        || NAME_WORDS.iter().any(|row| row.rule == name)
        || PROGRAMS.iter().any(|row| row.rule == name)
        || SHAPES.iter().any(|row| row.rule == name)
}

/// Checks and compiles the rules; also gives the literals that the prefilter must look for.
pub(super) fn compile(rules: &[CustomRule]) -> Result<(Vec<Compiled>, Vec<String>), MaskError> {
    let mut compiled: Vec<Compiled> = Vec::with_capacity(rules.len());
    let mut literals = Vec::new();
    for (at, rule) in rules.iter().enumerate() {
        check_name(at, rule, &compiled)?;
        if rule.options.is_empty() && rule.variables.is_empty() && rule.pattern.is_none() {
            return Err(MaskError::RuleIsEmpty {
                rule: rule.name.clone(),
            });
        }
        for option in &rule.options {
            if option.len() < 2
                || option.contains(['=', '\0'])
                || !option.starts_with(['-', '/', '+'])
            {
                return Err(MaskError::BadOption {
                    rule: rule.name.clone(),
                    option: option.clone(),
                });
            }
            literals.push(option.clone());
        }
        for glob in &rule.variables {
            literals.push(longest_literal(rule, glob)?);
        }
        compiled.push(Compiled {
            name: rule.name.clone(),
            options: rule
                .options
                .iter()
                .map(|text| text.clone().into_bytes())
                .collect(),
            programs: rule
                .programs
                .iter()
                .map(|text| text.clone().into_bytes())
                .collect(),
            variables: rule
                .variables
                .iter()
                .map(|text| text.clone().into_bytes())
                .collect(),
            pattern: rule
                .pattern
                .as_deref()
                .map(|text| pattern(rule, text))
                .transpose()?,
        });
    }
    Ok((compiled, literals))
}

impl Compiled {
    /// Whether the rule speaks of a variable of this name.
    pub(super) fn names(&self, name: &[u8]) -> bool {
        self.variables.iter().any(|glob| glob_fits(glob, name))
    }

    /// What the operator calls a secret is one, unless there is none or it is a reference.
    pub(super) fn is_secret(value: &[u8]) -> bool {
        !value.is_empty() && !is_reference(value)
    }

    /// Whether the rule holds for this program.
    pub(super) fn holds_for(&self, program: &[u8]) -> bool {
        self.programs.is_empty() || self.programs.iter().any(|name| name == program)
    }
}

impl super::scan::Scan<'_> {
    /// Runs the regular expressions over `buf[start..end]`, one argument of the command in the
    /// words `first..last`.
    pub(super) fn custom_patterns(&mut self, first: usize, last: usize, start: usize, end: usize) {
        let masker = self.masker;
        for (at, rule) in masker.custom.iter().enumerate() {
            let Some(pattern) = &rule.pattern else {
                continue;
            };
            let called =
                || (first..last).any(|word| rule.holds_for(base_name(self.inner_text(word))));
            if !rule.programs.is_empty() && !called() {
                continue;
            }
            for found in pattern.captures_iter(&self.buf[start..end]) {
                if let Some(secret) = found.get(1) {
                    let span = (start + secret.start(), start + secret.end());
                    self.mark(span.0, span.1, RuleRef::Custom(at));
                }
            }
        }
    }

    /// Options of custom rules among the words of one command.
    pub(super) fn custom_options(&mut self, first: usize, last: usize) {
        let masker = self.masker;
        for (at, rule) in masker.custom.iter().enumerate() {
            let begin = if rule.programs.is_empty() {
                Some(first)
            } else {
                (first..last).find(|word| rule.holds_for(base_name(self.inner_text(*word))))
            };
            let Some(begin) = begin else { continue };
            for word in begin..last {
                if let Some((start, end)) = self.custom_option_value(rule, word, last)
                    && Compiled::is_secret(&self.buf[start..end])
                {
                    self.mark(start, end, RuleRef::Custom(at));
                }
            }
        }
    }

    fn custom_option_value(
        &self,
        rule: &Compiled,
        word: usize,
        last: usize,
    ) -> Option<(usize, usize)> {
        let (start, end) = self.inner(word);
        let text = &self.buf[start..end];
        for option in &rule.options {
            let Some(rest) = text.strip_prefix(option.as_slice()) else {
                continue;
            };
            if rest.is_empty() {
                return (word + 1 < last).then(|| self.inner(word + 1));
            }
            let begin = end - rest.len();
            if rest[0] == b'=' {
                return Some(unquoted(self.buf, begin + 1, end));
            }
            // `-Px`: only options of one letter are glued to their value.
            if option.len() == 2 && option[0] == b'-' {
                return Some(unquoted(self.buf, begin, end));
            }
        }
        None
    }
}

fn check_name(at: usize, rule: &CustomRule, before: &[Compiled]) -> Result<(), MaskError> {
    let name = &rule.name;
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if name.is_empty() || name.len() > 64 || !name.bytes().all(fits) {
        return Err(MaskError::BadName {
            number: at + 1,
            rule: name.clone(),
        });
    }
    if is_builtin(name) {
        return Err(MaskError::BuiltinName { rule: name.clone() });
    }
    if before.iter().any(|other| other.name == *name) {
        return Err(MaskError::DuplicateName { rule: name.clone() });
    }
    Ok(())
}

fn longest_literal(rule: &CustomRule, glob: &str) -> Result<String, MaskError> {
    let literal = glob
        .split('*')
        .max_by_key(|part| part.len())
        .unwrap_or_default();
    let bytes_fit = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.*".contains(&byte);
    if literal.len() < 2 || !glob.bytes().all(bytes_fit) {
        return Err(MaskError::BadVariable {
            rule: rule.name.clone(),
            variable: glob.to_owned(),
        });
    }
    Ok(literal.to_owned())
}

fn pattern(rule: &CustomRule, text: &str) -> Result<Regex, MaskError> {
    let regex = RegexBuilder::new(text)
        .size_limit(REGEX_BYTES_MAX)
        .build()
        .map_err(|source| MaskError::BadPattern {
            rule: rule.name.clone(),
            source: Box::new(source),
        })?;
    // Group 0 is the whole match.
    match regex.captures_len() - 1 {
        1 => Ok(regex),
        groups => Err(MaskError::CaptureGroups {
            rule: rule.name.clone(),
            groups,
        }),
    }
}

/// `*` fits any characters, letters fit in any case. Linear but for the usual backtrack of `*`.
fn glob_fits(glob: &[u8], name: &[u8]) -> bool {
    let (mut g, mut n) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while n < name.len() {
        if glob.get(g) == Some(&b'*') {
            retry = Some((g + 1, n));
            g += 1;
        } else if glob
            .get(g)
            .is_some_and(|byte| byte.eq_ignore_ascii_case(&name[n]))
        {
            g += 1;
            n += 1;
        } else if let Some((star, from)) = retry {
            g = star;
            n = from + 1;
            retry = Some((star, n));
        } else {
            return false;
        }
    }
    glob[g..].iter().all(|byte| *byte == b'*')
}
