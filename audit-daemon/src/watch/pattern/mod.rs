//! Path patterns: what stands in `paths` of a watch.
//!
//! OWNS: the syntax below, its errors, and the exact match of one path. MUST NOT: look at a file
//! system, or know what a watch is.
//!
//! A pattern is an absolute path of bytes. Its components are separated by `/`:
//!
//! | written      | matches                                                                    |
//! |--------------|----------------------------------------------------------------------------|
//! | `*`          | any characters of one component, also none and also a leading dot          |
//! | `?`          | one character of a component                                               |
//! | `[a-z]`      | one character of these; `[!a]` or `[^a]` one that is none of these         |
//! | `**`         | any number of whole components, also none; only alone between slashes      |
//! | `/**` at end | everything below, at any depth, but not the directory itself               |
//! | `{a,b}`      | either; alternatives may hold slashes, other braces, or nothing            |
//! | `\*`         | the character itself, for `* ? [ ] { } , \ ! ^ -` and other punctuation    |
//! | `\xHH`       | the byte with this value, for names that are not UTF-8                     |
//!
//! Everything else is itself. A path without wildcards names exactly that object, be it a file or
//! a directory; a slash at its end is refused, because it could mean either the directory or what
//! is in it. `/srv/x{,/**}` is both.
//!
//! A character is one of UTF-8 where a name is UTF-8, and one byte where it is not.
//!
//! Invariants: braces are expanded once, to at most [`ALTERNATIVES_MAX`]; a match takes at most
//! (length of the path) × (length of the pattern) steps whatever both hold, and no memory.

mod braces;
mod glob;

use std::fmt::Write as _;

pub use glob::Glob;

/// Longest pattern, before and after the expansion of braces: the kernel's own limit of a path.
pub const PATTERN_BYTES_MAX: usize = 4_096;
/// Most components of a pattern: what a walk in the kernel follows.
pub const LEVELS_MAX: usize = 64;
/// Most alternatives that the braces of one pattern stand for.
pub const ALTERNATIVES_MAX: usize = 1_024;

/// Why something is no pattern, in words that say what would be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// It does not begin with a slash.
    #[error("expected a path that begins with /")]
    Relative,
    /// It is longer than any path.
    #[error("expected at most {PATTERN_BYTES_MAX} bytes")]
    TooLong,
    /// It is deeper than is watched.
    #[error("expected at most {LEVELS_MAX} components between slashes")]
    TooDeep,
    /// No file name holds a NUL.
    #[error("a path holds no NUL")]
    Nul,
    /// `.` or `..` among the components.
    #[error("write the path out: components . and .. are not followed")]
    Dots,
    /// A slash at the end.
    #[error("take off the last slash for the directory itself, add ** for what is below it")]
    TrailingSlash,
    /// `**` beside something else in a component.
    #[error("** stands for whole directories: write it alone between slashes, or a single *")]
    PartialTree,
    /// `[` that is not closed before the next slash.
    #[error("[ is not closed in this component: add ], or write \\[ for the character")]
    OpenClass,
    /// `[z-a]`
    #[error("a range between [ ] runs backwards")]
    BackwardRange,
    /// `{` without its `}`.
    #[error("{{ is not closed: add }}, or write \\{{ for the character")]
    OpenBrace,
    /// `}` without its `{`.
    #[error("}} closes nothing: write \\}} for the character")]
    StrayBrace,
    /// More alternatives than are expanded.
    #[error("the braces stand for more than {ALTERNATIVES_MAX} paths: use * or several watches")]
    TooManyAlternatives,
    /// A backslash before nothing, a letter, a digit or a slash.
    #[error("write \\\\ for a backslash, \\xHH for a byte, \\* for a character with a meaning")]
    Escape,
}

/// A pattern: one or more alternatives without braces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    alternatives: Vec<Alternative>,
}

/// One path of a pattern, as its components.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Alternative {
    components: Vec<Component>,
}

/// What may stand between two slashes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Component {
    /// This name and no other.
    Name(Box<[u8]>),
    /// Names of this form.
    Glob(Glob),
    /// `**`: any number of components. Never the last, never beside another.
    Tree,
}

