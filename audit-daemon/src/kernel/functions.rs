//! Whether this kernel lets programs be hooked on its functions (fentry, fexit), found out by doing it.
//!
//! Owns that trial, and the list of functions that are there. Programs are told of it before they are
//! loaded, so it cannot be left to the first of them. Must not keep anything attached.

use std::{
    io,
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
};

use audit_common::offsets::{ABSENT, Offsets};
use nix::libc;

use super::btf::{Btf, Function};
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

const BPF_PROG_LOAD: libc::c_long = 5;
const BPF_RAW_TRACEPOINT_OPEN: libc::c_long = 17;
const BPF_PROG_TYPE_TRACING: u32 = 26;
const BPF_TRACE_FEXIT: u32 = 25;
/// `r0 = 0; exit`
const EMPTY: [u64; 2] = [0xb7, 0x95];

/// `bpf_attr` of BPF_PROG_LOAD, as far as we use it.
#[repr(C)]
#[derive(Default)]
struct ProgramLoad {
    kind: u32,
    instructions: u32,
    instructions_at: u64,
    licence_at: u64,
    log: [u32; 2],
    log_at: u64,
    kernel_version: u32,
    flags: u32,
    name: [u64; 2],
    interface: u32,
    expected_attach_type: u32,
    of_btf: [u32; 9],
    attach_btf_id: u32,
    attach_program: u32,
    /// Named, and not left to be padding: the kernel reads it, or insists on zeroes there.
    relocations: u32,
}

const _: () = assert!(size_of::<ProgramLoad>() == 120, "no padding");

/// `bpf_attr` of BPF_RAW_TRACEPOINT_OPEN.
#[repr(C)]
struct Attach {
    name: u64,
    program: u32,
    zero: u32,
}

/// Attaches a program that does nothing, and takes it away.
fn attempt(function: Function) -> io::Result<()> {
    let program = bpf(
        BPF_PROG_LOAD,
        &ProgramLoad {
            kind: BPF_PROG_TYPE_TRACING,
            instructions: EMPTY.len() as u32,
            instructions_at: EMPTY.as_ptr() as u64,
            licence_at: c"GPL".as_ptr() as u64,
            expected_attach_type: BPF_TRACE_FEXIT,
            attach_btf_id: function.id,
            ..ProgramLoad::default()
        },
    )?;
    bpf(
        BPF_RAW_TRACEPOINT_OPEN,
        &Attach {
            name: 0,
            program: program.as_raw_fd() as u32,
            zero: 0,
        },
    )?;
    Ok(())
}

fn bpf<T>(command: libc::c_long, attributes: &T) -> io::Result<OwnedFd> {
    let size = size_of::<T>();
    // SAFETY: attributes of this command and their size; what they point to outlives the call.
    let fd = unsafe { libc::syscall(libc::SYS_bpf, command, attributes, size) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: a descriptor that the kernel has just made for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) })
}

const _: () = assert!(std::mem::offset_of!(ProgramLoad, attach_btf_id) == 108);
