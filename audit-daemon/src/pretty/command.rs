//! Processes as objects: command lines, what a failed exec asked for, how a process ended.
//!
//! OWNS: how a process is written in the what column. MUST NOT: show values of the environment.
//!
//! All output is escaped: every string of a record goes through `screen::push_outside`.

use super::fields::{File, Process, Record, STATUS_FAILURE};
use super::screen::{push_formatted, push_outside};

/// Listed variables that change what a program loads are worth a mark; a value is not shown.
const PRELOAD_PREFIX: &str = "LD_";

pub(super) fn push_process_act(record: &Record<'_>, out: &mut String) {
    let Some(process) = &record.process else {
        return;
    };
    match record.kind() {
        "process.exec" if record.status_id == STATUS_FAILURE => push_asked(process, out),
        "process.exit" => {
            push_outside(
                out,
                process.path.as_deref().or(process.program()).unwrap_or("?"),
            );
            if let Some(duration_ms) = record.duration {
                out.push_str(" after ");
                push_duration(duration_ms, out);
            }
            if let Some(detail) = record.status_detail.as_deref() {
                out.push_str(", ");
                push_outside(out, detail);
            }
        }
        "process.fork" => {
            push_outside(out, process.program().unwrap_or("?"));
            if let Some(pid) = process.pid {
                push_formatted(out, format_args!(" pid {pid}"));
            }
        }
        _ => push_command(process, out),
    }
    if record.metadata.is_truncated {
        out.push('…');
    }
}

pub(super) fn push_marks(process: &Process<'_>, out: &mut String) {
    let gain = process.xattributes.gain.as_deref();
    let fileless = process.xattributes.fileless.as_deref();
    let names = process
        .environment_variables
        .iter()
        .filter_map(|named| named.name.as_deref());
    let preload = names.filter(|name| name.starts_with(PRELOAD_PREFIX));
    for mark in gain.into_iter().chain(fileless).chain(preload) {
        out.push_str("  [");
        push_outside(out, mark);
        out.push(']');
    }
}

fn push_command(process: &Process<'_>, out: &mut String) {
    let path = || process.file.as_ref().map(File::shown);
    let shown = process
        .cmd_line
        .as_deref()
        .or_else(path)
        .or_else(|| process.program());
    push_outside(out, shown.unwrap_or("?"));
}

/// A failed exec: the path that was asked for, then the arguments after the zeroth.
fn push_asked(process: &Process<'_>, out: &mut String) {
    let Some(file) = &process.file else {
        return push_command(process, out);
    };
    push_word(file.shown(), out);
    if let Some(command) = process.cmd_line.as_deref() {
        push_outside(out, &command[first_word_end(command)..]);
    }
}

/// One word as in a command line: quoted where a shell would need it.
fn push_word(word: &str, out: &mut String) {
    let is_plain = |char: char| char.is_alphanumeric() || "_@%+=:,./-".contains(char);
    if !word.is_empty() && word.chars().all(is_plain) {
        return push_outside(out, word);
    }
    out.push('\'');
    for (nth, part) in word.split('\'').enumerate() {
        if nth > 0 {
            out.push_str("'\"'\"'");
        }
        push_outside(out, part);
    }
    out.push('\'');
}

/// Where the first word of a shell-quoted command line ends.
fn first_word_end(command: &str) -> usize {
    let mut quote = None;
    for (at, byte) in command.bytes().enumerate() {
        match (quote, byte) {
            (None, b'\'' | b'"') => quote = Some(byte),
            (Some(open), _) if open == byte => quote = None,
            (None, b' ') => return at,
            _ => {}
        }
    }
    command.len()
}

fn push_duration(duration_ms: u64, out: &mut String) {
    let seconds = duration_ms / 1000;
    match seconds {
        0 => push_formatted(out, format_args!("{duration_ms} ms")),
        1..60 => push_formatted(
            out,
            format_args!("{seconds}.{} s", duration_ms % 1000 / 100),
        ),
        60..3600 => push_formatted(out, format_args!("{} min {} s", seconds / 60, seconds % 60)),
        _ => push_formatted(
            out,
            format_args!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
        ),
    }
}