impl Pattern {
    /// Reads a pattern.
    pub fn parse(text: &[u8]) -> Result<Self, PatternError> {
        if text.len() > PATTERN_BYTES_MAX {
            return Err(PatternError::TooLong);
        }
        let mut alternatives: Vec<Alternative> = Vec::new();
        for expanded in braces::expand(text)? {
            alternatives.push(Alternative::parse(&expanded)?);
        }
        Ok(Self { alternatives })
    }

    /// What its braces stand for, at least one.
    pub fn alternatives(&self) -> &[Alternative] {
        &self.alternatives
    }

    /// Does one of the alternatives match?
    pub fn matches(&self, path: &[u8]) -> bool {
        self.alternatives.iter().any(|one| one.matches(path))
    }
}

impl Alternative {
    /// Exactly these components, such as a watched path that leads through a link.
    pub fn new(components: Vec<Component>) -> Self {
        Self { components }
    }

    fn parse(text: &[u8]) -> Result<Self, PatternError> {
        if text.len() > PATTERN_BYTES_MAX {
            return Err(PatternError::TooLong);
        }
        if text.contains(&0) {
            return Err(PatternError::Nul);
        }
        let Some((b'/', inner)) = text.split_first() else {
            return Err(PatternError::Relative);
        };
        if inner.ends_with(b"/") {
            return Err(PatternError::TrailingSlash);
        }
        let mut components = Vec::new();
        let mut levels = 0;
        for part in inner.split(|byte| *byte == b'/') {
            // As the kernel has it, two slashes are one.
            if part.is_empty() {
                continue;
            }
            levels += 1;
            if levels > LEVELS_MAX {
                return Err(PatternError::TooDeep);
            }
            let component = glob::component(part)?;
            if component != Component::Tree || components.last() != Some(&Component::Tree) {
                components.push(component);
            }
        }
        if components.last() == Some(&Component::Tree) {
            components.push(Component::Glob(Glob::any()));
        }
        Ok(Self { components })
    }

    /// Its components; none for `/`.
    pub fn components(&self) -> &[Component] {
        &self.components
    }

    /// Does it match this absolute path? Empty components of `path` count for nothing.
    pub fn matches(&self, path: &[u8]) -> bool {
        let Some((b'/', mut rest)) = path.split_first() else {
            return false;
        };
        let mut pattern = self.components.as_slice();
        // Behind the last `**`, and the components that it has not yet taken. An earlier one need
        // not take more: the later one can take the same.
        let mut retry: Option<(&[Component], &[u8])> = None;
        loop {
            if let [Component::Tree, behind @ ..] = pattern {
                retry = Some((behind, rest));
                pattern = behind;
                continue;
            }
            let step = match (pattern.split_first(), next_component(rest)) {
                (None, None) => return true,
                (Some((component, behind)), Some((name, after))) if component.matches(name) => {
                    Some((behind, after))
                }
                (Some(_), None) => return false,
                _ => None,
            };
            if let Some(taken) = step {
                (pattern, rest) = taken;
                continue;
            }
            let Some((behind, untaken)) = retry else {
                return false;
            };
            let Some((_, after)) = next_component(untaken) else {
                return false;
            };
            retry = Some((behind, after));
            (pattern, rest) = (behind, after);
        }
    }
}

impl Component {
    /// Does it match one name? `**` matches each.
    pub fn matches(&self, name: &[u8]) -> bool {
        match self {
            Self::Name(own) => **own == *name,
            Self::Glob(glob) => glob.matches(name),
            Self::Tree => true,
        }
    }
}

/// The first component of what follows a slash, and what follows it.
pub(super) fn next_component(path: &[u8]) -> Option<(&[u8], &[u8])> {
    let start = path.iter().position(|byte| *byte != b'/')?;
    let path = &path[start..];
    let end = path
        .iter()
        .position(|byte| *byte == b'/')
        .unwrap_or(path.len());
    Some(path.split_at(end))
}

/// The pattern that matches exactly `path`.
pub fn escape(path: &[u8]) -> String {
    let mut out = String::with_capacity(path.len());
    for chunk in path.utf8_chunks() {
        for c in chunk.valid().chars() {
            if "*?[]{},\\".contains(c) {
                out.push('\\');
            }
            out.push(c);
        }
        for byte in chunk.invalid() {
            // Writing to a String cannot fail.
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out
}

#[cfg(test)]
pub(crate) mod tests;
