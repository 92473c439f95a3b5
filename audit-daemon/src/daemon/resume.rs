//! After a restart: which load the log belongs to, and which events it holds already.
//!
//! Owns the search for doubles. A daemon that was killed between fsync and acknowledgement reads
//! those events again; their numbers stand in the tail of the log.

use std::collections::HashSet;

use super::RunError;
use crate::{
    enrich::host::Host,
    kernel::Attached,
    log::{Log, Origin},
    source::Acknowledgement,
};

/// Records are larger than their events, by no more than this factor.
const RECORD_TO_EVENT_MAX: u64 = 8;

/// Events by (lane, cpu, strand, number).
pub type Doubles = HashSet<(u8, u16, u8, u64)>;

/// Notes a new load in the log's identity; for an adopted one finds the doubles.
pub fn origin(
    log: &mut Log,
    attached: &Attached,
    host: &Host,
    resumed: &Acknowledgement,
) -> Result<Doubles, RunError> {
    let load_id = format!("{:016x}", attached.load.load_id);
    let known = log
        .identity()
        .origin
        .clone()
        .filter(|origin| origin.load_id == load_id);
    let Some(known) = known else {
        let first_sequence = log.next_sequence();
        log.set_origin(Origin {
            load_id,
            boot_id: host.boot_id.clone(),
            first_sequence,
        })?;
        return Ok(Doubles::new());
    };
    // Only what still lies in the rings can come again.
    let waiting: u64 = attached
        .unacknowledged(resumed.positions)
        .iter()
        .sum::<u64>()
        .saturating_mul(RECORD_TO_EVENT_MAX);
    let mut doubles = Doubles::new();
    if waiting == 0 {
        return Ok(doubles);
    }
    for line in log.tail_lines_rev(waiting.max(1 << 20)) {
        let line = line?;
        if sequence(&line).is_none_or(|sequence| sequence < known.first_sequence) {
            break;
        }
        doubles.extend(event_uid(&line));
    }
    Ok(doubles)
}

fn after<'a>(line: &'a [u8], key: &[u8]) -> Option<&'a [u8]> {
    memchr::memmem::find(line, key).map(|at| &line[at + key.len()..])
}

fn digits(text: &[u8]) -> Option<u64> {
    let end = text
        .iter()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(text.len());
    std::str::from_utf8(&text[..end]).ok()?.parse().ok()
}

fn sequence(line: &[u8]) -> Option<u64> {
    digits(after(line, b"\"sequence\":")?)
}

/// `c3:77` or `c3.1:77`. Found by its key: metadata stands before anything that a process says, so
/// the first occurrence is ours.
fn event_uid(line: &[u8]) -> Option<(u8, u16, u8, u64)> {
    let value = after(line, b"\"original_event_uid\":\"")?;
    let value = std::str::from_utf8(value.split(|byte| *byte == b'"').next()?).ok()?;
    let lane = match value.as_bytes().first()? {
        b'c' => 0,
        b'b' => 1,
        _ => return None,
    };
    let (place, number) = value[1..].split_once(':')?;
    let (cpu, strand) = place.split_once('.').unwrap_or((place, "0"));
    Some((
        lane,
        cpu.parse().ok()?,
        strand.parse().ok()?,
        number.parse().ok()?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_from_a_line() {
        let line = br#"{"metadata":{"sequence":12,"original_event_uid":"b17:904"},"x":"\"original_event_uid\":\"c1:1\""}"#;
        assert_eq!(event_uid(line), Some((1, 17, 0, 904)));
        assert_eq!(sequence(line), Some(12));
        assert_eq!(
            event_uid(br#"{"original_event_uid":"c3.2:7"}"#),
            Some((0, 3, 2, 7))
        );
        assert_eq!(event_uid(br#"{"original_event_uid":"x3:7"}"#), None);
        assert_eq!(event_uid(b"{}"), None);
    }
}
