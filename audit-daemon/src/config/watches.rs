//! `[[watch]]`: which files are watched, for what, and with which exceptions, as it was written.
//!
//! OWNS: the fields of a watch and their bounds, and the appending of several files' watches.
//! MUST NOT: look whether a path exists, or match one: that is [`crate::watch`], whose syntax of
//! patterns (`watch::pattern`, which knows nothing of configurations) is checked here so that a
//! wrong one is shown in its line.
//!
//! Invariants: watches keep the order of the files; no two have the same name; each has a path and
//! an operation; each exception has a condition; together they have at most [`PATHS_MAX`] paths.

use std::collections::HashSet;
use std::marker::PhantomData;

use serde_json::json;
use toml::de::{DeTable, DeValue};

use super::reader::{At, Node, apply};
use super::scalar::OneOf;
use super::table::{Kind, Section as _, Shape, choices, settings};
use super::text::Text;
use crate::watch::pattern::{PATTERN_BYTES_MAX, Pattern};
use kinds::{Filled, Labels};

mod kinds;

/// Watches are counted by their paths, each of which is looked up when the daemon starts.
const PATHS_MAX: usize = 10_000;
/// What the braces of all paths may stand for: a bound of memory, far above any real use.
const ALTERNATIVES_MAX: usize = 100_000;
/// Exceptions of one watch: each is tried on each access that the watch matches.
const EXCEPTIONS_MAX: usize = 64;
/// Entries of one list within an exception, for the same reason.
const EXCEPTION_WORDS_MAX: usize = 256;
/// The name goes into each record of the watch.
const NAME_BYTES_MAX: usize = 64;
/// Longer than any name of a user or container.
const WORD_BYTES_MAX: usize = 255;

const NAME: Text = Text {
    check: check_name,
    pattern: "^[a-z0-9_-]{1,64}$",
};
const PATTERN: Text = Text {
    check: check_pattern,
    pattern: "^[/{]",
};
const PATTERNS: Filled<Text> = Filled {
    item: PATTERN,
    items_max: PATHS_MAX,
};
const OPERATIONS: Filled<OneOf<Operation>> = Filled {
    item: OneOf(PhantomData),
    items_max: Operation::COUNT,
};
const EXECUTABLES: Filled<Text> = Filled {
    item: Text {
        check: check_executable,
        pattern: "^/",
    },
    items_max: EXCEPTION_WORDS_MAX,
};
const WORDS: Filled<Text> = Filled {
    item: Text {
        check: check_word,
        pattern: "^[^\\u0000]+$",
    },
    items_max: EXCEPTION_WORDS_MAX,
};

choices! {
    /// What is done to a watched thing.
    pub enum Operation {
        /// Opened for reading.
        Read = "read",
        /// Opened for writing, or truncated.
        Write = "write",
        /// Made: a file, directory, node or symbolic link.
        Create = "create",
        /// Removed.
        Delete = "delete",
        /// Renamed or moved, from here or to here.
        Rename = "rename",
        /// Given another name by a hard link.
        Link = "link",
        /// Mode, owner, extended attributes.
        Attributes = "attributes",
        /// Mounted on, unmounted, moved, made a root.
        Mount = "mount",
        /// Given other times of access or modification.
        Times = "times",
    }
}

impl Operation {
    /// How many there are.
    pub const COUNT: usize = Self::EVERY.len();

    /// All of them.
    pub const EVERY: [Self; 9] = [
        Self::Read,
        Self::Write,
        Self::Create,
        Self::Delete,
        Self::Rename,
        Self::Link,
        Self::Attributes,
        Self::Mount,
        Self::Times,
    ];

    /// What a watch is for unless it says otherwise: all that changes something but times, which every
    /// copy and every archive sets.
    pub fn changes() -> Vec<Self> {
        let all = Self::with_reading().into_iter();
        all.filter(|one| *one != Self::Read).collect()
    }

    /// All but times, which are only recorded where a watch names them.
    pub fn with_reading() -> Vec<Self> {
        let all = Self::EVERY.into_iter();
        all.filter(|one| *one != Self::Times).collect()
    }
}

choices! {
    /// Whose files a path means.
    pub enum Scope {
        /// The host's.
        Host = "host",
        /// The same path inside containers too.
        All = "all",
    }
}

