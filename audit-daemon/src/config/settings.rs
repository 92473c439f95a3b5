//! THE table of settings: each key once, with its documentation, kind and default.
//!
//! OWNS: names, defaults and bounds of all settings. MUST NOT: parse or print; kinds do.
//!
//! To add a key, add a line here and refresh `default.toml` (`UPDATE_GOLDEN=1`). The
//! struct field, the parser, "did you mean", the JSON Schema and the text of
//! `default.toml` follow from the line. The lines above a key are shown to users.

use std::marker::PhantomData;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::bounds::{
    CAP, CAP_AUTO_BYTES_MAX, CAP_AUTO_PERCENT, COMMAND_LINE, COMMIT_INTERVAL, COUNTS_INTERVAL,
    FOLD_WINDOW, LOOKUP_TIMEOUT, PROCESS_RATE, PROCESSES, RING, SEGMENT_SIZE, SELFTEST_INTERVAL,
    USERS,
};
use super::events::Events;
use super::network::Network;
use super::privilege::Privilege;
use super::quantity::{KIB, MIB};
use super::rules::{MaskRule, RULE_NAMES, Rules};
use super::scalar::{Flag, OneOf};
use super::table::{Nested, choices, settings};
use super::text::{
    AbsolutePath, LocalListen, PATH_BYTES_MAX, SOCKET_PATH_BYTES_MAX, Text, TextList,
};
use super::watches::{Watch, Watches};

/// Variables searched for at each exec.
const ENVIRONMENT: TextList = TextList {
    item: Text {
        check: check_variable,
        pattern: "^[A-Za-z_][A-Za-z0-9_]{0,29}$",
    },
    items_max: 32,
};

/// Labels repeated in each record.
const LABELS: TextList = TextList {
    item: Text {
        check: check_label,
        pattern: r"^(?!watch:)[A-Za-z0-9][A-Za-z0-9_.-]{0,62}:[^\u0000-\u001f]+$",
    },
    items_max: 32,
};

/// As in RECORDS, "Listed variables".
const ENVIRONMENT_DEFAULT: [&str; 13] = [
    "LD_PRELOAD",
    "LD_LIBRARY_PATH",
    "LD_AUDIT",
    "BASH_ENV",
    "ENV",
    "PYTHONPATH",
    "PYTHONSTARTUP",
    "PERL5LIB",
    "PERL5OPT",
    "RUBYOPT",
    "NODE_OPTIONS",
    "GCONV_PATH",
    "GIT_SSH_COMMAND",
];

const PATH: AbsolutePath = AbsolutePath {
    bytes_max: PATH_BYTES_MAX,
};
const SOCKET: AbsolutePath = AbsolutePath {
    bytes_max: SOCKET_PATH_BYTES_MAX,
};

settings! {
    /// Everything that can be set. Parsed once, never changed afterwards.
    pub struct Config as "section" {
        /// Where records go, and how much room they may take.
        log: Log = Nested(PhantomData) => Log::default(),
        /// What runs in the kernel, and what it takes there.
        kernel: Kernel = Nested(PhantomData) => Kernel::default(),
        /// Which events become records, and which the daemon insists on. Where the kernel cannot
        /// offer an event, required = "always" refuses to start; "if-available" starts, and a
        /// record says what is not seen.
        events: Events = Nested(PhantomData) => Events::default(),
        /// Files whose use is recorded. Without any, `audit-daemon check` lists what is watched:
        ///
        /// ```toml
        /// [[watch]]
        /// name = "payroll"                          # stands in the records; required
        /// paths = ["/srv/payroll/**"]               # ** is all that is below
        /// operations = ["read", "write", "delete"]  # all but "read" if left out
        /// exclude = [{ executables = ["/usr/sbin/backupd"], users = ["backup"] }]
        /// labels = { zone = "pci" }                 # for the records of this watch
        /// scope = "host"                            # or "all": containers' files too
        /// ```
        watch: Vec<Watch> = Watches => Vec::new(),
        /// Which sockets are told: see events.network.
        network: Network = Nested(PhantomData) => Network::default(),
        /// What records contain.
        records: Records = Nested(PhantomData) => Records::default(),
        /// The processes that the daemon remembers.
        process_table: ProcessTable = Nested(PhantomData) => ProcessTable::default(),
        /// Names of users and groups.
        users: Users = Nested(PhantomData) => Users::default(),
        /// Secrets are replaced before a record is made: nothing can be taken back later.
        mask: Mask = Nested(PhantomData) => Mask::default(),
        /// `audit-daemon status`.
        status: Status = Nested(PhantomData) => Status::default(),
        /// Counters for Prometheus.
        metrics: Metrics = Nested(PhantomData) => Metrics::default(),
        /// Acts that change what a process may do, reach into another one or change the kernel.
        /// Each group is looked at by default: they are rare, and what they are for is grave.
        privilege: Privilege = Nested(PhantomData) => Privilege::default(),
        /// What keeps one program from filling the log with file events.
        volume: Volume = Nested(PhantomData) => Volume::default(),
        /// The regular record of what was seen, recorded, left out and lost.
        counts: Counts = Nested(PhantomData) => Counts::default(),
        /// Whether every hook still sees.
        selftest: Selftest = Nested(PhantomData) => Selftest::default(),
    }
}

