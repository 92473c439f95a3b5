//! Loads and attaches what was chosen for each row of the hook table.
//!
//! Owns the making of a fresh load. A program is loaded once and
//! attached to each of its points; what cannot be pinned is held by this process.

use std::{
    os::fd::AsFd,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use audit_common::counters::Load;
use aya::{
    Ebpf,
    maps::{Map, MapData},
    programs::{BtfTracePoint, FExit, Program, ProgramError, TracePoint},
};
use tracing::warn;

use super::{
    Attached, Functions, KernelError, Links, MappedArray, Misses, Place, Request,
    choose::{choose, chosen},
    load::{self, Opened, Prepared},
    pins, restrictions,
    volume::{VOLUME_MAPS, VolumeMaps},
    watches::{WATCH_MAPS, WatchMaps},
};
use crate::hooks::{Candidate, HOOKS, Mechanism, Outcome, OutcomeState};

/// Why one program could not be loaded.
pub struct LoadFailure(pub ProgramError);

impl LoadFailure {
    /// One line for an operator.
    pub fn reason(&self) -> String {
        match &self.0 {
            ProgramError::LoadError {
                io_error,
                verifier_log,
            } => {
                let log = verifier_log.to_string();
                let last = log
                    .lines()
                    .rev()
                    .find(|line| is_verdict(line))
                    .unwrap_or("");
                format!(
                    "{io_error}{}{last}",
                    if last.is_empty() { "" } else { ": " }
                )
            }
            error => load::chain(error),
        }
    }

    /// As the reason why nothing works.
    pub fn into_kernel_error(self, program: &str) -> KernelError {
        if load::permission(&self.0) {
            return KernelError::Refused {
                reason: "EPERM on BPF_PROG_LOAD".into(),
            };
        }
        let reason = self.reason();
        let ProgramError::LoadError { verifier_log, .. } = self.0 else {
            return KernelError::Object { reason };
        };
        if restrictions::is_lockdown(&reason) {
            return KernelError::Lockdown;
        }
        let log = save_log(program, &verifier_log.to_string());
        KernelError::Rejected {
            program: program.into(),
            reason,
            log,
        }
    }
}

/// The verifier ends with figures; what went wrong stands before them.
fn is_verdict(line: &str) -> bool {
    let figures = [
        "processed ",
        "verification time",
        "stack depth",
        "mark_precise",
        "max_states",
    ];
    !line.trim().is_empty() && !figures.iter().any(|figure| line.starts_with(figure))
}

fn save_log(program: &str, log: &str) -> PathBuf {
    let name = format!("audit-daemon-verifier-{program}-{}.log", std::process::id());
    let path = std::env::temp_dir().join(name);
    let saved = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&path)
        .and_then(|mut file| std::io::Write::write_all(&mut file, log.as_bytes()));
    if let Err(error) = saved {
        warn!(
            "cannot save the verifier's log in {}: {error}",
            path.display()
        );
    }
    path
}

/// Loads one program of the object, if it is not loaded yet.
pub fn load_program(opened: &mut Opened, btf: &aya::Btf, program: &str) -> Result<(), LoadFailure> {
    let candidate = HOOKS
        .iter()
        .flat_map(|row| row.candidates)
        .find(|candidate| candidate.program == program)
        .ok_or(LoadFailure(ProgramError::NotLoaded))?;
    let point = candidate.points[0];
    load_one(&mut opened.ebpf, btf, candidate, point, program).map_err(LoadFailure)
}

pub fn load_one(
    ebpf: &mut Ebpf,
    btf: &aya::Btf,
    candidate: &Candidate,
    point: &str,
    name: &str,
) -> Result<(), ProgramError> {
    let program = ebpf.program_mut(name).ok_or(ProgramError::NotLoaded)?;
    if program.fd().is_ok() {
        return Ok(());
    }
    match candidate.mechanism {
        Mechanism::RawTracepoint => {
            let program: &mut BtfTracePoint = program.try_into()?;
            program.load(point, btf)
        }
        Mechanism::Tracepoint => {
            let program: &mut TracePoint = program.try_into()?;
            program.load()
        }
        Mechanism::Trampoline => match program {
            Program::FEntry(program) => program.load(point, btf),
            program => {
                let program: &mut FExit = program.try_into()?;
                program.load(point, btf)
            }
        },
    }
}

