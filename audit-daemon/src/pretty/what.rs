//! The what column: which command, file, address or object, chosen by the attributes present.
//!
//! OWNS: how objects are written. MUST NOT: depend on the kind where the attributes tell enough,
//! so that kinds of later versions are shown by what they carry.
//!
//! All output is escaped: every string of a record goes through `screen::push_outside`.

use super::command::{push_marks, push_process_act};
use super::fields::{Endpoint, File, Process, Record};
use super::people::People;
use super::screen::{push_formatted, push_outside};

pub(super) fn push_what(record: &Record<'_>, people: &People, out: &mut String) {
    let kind = record.kind();
    if kind.starts_with("process.") && record.process.is_some() {
        push_process_act(record, out);
    } else if kind.starts_with("login.") {
        push_login(record, out);
    } else if let Some(file) = &record.file {
        push_file_act(record, file, out);
    } else if record.src_endpoint.is_some() || record.dst_endpoint.is_some() {
        push_connection(record, out);
    } else if let Some(file) = record
        .driver
        .as_ref()
        .and_then(|driver| driver.file.as_ref())
    {
        push_outside(out, file.shown());
    } else if record.kernel.is_some() {
        push_kernel(record, out);
    } else if let Some(process) = &record.process {
        push_target(record, process, people, out);
    } else {
        push_rest(record, out);
    }
}

/// Marks, the acting program, and the number of acts folded into this line.
pub(super) fn push_suffix(record: &Record<'_>, out: &mut String) {
    let is_process = record.kind().starts_with("process.");
    if let (true, Some(process)) = (is_process, &record.process) {
        push_marks(process, out);
    } else if let Some(program) = record.actor.process.as_ref().and_then(Process::program)
        && !is_process
        && record.finding_info.is_none()
    {
        out.push_str("  (");
        push_outside(out, program);
        out.push(')');
    }
    if let Some(count) = record.count.filter(|&count| count > 1) {
        push_formatted(out, format_args!("  ×{count}"));
    }
}

/// For `-v`: `pid 4102 parent 4087 bash #1048585 env:prod`.
pub(super) fn push_details(record: &Record<'_>, out: &mut String) {
    let subject = record.subject();
    if let Some(pid) = subject.and_then(|process| process.pid) {
        push_formatted(out, format_args!("pid {pid} "));
    }
    let is_process = record.kind().starts_with("process.");
    let starter = record.actor.process.as_ref().filter(|_| is_process);
    let parent = subject
        .and_then(|process| process.parent_process.as_deref())
        .or(starter);
    if let Some(parent) = parent {
        out.push_str("parent ");
        if let Some(pid) = parent.pid {
            push_formatted(out, format_args!("{pid} "));
        }
        if let Some(program) = parent.program() {
            push_outside(out, program);
            out.push(' ');
        }
    }
    push_formatted(out, format_args!("#{}", record.metadata.sequence));
    for label in record
        .metadata
        .labels
        .iter()
        .filter(|label| !label.starts_with("watch:"))
    {
        out.push(' ');
        push_outside(out, label);
    }
}

fn push_file_act(record: &Record<'_>, file: &File<'_>, out: &mut String) {
    match record.kind() {
        "file.open_read" => out.push_str("r "),
        "file.open_write" => out.push_str("w "),
        _ => {}
    }
    let result = record.file_result.as_ref();
    let marks = &file.xattributes;
    let marks_after = result.map(|result| &result.xattributes);
    let mode_after = marks_after.and_then(|after| after.mode.as_deref());
    push_change(marks.mode.as_deref(), mode_after, "", out);
    let owner = |file: &File<'_>| file.owner.as_ref().map(|user| user.shown().to_owned());
    push_change(
        owner(file).as_deref(),
        result.and_then(owner).as_deref(),
        "",
        out,
    );
    let group_after = marks_after.and_then(|after| after.primary_group.as_deref());
    push_change(marks.primary_group.as_deref(), group_after, "group ", out);
    if let Some(xattr) = marks.xattr.as_deref() {
        push_outside(out, xattr);
        out.push(' ');
    }
    for part in [marks.fstype.as_deref(), marks.mount_source.as_deref()]
        .into_iter()
        .flatten()
    {
        push_outside(out, part);
        out.push(' ');
    }
    if marks.mount_source.is_some() {
        out.push_str("on ");
    }
    push_outside(out, file.shown());
    let other_name = result.and_then(|result| result.path.as_deref());
    if let Some(target) = other_name.or(marks.link_target.as_deref()) {
        out.push_str(" → ");
        push_outside(out, target);
    }
    if let (Some(size), "file.truncate") = (file.size, record.kind()) {
        push_formatted(out, format_args!(" to {size} bytes"));
    }
}

/// `0600→0644 `, only where both sides are known and differ.
fn push_change(before: Option<&str>, after: Option<&str>, word: &str, out: &mut String) {
    if let (Some(before), Some(after)) = (before, after)
        && before != after
    {
        out.push_str(word);
        push_outside(out, before);
        out.push('→');
        push_outside(out, after);
        out.push(' ');
    }
}

fn push_connection(record: &Record<'_>, out: &mut String) {
    const DIRECTION_IN: i64 = 1;
    let connection = record.connection_info.as_ref();
    if let Some(protocol) = connection.and_then(|info| info.protocol_name.as_deref()) {
        push_outside(out, protocol);
        out.push(' ');
    }
    let (source, target) = (record.src_endpoint.as_ref(), record.dst_endpoint.as_ref());
    let Some(target) = target else {
        if let Some(source) = source {
            push_endpoint(source, out);
        }
        return out.truncate(out.trim_end_matches(' ').len());
    };
    push_endpoint(target, out);
    let incoming = connection.and_then(|info| info.direction_id) == Some(DIRECTION_IN);
    if let Some(source) = source.filter(|_| incoming) {
        out.push_str(" ← ");
        push_endpoint(source, out);
    }
}