settings! {
    /// `[log]`
    pub struct Log as "key" {
        /// The directory of the log. Only one daemon can use it.
        dir: PathBuf = PATH => PathBuf::from("/var/log/audit-daemon"),
        /// A file of the log is closed and the next one begun at this size.
        segment_size: u64 = SEGMENT_SIZE => 64 * MIB,
        /// The size of all files together. Beyond it the oldest whole files are deleted, and
        /// the log says so. "auto" is 2 GiB or 5 % of the file system, whichever is less.
        cap: Cap = CAP => Cap::Auto,
        /// Records are made durable together, at least this often.
        commit_interval: Duration = COMMIT_INTERVAL => Duration::from_millis(5),
    }
}

settings! {
    /// `[kernel]`
    pub struct Kernel as "key" {
        /// See system calls of 32-bit programs where the kernel offers only tracepoints: failed
        /// execs and what is done to files. Costs about 180 ns on every system call of the machine
        /// (50 ns without events.file); `audit-daemon check` says if it helps.
        compat: bool = Flag => false,
        /// How to hook. "auto" is right: functions of the kernel ("trampoline") where that is more
        /// precise, and what suits this kernel for the rest. "raw-tracepoint" and "tracepoint" use
        /// no functions, for a kernel on which those fail. Raw tracepoints cost least, but from
        /// Linux 7.0 on their programs can be preempted, and are then skipped for others.
        /// "trampoline" does without what has hooks on functions rather than use others.
        mechanism: Mechanism = OneOf(PhantomData) => Mechanism::Auto,
        /// Keep the programs in the kernel while the daemon restarts, so that nothing is missed.
        /// "auto" does so where the kernel can, "required" refuses to start where it cannot.
        pin: Pin = OneOf(PhantomData) => Pin::Auto,
        /// Where they are kept: a directory on a file system of type bpf.
        pin_dir: PathBuf = PATH => PathBuf::from("/sys/fs/bpf/audit-daemon"),
        /// Memory for rare and important events on their way out of the kernel, a power of two.
        ring_critical: u64 = RING => 8 * MIB,
        /// The same for frequent events.
        ring_bulk: u64 = RING => 8 * MIB,
        /// What the programs in the kernel say about themselves. "off" costs nothing.
        diagnostics: Diagnostics = OneOf(PhantomData) => Diagnostics::Off,
    }
}

settings! {
    /// `[records]`
    pub struct Records as "key" {
        /// "reference": a record names the acting process, its command line and ancestry stand
        /// in that process's exec record. "full" repeats them in each record, for readers that
        /// cannot join; the log grows.
        actor_detail: ActorDetail = OneOf(PhantomData) => ActorDetail::Reference,
        /// Longer command lines are cut, and marked with their true length. At most 32 KiB.
        command_line_max: u64 = COMMAND_LINE => 8 * KIB,
        /// Environment variables that change what a program does. No others are read.
        environment: Vec<String> = ENVIRONMENT => ENVIRONMENT_DEFAULT.map(str::to_owned).to_vec(),
        /// Labels for each record, such as ["env:prod", "team:payments"].
        labels: Vec<String> = LABELS => Vec::new(),
        /// Record the processes that already ran when the daemon started.
        snapshot: bool = Flag => true,
    }
}

settings! {
    /// `[process_table]`
    pub struct ProcessTable as "key" {
        /// Beyond it the processes not heard of for longest are forgotten, and counted.
        entries_max: u32 = PROCESSES => 65_536,
    }
}

settings! {
    /// `[users]`
    pub struct Users as "key" {
        /// How many names are remembered.
        cache_max: u32 = USERS => 4_096,
        /// A name that is not found in time is left out; its number is always there.
        lookup_timeout: Duration = LOOKUP_TIMEOUT => Duration::from_secs(2),
    }
}

settings! {
    /// `[mask]`
    pub struct Mask as "key" {
        /// Replace passwords, tokens and keys in command lines and environment values.
        enabled: bool = Flag => true,
        /// Built-in rules to leave out, by the name that stands beside what they masked.
        disabled_rules: Vec<String> = RULE_NAMES => Vec::new(),
        /// A rule of your own beside the built-in ones. The rules of all files count:
        ///
        /// ```toml
        /// [[mask.rule]]
        /// name = "acme-token"               # marks what was masked; required
        /// options = ["--acme-token", "-T"]  # options with a secret as their value
        /// programs = ["acme", "acmectl"]    # only for these programs; all if left out
        /// variables = ["ACME_*_TOKEN"]      # NAME=value, as argument or in the environment
        /// pattern = 'acme_([0-9a-f]{32})'   # a regular expression, its group is the secret
        /// ```
        rule: Vec<MaskRule> = Rules => Vec::new(),
    }
}

