//! Programs that others load into the kernel, and what they attach them to.
//!
//! Owns the reading of bpf(2). Of a program that is there everything is the kernel's; of one that was
//! refused there is the caller's word.

use audit_common::{
    events::tag,
    privilege::{Privilege, call, flag},
};

use super::{Call, Verdict};
use crate::{read, settings::offset, tails::Tails, task};

/// Commands of bpf(2).
const PROG_LOAD: u64 = 5;
const PROG_ATTACH: u64 = 8;
const RAW_TRACEPOINT_OPEN: u64 = 17;
const LINK_CREATE: u64 = 28;

/// Where members stand in its attributes, by command.
mod at {
    pub const LOAD_TYPE: u64 = 0;
    pub const LOAD_NAME: u64 = 48;
    pub const LOAD_ATTACH_TYPE: u64 = 68;
    pub const ATTACH_PROGRAM: u64 = 4;
    pub const LINK_PROGRAM: u64 = 0;
    pub const ATTACH_TYPE: u64 = 8;
    pub const RAW_NAME: u64 = 0;
    pub const RAW_PROGRAM: u64 = 8;
}

/// The name of the file behind a descriptor of a program.
const PROGRAM_FILE: u64 = u64::from_ne_bytes(*b"bpf-prog");

#[inline(always)]
pub fn is_wanted(command: u64) -> bool {
    matches!(
        command,
        PROG_LOAD | PROG_ATTACH | RAW_TRACEPOINT_OPEN | LINK_CREATE
    )
}

#[inline(always)]
pub fn describe(asked: &Call, event: &mut Privilege, tails: Tails) -> Verdict {
    let (command, attributes) = (asked.argument(0), asked.argument(1));
    let word = |at: u64| read::try_user::<u32>(attributes + at).unwrap_or(0);
    if command == PROG_LOAD {
        if asked.errno() == 0 {
            program(asked, event, tails, asked.result() as u32);
        } else {
            event.flags |= flag::TOLD;
            event.values[0] = word(at::LOAD_TYPE).into();
            event.values[1] = word(at::LOAD_ATTACH_TYPE).into();
            tails.user_string(tag::TEXT, attributes + at::LOAD_NAME);
        }
        return Verdict::Tell;
    }
    event.call = call::BPF_ATTACH;
    let (fd, attach_type) = match command {
        PROG_ATTACH => (word(at::ATTACH_PROGRAM), word(at::ATTACH_TYPE)),
        LINK_CREATE => (word(at::LINK_PROGRAM), word(at::ATTACH_TYPE)),
        _ => (word(at::RAW_PROGRAM), 0),
    };
    program(asked, event, tails, fd);
    if attach_type != 0 {
        event.values[1] = attach_type.into();
    }
    if command == RAW_TRACEPOINT_OPEN
        && let Some(name) = read::try_user::<u64>(attributes + at::RAW_NAME)
        && name != 0
    {
        tails.user_string(tag::SECOND_NAME, name);
    }
    Verdict::Tell
}

/// What the kernel has behind this descriptor, if it is a program.
#[inline(always)]
fn program(asked: &Call, event: &mut Privilege, tails: Tails, fd: u32) {
    let file = task::files(asked.task).at(fd);
    let dentry: u64 = read::kernel(file + offset!(file_path) + offset!(path_dentry));
    let name: u64 = read::kernel(dentry + offset!(dentry_name));
    if file == 0 || read::kernel::<u64>(name) != PROGRAM_FILE {
        return;
    }
    let program: u64 = read::kernel(file + offset!(file_private));
    let more: u64 = read::kernel(program + offset!(bpf_prog_aux));
    event.flags |= flag::OBJECT;
    event.values[0] = read::kernel::<u32>(program + offset!(bpf_prog_type)).into();
    event.values[1] = read::kernel::<u32>(program + offset!(bpf_prog_attach)).into();
    event.values[2] = read::kernel::<u32>(more + offset!(bpf_aux_id)).into();
    tails.kernel_string(tag::TEXT, more + offset!(bpf_aux_name));
    let function: u64 = read::kernel(more + offset!(bpf_aux_function));
    if function != 0 {
        tails.kernel_string(tag::SECOND_NAME, function);
    }
}
