//! What the programs look up and nobody changes while they run: names of variables, ignored addresses.
//!
//! Owns the filling of those maps, before anything is attached.

use audit_common::limits::ENV_NAME_BYTES_MAX;
use aya::{Ebpf, maps::HashMap};

use super::{KernelError, Request};

pub fn fill(ebpf: &mut Ebpf, request: &Request) -> Result<(), KernelError> {
    environment(ebpf, &request.environment)?;
    request.sockets.ignore(ebpf)
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
