//! What the programs look up and nobody changes while they run: names of variables and
//! units, ignored addresses.
//!
//! Owns the filling of those maps, before anything is attached. They are part of a load's fingerprint, so they never
//! change in one: the kernel is told so, and refuses whoever would hide something by an address or a name more.

use std::os::fd::AsFd;

use audit_common::limits::{ENV_NAME_BYTES_MAX, UNIT_BYTES_MAX};
use aya::{
    Ebpf,
    maps::{HashMap, Map},
};

use super::{KernelError, Request, bpf};

const ALL: [&str; 3] = ["ENV_NAMES", "PROTECTED_UNITS", "IGNORED"];

pub fn fill(ebpf: &mut Ebpf, request: &Request) -> Result<(), KernelError> {
    environment(ebpf, &request.environment)?;
    units(ebpf, &request.protected)?;
    request.sockets.ignore(ebpf)?;
    ALL.iter().try_for_each(|name| freeze(ebpf, name))
}

fn freeze(ebpf: &Ebpf, name: &str) -> Result<(), KernelError> {
    let object = |reason: String| KernelError::Object { reason };
    let Some(Map::HashMap(map) | Map::LpmTrie(map)) = ebpf.map(name) else {
        return Err(object(format!("no map {name}")));
    };
    bpf::freeze(map.fd().as_fd()).map_err(|error| object(format!("{name} is not frozen: {error}")))
}

fn environment(ebpf: &mut Ebpf, names: &[String]) -> Result<(), KernelError> {
    let object = |reason: String| KernelError::Object { reason };
    let map = ebpf
        .map_mut("ENV_NAMES")
        .ok_or_else(|| object("no map ENV_NAMES".into()))?;
    let mut map: HashMap<_, [u8; ENV_NAME_BYTES_MAX], u8> =
        HashMap::try_from(map).map_err(|error| object(error.to_string()))?;
    for name in names {
        let mut key = [0; ENV_NAME_BYTES_MAX];
        // Its `=` and a NUL must fit beside it.
        let longest = ENV_NAME_BYTES_MAX - 2;
        if name.len() > longest {
            return Err(object(format!("`{name}` is longer than {longest} bytes")));
        }
        key[..name.len()].copy_from_slice(name.as_bytes());
        map.insert(key, 1, 0)
            .map_err(|error| object(error.to_string()))?;
    }
    Ok(())
}

/// Units whose processes are protected.
fn units(ebpf: &mut Ebpf, names: &[String]) -> Result<(), KernelError> {
    let object = |reason: String| KernelError::Object { reason };
    let map = ebpf
        .map_mut("PROTECTED_UNITS")
        .ok_or_else(|| object("no map PROTECTED_UNITS".into()))?;
    let mut map: HashMap<_, [u8; UNIT_BYTES_MAX], u8> =
        HashMap::try_from(map).map_err(|error| object(error.to_string()))?;
    for name in names {
        let mut key = [0; UNIT_BYTES_MAX];
        // Its configuration has no longer ones.
        let kept = name.len().min(UNIT_BYTES_MAX - 1);
        key[..kept].copy_from_slice(&name.as_bytes()[..kept]);
        map.insert(key, 1, 0)
            .map_err(|error| object(error.to_string()))?;
    }
    Ok(())
}