/// Loads, attaches and, with a directory for pins, pins.
pub fn fresh(
    request: &Request,
    prepared: &Prepared,
    pin_dir: Option<&Path>,
) -> Result<Attached, KernelError> {
    let mut opened = load::open(request, prepared)?;
    let mut outcomes = choose(request, prepared, &mut opened);
    let needs_opens = prepared.hookable.works() && !request.off.contains(&"file");
    if needs_opens && !opens_are_inside(&outcomes) {
        warn!("opens cannot be hooked on the kernel's functions: using none of these");
        let request = Request {
            functions: Functions::Never,
            ..request.clone()
        };
        return fresh(&request, &load::prepare(&request)?, pin_dir);
    }
    if let Some(dir) = pin_dir {
        pins::pin_maps(&mut opened.ebpf, dir)?;
    }
    let mut links = Links::new(pin_dir);
    let mut pinned = pin_dir.is_some();
    for outcome in &mut outcomes {
        let Some((row, place, candidate)) = chosen(outcome) else {
            continue;
        };
        let at = outcome.at().to_vec();
        for (nth, program) in opened.programs(request, candidate).into_iter().enumerate() {
            let place = |point| Place::new(row.name, place, nth, point);
            let attach = Attach {
                candidate,
                program,
                at: &at,
                pin_dir,
            };
            match attach_program(&mut opened.ebpf, &attach, &mut links, place) {
                Ok(all_pinned) => pinned &= all_pinned,
                Err(error) => {
                    let reason = format!("attaching failed: {}", load::chain(&error));
                    outcome.state = OutcomeState::Missing { reason };
                    // Half of it would see less than it says.
                    links.detach_row(row.name);
                    break;
                }
            }
        }
    }
    if !pinned && let Some(dir) = pin_dir {
        // A link could not be pinned after all: half of a load would be worse than none.
        drop(links);
        pins::unload(dir)?;
        return fresh(request, prepared, None);
    }
    let count = links.len() as u64;
    let mut attached = take_maps(opened, request, outcomes, links)?;
    attached.load = prepared.load(attached.load.fingerprint, count, crate::enrich::boot_ns());
    attached.pinned = pinned;
    pins::finish(&attached);
    Ok(attached)
}

/// As the programs were told: others leave io_uring's opens to it.
fn opens_are_inside(outcomes: &[Outcome]) -> bool {
    let inside = |outcome: &Outcome| {
        let on_function =
            chosen(outcome).is_some_and(|(_, _, c)| c.mechanism == Mechanism::Trampoline);
        outcome.hook == "file_open" && on_function
    };
    outcomes.iter().any(inside)
}

/// A program of a candidate, and where it goes.
struct Attach<'a> {
    candidate: &'a Candidate,
    program: &'static str,
    at: &'a [String],
    pin_dir: Option<&'a Path>,
}

/// Attaches it to all its points; false if not all could be pinned.
fn attach_program(
    ebpf: &mut Ebpf,
    attach: &Attach<'_>,
    links: &mut Links,
    place: impl Fn(usize) -> Option<Place>,
) -> Result<bool, ProgramError> {
    let Attach {
        candidate,
        program: name,
        at,
        pin_dir,
    } = *attach;
    let mut all_pinned = true;
    let program = ebpf.program_mut(name).ok_or(ProgramError::NotLoaded)?;
    if let Some(dir) = pin_dir
        && let Err(error) = program.pin(dir.join(pins::program_name(name)))
    {
        warn!("cannot pin the program {name}: {error}");
        all_pinned = false;
    }
    let program = program.fd()?.as_fd();
    for (number, point) in candidate.points.iter().enumerate() {
        if let (Some(place), true) = (place(number), at.iter().any(|there| there == point)) {
            all_pinned &= links.attach(place, program)?;
        }
    }
    Ok(all_pinned)
}

/// Takes rings, counters and ledger out of a loaded object.
fn take_maps(
    mut opened: Opened,
    request: &Request,
    outcomes: Vec<Outcome>,
    mut links: Links,
) -> Result<Attached, KernelError> {
    let mut maps = Vec::new();
    let mut take = |name: &'static str| -> Result<MapData, KernelError> {
        match opened.ebpf.take_map(name) {
            Some(
                Map::RingBuf(map)
                | Map::Array(map)
                | Map::HashMap(map)
                | Map::LruHashMap(map)
                | Map::LpmTrie(map),
            ) => {
                maps.push((name, map.fd().as_fd().try_clone_to_owned()?));
                Ok(map)
            }
            _ => Err(KernelError::Object {
                reason: format!("no map {name} in the object"),
            }),
        }
    };
    let rings = [take("CRITICAL")?, take("BULK")?];
    let (counters, ledger, load) = (take("COUNTERS")?, take("LEDGER")?, take("LOAD")?);
    let [objects, names, asked, filter, state, linked] = WATCH_MAPS.map(&mut take);
    let watch_maps = [objects?, names?, asked?, filter?, state?, linked?];
    let [settings, quiet, repeat, rate] = VOLUME_MAPS.map(&mut take);
    let volume_maps = [settings?, quiet?, repeat?, rate?];
    let cpus = request.cpus as usize;
    let misses = Arc::new(Misses::of_object(&opened.ebpf));
    links.hold(misses.clone(), maps);
    let attached = Attached {
        load: Load {
            fingerprint: opened.fingerprint,
            ..Load::default()
        },
        adopted: false,
        replaced: false,
        pinned: false,
        flavour: opened.flavour,
        outcomes,
        counters: Arc::new(MappedArray::map(counters.fd(), cpus)?),
        ledger: Arc::new(MappedArray::map(ledger.fd(), 1 + 2 * cpus)?),
        load_map: MappedArray::map(load.fd(), 1)?,
        watch_maps: Some(WatchMaps::of(watch_maps)?),
        volume: Arc::new(VolumeMaps::of(&volume_maps, request.cpus)?),
        misses,
        links: Arc::new(Mutex::new(links)),
        rings,
        ring_bytes: request.ring_bytes,
        cpus: request.cpus,
        large_slots: request.large_slots(),
        held: Some(opened.ebpf),
    };
    Ok(attached)
}
