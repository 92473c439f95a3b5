//! The cgroup trees of this host: where they are mounted, and what is in them at start.
//!
//! Owns the reading of `/proc/self/mountinfo`, `/proc/self/cgroup`, `/proc/cgroups` and of the
//! mounted trees. A directory's inode number is its kernfs id (v2 always, v1 on 64-bit kernels
//! since 5.5), and a path in the table is relative to the root of its hierarchy.
//!
//! Must not run while events are drained: a walk takes milliseconds for thousands of cgroups.
//!
//! Invariants:
//! - a directory that vanishes during the walk is normal, and counted;
//! - a tree that is not mounted, or only in part, is said ([`Trees::problems`]), not guessed.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::ops::AddAssign;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{DirEntryExt, MetadataExt};
use std::path::PathBuf;

use nix::sys::statfs::{CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC, statfs};

use super::UNIFIED;

const MOUNTINFO: &str = "/proc/self/mountinfo";
const SELF_CGROUP: &str = "/proc/self/cgroup";
const CGROUPS: &str = "/proc/cgroups";

/// The kernel allows more, by default without end; nobody nests containers this deep.
const DEPTH_MAX: usize = 64;

/// v1 controllers in the order of trust that each container has its own cgroup there.
const V1_PREFERENCE: [&str; 9] = [
    "memory", "pids", "cpu", "devices", "freezer", "cpuacct", "cpuset", "blkio", "net_cls",
];

#[derive(Debug, thiserror::Error)]
pub enum TreesError {
    #[error("cannot read {path}: {source}; is /proc mounted?")]
    Proc {
        path: &'static str,
        source: io::Error,
    },
}

/// What is worth a line to the operator: containers may be missed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TreeProblem {
    #[error(
        "cgroup hierarchy {hierarchy} ({controllers}) is not mounted here: cgroups made before \
         the start stay unknown"
    )]
    NotMounted { hierarchy: u32, controllers: String },
    #[error(
        "cgroup hierarchy {hierarchy} is mounted at {mount_point} only from {root} down: cgroups \
         elsewhere that were made before the start stay unknown"
    )]
    Partial {
        hierarchy: u32,
        mount_point: String,
        root: String,
    },
    #[error(
        "{mount_point} shows no cgroup file system: something is mounted over hierarchy {hierarchy}"
    )]
    Covered { hierarchy: u32, mount_point: String },
}

impl TreeProblem {
    pub fn hierarchy(&self) -> u32 {
        match self {
            TreeProblem::NotMounted { hierarchy, .. }
            | TreeProblem::Partial { hierarchy, .. }
            | TreeProblem::Covered { hierarchy, .. } => *hierarchy,
        }
    }
}

/// One mounted hierarchy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    pub hierarchy: u32,
    pub mount_point: PathBuf,
    /// What of the hierarchy the mount shows; `/` is all.
    pub root: Vec<u8>,
}

/// All hierarchies of this host that are mounted where the daemon sees them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trees {
    pub trees: Vec<Tree>,
    pub problems: Vec<TreeProblem>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WalkSummary {
    pub cgroups: u64,
    /// Directories that were removed while we looked.
    pub vanished: u64,
    /// Directories that could not be read, were too deep, or came after the limit.
    pub skipped: u64,
}

/// The v1 hierarchy that tells containers apart where v2 does not hold them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct V1Hierarchy {
    /// As in `/proc/cgroups`.
    pub subsystem: &'static str,
    pub hierarchy: u32,
}

impl V1Hierarchy {
    /// The enumerator in the kernel's `enum cgroup_subsys_id`, whose value is the slot in
    /// `css_set.subsys`.
    pub fn btf_enumerator(&self) -> String {
        // The block I/O controller was renamed for v2, but not in v1's file names.
        let name = if self.subsystem == "blkio" {
            "io"
        } else {
            self.subsystem
        };
        format!("{name}_cgrp_id")
    }
}

/// Which v1 hierarchy the kernel programs should take the second cgroup id from; none on a host
/// with v2 only.
pub fn v1_choice() -> Option<V1Hierarchy> {
    v1_choice_of(&fs::read_to_string(CGROUPS).ok()?)
}

