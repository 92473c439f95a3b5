//! How many records one core makes durable from wire events, and where the time goes.
//!
//! Owns two figures: the whole pipeline with all its threads on one CPU, and each stage by itself,
//! called from one thread over the same events.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use audit_daemon::{
    daemon,
    decode::{self, Event},
    enrich::boot_ns,
    log::Log,
    mask::{Masker, Scratch},
    recorder::{Recorder, Written},
};
use sha2::{Digest, Sha256};

use crate::{
    Plan,
    finding::{Finding, found, step},
    stages::{self, Filling, Stages, bind_to_one_cpu, cpu_time},
    wire::Stream,
};

pub const MEASURE: &str = "throughput";

const NAME: &str = "wire events to durable records, one core";
const CPU_TIME: &str = "processor time, kernel and all threads";
const STAGE: &str = "one stage alone";

/// Times that the whole is measured; the best counts.
const TRIES: u32 = 3;
/// A group commit's worth of lines, as in the daemon's writer.
const GROUP_BYTES: usize = 1 << 20;

pub fn run(plan: &Plan) -> Result<()> {
    let _bound = bind_to_one_cpu()?;
    whole(plan, "execs", |stream, filling| {
        stream.exec(&mut filling.batch.bytes);
        filling.entry_ends();
    })?;
    whole(
        plan,
        "fork, exec and exit of each process",
        |stream, filling| {
            filling.entries(|bytes, entry_ends| stream.life(bytes, entry_ends));
        },
    )?;
    alone(plan)
}

/// The best of several tries.
fn whole(plan: &Plan, case: &str, mut make: impl FnMut(&mut Stream, &mut Filling)) -> Result<()> {
    let (mut best, mut least_cpu_ns) = (None::<(f64, Finding)>, f64::INFINITY);
    for turn in 0..TRIES {
        step(&format!("throughput: {case}: {} of {TRIES}", turn + 1));
        let loaded = stages::defaults(plan.dir())?;
        let running = Stages::start(&loaded, plan.dir())?;
        let (mut stream, mut filling) = (Stream::new(boot_ns()), Filling::default());
        stream.residents(|entry| {
            filling.batch.bytes.extend_from_slice(entry);
            filling.entry_ends();
        });
        running.pass_on(&mut filling)?;
        let (began, cpu_before) = (Instant::now(), cpu_time()?);
        let mut offered = 0;
        while began.elapsed() < plan.stretch {
            stream.set_time(boot_ns());
            while !filling.is_full() {
                make(&mut stream, &mut filling);
                offered += 1;
            }
            running.pass_on(&mut filling)?;
        }
        let ended = running.end(&mut filling)?;
        let (took, cpu) = (began.elapsed(), cpu_time()? - cpu_before);
        // One more line than records: the sums at the end.
        ensure!(
            ended.records == offered + 1,
            "{offered} execs were offered, {} lines are in the log",
            ended.records
        );
        let rate = offered as f64 / took.as_secs_f64();
        if best.as_ref().is_none_or(|(least, _)| rate > *least) {
            let bytes = ended.bytes as f64;
            let note = format!(
                "none lost; {:.0} MB/s, {:.0} bytes a record",
                bytes / 1e6 / took.as_secs_f64(),
                bytes / offered as f64,
            );
            best = Some((rate, Finding::new(NAME, case, rate, "/s").note(note)));
        }
        least_cpu_ns = least_cpu_ns.min(cpu.as_secs_f64() * 1e9 / offered as f64);
    }
    if let Some((_, finding)) = best {
        found(&finding);
        // What other work on that CPU does not change.
        found(&Finding::new(CPU_TIME, case, least_cpu_ns, "ns a record"));
    }
    Ok(())
}

