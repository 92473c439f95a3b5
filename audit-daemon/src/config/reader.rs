//! From TOML text to settings: walks tables, collects what is wrong.
//!
//! OWNS: the walk over parsed TOML, the collected faults, and where each setting
//! was made. MUST NOT: know any key; what may stand where is `settings.rs`.
//!
//! Invariants: a fault never stops the walk, so one run shows all of them; a line
//! that is no TOML gets one error, and none about what it might have meant.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::escape::inline;
use super::files::FileText;
use super::nearest::nearest;
use super::report::{ConfigErrors, ERRORS_SHOWN_MAX, Report, Snippet};
use super::settings::Config;
use super::table::Section;

/// Faults kept, of which the first [`ERRORS_SHOWN_MAX`] are shown; the rest is counted.
const FAULTS_MAX: usize = 1_000;

/// Largest file of which all syntax errors are listed. The parser keeps one error for
/// each wrong byte, so from a larger one only the first is taken.
const RECOVERY_BYTES_MAX: usize = 64 << 10;

/// One value of a TOML file with its place.
pub(super) type Node<'i> = Spanned<DeValue<'i>>;

/// Something wrong, not yet rendered.
#[derive(Debug)]
struct Fault {
    file: usize,
    span: Range<usize>,
    message: String,
    label: String,
    help: Option<String>,
}

/// Where a setting was made: kept for errors that only show up later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Origin {
    pub file: String,
    pub snippet: Snippet,
}

/// Where each setting that a file makes was made, by its dotted path.
pub(super) type Origins = BTreeMap<String, Origin>;

/// Reads files one after the other into one [`Config`].
#[derive(Debug)]
pub(super) struct Reader<'f> {
    files: &'f [FileText],
    /// Index of the file being read.
    current: usize,
    /// Lines of it that are no TOML.
    broken_lines: BTreeSet<usize>,
    faults: Vec<Fault>,
    faults_not_kept: usize,
    pub origins: Origins,
}

impl<'f> Reader<'f> {
    pub fn new(files: &'f [FileText]) -> Self {
        Self {
            files,
            current: 0,
            broken_lines: BTreeSet::new(),
            faults: Vec::new(),
            faults_not_kept: 0,
            origins: Origins::new(),
        }
    }

    /// Reads all files into `config`, later ones over earlier ones.
    pub fn read_into(&mut self, config: &mut Config) {
        let files = self.files;
        for (index, file) in files.iter().enumerate() {
            self.current = index;
            self.broken_lines.clear();
            let table = self.parse(&file.text);
            apply(config, table.get_ref(), &mut At::top(self));
        }
    }

    /// What was wrong, together with the files that could not be read at all.
    pub fn errors(self, unread: Vec<Report>) -> Option<ConfigErrors> {
        let Self {
            files,
            mut faults,
            faults_not_kept,
            ..
        } = self;
        faults.sort_by_key(|fault| (fault.file, fault.span.start));
        let total = unread.len() + faults.len() + faults_not_kept;
        let mut reports = unread;
        for fault in faults {
            if reports.len() >= ERRORS_SHOWN_MAX {
                break;
            }
            let file = &files[fault.file];
            reports.push(Report {
                message: fault.message,
                file: Some(file.shown.clone()),
                snippet: Some(file.snippet(&fault.span)),
                label: fault.label,
                help: fault.help,
            });
        }
        reports.truncate(ERRORS_SHOWN_MAX);
        let more = total - reports.len();
        (!reports.is_empty()).then_some(ConfigErrors { reports, more })
    }

    fn parse<'i>(&mut self, text: &'i str) -> Spanned<DeTable<'i>> {
        let (table, mut errors) = match DeTable::parse(text) {
            Ok(table) => return table,
            Err(first) if text.len() > RECOVERY_BYTES_MAX => {
                (Spanned::new(0..0, DeTable::new()), vec![first])
            }
            Err(_) => DeTable::parse_recoverable(text),
        };
        errors.sort_by_key(|error| error.span().map_or(0, |span| span.start));
        for error in errors {
            let span = error.span().unwrap_or(0..0);
            let line = self.files[self.current].line_of(span.start);
            if self.broken_lines.contains(&line) {
                continue;
            }
            self.syntax_error(text, error.message(), span);
            self.broken_lines.insert(line);
        }
        table
    }

    fn syntax_error(&mut self, text: &str, message: &str, span: Range<usize>) {
        let (what, expected) = message.split_once(", expected ").unwrap_or((message, ""));
        let (message, label) = if what == "duplicate key" {
            let key = inline(text.get(span.clone()).unwrap_or_default());
            (
                format!("`{key}` is set twice"),
                "it stands above already: keep one".to_owned(),
            )
        } else if expected.is_empty() {
            (format!("this is not TOML: {what}"), String::new())
        } else {
            (
                format!("this is not TOML: {what}"),
                format!("expected {expected}"),
            )
        };
        self.fault(span, inline_whole(&message), label, None);
    }

    fn fault(&mut self, span: Range<usize>, message: String, label: String, help: Option<String>) {
        let line = self.files[self.current].line_of(span.start);
        if self.broken_lines.contains(&line) {
            return;
        }
        if self.faults.len() == FAULTS_MAX {
            self.faults_not_kept += 1;
            return;
        }
        self.faults.push(Fault {
            file: self.current,
            span,
            message,
            label,
            help,
        });
    }

    fn origin(&self, span: &Range<usize>) -> Origin {
        let file = &self.files[self.current];
        Origin {
            file: file.shown.clone(),
            snippet: file.snippet(span),
        }
    }
}