impl Trees {
    /// The trees of this host.
    pub fn discover() -> Result<Trees, TreesError> {
        let read = |path| fs::read(path).map_err(|source| TreesError::Proc { path, source });
        let mut trees = Trees::parse(&read(MOUNTINFO)?, &read(SELF_CGROUP)?);
        let problems = &mut trees.problems;
        trees.trees.retain(|tree| {
            let is_cgroup = statfs(&tree.mount_point).is_ok_and(|status| {
                [CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC].contains(&status.filesystem_type())
            });
            if !is_cgroup {
                let mount_point = tree.mount_point.display().to_string();
                problems.push(TreeProblem::Covered {
                    hierarchy: tree.hierarchy,
                    mount_point,
                });
            }
            is_cgroup
        });
        Ok(trees)
    }

    /// Problems of the hierarchies that the table keeps; nobody misses the others.
    pub fn problems_of(&self, v1_hierarchy: Option<u32>) -> impl Iterator<Item = &TreeProblem> {
        self.problems.iter().filter(move |problem| {
            let hierarchy = problem.hierarchy();
            hierarchy == UNIFIED || Some(hierarchy) == v1_hierarchy
        })
    }

    /// From the text of `/proc/self/mountinfo` and `/proc/self/cgroup`.
    pub fn parse(mountinfo: &[u8], self_cgroup: &[u8]) -> Trees {
        let mounts: Vec<Mount> = lines(mountinfo).filter_map(Mount::parse).collect();
        let mut found = Trees::default();
        for (hierarchy, controllers) in lines(self_cgroup).filter_map(hierarchy_line) {
            let first = controllers
                .split(|&byte| byte == b',')
                .next()
                .unwrap_or_default();
            let best = mounts
                .iter()
                .filter(|mount| match hierarchy {
                    UNIFIED => mount.is_unified,
                    _ => !mount.is_unified && mount.has_option(first),
                })
                // The whole tree before a part of it; the last mount at a place covers the others.
                .min_by_key(|mount| mount.root.len());
            let Some(mount) = best else {
                found.problems.push(TreeProblem::NotMounted {
                    hierarchy,
                    controllers: match hierarchy {
                        UNIFIED => "unified".to_owned(),
                        _ => String::from_utf8_lossy(controllers).into_owned(),
                    },
                });
                continue;
            };
            if mount.root != b"/" {
                found.problems.push(TreeProblem::Partial {
                    hierarchy,
                    mount_point: mount.mount_point.display().to_string(),
                    root: String::from_utf8_lossy(&mount.root).into_owned(),
                });
            }
            let (mount_point, root) = (mount.mount_point.clone(), mount.root.clone());
            found.trees.push(Tree {
                hierarchy,
                mount_point,
                root,
            });
        }
        found
    }
}

impl Tree {
    /// Calls `each` with id and path of every cgroup, parents first, up to `cgroups_max`.
    pub fn walk(&self, cgroups_max: usize, mut each: impl FnMut(u64, &[u8])) -> WalkSummary {
        let mut summary = WalkSummary::default();
        let root = if self.root == b"/" {
            Vec::new()
        } else {
            self.root.clone()
        };
        let Ok(metadata) = fs::metadata(&self.mount_point) else {
            summary.skipped += 1;
            return summary;
        };
        each(metadata.ino(), if root.is_empty() { b"/" } else { &root });
        summary.cgroups += 1;
        // (path below the mount point, depth); breadth is bounded by cgroups_max.
        let mut waiting = vec![(Vec::new(), 1)];
        while let Some((below, depth)) = waiting.pop() {
            let relative = OsStr::from_bytes(below.strip_prefix(b"/").unwrap_or(&below));
            let children = match fs::read_dir(self.mount_point.join(relative)) {
                Ok(children) => children,
                Err(error) => {
                    summary.note(&error);
                    continue;
                }
            };
            for child in children {
                let child = match child.and_then(|child| Ok((child.file_type()?.is_dir(), child))) {
                    Ok((true, child)) => child,
                    Ok((false, _)) => continue,
                    Err(error) => {
                        summary.note(&error);
                        continue;
                    }
                };
                if depth > DEPTH_MAX || summary.cgroups >= cgroups_max as u64 {
                    summary.skipped += 1;
                    continue;
                }
                let below = [&below, b"/".as_slice(), child.file_name().as_bytes()].concat();
                each(child.ino(), &[root.as_slice(), &below].concat());
                summary.cgroups += 1;
                waiting.push((below, depth + 1));
            }
        }
        summary
    }
}

