//! The working state of one masking: the bytes, what was found in them, the words on the way.
//!
//! Owns: adding, ordering and joining the spans that will be replaced, and writing the result.
//! Must not: know any rule.
//! Invariants: a span never contains a NUL, so the number of arguments stays; spans are in order
//! and do not overlap when `write` replaces them; a span never cuts a `<masked>` in two.

use super::words::Word;
use super::{MASKED, Masker};

/// Which rule made a mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RuleRef {
    Builtin(&'static str),
    /// By its place in the settings.
    Custom(usize),
}

/// Bytes to be replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub start: usize,
    pub end: usize,
    pub rule: RuleRef,
}

pub(super) struct Scan<'a> {
    pub masker: &'a Masker,
    pub buf: &'a [u8],
    pub spans: &'a mut Vec<Span>,
    pub words: &'a mut Vec<Word>,
}

impl Scan<'_> {
    /// Marks a range as secret, unless its rule is switched off.
    pub(super) fn mark(&mut self, start: usize, end: usize, rule: RuleRef) {
        if start >= end || self.buf[start..end].contains(&0) {
            return;
        }
        if let RuleRef::Builtin(name) = rule
            && self.masker.is_switched_off(name)
        {
            return;
        }
        self.spans.push(Span { start, end, rule });
    }
}

/// Orders the spans, joins those that overlap, drops those that hold nothing but `<masked>`.
pub(super) fn settle(buf: &[u8], spans: &mut Vec<Span>) {
    for span in spans.iter_mut() {
        widen_over_masked(buf, span);
    }
    spans.sort_by_key(|span| (span.start, std::cmp::Reverse(span.end)));
    let mut kept = 0;
    for at in 0..spans.len() {
        let span = spans[at];
        if kept > 0 && span.start < spans[kept - 1].end {
            spans[kept - 1].end = spans[kept - 1].end.max(span.end);
        } else {
            spans[kept] = span;
            kept += 1;
        }
    }
    spans.truncate(kept);
    spans.retain(|span| &buf[span.start..span.end] != MASKED);
}

/// Writes `buf` with each span replaced.
pub(super) fn write(buf: &[u8], spans: &[Span], out: &mut Vec<u8>) {
    out.clear();
    let mut done = 0;
    for span in spans {
        out.extend_from_slice(&buf[done..span.start]);
        out.extend_from_slice(MASKED);
        done = span.end;
    }
    out.extend_from_slice(&buf[done..]);
}

/// Turns ranges of the written text into ranges of the text before, whose `done` were replaced.
///
/// Both are settled: a found span begins and ends outside of each `<masked>`, or at its edge.
pub(super) fn map_back(done: &[Span], found: &mut [Span]) {
    // Where the text behind each replaced span begins, in both texts.
    let mut next = 0;
    let (mut before, mut after) = (0, 0);
    let mut original = |at: usize, is_end: bool| {
        while let Some(span) = done.get(next) {
            let start = after + (span.start - before);
            let reached = if is_end {
                at > start
            } else {
                at >= start + MASKED.len()
            };
            if !reached {
                break;
            }
            after = start + MASKED.len();
            before = span.end;
            next += 1;
        }
        before + (at - after)
    };
    for span in found {
        span.start = original(span.start, false);
        span.end = original(span.end, true);
    }
}

/// A span that begins or ends inside a `<masked>` takes in all of it.
fn widen_over_masked(buf: &[u8], span: &mut Span) {
    let reach = MASKED.len() - 1;
    let head = span.start.saturating_sub(reach);
    for at in head..span.start {
        if buf[at..].starts_with(MASKED) {
            span.start = at;
            break;
        }
    }
    for at in span.end.saturating_sub(reach)..span.end {
        if at >= span.start && buf[at..].starts_with(MASKED) {
            span.end = span.end.max(at + MASKED.len());
        }
    }
}
