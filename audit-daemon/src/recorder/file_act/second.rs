//! What the second name of an act meant: where something was moved or linked to, what a symbolic link
//! says, where a mount came from.
//!
//! Owns where such a name starts from. Must not say whether it counts.

use audit_common::file_act::{FileAct, call, flag};

use super::{calls, joined, readable};
use crate::{
    decode::{Part, Tails},
    watching::{Decider, Meaning, Question, Start, Views},
};

pub fn meaning(
    event: &FileAct,
    tails: &Tails<'_>,
    decider: &Decider,
    start: &Start<'_>,
    first: &Meaning,
    views: &mut Views,
) -> Option<Meaning> {
    let name = readable(tails.second_name.as_ref())?;
    if !calls::is_path(event, name) {
        return None;
    }
    let base = match event.call {
        // A link's target is looked for in the link's own directory.
        call::SYMLINK => directory(&first.path).to_vec(),
        _ => joined(tails.second_base.as_ref()),
    };
    let absolute = |part: Option<Part<'_>>| part.is_some_and(|part| part.bytes.starts_with(b"/"));
    let both_from_root = absolute(tails.filename) && absolute(tails.second_name);
    let same = event.flags & flag::SAME_START != 0 && event.call != call::SYMLINK;
    let start = match same || both_from_root {
        true => *start,
        false => Start {
            path: &base,
            on_disk: None,
        },
    };
    let question = Question {
        start,
        name,
        follow: calls::second_follows(event),
        namespace_pid: event.namespace_pid,
    };
    Some(decider.meaning(&event.header, &question, views))
}

/// What stands before the last name.
fn directory(path: &[u8]) -> &[u8] {
    match path.iter().rposition(|byte| *byte == b'/') {
        Some(0) | None => b"/",
        Some(end) => &path[..end],
    }
}
