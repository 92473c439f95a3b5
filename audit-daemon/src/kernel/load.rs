//! From the embedded objects to an opened one with its globals set and its maps made.
//!
//! Owns the two flavours of the object (`modern`; `legacy` for kernels from 5.10 that lack fetching
//! atomics or bpf_loop), the choice between them by an actual load, and the load's fingerprint.

use audit_common::{
    Lane,
    counters::Load,
    limits::{EVENT_BYTES_MAX, REQUESTS_MAX, REQUESTS_SKIPPED_MAX},
    offsets::{ABSENT, Offsets},
    settings::Settings,
    volume::REPEATS,
    watch::VERDICTS,
};
use aya::{Btf as LoaderBtf, Ebpf, EbpfLoader, Pod, VerifierLogLevel};
use nix::sys::resource::{RLIM_INFINITY, Resource, setrlimit};
use sha2::{Digest, Sha256};

use crate::hooks::{Candidate, Facts};

use super::{
    Functions, KernelError, Request, SMALL_SLOTS, attach, btf::Btf, facts, filesystems,
    functions::Hookable, lists, offsets, watches,
};

static MODERN_OBJECT: &[u8] = aya::include_bytes_aligned!(env!("AUDIT_BPF_MODERN"));
static LEGACY_OBJECT: &[u8] = aya::include_bytes_aligned!(env!("AUDIT_BPF_LEGACY"));

/// The flavour for kernels with fetching atomics and bpf_loop.
pub const MODERN: &str = "modern";

/// Everything that is known before a program is loaded.
pub struct Prepared {
    pub offsets: Offsets,
    pub settings: Settings,
    pub btf: LoaderBtf,
    pub hookable: Hookable,
    pub facts: Facts,
    /// Why there is none.
    pub tracefs: Result<(), String>,
    /// Per flavour, in the order of trial.
    pub fingerprints: [[u8; 16]; 2],
    pub random_id: u64,
}

/// An object whose maps exist and of which nothing is loaded yet but a trial.
pub struct Opened {
    pub ebpf: Ebpf,
    pub flavour: &'static str,
    pub fingerprint: [u8; 16],
    /// What this kernel's requests of io_uring do not have.
    pub rings_lack: Option<&'static str>,
    /// And its sockets.
    pub sockets_lack: Option<&'static str>,
}

impl Opened {
    /// A candidate's programs; the older flavour has no twins.
    pub fn programs(&self, request: &Request, candidate: &Candidate) -> Vec<&'static str> {
        let there = |name: &&str| *name == candidate.program || self.ebpf.program(name).is_some();
        candidate
            .programs(request.has_twins(candidate))
            .filter(there)
            .collect()
    }
}

#[derive(Clone, Copy)]
#[repr(transparent)]
struct Plain<T>(T);
// SAFETY: u32 and u64 fields without padding: any bytes are a value, and all are initialised.
unsafe impl Pod for Plain<Offsets> {}
// SAFETY: as above.
unsafe impl Pod for Plain<Settings> {}

/// Capabilities without which nothing works; CAP_SYS_ADMIN stands for all of them.
const NEEDED: [(caps::Number, &str); 3] = [
    (caps::BPF, "CAP_BPF"),
    (caps::PERFMON, "CAP_PERFMON"),
    (caps::SYS_PTRACE, "CAP_SYS_PTRACE"),
];

mod caps {
    pub type Number = u32;
    pub const SYS_PTRACE: Number = 19;
    pub const SYS_ADMIN: Number = 21;
    pub const PERFMON: Number = 38;
    pub const BPF: Number = 39;
}

fn missing_capabilities() -> Vec<&'static str> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let effective = status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:"))
        .and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok())
        .unwrap_or(u64::MAX);
    let has = |number: caps::Number| effective >> number & 1 == 1;
    if has(caps::SYS_ADMIN) {
        return Vec::new();
    }
    NEEDED
        .iter()
        .filter(|(number, _)| !has(*number))
        .map(|(_, name)| *name)
        .collect()
}

/// The first user namespace, by the number that every kernel gives it (PROC_USER_INIT_INO).
const HOST_USERS: &str = "user:[4026531837]";

/// Are this process's capabilities the host's? Those of another user namespace are none to eBPF.
fn is_of_the_host() -> bool {
    let namespace = std::fs::read_link("/proc/self/ns/user");
    namespace.map_or(true, |name| name.as_os_str() == HOST_USERS)
}

/// Has this process the capabilities that nothing works without?
pub fn check_rights() -> Result<(), KernelError> {
    match missing_capabilities() {
        missing if missing.is_empty() && !is_of_the_host() => Err(KernelError::UserNamespace),
        missing if missing.is_empty() => Ok(()),
        missing => Err(KernelError::Capabilities { missing }),
    }
}

/// Before 5.11 programs and maps count as locked memory, all of root's together: the usual limit is met by
/// the first other user of eBPF, and says EPERM. Whoever may not raise it is told so by that.
fn allow_memory() {
    let all = RLIM_INFINITY;
    let _ = setrlimit(Resource::RLIMIT_MEMLOCK, all, all);
}