/// Each stage over the same batch, many times.
fn alone(plan: &Plan) -> Result<()> {
    step("throughput: the stages one by one");
    let loaded = stages::defaults(plan.dir())?;
    let (mut log, _) = stages::open_log(plan.dir())?;
    let mut recorder = stages::recorder(&loaded, &log)?;
    let mut stream = Stream::new(boot_ns());
    stream.residents(|entry| {
        if let Ok(Event::Fork(fork)) = decode::decode(entry) {
            recorder.fork(&fork, false);
        }
    });
    let mut filling = Filling::default();
    while !filling.is_full() {
        stream.exec(&mut filling.batch.bytes);
        filling.entry_ends();
    }
    let batch = filling.take(Default::default());
    let entries: Vec<&[u8]> = batch.items.iter().map(|item| batch.entry(item)).collect();
    let time = plan.stretch / 4;
    let masker = daemon::masker(&loaded)?;
    let lines = record_alone(time, &entries, &mut recorder, &masker);
    log_alone(time, &lines, &mut log)?;
    sizes(&lines);
    Ok(())
}

fn report(case: &str, ns: f64) {
    found(&Finding::new(STAGE, case, ns, "ns a record"));
}

/// From entries to lines, which it returns.
fn record_alone(
    time: Duration,
    entries: &[&[u8]],
    recorder: &mut Recorder,
    masker: &Masker,
) -> Written {
    let decode = least(time, entries.len(), || {
        for entry in entries {
            std::hint::black_box(decode::header(entry).is_ok());
            std::hint::black_box(decode::decode(entry).is_ok());
        }
    });
    report("decode", decode);
    let mut scratch = Scratch::default();
    let mask = least(time, entries.len(), || {
        for entry in entries {
            if let Ok(Event::Exec(_, tails)) = decode::decode(entry) {
                let argv = tails.argv.map_or(&[][..], |part| part.bytes);
                std::hint::black_box(masker.mask_argv(argv, &mut scratch).is_some());
            }
        }
    });
    report("mask (part of record)", mask);
    let mut lines = Written::default();
    let record = least(time, entries.len(), || {
        for entry in entries {
            if let Ok(Event::Exec(exec, tails)) = decode::decode(entry) {
                recorder.exec(&exec, &tails, true);
            }
        }
        lines = recorder.take(std::mem::take(&mut lines));
    });
    report("record (with decode and mask)", record);
    lines
}

fn log_alone(time: Duration, lines: &Written, log: &mut Log) -> Result<()> {
    let sum = least(time, lines.ends.len(), || {
        for line in lines.lines() {
            std::hint::black_box(Sha256::digest(line));
        }
    });
    report("SHA-256 of the line", sum);
    let mut refused = None;
    let append = least(time, lines.ends.len(), || {
        for line in lines.lines() {
            // The numbers in these lines are not the log's; it does not look, in a release build.
            refused = refused
                .take()
                .or(log.append(line).err().map(|error| error.to_string()));
        }
        if log.waiting_bytes() >= GROUP_BYTES {
            refused = refused
                .take()
                .or(log.commit().err().map(|error| error.to_string()));
        }
    });
    ensure!(refused.is_none(), "the log refused: {refused:?}");
    report("log: append and commit", append);
    Ok(())
}

/// Nanoseconds of one in the quickest pass.
fn least(time: Duration, count: usize, mut pass: impl FnMut()) -> f64 {
    let until = Instant::now() + time;
    let mut least = f64::INFINITY;
    while Instant::now() < until {
        let began = Instant::now();
        pass();
        least = least.min(began.elapsed().as_nanos() as f64 / count as f64);
    }
    least
}

fn sizes(lines: &Written) {
    let lengths: Vec<usize> = lines.lines().map(|line| line.len() + 1).collect();
    let mean = lengths.iter().sum::<usize>() as f64 / lengths.len().max(1) as f64;
    let least = lengths.iter().min().copied().unwrap_or(0);
    let most = lengths.iter().max().copied().unwrap_or(0);
    let note = format!(
        "{least} to {most} bytes, {} kinds of command line",
        crate::wire::distinct()
    );
    found(&Finding::new("size of an exec record", "made-up mix", mean, "bytes").note(note));
}
