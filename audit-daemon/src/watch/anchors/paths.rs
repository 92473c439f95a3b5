//! Paths of the file system as patterns, and back.
//!
//! OWNS: the conversions. MUST NOT: look at the file system.

use std::collections::VecDeque;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component as PathComponent, Path};

use crate::watch::pattern::{Alternative, Component};

/// Stands for the parent directory in what a link leads to; no pattern holds it.
pub(super) const UP: &[u8] = b"..";

/// The plain beginning of a path with wildcards.
pub(super) fn before_wildcard(path: &Alternative) -> Option<&[Component]> {
    let components = path.components();
    let end = components
        .iter()
        .position(|one| !matches!(one, Component::Name(_)))?;
    Some(&components[..end])
}

pub(super) fn is_missing(error: &io::Error) -> bool {
    use io::ErrorKind::{NotADirectory, NotFound};
    matches!(error.kind(), NotFound | NotADirectory)
}

/// The pattern of what `rest` means in a directory.
pub(super) fn joined(directory: &Path, rest: &VecDeque<Component>) -> Alternative {
    let names = directory.components().filter_map(|part| match part {
        PathComponent::Normal(name) => Some(Component::Name(name.as_bytes().into())),
        _ => None,
    });
    let mut components: Vec<Component> = names.collect();
    for component in rest {
        match component {
            // Of a link's target that does not exist yet: its parent is what stands before it.
            Component::Name(name) if **name == *UP => {
                components.pop();
            }
            other => components.push(other.clone()),
        }
    }
    Alternative::new(components)
}