pub fn prepare(request: &Request) -> Result<Prepared, KernelError> {
    check_rights()?;
    if MODERN_OBJECT.is_empty() || LEGACY_OBJECT.is_empty() {
        return Err(KernelError::NotBuilt);
    }
    allow_memory();
    let btf = Btf::of_running_kernel()?;
    let tracefs = filesystems::tracefs();
    let (offsets, missing) = offsets::resolve(&btf);
    if !missing.is_empty() {
        return Err(KernelError::Members { fields: missing });
    }
    let hookable = match request.functions {
        Functions::Never => Hookable::none("the configuration says so"),
        _ if request.records_nothing() => Hookable::none("nothing that they see is recorded"),
        _ => Hookable::find(&btf, &offsets),
    };
    let settings = settings(request, &btf, &offsets, &hookable);
    let facts = facts::find(request.version, request.preempted, &btf, &offsets);
    drop(btf);
    let fingerprints = [MODERN_OBJECT, LEGACY_OBJECT]
        .map(|object| fingerprint(object, request, &offsets, &settings));
    let object = |error: &dyn std::error::Error| KernelError::Object {
        reason: error.to_string(),
    };
    let btf = LoaderBtf::from_sys_fs().map_err(|error| object(&error))?;
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(|error| KernelError::Object {
        reason: error.to_string(),
    })?;
    // 0 means "unfinished".
    let random_id = u64::from_ne_bytes(random).max(1);
    Ok(Prepared {
        offsets,
        settings,
        btf,
        hookable,
        facts,
        tracefs,
        fingerprints,
        random_id,
    })
}

/// Where there is no such function there are none for other acts on files.
const ACTS_FIRST: &str = "security_path_unlink";

/// Of a word of 32 bits: shifted away.
const NO_BIT: u32 = 63;

fn settings(request: &Request, btf: &Btf, offsets: &Offsets, hookable: &Hookable) -> Settings {
    let letters = request
        .environment
        .iter()
        .filter_map(|name| name.bytes().next());
    let member = |event: &str, name: &str| match request.preempted {
        true => filesystems::record_offset(event, name),
        false => 0,
    };
    let v1_readable = offsets.css_set_subsys != ABSENT && offsets.css_cgroup != ABSENT;
    Settings {
        argv_bytes: request.argv_bytes,
        cpus: request.cpus,
        root_dev: request.root_dev,
        mnt_ns: request.mnt_ns,
        root_ino: request.root_ino,
        pid_ns: request.pid_ns,
        user_ns: request.user_ns,
        env_letters: letters.fold(0, |bits, letter| bits | 1 << (letter & 63)),
        v1_subsystem: request
            .v1_enumerator
            .as_deref()
            .filter(|_| v1_readable)
            .map_or(0, |enumerator| offsets::v1_subsystem(btf, enumerator)),
        exit_has_group_dead: u32::from(btf.tracepoint_arguments("sched_process_exit") == Some(2)),
        raw_syscalls: u32::from(request.compat),
        regs_in_stack: offsets::regs_in_stack(btf),
        exec_filename_at: member("sched/sched_process_exec", "filename"),
        exec_old_tid_at: member("sched/sched_process_exec", "old_pid"),
        newtask_pid_at: member("task/task_newtask", "pid"),
        newtask_flags_at: member("task/task_newtask", "clone_flags"),
        exit_group_dead_at: member("sched/sched_process_exit", "group_dead"),
        preempted: u32::from(request.preempted),
        request_has_creds: offsets::request_has_creds(btf).unwrap_or(NO_BIT),
        fail_link_at: member("io_uring/io_uring_fail_link", "link"),
        opens_inside: u32::from(hookable.works()),
        twins_inside: u32::from(request.preempted || hookable.works()),
        acts_inside: u32::from(hookable.works() && hookable.arguments(ACTS_FIRST) > 0),
        rings_seen: u32::from(offsets::are_rings_seen(btf, offsets)),
        open_root_arguments: hookable.arguments("do_file_open_root"),
        reserved: 0,
        privilege: match request.off.contains(&"privilege") {
            true => 0,
            false => request.privilege,
        },
        protected_units: request.protected.len() as u32,
        ..request.sockets.settings(member)
    }
}

fn bytes_of<T: Copy>(value: &Plain<T>) -> &[u8]
where
    Plain<T>: Pod,
{
    // SAFETY: `Pod` says that all bytes are initialised.
    unsafe { std::slice::from_raw_parts(std::ptr::from_ref(value).cast(), size_of::<T>()) }
}

fn fingerprint(
    object: &[u8],
    request: &Request,
    offsets: &Offsets,
    settings: &Settings,
) -> [u8; 16] {
    let mut hash = Sha256::new();
    hash.update(object);
    hash.update(bytes_of(&Plain(*offsets)));
    hash.update(bytes_of(&Plain(*settings)));
    hash.update([request.diagnostics]);
    request.sockets.each_byte(|bytes| hash.update(bytes));
    for bytes in request.ring_bytes {
        hash.update(bytes.to_ne_bytes());
    }
    for group in &request.off {
        hash.update(group.as_bytes());
        hash.update([0]);
    }
    hash.update([0]);
    for name in request.environment.iter().chain(&request.protected) {
        hash.update(name.as_bytes());
        hash.update([0]);
    }
    let hash = hash.finalize();
    std::array::from_fn(|i| hash[i])
}

