//! The pins of one load in bpffs: made, adopted, removed.
//!
//! Owns the directory's names: `map_<NAME>`, `prog_<program>`, `link_<hook>_<candidate>_<point>`.
//! Invariant: what is adopted is a whole, finished load; anything else is removed.

use std::{
    os::fd::AsFd,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use audit_common::{Lane, counters::Load};
use aya::{Ebpf, maps::MapData};
use tracing::{info, warn};

use super::{
    Attached, KernelError, Links, MappedArray, Misses, Request,
    choose::{self, outcome, runs_for, wants},
    load::{MODERN, Prepared},
    volume::{VOLUME_MAPS, VolumeMaps},
    watches::{WATCH_MAPS, WatchMaps},
};
use crate::hooks::{self, HOOKS, HookRow, Outcome, OutcomeState};

/// In the order of the fingerprints.
const FLAVOURS: [&str; 2] = [MODERN, "legacy"];

/// Maps that a later daemon needs; the rest lives as long as the programs.
const SHARED_MAPS: [&str; 5] = ["CRITICAL", "BULK", "COUNTERS", "LEDGER", "LOAD"];

pub fn shared_maps() -> impl Iterator<Item = &'static str> {
    SHARED_MAPS.into_iter().chain(WATCH_MAPS).chain(VOLUME_MAPS)
}

pub fn map_name(map: &str) -> String {
    format!("map_{map}")
}

pub fn program_name(program: &str) -> String {
    format!("prog_{program}")
}

/// `program`: 0, or 1 for its twin.
pub fn link_name(hook: &str, candidate: usize, program: usize, point: usize) -> String {
    format!("link_{hook}_{candidate}_{program}_{point}")
}

/// Pins the shared maps. The first thing to be pinned, so that links are never without them.
pub fn pin_maps(ebpf: &mut Ebpf, dir: &Path) -> Result<(), KernelError> {
    for name in shared_maps() {
        let object = |reason: String| KernelError::Object { reason };
        let map = ebpf
            .map_mut(name)
            .ok_or_else(|| object(format!("no map {name}")))?;
        let path = dir.join(map_name(name));
        map.pin(&path)
            .map_err(|error| object(format!("pinning {}: {error}", path.display())))?;
    }
    Ok(())
}

/// Declares the load finished.
pub fn finish(attached: &Attached) {
    let unfinished = Load {
        load_id: 0,
        ..attached.load
    };
    attached.load_map.set(0, &unfinished);
    attached.load_map.set(0, &attached.load);
}

/// Takes over the pinned load, if it is finished and the one that we would make.
pub fn adopt(request: &Request, prepared: &Prepared) -> Result<Option<Attached>, KernelError> {
    let dir = &request.pin_dir;
    let mut maps = Vec::new();
    let mut open = |name: &'static str| {
        let map = MapData::from_pin(dir.join(map_name(name))).ok()?;
        maps.push((name, map.fd().as_fd().try_clone_to_owned().ok()?));
        Some(map)
    };
    let Some(load_map) = open("LOAD") else {
        return Ok(None);
    };
    let load_map = MappedArray::<Load>::map(load_map.fd(), 1)?;
    let mut load = load_map.get(0);
    let flavour = prepared
        .fingerprints
        .iter()
        .position(|print| *print == load.fingerprint);
    let (Some(flavour), true) = (flavour, load.load_id != 0) else {
        info!(
            "the programs pinned in {} are other ones than ours: replacing them",
            dir.display()
        );
        return Ok(None);
    };
    let (outcomes, pinned) = pinned_outcomes(dir, request, prepared, FLAVOURS[flavour]);
    let mut links = Links::of_pins(dir);
    if pinned != load.links || links.len() as u64 != pinned {
        warn!(
            "{pinned} of {} pinned links are left: attaching anew",
            load.links
        );
        return Ok(None);
    }
    let (Some(critical), Some(bulk), Some(counters), Some(ledger)) = (
        open("CRITICAL"),
        open("BULK"),
        open("COUNTERS"),
        open("LEDGER"),
    ) else {
        return Ok(None);
    };
    let watch_maps: Vec<MapData> = WATCH_MAPS.into_iter().filter_map(&mut open).collect();
    let volume_maps: Vec<MapData> = VOLUME_MAPS.into_iter().filter_map(&mut open).collect();
    let (Ok(watch_maps), Ok(volume_maps)) = (
        <[MapData; 6]>::try_from(watch_maps),
        <[MapData; 4]>::try_from(volume_maps),
    ) else {
        return Ok(None);
    };
    let cpus = request.cpus as usize;
    let misses = Arc::new(Misses::of_pins(dir));
    links.hold(misses.clone(), maps);
    load.adopted += 1;
    load_map.set(0, &load);
    Ok(Some(Attached {
        load,
        adopted: true,
        replaced: false,
        pinned: true,
        flavour: FLAVOURS[flavour],
        outcomes,
        counters: Arc::new(MappedArray::map(counters.fd(), cpus)?),
        ledger: Arc::new(MappedArray::map(ledger.fd(), 1 + 2 * cpus)?),
        load_map,
        watch_maps: Some(WatchMaps::of(watch_maps)?),
        volume: Arc::new(VolumeMaps::of(&volume_maps, request.cpus)?),
        misses,
        links: Arc::new(Mutex::new(links)),
        rings: [critical, bulk],
        ring_bytes: request.ring_bytes,
        cpus: request.cpus,
        large_slots: request.large_slots(),
        held: None,
    }))
}