/// The parser's own words, which may quote the file.
fn inline_whole(message: &str) -> String {
    super::escape::bytes(message.as_bytes())
}

/// The table and key being read: what kinds say no through.
#[derive(Debug)]
pub(super) struct At<'r, 'f> {
    reader: &'r mut Reader<'f>,
    /// Dotted path of the table, empty at the top.
    path: String,
    /// The table as messages name it: `[log]`, empty at the top.
    title: String,
    /// The key of the value being read.
    key: String,
}

impl<'f> At<'_, 'f> {
    fn top<'r>(reader: &'r mut Reader<'f>) -> At<'r, 'f> {
        At {
            reader,
            path: String::new(),
            title: String::new(),
            key: String::new(),
        }
    }

    /// Inside the table that is the current value; `index` counts in an array of tables.
    pub fn inside(&mut self, index: Option<usize>) -> At<'_, 'f> {
        let mut path = self.key_path();
        let title = match index {
            Some(_) => format!("[[{path}]]"),
            None => format!("[{path}]"),
        };
        if let Some(index) = index {
            path = format!("{path}[{index}]");
        }
        At {
            reader: self.reader,
            path,
            title,
            key: String::new(),
        }
    }

    /// Adds what tells this table from its siblings to the title in messages.
    pub fn call(&mut self, name: &str) {
        self.title = format!("{} \"{}\"", self.title, inline(name));
    }

    /// The current value is wrong: `what` continues a sentence that begins with the key,
    /// `label` says beside the carets what would be right.
    pub fn refuse(&mut self, span: Range<usize>, what: &str, label: impl Into<String>) {
        let message = match self.title.as_str() {
            "" => format!("`{}` {what}", self.key),
            title => format!("`{}` in {title} {what}", self.key),
        };
        self.reader.fault(span, message, label.into(), None);
    }

    /// The current value, or `node` inside it, is of a type that cannot be.
    pub fn wrong_type(&mut self, node: &Node<'_>, wanted: &str, label: impl Into<String>) {
        let found = match node.get_ref() {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) => "an integer",
            DeValue::Float(_) => "a float",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date or time",
            DeValue::Array(_) => "an array",
            DeValue::Table(_) => "a table",
        };
        self.refuse(
            node.span(),
            &format!("must be {wanted}, not {found}"),
            label,
        );
    }

    /// The whole table is wrong.
    pub fn refuse_table(&mut self, span: Range<usize>, what: &str, label: &str) {
        let message = format!("{} {what}", self.title);
        self.reader.fault(span, message, label.to_owned(), None);
    }

    fn unknown(&mut self, span: Range<usize>, noun: &str, keys: &[&'static str]) {
        if self.reader.faults.len() == FAULTS_MAX {
            // It will only be counted: no need to look for a suggestion.
            return self.reader.fault(span, String::new(), String::new(), None);
        }
        let message = match self.title.as_str() {
            "" => format!("unknown {noun} `{}`", inline(&self.key)),
            title => format!("unknown {noun} `{}` in {title}", inline(&self.key)),
        };
        let (label, help) = match nearest(&self.key, keys.iter().copied()) {
            Some(near) => (format!("did you mean `{near}`?"), None),
            None => (
                String::new(),
                Some(format!("valid here: {}", keys.join(", "))),
            ),
        };
        self.reader.fault(span, message, label, help);
    }

    fn key_path(&self) -> String {
        match self.path.as_str() {
            "" => self.key.clone(),
            path => format!("{path}.{}", self.key),
        }
    }

    /// Keeps the place where the whole table `[[…]]` at `span` was made.
    pub fn keep_table_origin(&mut self, span: &Range<usize>) {
        let origin = self.reader.origin(span);
        self.reader.origins.insert(self.path.clone(), origin);
    }
}

/// Reads every key of `table` into `section`.
pub(super) fn apply(section: &mut dyn Section, table: &DeTable<'_>, at: &mut At<'_, '_>) {
    // In the order of the file, so that the faults kept are the first ones.
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_unstable_by_key(|(key, _)| key.span().start);
    for (key, node) in entries {
        let name: &str = key.get_ref();
        name.clone_into(&mut at.key);
        if section.set(name, node, at) {
            let origin = at.reader.origin(&node.span());
            at.reader.origins.insert(at.key_path(), origin);
        } else {
            at.unknown(key.span(), section.noun(), &section.keys());
        }
    }
}