settings! {
    /// `[[watch]]`
    pub struct Watch as "key" {
        /// The name that stands in the records. Required, and unique.
        name: String = NAME => String::new(),
        /// What is watched: absolute paths, with `*`, `?`, `[a-z]`, `{a,b}`, and `**` for whole
        /// directories. A path without wildcards is that file or directory itself, `/**` behind
        /// it what is below. Required.
        paths: Vec<String> = PATTERNS => Vec::new(),
        /// What is recorded: "read", "write", "create", "delete", "rename", "link",
        /// "attributes", "mount", "times"; if left out all but "read" and "times".
        operations: Vec<Operation> = OPERATIONS => Operation::changes(),
        /// What is not recorded: all conditions of one entry must hold together.
        exclude: Vec<Exception> = Exceptions => Vec::new(),
        /// Labels for the records of this watch.
        labels: Vec<String> = Labels => Vec::new(),
        /// "host": paths as the host sees them; "all": also the same paths inside containers.
        scope: Scope = OneOf(PhantomData) => Scope::Host,
    }
}

settings! {
    /// An entry of `exclude`: what a watch does not record. An empty list is no condition.
    pub struct Exception as "key" {
        /// Accesses to these, written as the paths of a watch.
        paths: Vec<String> = PATTERNS => Vec::new(),
        /// Accesses by these programs, told by what they are and not by their name.
        executables: Vec<String> = EXECUTABLES => Vec::new(),
        /// Accesses by these users: names or numbers.
        users: Vec<String> = WORDS => Vec::new(),
        /// Accesses from these containers: names or ids, of which twelve digits are enough.
        containers: Vec<String> = WORDS => Vec::new(),
    }
}

/// `[[watch]]`, appended over all files.
#[derive(Debug)]
pub(super) struct Watches;

impl Kind for Watches {
    type Value = Vec<Watch>;

    fn apply(&self, watches: &mut Vec<Watch>, node: &Node<'_>, at: &mut At<'_, '_>) {
        let Some(items) = tables(node, at, "write [[watch]]") else {
            return;
        };
        let mut names: HashSet<String> = watches.iter().map(|watch| watch.name.clone()).collect();
        let mut paths: usize = watches.iter().map(|watch| watch.paths.len()).sum();
        let mut alternatives: usize = watches.iter().map(alternatives_of).sum();
        for (item, table) in items {
            let watch = read_watch(watches.len(), &mut names, table, item, at);
            // A faulty watch without paths counts too, so that a list of such is bounded.
            paths += watch.paths.len().max(1);
            alternatives += alternatives_of(&watch);
            if paths > PATHS_MAX {
                let what = format!("has more than {PATHS_MAX} paths, counted over all watches");
                return at.refuse(item.span(), &what, "one too many here");
            }
            if alternatives > ALTERNATIVES_MAX {
                let what = format!("stands for more than {ALTERNATIVES_MAX} paths");
                return at.refuse(item.span(), &what, "use * instead of so many {a,b}");
            }
            watches.push(watch);
        }
    }

    fn shape(&self, _watches: &Vec<Watch>) -> Shape {
        let mut item = super::schema::of_rows(Watch::default().rows());
        item["required"] = json!(["name", "paths"]);
        Shape::Value {
            schema: json!({ "type": "array", "items": item, "maxItems": PATHS_MAX }),
            value: None,
        }
    }
}

/// One watch. A faulty one is returned as far as it could be read: its fault is kept and
/// refuses the whole configuration.
fn read_watch(
    index: usize,
    names: &mut HashSet<String>,
    table: &DeTable<'_>,
    node: &Node<'_>,
    at: &mut At<'_, '_>,
) -> Watch {
    let mut watch = Watch::default();
    let mut at = at.inside(Some(index));
    if let Some(name) = table.get("name").and_then(|name| name.get_ref().as_str()) {
        at.call(name);
    } else if !table.contains_key("name") {
        let label = "add name = \"…\", it stands in the records";
        at.refuse_table(node.span(), "has no name", label);
    }
    at.keep_table_origin(&node.span());
    apply(&mut watch, table, &mut at);
    if !watch.name.is_empty() && !names.insert(watch.name.clone()) {
        let label = "give each watch a name of its own";
        at.refuse_table(node.span(), "stands twice", label);
    }
    if !table.contains_key("paths") {
        at.refuse_table(node.span(), "watches nothing", "add paths = [\"/…\"]");
    }
    watch
}