/// What the pinned links say was chosen, and how many there are.
fn pinned_outcomes(
    dir: &Path,
    request: &Request,
    prepared: &Prepared,
    flavour: &str,
) -> (Vec<Outcome>, u64) {
    let mut links = 0;
    let mut outcomes: Vec<Outcome> = Vec::new();
    for row in HOOKS
        .iter()
        .filter(|row| wants(request, prepared, flavour, row))
    {
        let (state, found) = pinned_state(dir, row);
        links += found;
        let is_other = found == 0 && outcomes.iter().any(|other| runs_for(other, row));
        if !is_other {
            outcomes.push(outcome(row, state, Vec::new()));
        }
    }
    hooks::reconcile(&mut outcomes, &prepared.facts);
    (outcomes, links)
}

fn pinned_state(dir: &Path, row: &'static HookRow) -> (OutcomeState, u64) {
    for (place, candidate) in row.candidates.iter().enumerate() {
        let is_pinned = |program: usize, (point, _): &(usize, &&str)| {
            dir.join(link_name(row.name, place, program, *point))
                .exists()
        };
        let points = candidate.points.iter().enumerate();
        let [at, again] = [0, 1].map(|program| {
            let pinned = points.clone().filter(|point| is_pinned(program, point));
            let names: Vec<String> = pinned.map(|(_, name)| (*name).to_owned()).collect();
            names
        });
        if !at.is_empty() {
            let found = (at.len() + again.len()) as u64;
            return (choose::state(candidate, at), found);
        }
    }
    (
        OutcomeState::Missing {
            reason: "not attached when it was loaded".into(),
        },
        0,
    )
}

/// Fresh pins, until the daemon records what comes from them. Dropped before that they are removed:
/// a daemon that refuses to start leaves nothing in the kernel.
pub struct Unrecorded(Option<PathBuf>);

impl Unrecorded {
    pub fn new(attached: &Attached, dir: &Path) -> Unrecorded {
        let is_fresh = attached.pinned && !attached.adopted;
        Unrecorded(is_fresh.then(|| dir.to_path_buf()))
    }

    /// From now on they stay.
    pub fn keep(&mut self) {
        self.0 = None;
    }
}

impl Drop for Unrecorded {
    fn drop(&mut self) {
        if let Some(dir) = self.0.take() {
            let removed = unload(&dir).map(|_| std::fs::remove_dir(&dir));
            if let Err(error) = removed {
                warn!("{error}");
            }
        }
    }
}

/// Removes every pin: programs are detached with their last link. Gives the number removed.
pub fn unload(dir: &Path) -> Result<usize, KernelError> {
    let error = |error: std::io::Error| KernelError::Unload {
        path: dir.into(),
        reason: error.to_string(),
    };
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(missing) if missing.kind() == std::io::ErrorKind::NotFound => return Ok(0),
        Err(other) => return Err(error(other)),
    };
    let mut names: Vec<_> = entries
        .collect::<Result<Vec<_>, _>>()
        .map_err(error)?
        .iter()
        .map(|e| e.path())
        .collect();
    // Links first: "link_" sorts before "map_" and "prog_".
    names.sort();
    for path in &names {
        std::fs::remove_file(path).map_err(error)?;
    }
    Ok(names.len())
}

const _: () = assert!(Lane::COUNT == 2, "SHARED_MAPS names both rings");
