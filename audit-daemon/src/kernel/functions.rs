//! Whether this kernel lets programs be hooked on its functions (fentry, fexit), found out by doing it.
//!
//! Owns that trial, and the list of functions that are there. Programs are told of it before they are
//! loaded, so it cannot be left to the first of them. Must not keep anything attached.

use std::{io, os::fd::AsFd};

use audit_common::offsets::{ABSENT, Offsets};

use super::{
    bpf,
    btf::{Btf, Function},
};
use crate::hooks;

/// What is hooked on functions needs them all.
const FIRST: [&str; 2] = ["do_filp_open", "do_file_open"];

/// The functions that are there, or why none can be hooked.
#[derive(Clone, Debug)]
pub struct Hookable {
    functions: Vec<(&'static str, Function)>,
    refused: Option<String>,
}

impl Hookable {
    /// Nobody asks for any.
    pub fn none(reason: &str) -> Hookable {
        Hookable {
            functions: Vec::new(),
            refused: Some(reason.to_owned()),
        }
    }

    /// Tries the first of them.
    pub fn find(btf: &Btf, offsets: &Offsets) -> Hookable {
        let there = |name| btf.function(name).map(|function| (name, function));
        let functions: Vec<_> = hooks::functions().filter_map(there).collect();
        let first = FIRST.iter().find_map(|name| btf.function(name));
        let refused = match (first, lacks(offsets)) {
            (_, Some(member)) => Some(format!("this kernel has no {member}")),
            (None, _) => Some(format!("this kernel has no function {}", FIRST[0])),
            (Some(function), None) => attempt(function)
                .err()
                .map(|error| format!("programs on functions are refused: {error}")),
        };
        Hookable { functions, refused }
    }

    pub fn refused(&self) -> Option<&str> {
        self.refused.as_deref()
    }

    pub fn works(&self) -> bool {
        self.refused.is_none()
    }

    /// The first of these names that this kernel has.
    pub fn name(&self, names: &[&'static str]) -> Option<&'static str> {
        let known = |name: &&&str| self.functions.iter().any(|(known, _)| *known == **name);
        names.iter().find(known).copied()
    }

    /// How many arguments it takes; 0: it is not there.
    pub fn arguments(&self, name: &str) -> u32 {
        let found = self.functions.iter().find(|(known, _)| *known == name);
        found.map_or(0, |(_, function)| function.arguments)
    }
}

/// A member without which programs on functions would read something else.
fn lacks(offsets: &Offsets) -> Option<&'static str> {
    let register = match cfg!(target_arch = "aarch64") {
        true => (offsets.arm_orig_x0, "pt_regs.orig_x0"),
        false => (offsets.regs_ax, "pt_regs.ax"),
    };
    [
        (offsets.task_flags, "task_struct.flags"),
        (offsets.open_flags_flag, "open_flags.open_flag"),
        (offsets.filename_name, "filename.name"),
        register,
    ]
    .into_iter()
    .find_map(|(offset, name)| (offset == ABSENT).then_some(name))
}

/// Attaches a program that does nothing, and takes it away.
fn attempt(function: Function) -> io::Result<()> {
    let program = bpf::load_empty_on_exit(function.id)?;
    bpf::attach_loaded(program.as_fd()).map(drop)
}
