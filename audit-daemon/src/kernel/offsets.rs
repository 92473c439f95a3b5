//! Resolves the shared list of kernel offsets, and the settings that depend on the kernel's shape.
//!
//! Owns nothing but that step. A member that is missing stays `ABSENT`; which hooks that turns off
//! is the hook table's matter.

use audit_common::offsets::{ABSENT, Offsets};

use super::{btf::Btf, page_bytes};

/// Members without which we still see everything, but know less.
const OPTIONAL: &[&str] = &[
    "task_loginuid",
    "task_sessionid",
    "css_set_subsys",
    "css_cgroup",
    // Only where 32-bit programs are told by it.
    "task_ti_status",
    // Without it programs are not excluded.
    "inode_ctime_sec",
    "inode_ctime_nsec",
    // Privileges are told without.
    "task_pid_links",
    "task_atomic_flags",
    "cred_securebits",
    "cred_cap_inheritable",
    "cred_cap_ambient",
    "cred_group_info",
    "group_info_count",
    "group_info_gid",
    "nsproxy_uts",
    "nsproxy_ipc",
    "nsproxy_pid",
    "nsproxy_cgroup",
    "nsproxy_time",
    "uts_ns_inum",
    "uts_ns_node",
    "uts_ns_domain",
    "ipc_ns_inum",
    "cgroup_ns_inum",
    "time_ns_inum",
    "ns_ops",
    "ns_ops_name",
    "pid_tasks",
    "pid_ns_tree",
    "tree_node_shift",
    "tree_node_slots",
    "file_private",
    "inode_private",
    "proc_inode_own",
    "proc_inode_pid",
    "siginfo_code",
    "kernfs_name",
    "kernfs_parent",
    "module_name",
    "bpf_prog_type",
    "bpf_prog_attach",
    "bpf_prog_aux",
    "bpf_aux_name",
    "bpf_aux_id",
    "bpf_aux_function",
];

/// What is known of io_uring's requests: without it what they do to files is not seen.
fn is_of_rings(field: &str) -> bool {
    field.starts_with("request_") || field.starts_with("ring_") || field == "filename_name"
}

/// What is known of sockets. What may be missing of it: IPv6 and unix sockets that this kernel has not, or
/// as modules, and what a close tells.
fn is_of_sockets(field: &str) -> bool {
    field.starts_with("socket_") || field.starts_with("sock_")
}

fn is_needed_of_sockets(field: &str) -> bool {
    let may_miss = ["sock_v6", "sock_unix", "sock_tcp"];
    is_of_sockets(field) && !may_miss.iter().any(|part| field.starts_with(part))
}

/// Registers of a machine that this is not.
fn is_of_another_machine(field: &str) -> bool {
    field.starts_with(match cfg!(target_arch = "aarch64") {
        true => "regs_",
        false => "arm_",
    })
}

/// The first of these members that is missing.
pub fn missing_of_rings(offsets: &Offsets) -> Option<&'static str> {
    first_missing(offsets, is_of_rings)
}

/// The same of sockets.
pub fn missing_of_sockets(offsets: &Offsets) -> Option<&'static str> {
    first_missing(offsets, is_needed_of_sockets)
}

fn first_missing(offsets: &Offsets, is_wanted: fn(&str) -> bool) -> Option<&'static str> {
    let mut missing = None;
    let mut words = offsets.words();
    for (field, specification) in Offsets::SPECS {
        let is_missing = words.next() == Some(ABSENT);
        if missing.is_none() && is_missing && is_wanted(field) {
            missing = Some(*specification);
        }
    }
    missing
}

/// Do tracepoints show the requests of io_uring, and do we know what is in them?
pub fn are_rings_seen(btf: &Btf, offsets: &Offsets) -> bool {
    let shown = |name| btf.tracepoint_arguments(name).is_some();
    missing_of_rings(offsets).is_none()
        && (shown("io_uring_submit_req") || shown("io_uring_submit_sqe"))
}

/// The bit in a request's flags that says that it has credentials of its own.
pub fn request_has_creds(btf: &Btf) -> Option<u32> {
    btf.enumerator_of_any("REQ_F_CREDS_BIT")
}

/// All offsets, and the names of those that are missing and not optional.
pub fn resolve(btf: &Btf) -> (Offsets, Vec<&'static str>) {
    let mut missing = Vec::new();
    let offsets = Offsets::from_fn(|field, specification| {
        btf.offset(specification).unwrap_or_else(|| {
            let dispensable =
                is_of_rings(field) || is_of_sockets(field) || is_of_another_machine(field);
            if !OPTIONAL.contains(&field) && !dispensable {
                missing.push(field);
            }
            ABSENT
        })
    });
    (offsets, missing)
}

/// `css_set.subsys[]` slot of a v1 controller, plus 1; 0 if it cannot be known.
pub fn v1_subsystem(btf: &Btf, enumerator: &str) -> u32 {
    btf.enumerator("cgroup_subsys_id", enumerator)
        .map_or(0, |slot| slot + 1)
}

/// Kernel stacks without sanitizers, on x86_64 and arm64; at least a page, which on arm64 may have
/// 64 KiB. The saved registers are at their very top.
const THREAD_BYTES: u32 = 16 << 10;

pub fn regs_in_stack(btf: &Btf) -> u32 {
    let stack = THREAD_BYTES.max(page_bytes() as u32);
    btf.size_of("pt_regs").map_or(0, |size| stack - size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_running_kernel_has_every_member() {
        let Ok(btf) = Btf::of_running_kernel() else {
            return;
        };
        let (offsets, missing) = resolve(&btf);
        assert_eq!(missing, Vec::<&str>::new());
        assert_ne!(offsets.task_tgid, ABSENT);
        assert!(regs_in_stack(&btf) > 16_000);
    }

    #[test]
    fn optional_members_are_members() {
        for name in OPTIONAL {
            assert!(
                Offsets::SPECS.iter().any(|(field, _)| field == name),
                "{name}"
            );
        }
    }
}
