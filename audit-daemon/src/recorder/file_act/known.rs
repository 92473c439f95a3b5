//! Acts whose objects the kernel programs looked at in the moment before: no name is followed again.
//!
//! Owns where such objects stand. Places and identities are the kernel's; what it could not tell is not
//! looked for, and unknown. Only what a symbolic link says is followed as ever.

use audit_common::{
    file_act::{FileAct, call, flag},
    header,
};

use super::{Objects, calls, joined, places, places_of, readable, second};
use crate::{
    decode::Tails,
    record::view::Source,
    watching::{Decider, Identified, Meaning, Start, Views},
};

/// Is it told by its object, as that is since the act?
pub fn is_fresh(event: &FileAct) -> bool {
    const OF_NOW: u32 = flag::OBJECT | flag::BEFORE;
    event.flags & OF_NOW == flag::OBJECT && event.errno == 0 && event.ino != 0
}

/// `moved`: where it would stand if the watched directory above it still stood where it was.
pub fn objects(
    event: &FileAct,
    tails: &Tails<'_>,
    decider: &Decider,
    moved: Option<Vec<u8>>,
    views: &mut Views,
) -> Option<Objects> {
    let mut hosts = places(event, tails, decider);
    let (path, source) = match &tails.file {
        Some(file) => (joined(Some(file)), Source::Kernel),
        None => shown(event, tails, &hosts)?,
    };
    hosts.extend(moved);
    let first = placed(path, hosts, (event.ino != 0).then(|| identified(event)));
    let second = match event.call {
        call::RENAME | call::LINK => {
            let walk = tails.second_file.as_ref();
            let hosts = places_of(event, tails.second_on_disk.as_ref(), walk, decider);
            let path = joined(tails.second_file.as_ref());
            // Two that change places are each what the other was.
            let moved = event.errno == 0 && calls::detail(event).is_none();
            let object = first.object.filter(|_| moved);
            Some(placed(path, hosts, object))
        }
        call::SYMLINK => {
            // Looked for in the link's own directory.
            let start = Start {
                path: b"",
                on_disk: None,
            };
            second::meaning(event, tails, decider, &start, &first, views)
        }
        _ => None,
    };
    Some(Objects {
        first,
        second,
        source,
    })
}

fn identified(event: &FileAct) -> Identified {
    Identified {
        id: (event.dev, event.ino),
        mode: event.mode,
        links: event.links.into(),
        modified: None,
    }
}

/// Which object it is may not be known: of what was made, or of what it was to replace.
fn placed(path: Vec<u8>, hosts: Vec<Vec<u8>>, object: Option<Identified>) -> Meaning {
    match object {
        Some(object) => Meaning::of_object(path, hosts, object),
        None => Meaning::of_place(path, hosts),
    }
}

/// Functions that are not told the mount: the host's path of it, as it was asked for if that is one.
fn shown(event: &FileAct, tails: &Tails<'_>, hosts: &[Vec<u8>]) -> Option<(Vec<u8>, Source)> {
    let name = readable(tails.filename.as_ref()).unwrap_or_default();
    let mut named = match name.starts_with(b"/") {
        true => Vec::new(),
        false => [&joined(tails.base.as_ref())[..], b"/"].concat(),
    };
    named.extend_from_slice(name);
    let asked = hosts.iter().find(|host| **host == named);
    const HOME: u32 = header::flag::HOST_ROOT | header::flag::HOST_MNT_NS;
    let at_home = event.header.flags & HOME == HOME;
    match (asked, hosts) {
        (Some(asked), _) => Some((asked.clone(), Source::Kernel)),
        (None, [only]) if at_home => Some((only.clone(), Source::Kernel)),
        (None, [first, ..]) => Some((first.clone(), Source::Userspace)),
        (None, []) => None,
    }
}
