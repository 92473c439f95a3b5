//! What is said *about* values: unknown, pending, cut, masked, not UTF-8, learnt elsewhere.
//!
//! OWNS: the paths of values, and the first half of `unmapped`, which lists them.
//! MUST NOT: allocate per record once warm: all notes of a line share one arena.
//!
//! Notes are gathered while the line is written and come out at its end. The two lists stand in
//! the order of the record, the maps are sorted by the bytes of their keys.

use std::ops::Range;

use super::decimal;
use super::limits;
use super::text;
use super::view::{Mark, Source};

/// Where a value stands, as a chain from the value up to the record. Made on the stack; turned
/// into text only if there is something to note.
#[derive(Debug, Clone, Copy)]
pub struct At<'a> {
    parent: Option<&'a At<'a>>,
    name: &'static str,
    index: Option<usize>,
}

impl<'a> At<'a> {
    pub const fn root(name: &'static str) -> Self {
        At {
            parent: None,
            name,
            index: None,
        }
    }

    pub const fn field(&'a self, name: &'static str) -> Self {
        At {
            parent: Some(self),
            name,
            index: None,
        }
    }

    pub const fn item(&'a self, name: &'static str, index: usize) -> Self {
        At {
            parent: Some(self),
            name,
            index: Some(index),
        }
    }

    fn push(&self, out: &mut Vec<u8>) {
        if let Some(parent) = self.parent {
            parent.push(out);
            out.push(b'.');
        }
        out.extend_from_slice(self.name.as_bytes());
        if let Some(index) = self.index {
            out.push(b'[');
            decimal::push_integer(out, index as u64);
            out.push(b']');
        }
    }
}

/// One path in the arena, and for maps the JSON of its value.
#[derive(Debug, Clone)]
struct Note {
    path: Range<usize>,
    value: Range<usize>,
}

/// All notes of one line.
#[derive(Debug, Default)]
pub struct Notes {
    arena: Vec<u8>,
    unknown: Vec<Note>,
    pending: Vec<Note>,
    source: Vec<Note>,
    truncated: Vec<Note>,
    raw: Vec<Note>,
    masked: Vec<Note>,
}

impl Notes {
    pub fn clear(&mut self) {
        self.arena.clear();
        for list in [
            &mut self.unknown,
            &mut self.pending,
            &mut self.source,
            &mut self.truncated,
            &mut self.raw,
            &mut self.masked,
        ] {
            list.clear();
        }
    }

    pub fn any_truncated(&self) -> bool {
        !self.truncated.is_empty()
    }

    #[cold]
    pub fn unknown(&mut self, at: &At) {
        self.unknown.push(note(&mut self.arena, at, |_| {}));
    }

    #[cold]
    pub fn pending(&mut self, at: &At) {
        self.pending.push(note(&mut self.arena, at, |_| {}));
    }

    pub fn source(&mut self, at: &At, source: Source) {
        let word = match source {
            Source::Kernel => return,
            Source::Userspace => "\"userspace\"",
            Source::AsGiven => "\"string\"",
            Source::Proc => "\"proc\"",
            Source::Unproven => "\"unproven\"",
        };
        let made = note(&mut self.arena, at, |out| {
            out.extend_from_slice(word.as_bytes())
        });
        self.source.push(made);
    }

    #[cold]
    pub fn truncated(&mut self, at: &At, original_length: u64) {
        let length = original_length.min(limits::INTEGER_MAX);
        self.truncated.push(note(&mut self.arena, at, |out| {
            decimal::push_integer(out, length)
        }));
    }

    #[cold]
    pub fn raw(&mut self, at: &At, bytes: &[u8]) {
        let made = note(&mut self.arena, at, |out| {
            out.push(b'"');
            text::push_base64(out, bytes);
            out.push(b'"');
        });
        self.raw.push(made);
    }