impl WalkSummary {
    fn note(&mut self, error: &io::Error) {
        let is_gone = matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ENODEV));
        if is_gone {
            self.vanished += 1;
        } else {
            self.skipped += 1;
        }
    }
}

impl AddAssign for WalkSummary {
    fn add_assign(&mut self, other: WalkSummary) {
        self.cgroups += other.cgroups;
        self.vanished += other.vanished;
        self.skipped += other.skipped;
    }
}

/// A cgroup mount in `/proc/self/mountinfo`.
struct Mount {
    is_unified: bool,
    root: Vec<u8>,
    mount_point: PathBuf,
    options: Vec<u8>,
}

impl Mount {
    /// `ID PARENT MAJOR:MINOR ROOT MOUNT_POINT OPTIONS [TAGS…] - TYPE SOURCE SUPER_OPTIONS`
    fn parse(line: &[u8]) -> Option<Mount> {
        let mut fields = line.split(|&byte| byte == b' ');
        let root = unescape(fields.nth(3)?);
        let mount_point = unescape(fields.next()?);
        fields.find(|field| *field == b"-")?;
        let is_unified = match fields.next()? {
            b"cgroup2" => true,
            b"cgroup" => false,
            _ => return None,
        };
        let options = fields.nth(1)?.to_vec();
        let mount_point = PathBuf::from(std::ffi::OsString::from_vec(mount_point));
        Some(Mount {
            is_unified,
            root,
            mount_point,
            options,
        })
    }

    fn has_option(&self, name: &[u8]) -> bool {
        self.options
            .split(|&byte| byte == b',')
            .any(|option| option == name)
    }
}

/// `NUMBER:CONTROLLERS:PATH`
fn hierarchy_line(line: &[u8]) -> Option<(u32, &[u8])> {
    let mut fields = line.splitn(3, |&byte| byte == b':');
    let number = std::str::from_utf8(fields.next()?).ok()?.parse().ok()?;
    Some((number, fields.next()?))
}

fn v1_choice_of(cgroups: &str) -> Option<V1Hierarchy> {
    let hierarchy_of = |subsystem: &str| -> Option<u32> {
        let mut fields = cgroups
            .lines()
            .map(str::split_ascii_whitespace)
            .find_map(|mut fields| (fields.next() == Some(subsystem)).then_some(fields))?;
        let hierarchy = fields.next()?.parse().ok()?;
        let is_enabled = fields.nth(1)? == "1";
        (hierarchy != UNIFIED && is_enabled).then_some(hierarchy)
    };
    V1_PREFERENCE.into_iter().find_map(|subsystem| {
        Some(V1Hierarchy {
            subsystem,
            hierarchy: hierarchy_of(subsystem)?,
        })
    })
}

/// The kernel writes space, tab, newline and backslash of a mount path as `\OOO`.
fn unescape(text: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&first, tail)) = rest.split_first() {
        match rest {
            [
                b'\\',
                a @ b'0'..=b'3',
                b @ b'0'..=b'7',
                c @ b'0'..=b'7',
                tail @ ..,
            ] => {
                plain.push(((a - b'0') << 6) | ((b - b'0') << 3) | (c - b'0'));
                rest = tail;
            }
            _ => {
                plain.push(first);
                rest = tail;
            }
        }
    }
    plain
}

fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|&byte| byte == b'\n')
        .filter(|line| !line.is_empty())
}

#[cfg(test)]
mod tests;
