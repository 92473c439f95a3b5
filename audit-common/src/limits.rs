//! Every bound that both sides share, with its reason.
//!
//! Owns the numbers; what happens at a bound is written beside it. Bounds of one side only live
//! there.

/// PATH_MAX of Linux. Beyond it a path loses its root end and is marked truncated.
pub const PATH_BYTES_MAX: usize = 4096;
/// Longest file name of any Linux file system; the walk masks with it, hence 2^n − 1.
pub const NAME_BYTES_MAX: usize = 255;
/// Directory levels that a walk follows; beyond it as for `PATH_BYTES_MAX`.
pub const PATH_LEVELS_MAX: u32 = 512;
/// The same on kernels without bpf_loop, where each level is verified on its own.
pub const PATH_LEVELS_MAX_LEGACY: u32 = 48;

/// Levels that the walk for watches follows there; what is deeper may be watched, and the daemon
/// decides.
pub const WATCH_LEVELS_MAX_LEGACY: u32 = 20;

/// Command line kept by default; beyond it truncated, marked, with the original length.
pub const ARGV_BYTES_DEFAULT: u32 = 8 * 1024;
/// The most that can be configured; one read in the kernel, hence a power of two.
pub const ARGV_BYTES_MAX: u32 = 32 * 1024;
/// Arguments of a *failed* exec are read one by one from the caller's memory: so many at most.
pub const FAILED_ARGS_MAX: u32 = 4096;
pub const FAILED_ARGS_MAX_LEGACY: u32 = 64;

/// Value of one environment variable; beyond it truncated and marked.
pub const ENV_VALUE_BYTES_MAX: usize = 1024;
/// Room for the name of a listed variable with its `=` and the NUL of a string read: names of up to
/// 30 bytes can be listed.
pub const ENV_NAME_BYTES_MAX: usize = 32;
/// Variables that may be listed.
pub const ENV_LISTED_MAX: u32 = 64;
/// Listed variables kept of one exec; more are counted as truncated.
pub const ENV_KEPT_MAX: u32 = 13;
/// Environment strings looked at in one exec; beyond it the search is marked incomplete.
pub const ENV_STRINGS_MAX: u32 = 2048;
pub const ENV_STRINGS_MAX_LEGACY: u32 = 64;

/// A whole event: header, fixed part, all tails at their limits. Offsets into a scratch slot are
/// masked with `EVENT_BYTES_MAX - 1`, hence a power of two.
pub const EVENT_BYTES_MAX: usize = 64 * 1024;
/// The event's part of a scratch slot: the masked offset plus the longest single read with its NUL.
pub const SCRATCH_EVENT_BYTES: usize = EVENT_BYTES_MAX + ARGV_BYTES_MAX as usize + 8;
/// A scratch slot: that, and the state of loops behind it.
pub const SCRATCH_BYTES: usize = SCRATCH_EVENT_BYTES + 520;
/// What is kept of a request of io_uring while it is under way: its event, and 64 bytes about it. A
/// longer event is told when it is submitted, without its result.
pub const REQUEST_BYTES: usize = 8 * 1024;
/// Requests under way that are kept; further ones are told the same way.
pub const REQUESTS_MAX: u32 = 256;
/// Requests whose success is told by nothing, kept for their failure; beyond it the oldest goes.
pub const REQUESTS_SKIPPED_MAX: u32 = 128;
/// Acts under way whose objects are kept; further ones are told by their names.
pub const ACTS_MAX: u32 = 256;
/// Name of a unit whose processes are protected, with its NUL.
pub const UNIT_BYTES_MAX: usize = 64;
/// Units that may be named.
pub const UNITS_MAX: u32 = 64;
/// What the events without long tails need (a cgroup path is the longest).
pub const SCRATCH_SMALL_BYTES: usize = 8 * 1024;

const TAILS_BYTES_MAX: usize = ARGV_BYTES_MAX as usize
    + 2 * (PATH_BYTES_MAX + NAME_BYTES_MAX + 1)
    + 2 * PATH_BYTES_MAX
    + ENV_KEPT_MAX as usize * (ENV_NAME_BYTES_MAX + ENV_VALUE_BYTES_MAX + 8);
const _: () = assert!(EVENT_BYTES_MAX.is_power_of_two());
const _: () = assert!(
    TAILS_BYTES_MAX + 1024 <= EVENT_BYTES_MAX,
    "every tail fits at its limit"
);
const _: () = assert!(PATH_BYTES_MAX + 2 * NAME_BYTES_MAX < SCRATCH_SMALL_BYTES);

/// CPUs that the shared maps and `Header::cpu` can name.
pub const CPUS_MAX: u32 = 4096;