    /// At most `marks_max` marks; what is beyond is added up in one more, of the rule `and-more`.
    #[cold]
    pub fn masked(&mut self, at: &At, marks: &[Mark], marks_max: usize) {
        let (told, rest) = marks.split_at(marks.len().min(marks_max));
        let rest_length = rest
            .iter()
            .fold(0_u64, |sum, mark| sum.saturating_add(mark.length));
        let rest = (!rest.is_empty()).then_some(Mark {
            rule: "and-more",
            length: rest_length,
        });
        let made = note(&mut self.arena, at, |out| {
            let mut before = b'[';
            for mark in told.iter().chain(&rest) {
                out.push(before);
                before = b',';
                let rule = text::cut(mark.rule.as_bytes(), limits::RULE_NAME_BYTES_MAX);
                out.extend_from_slice(b"{\"rule\":\"");
                text::push_bytes(out, rule);
                out.extend_from_slice(b"\",\"length\":");
                decimal::push_integer(out, mark.length.min(limits::INTEGER_MAX));
                out.push(b'}');
            }
            out.push(b']');
        });
        self.masked.push(made);
    }

    /// Appends the members of `unmapped` from `unknown` to `masked`, each with a comma behind.
    pub fn write(&mut self, out: &mut Vec<u8>) {
        if self.arena.is_empty() {
            return;
        }
        write_list(out, &self.arena, "\"unknown\":[", &self.unknown);
        write_list(out, &self.arena, "\"pending\":[", &self.pending);
        write_map(out, &self.arena, "\"source\":{", &mut self.source);
        write_map(out, &self.arena, "\"truncated\":{", &mut self.truncated);
        write_map(out, &self.arena, "\"raw\":{", &mut self.raw);
        write_map(out, &self.arena, "\"masked\":{", &mut self.masked);
    }
}

fn note(arena: &mut Vec<u8>, at: &At, value: impl FnOnce(&mut Vec<u8>)) -> Note {
    let start = arena.len();
    at.push(arena);
    let middle = arena.len();
    value(arena);
    Note {
        path: start..middle,
        value: middle..arena.len(),
    }
}

fn write_list(out: &mut Vec<u8>, arena: &[u8], open: &str, notes: &[Note]) {
    if notes.is_empty() {
        return;
    }
    out.extend_from_slice(open.as_bytes());
    for note in notes {
        out.push(b'"');
        out.extend_from_slice(&arena[note.path.clone()]);
        out.extend_from_slice(b"\",");
    }
    out.pop();
    out.extend_from_slice(b"],");
}

fn write_map(out: &mut Vec<u8>, arena: &[u8], open: &str, notes: &mut [Note]) {
    if notes.is_empty() {
        return;
    }
    notes.sort_by(|a, b| arena[a.path.clone()].cmp(&arena[b.path.clone()]));
    out.extend_from_slice(open.as_bytes());
    for note in notes {
        out.push(b'"');
        out.extend_from_slice(&arena[note.path.clone()]);
        out.extend_from_slice(b"\":");
        out.extend_from_slice(&arena[note.value.clone()]);
        out.push(b',');
    }
    out.pop();
    out.extend_from_slice(b"},");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_keep_their_order_and_maps_are_sorted() {
        let mut notes = Notes::default();
        let actor = At::root("actor");
        let process = At::root("process");
        let parent = actor.field("process");
        notes.unknown(&process.field("file"));
        notes.unknown(&parent.field("path"));
        notes.truncated(&process.item("ancestry", 3).field("name"), 300);
        notes.truncated(&parent.field("path"), u64::MAX);
        notes.source(&process, Source::Proc);
        notes.source(&actor, Source::Kernel);
        notes.raw(&process.field("name"), b"\xff");
        let mut out = Vec::new();
        notes.write(&mut out);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            concat!(
                r#""unknown":["process.file","actor.process.path"],"#,
                r#""source":{"process":"proc"},"#,
                r#""truncated":{"actor.process.path":9007199254740991,"#,
                r#""process.ancestry[3].name":300},"#,
                r#""raw":{"process.name":"/w=="},"#
            )
        );
        notes.clear();
        let mut out = Vec::new();
        notes.write(&mut out);
        assert!(out.is_empty());
    }

    #[test]
    fn marks_beyond_the_bound_are_added_up() {
        let mut notes = Notes::default();
        let marks = [1, 2, 3, 4].map(|length| Mark {
            rule: "key\"",
            length,
        });
        notes.masked(&At::root("x"), &marks, 2);
        notes.masked(&At::root("y"), &marks[..2], 2);
        let mut out = Vec::new();
        notes.write(&mut out);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            concat!(
                r#""masked":{"x":[{"rule":"key\"","length":1},{"rule":"key\"","length":2},"#,
                r#"{"rule":"and-more","length":7}],"#,
                r#""y":[{"rule":"key\"","length":1},{"rule":"key\"","length":2}]},"#
            )
        );
    }
}