/// What the braces in its paths stand for.
fn alternatives_of(watch: &Watch) -> usize {
    let excluded = watch.exclude.iter().flat_map(|one| &one.paths);
    let patterns = watch.paths.iter().chain(excluded);
    // Without braces there is nothing to count, which is the usual case.
    patterns
        .map(|text| match text.contains('{') {
            true => Pattern::parse(text.as_bytes()).map_or(0, |one| one.alternatives().len()),
            false => 1,
        })
        .sum()
}

/// The tables of an array of tables, those of a wrong type refused.
fn tables<'n, 'i>(
    node: &'n Node<'i>,
    at: &mut At<'_, '_>,
    label: &str,
) -> Option<Vec<(&'n Node<'i>, &'n DeTable<'i>)>> {
    let items = match node.get_ref() {
        DeValue::Array(items) => items,
        DeValue::Table(_) => {
            at.refuse(node.span(), "is an array of tables", label);
            return None;
        }
        _ => {
            at.wrong_type(node, "an array of tables", label);
            return None;
        }
    };
    let mut tables = Vec::new();
    for item in items.iter() {
        match item.get_ref() {
            DeValue::Table(table) => tables.push((item, table)),
            _ => at.wrong_type(item, "an array of tables", "expected a table with its keys"),
        }
    }
    Some(tables)
}

/// `exclude`: a list of exceptions.
#[derive(Debug)]
struct Exceptions;

impl Kind for Exceptions {
    type Value = Vec<Exception>;

    fn apply(&self, exceptions: &mut Vec<Exception>, node: &Node<'_>, at: &mut At<'_, '_>) {
        let Some(items) = tables(node, at, "write [{ paths = [\"/…\"] }]") else {
            return;
        };
        if items.len() > EXCEPTIONS_MAX {
            let label = format!("expected at most {EXCEPTIONS_MAX}, found {}", items.len());
            return at.refuse(node.span(), "has too many entries", label);
        }
        for (index, (item, table)) in items.into_iter().enumerate() {
            let mut exception = Exception::default();
            let mut at = at.inside(Some(index));
            apply(&mut exception, table, &mut at);
            if table.is_empty() {
                let label = "add paths, executables, users or containers";
                at.refuse_table(item.span(), "has no condition", label);
            }
            exceptions.push(exception);
        }
    }

    fn shape(&self, _exceptions: &Vec<Exception>) -> Shape {
        let mut item = super::schema::of_rows(Exception::default().rows());
        item["minProperties"] = json!(1);
        Shape::Value {
            schema: json!({ "type": "array", "items": item, "maxItems": EXCEPTIONS_MAX }),
            value: None,
        }
    }
}

fn check_name(name: &str) -> Result<(), String> {
    let fits = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-')
    };
    if (1..=NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(fits) {
        return Ok(());
    }
    Err(format!(
        "expected 1 to {NAME_BYTES_MAX} of a-z, 0-9, _ and -"
    ))
}

fn check_pattern(text: &str) -> Result<(), String> {
    match Pattern::parse(text.as_bytes()) {
        Ok(_) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}

fn check_executable(path: &str) -> Result<(), String> {
    let dots = || path.split('/').any(|part| part == "." || part == "..");
    let expected = if !path.starts_with('/') {
        "expected a path that begins with /"
    } else if path.len() > PATTERN_BYTES_MAX || path.contains('\0') || path.ends_with('/') {
        "expected the path of a program"
    } else if dots() {
        "write the path out: components . and .. are not followed"
    } else if path.contains(['*', '?', '{']) {
        "name each program: it is told by what it is, which a wildcard cannot say"
    } else {
        return Ok(());
    };
    Err(expected.to_owned())
}

fn check_word(word: &str) -> Result<(), String> {
    if (1..=WORD_BYTES_MAX).contains(&word.len()) && !word.contains('\0') {
        return Ok(());
    }
    Err(format!("expected 1 to {WORD_BYTES_MAX} bytes without NUL"))
}