fn push_endpoint(endpoint: &Endpoint<'_>, out: &mut String) {
    match endpoint.ip.as_deref() {
        Some(ip) if ip.contains(':') && endpoint.port.is_some() => {
            out.push('[');
            push_outside(out, ip);
            out.push(']');
        }
        Some(ip) => push_outside(out, ip),
        None => push_outside(out, endpoint.name.as_deref().unwrap_or("")),
    }
    if let Some(port) = endpoint.port {
        push_formatted(out, format_args!(":{port}"));
    }
}

fn push_kernel(record: &Record<'_>, out: &mut String) {
    let Some(kernel) = &record.kernel else { return };
    let name = kernel.name.as_deref().filter(|_| kernel.path.is_none());
    let is_program = kernel.kind.as_deref().filter(|kind| *kind != "Namespace");
    let parts = [
        is_program,
        name.or(kernel.system_call.as_deref()),
        kernel.path.as_deref(),
    ];
    for (nth, part) in parts.into_iter().flatten().enumerate() {
        if nth > 0 {
            out.push(' ');
        }
        push_outside(out, part);
    }
    if let Some(detail) = record.status_detail.as_deref() {
        out.push(' ');
        push_outside(out, detail);
    }
    if let Some(change) = &record.unmapped.change {
        push_arrow(change.old.as_deref(), change.new.as_deref(), out);
    }
    if let Some(clock) = &record.unmapped.clock {
        push_arrow(clock.from.as_deref(), clock.to.as_deref(), out);
    }
}

fn push_arrow(before: Option<&str>, after: Option<&str>, out: &mut String) {
    out.push(' ');
    push_outside(out, before.unwrap_or("?"));
    out.push('→');
    push_outside(out, after.unwrap_or("?"));
}

/// Another process as the object, or the ids that an act changed in the own one.
fn push_target(record: &Record<'_>, process: &Process<'_>, people: &People, out: &mut String) {
    const OF_IDS: [&str; 3] = ["priv.setuid", "priv.setgid", "priv.setgroups"];
    let before = record.actor.process.as_ref();
    let before = before.filter(|before| before.pid == process.pid);
    if before.is_none() || !OF_IDS.contains(&record.kind()) {
        for part in [record.status_detail.as_deref(), process.program()]
            .into_iter()
            .flatten()
        {
            push_outside(out, part);
            out.push(' ');
        }
        if let Some(pid) = process.pid {
            push_formatted(out, format_args!("pid {pid}"));
        }
        push_capabilities(process, out);
        return;
    }
    let Some(before) = before else { return };
    let start = out.len();
    if let (Some(from), Some(to)) = (before.euid, process.euid)
        && from != to
    {
        people.push_name(before, from, out);
        out.push('→');
        people.push_name(process, to, out);
        out.push(' ');
    }
    let real = |process: &Process<'_>| process.user.as_ref().map(|user| user.shown().to_owned());
    push_change(
        real(before).as_deref(),
        real(process).as_deref(),
        "real ",
        out,
    );
    if let (Some(from), Some(to)) = (before.egid, process.egid)
        && from != to
    {
        push_formatted(out, format_args!("group {from}→{to}"));
    }
    if out.len() == start {
        out.push_str("no change of ids");
    }
    out.truncate(out.trim_end_matches(' ').len());
}

fn push_capabilities(process: &Process<'_>, out: &mut String) {
    let marks = &process.xattributes;
    if let (Some(before), Some(after)) = (marks.cap_eff_before.as_deref(), marks.cap_eff.as_deref())
    {
        out.push_str(" capabilities");
        push_arrow(
            Some(before.trim_start_matches('0')),
            Some(after.trim_start_matches('0')),
            out,
        );
    }
}

/// `root by sshd from 203.0.113.7`; a switch shows the command it is for.
fn push_login(record: &Record<'_>, out: &mut String) {
    let user = record.user.as_ref().map_or("?", |user| user.shown());
    push_outside(out, user);
    let session_issuer = record
        .session
        .as_ref()
        .and_then(|session| session.issuer.as_deref());
    let service = record
        .service
        .as_ref()
        .and_then(|service| service.name.as_deref());
    if let Some(service) = service.or(session_issuer) {
        out.push_str(" by ");
        push_outside(out, service);
    }
    if let Some(source) = &record.src_endpoint {
        out.push_str(" from ");
        push_endpoint(source, out);
    }
    let command = record
        .actor
        .process
        .as_ref()
        .and_then(|process| process.cmd_line.as_deref());
    for text in [command, record.status_detail.as_deref()]
        .into_iter()
        .flatten()
    {
        out.push_str(": ");
        push_outside(out, text);
    }
}

/// Nothing known to name: what the record itself says.
fn push_rest(record: &Record<'_>, out: &mut String) {
    let title = record
        .finding_info
        .as_ref()
        .and_then(|finding| finding.title.as_deref());
    let entity = record
        .entity
        .as_ref()
        .and_then(|entity| entity.name.as_deref());
    let user = record.user.as_ref().map(|user| user.shown());
    let said = record
        .message
        .as_deref()
        .or(record.status_detail.as_deref());
    push_outside(out, title.or(entity).or(said).or(user).unwrap_or(""));
}
