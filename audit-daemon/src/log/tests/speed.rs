//! What a line costs. Prints its figures (`--nocapture`, with `--release` for real ones); what it
//! asserts is only that nothing is slower by a factor that no noise explains.

use std::hint::black_box;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use super::super::Log;
use super::line;

const LINE_BYTES: usize = 900;
const BATCH_BYTES: usize = 1 << 20;
const BATCHES: usize = 48;
const ROUNDS: usize = 5;

/// Appends and commits; returns the time in `append`, and in all.
fn through_the_log(line: &[u8]) -> (Duration, Duration) {
    let dir = tempfile::tempdir().unwrap();
    let (mut log, _) = Log::open(&dir.path().join("log"), 1 << 30).unwrap();
    let mut appending = Duration::ZERO;
    let begin = Instant::now();
    for _ in 0..BATCHES {
        let batch = Instant::now();
        while log.waiting_bytes() < BATCH_BYTES {
            black_box(log.append(black_box(line))).unwrap();
        }
        appending += batch.elapsed();
        log.commit().unwrap();
    }
    (appending, begin.elapsed())
}

/// The same bytes by plain writes, each made durable.
fn plainly(batch: &[u8]) -> Duration {
    let file = tempfile::tempfile().unwrap();
    let begin = Instant::now();
    for number in 0..BATCHES {
        file.write_all_at(batch, (number * batch.len()) as u64)
            .unwrap();
        file.sync_data().unwrap();
    }
    begin.elapsed()
}

#[test]
fn a_line_through_the_log_against_a_plain_write() {
    // The number in it does not count on: recovery is not what is measured, and a debug build
    // only objects to records.
    let mut line = line("000000000000", 0, LINE_BYTES);
    line[0] = b' ';
    let per_batch = BATCH_BYTES.div_ceil(LINE_BYTES + 1);
    let batch: Vec<u8> = [&line[..], b"\n"].concat().repeat(per_batch);
    let lines = (per_batch * BATCHES) as f64;
    let (mut append, mut log, mut plain) = (Duration::MAX, Duration::MAX, Duration::MAX);
    for _ in 0..ROUNDS {
        let (appending, all) = through_the_log(&line);
        append = append.min(appending);
        log = log.min(all);
        plain = plain.min(plainly(&batch));
    }
    let append_ns = append.as_secs_f64() * 1e9 / lines;
    eprintln!(
        "append {append_ns:.0} ns a line; log {:.0} lines/s; plain write + fdatasync {:.0} lines/s; ratio {:.2}",
        lines / log.as_secs_f64(),
        lines / plain.as_secs_f64(),
        log.as_secs_f64() / plain.as_secs_f64(),
    );
    assert!(append_ns < 5_000.0, "append takes {append_ns} ns");
}