settings! {
    /// `[status]`
    pub struct Status as "key" {
        /// The socket that `audit-daemon status` asks. Only root can open it.
        socket: PathBuf = SOCKET => PathBuf::from("/run/audit-daemon/status.sock"),
    }
}

settings! {
    /// `[metrics]`
    pub struct Metrics as "key" {
        /// Where counters are offered as Prometheus text: "off", a socket such as
        /// `unix:/run/audit-daemon/metrics.sock`, or a port of this machine such as
        /// `127.0.0.1:9465` or `[::1]:9465`.
        listen: Listen = LocalListen => Listen::Off,
    }
}

settings! {
    /// `[volume]`
    pub struct Volume as "key" {
        /// A process that opens the same file in the same way again, within this time of the first,
        /// is told in one record with a count; "0 s" records each by itself.
        fold_window: Duration = FOLD_WINDOW => Duration::from_secs(1),
        /// Do so for opens for writing, too.
        fold_writes: bool = Flag => false,
        /// Do so for opens that fail, too: by the same name, with the same error.
        fold_failures: bool = Flag => false,
        /// Events on files that one process can cause in a second, so that it cannot fill the
        /// room of all others; 0 is any number. What is beyond is counted under its name.
        process_rate: u32 = PROCESS_RATE => 60_000,
    }
}

settings! {
    /// `[counts]`
    pub struct Counts as "key" {
        /// How often it is written.
        interval: Duration = COUNTS_INTERVAL => Duration::from_secs(300),
    }
}

settings! {
    /// `[selftest]`
    pub struct Selftest as "key" {
        /// How often a child of the daemon acts harmlessly through every hook, and all links are
        /// asked. A hook that sees nothing any more is a record of high severity, and is attached
        /// again. "0 s" is never.
        interval: Duration = SELFTEST_INTERVAL => Duration::from_secs(30),
    }
}

choices! {
    /// `kernel.mechanism`: what hooks are preferred.
    pub enum Mechanism {
        /// What suits this kernel.
        Auto = "auto",
        /// Even where their programs may be skipped.
        RawTracepoint = "raw-tracepoint",
        /// Even where raw tracepoints would do.
        Tracepoint = "tracepoint",
        /// Functions of the kernel, and nothing else for what has hooks there.
        Trampoline = "trampoline",
    }
}

choices! {
    /// `kernel.pin`: whether programs stay in the kernel over a restart.
    pub enum Pin {
        /// Where the kernel can.
        Auto = "auto",
        /// Not at all.
        Never = "never",
        /// Or the daemon does not start.
        Required = "required",
    }
}

choices! {
    /// `kernel.diagnostics`: the least urgent level that kernel programs log.
    pub enum Diagnostics {
        /// Nothing, without any cost.
        Off = "off",
        /// What failed.
        Error = "error",
        /// And what is strange.
        Warn = "warn",
        /// And what is decided once.
        Info = "info",
        /// And what happens for each event.
        Debug = "debug",
    }
}

choices! {
    /// `records.actor_detail`: how much a record repeats of the acting process.
    pub enum ActorDetail {
        /// Its identity.
        Reference = "reference",
        /// Its command line and ancestry too.
        Full = "full",
    }
}

/// `log.cap`: how large the log may grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cap {
    /// As the file system allows, see [`Cap::bytes`].
    Auto,
    /// This many bytes.
    Bytes(u64),
}

impl Cap {
    /// The cap in bytes on a file system of `file_system_bytes`.
    pub fn bytes(self, file_system_bytes: u64) -> u64 {
        match self {
            Self::Auto => (file_system_bytes / 100 * CAP_AUTO_PERCENT).min(CAP_AUTO_BYTES_MAX),
            Self::Bytes(bytes) => bytes,
        }
    }
}

/// `metrics.listen`: where counters are offered. Never beyond this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listen {
    /// Nowhere.
    Off,
    /// On a unix socket.
    Unix(PathBuf),
    /// On a loopback port.
    Tcp(SocketAddr),
}

fn check_variable(name: &str) -> Result<(), String> {
    let first = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let rest = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if first && rest && name.len() <= 30 {
        return Ok(());
    }
    Err("expected the name of an environment variable".to_owned())
}

pub(super) fn check_label(label: &str) -> Result<(), String> {
    let Some((key, value)) = label.split_once(':') else {
        return Err("expected key:value, such as \"env:prod\"".to_owned());
    };
    let inner = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    if key == "watch" {
        return Err("labels in watch: are set by watches only".to_owned());
    }
    if !key.starts_with(|c: char| c.is_ascii_alphanumeric()) || !key.chars().all(inner) {
        return Err("expected a key of letters, digits, `_`, `.`, `-`".to_owned());
    }
    if key.len() > 63 {
        return Err("expected a key of at most 63 bytes".to_owned());
    }
    if value.is_empty() || value.len() > 128 || value.trim() != value {
        return Err("expected a value of 1 to 128 bytes without blanks around it".to_owned());
    }
    if value.chars().any(super::escape::is_active) {
        return Err("expected a value without control characters".to_owned());
    }
    Ok(())
}
