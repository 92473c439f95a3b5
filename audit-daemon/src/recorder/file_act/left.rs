//! Acts whose object is what the call left, or got by a descriptor: a new root, or a tree that may be
//! mounted nowhere.
//!
//! Owns where such an object stands. Its directory and its identity are the kernel's; its path is what
//! that means on the host, and the program's own word only where the host has no such place. Must not
//! follow names: they were said from a root that is no longer this process's.

use audit_common::file_act::{FileAct, call};

use super::{Objects, joined, places, readable};
use crate::{
    decode::Tails,
    record::view::Source,
    watching::{Decider, Identified, Meaning},
};

/// Is it one of these, if it is a success?
pub fn by(event: &FileAct) -> bool {
    matches!(
        event.call,
        call::CHROOT | call::PIVOT_ROOT | call::OPEN_TREE | call::MOUNT_SETATTR
    )
}

/// What was left, and where the old root was put.
pub fn objects(event: &FileAct, tails: &Tails<'_>, decider: &Decider) -> Objects {
    let hosts = places(event, tails, decider);
    let walked = joined(tails.file.as_ref());
    let name = readable(tails.filename.as_ref()).unwrap_or_default();
    let (path, source) = match event.call {
        // Up to the root of its mount namespace.
        call::CHROOT => (walked, Source::Kernel),
        call::MOUNT_SETATTR if !is_detached(tails) => (walked, Source::Kernel),
        _ => shown(&hosts, name, walked),
    };
    let second = match event.call {
        call::PIVOT_ROOT => Some(put_old(tails, &hosts)),
        _ => None,
    };
    let object = Identified {
        id: (event.dev, event.ino),
        mode: event.mode,
        links: event.links.into(),
        modified: None,
    };
    Objects {
        first: Meaning::of_object(path, hosts, object),
        second,
        source,
    }
}

/// Is it mounted nowhere?
fn is_detached(tails: &Tails<'_>) -> bool {
    tails.file.is_some_and(|file| file.detached())
}

/// The host's path of it, as it was asked for if that is one of them.
fn shown(hosts: &[Vec<u8>], name: &[u8], walked: Vec<u8>) -> (Vec<u8>, Source) {
    let asked = hosts.iter().find(|host| host[..] == *name);
    match (asked, hosts.first()) {
        (Some(asked), _) => (asked.clone(), Source::Kernel),
        (None, Some(first)) => (first.clone(), Source::Userspace),
        (None, None) if name.is_empty() => (walked, Source::Kernel),
        (None, None) => (name.to_vec(), Source::AsGiven),
    }
}

/// It is in the new root, or the call would have failed.
fn put_old(tails: &Tails<'_>, new_roots: &[Vec<u8>]) -> Meaning {
    let name = readable(tails.second_name.as_ref()).unwrap_or_default();
    let below = joined(tails.second_base.as_ref());
    let hosts = match name.starts_with(b"/") {
        true => vec![name.to_vec()],
        false => new_roots
            .iter()
            .map(|root| [root, &below[..], b"/", name].concat())
            .collect(),
    };
    Meaning::of_names(name.to_vec(), hosts)
}