/// Opens the first flavour whose most demanding program the kernel accepts.
pub fn open(request: &Request, prepared: &Prepared) -> Result<Opened, KernelError> {
    let flavours = [(MODERN, MODERN_OBJECT), ("legacy", LEGACY_OBJECT)];
    let mut refused = None;
    for ((flavour, object), fingerprint) in flavours.into_iter().zip(prepared.fingerprints) {
        let ebpf = open_object(object, request, prepared, VerifierLogLevel::default())?;
        let mut opened = Opened {
            ebpf,
            flavour,
            fingerprint,
            rings_lack: offsets::missing_of_rings(&prepared.offsets),
            sockets_lack: offsets::missing_of_sockets(&prepared.offsets),
        };
        let most_demanding = match request.preempted && flavour == MODERN {
            true => "exec_traced",
            false => "exec",
        };
        match attach::load_program(&mut opened, &prepared.btf, most_demanding) {
            Ok(()) => {
                lists::fill(&mut opened.ebpf, request)?;
                return Ok(opened);
            }
            Err(error) => refused = Some(error),
        }
    }
    Err(refused.map_or(KernelError::NotBuilt, |error| {
        error.into_kernel_error("exec")
    }))
}

/// The same object once more, of whose refused programs the verifier tells nothing but its figures.
pub fn open_for_figures(
    request: &Request,
    prepared: &Prepared,
    flavour: &str,
) -> Result<Ebpf, KernelError> {
    let object = if flavour == MODERN {
        MODERN_OBJECT
    } else {
        LEGACY_OBJECT
    };
    open_object(object, request, prepared, VerifierLogLevel::STATS)
}

fn open_object(
    object: &[u8],
    request: &Request,
    prepared: &Prepared,
    log_level: VerifierLogLevel,
) -> Result<Ebpf, KernelError> {
    let (offsets, settings) = (Plain(prepared.offsets), Plain(prepared.settings));
    let mut loader = EbpfLoader::new();
    for (name, entries) in request.sockets.map_sizes(&request.off) {
        loader.map_max_entries(name, entries);
    }
    loader
        .verifier_log_level(log_level)
        .btf(Some(&prepared.btf))
        .override_global("OFFSETS", &offsets, true)
        .override_global("SETTINGS", &settings, true)
        .override_global("AYA_LOG_LEVEL", &request.diagnostics, true)
        .map_max_entries("SCRATCH", request.cpus * request.large_slots())
        .map_max_entries("SCRATCH_COMPAT", request.compat_slots())
        .map_max_entries("SCRATCH_SMALL", request.cpus * SMALL_SLOTS)
        .map_max_entries("SCRATCH_PRIVILEGE", request.privilege_slots())
        .map_max_entries("REQUESTS", request.ring_entries(REQUESTS_MAX))
        .map_max_entries("SKIPPED", request.ring_entries(REQUESTS_SKIPPED_MAX))
        .map_max_entries("ACTS", request.act_entries())
        .map_max_entries("COUNTERS", request.cpus)
        .map_max_entries("LEDGER", 1 + 2 * request.cpus)
        .map_max_entries("WATCHED", watches::OBJECTS_MAX)
        .map_max_entries("WATCHED_NAMES", watches::NAMES_MAX)
        .map_max_entries("WATCH_ASKED", watches::ASKED_MAX)
        .map_max_entries("VERDICT_CACHE", request.cpus * VERDICTS)
        .map_max_entries("REPEAT", request.cpus * REPEATS)
        .map_max_entries("CRITICAL", request.ring_bytes[Lane::Critical as usize])
        .map_max_entries("BULK", request.ring_bytes[Lane::Bulk as usize])
        .load(object)
        .map_err(|error| match permission(&error) {
            true => KernelError::Refused {
                reason: "EPERM on BPF_MAP_CREATE".into(),
            },
            false => KernelError::Object {
                reason: chain(&error),
            },
        })
}

/// Is EPERM at the bottom of this error?
pub fn permission(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut source = Some(error);
    while let Some(error) = source {
        if let Some(io) = error.downcast_ref::<std::io::Error>() {
            return io.raw_os_error() == Some(nix::libc::EPERM);
        }
        source = error.source();
    }
    false
}

/// An error with its causes, in one line.
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        source = error.source();
    }
    text
}

impl Prepared {
    /// What stands in the `LOAD` map of a finished load.
    pub fn load(&self, fingerprint: [u8; 16], links: u64, now_ns: u64) -> Load {
        Load {
            load_id: self.random_id,
            fingerprint,
            loaded_ns: now_ns,
            adopted: 0,
            links,
        }
    }
}

const _: () = assert!(EVENT_BYTES_MAX <= u32::MAX as usize);
