//! What a record is made of: plain borrowed values, named as RECORDS names them.
//!
//! OWNS: the types that every kind shares. Who fills them (the process table, the name cache, the
//! container table) is not known here, and each kind's own view stands in that kind's file.
//! MUST NOT: hold anything but borrowed or `Copy` data, or decide what is written: a view offers
//! all that is known, each kind takes the part that RECORDS gives it.

mod privileges;

pub use privileges::{Groups, Privileges};

/// A login uid or audit session that was never set: the kernel's `(unsigned int)-1`.
pub const UNSET: u32 = u32::MAX;

/// A value, or which of the three ways of not having it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fact<T> {
    Known(T),
    /// Does not apply: nothing is written, nothing is noted.
    #[default]
    Absent,
    /// Not known yet; a later record of the same object brings it.
    Pending,
    /// It exists, and nobody will ever tell.
    Unknown,
}

impl<T> Fact<T> {
    /// `Known` or, for `None`, `Unknown`.
    pub fn or_unknown(value: Option<T>) -> Self {
        value.map_or(Fact::Unknown, Fact::Known)
    }
}

/// How a value was learnt, if not from the kernel with the event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Source {
    #[default]
    Kernel,
    /// The directory's identity is the kernel's, the rest was joined by the daemon.
    Userspace,
    /// As the program gave it.
    AsGiven,
    /// Read from /proc, perhaps later than the event.
    Proc,
    /// The kernel's, but a thread that shares descriptors may have put it there in between.
    Unproven,
}

/// By which way the kernel was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Via {
    #[default]
    Call,
    Ring,
    /// The same, and nothing told whether it succeeded.
    RingWithoutResult,
    /// A descriptor came from another process.
    Received,
}

/// A secret that was replaced by [`MASK`] before the record was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark<'a> {
    /// The masking rule's name.
    pub rule: &'a str,
    /// Bytes that stood there.
    pub length: u64,
}

/// What stands in a string where a secret was.
pub const MASK: &[u8] = b"<masked>";

/// Bytes from outside, and what was done to them before they came here.
#[derive(Debug, Clone, Copy, Default)]
pub struct Text<'a> {
    pub bytes: &'a [u8],
    /// If capture cut the string: how long it was. `bytes` are its beginning.
    pub cut_from: Option<u64>,
    pub marks: &'a [Mark<'a>],
    pub source: Source,
}

impl<'a> Text<'a> {
    pub fn whole(bytes: &'a [u8]) -> Self {
        Text {
            bytes,
            ..Text::default()
        }
    }

    /// Length of the string as the program had it: before cutting and before masking.
    pub fn original_length(&self) -> u64 {
        self.cut_from.unwrap_or_else(|| {
            let masks = (self.marks.len() * MASK.len()) as u64;
            let harmless = (self.bytes.len() as u64).saturating_sub(masks);
            self.marks
                .iter()
                .fold(harmless, |sum, mark| sum.saturating_add(mark.length))
        })
    }
}

/// The lane that a kernel event travelled in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    Critical,
    Bulk,
}

impl Lane {
    pub fn name(self) -> &'static str {
        match self {
            Lane::Critical => "critical",
            Lane::Bulk => "bulk",
        }
    }
}

/// The kernel's number for an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventUid {
    pub lane: Lane,
    pub cpu: u32,
    /// Nesting depth, on kernels where each depth counts for itself; shown if not 0.
    pub strand: u8,
    pub number: u64,
}

/// What is known about the record itself.
#[derive(Debug, Clone, Copy)]
pub struct Meta<'a> {
    /// When the kernel finished the act: nanoseconds since 1970, UTC.
    pub utc_ns: i64,
    /// Leaf number in the log.
    pub sequence: u64,
    /// Absent in records that no kernel event caused.
    pub event: Option<EventUid>,
    /// `metadata.uid` of the record that this one answers.
    pub correlation: Option<&'a str>,
    pub labels: &'a [String],
}

/// Who a process is. Pids come round, this does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ProcessId {
    pub pid: u32,
    /// Start of the thread group's leader, on the boot-time clock. Without it there is no uid.
    pub start_ns: Option<u64>,
}

/// A process, with everything that any record may want of it.
#[derive(Debug, Clone, Copy, Default)]
pub struct ProcessView<'a> {
    pub id: ProcessId,
    /// `comm`.
    pub name: Fact<&'a [u8]>,
    /// Path of the executable; written where `file` is not.
    pub path: Fact<Text<'a>>,
    pub file: Fact<FileView<'a>>,
    /// argv as the kernel keeps it: each argument followed by a NUL (the last one's may be
    /// missing). No bytes at all is a process without arguments.
    pub command: Fact<Text<'a>>,
    pub directory: Fact<Text<'a>>,
    /// Only the listed variables, in the order of the environment.
    pub environment: &'a [Variable<'a>],
    /// Not all of the environment was looked at, or more listed variables were set than are kept.
    pub environment_incomplete: bool,
    pub owner: Fact<Owner<'a>>,
    pub container: Fact<ContainerView<'a>>,
    /// Only if it lives in another pid namespace than the host's init.
    pub namespace_pid: Option<u32>,
    pub parent: Option<&'a ProcessView<'a>>,
    /// Nearest first.
    pub ancestry: &'a [Ancestor<'a>],
    pub exec: ExecTraits<'a>,
    pub privileges: Privileges<'a>,
    /// Its pid is the caller's word.
    pub pid_source: Source,
}

/// One listed environment variable.
#[derive(Debug, Clone, Copy)]
pub struct Variable<'a> {
    pub name: &'a [u8],
    pub value: Text<'a>,
}

#[derive(Debug, Clone, Copy)]
pub struct Ancestor<'a> {
    pub id: ProcessId,
    pub name: Fact<&'a [u8]>,
}

/// Ids of the initial user namespace, and the names of the two that have one in a record.
#[derive(Debug, Clone, Copy, Default)]
pub struct Owner<'a> {
    pub uid: u32,
    pub gid: u32,
    pub euid: u32,
    pub egid: u32,
    /// `None` if not known; then nothing is said about it.
    pub fsuid: Option<u32>,
    /// Of `uid`. Absent if the process does not share the host's user namespace and root.
    pub user_name: Fact<&'a str>,
    /// Of `gid`.
    pub group_name: Fact<&'a str>,
    pub caps: Option<Caps>,
}

/// A capability set, and what "all of them" is on this kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Caps {
    pub effective: u64,
    pub full: u64,
}

/// What is peculiar to an exec.
#[derive(Debug, Clone, Copy, Default)]
pub struct ExecTraits<'a> {
    pub gain: Gain,
    pub fileless: Option<Fileless>,
    pub script: Fact<Script<'a>>,
    /// Ids and capabilities that the process had before.
    pub before: Option<Before>,
}

/// How privileges rose by exec.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Gain {
    pub setuid: bool,
    pub setgid: bool,
    pub file_caps: bool,
}

impl Gain {
    pub fn any(self) -> bool {
        self.setuid || self.setgid || self.file_caps
    }
}

/// Why no file on disk stands behind a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fileless {
    Memfd,
    /// Unlinked before the exec.
    Deleted,
    /// Such as /dev/shm.
    Tmpfs,
}

/// The script whose interpreter is the process's file.
#[derive(Debug, Clone, Copy)]
pub struct Script<'a> {
    pub path: Text<'a>,
    pub inode: Fact<Inode>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Before {
    pub euid: u32,
    pub cap_effective: u64,
}

/// A file as a path and an identity.
#[derive(Debug, Clone, Copy, Default)]
pub struct FileView<'a> {
    /// Absolute in the process's root, without the kernel's " (deleted)" mark.
    pub path: Text<'a>,
    /// Absent: it never existed (ENOENT). Unknown: it exists, but was not captured.
    pub inode: Fact<Inode>,
    /// `i_mode` of what it is or was to be, where the inode is not known; 0: that neither.
    pub kind: u32,
    /// Names it has; said if more than one.
    pub links: u32,
    pub is_deleted: bool,
    /// Permission bits, where a kind tells them.
    pub permissions: Option<u32>,
    /// What only some kinds tell.
    pub details: Option<&'a FileDetails<'a>>,
}

/// More about a file, as far as an act is about it.
#[derive(Debug, Clone, Copy, Default)]
pub struct FileDetails<'a> {
    /// How its permissions were learnt.
    pub permissions_source: Source,
    pub size: Option<u64>,
    /// Time of modification, nanoseconds since 1970, and how it was learnt.
    pub modified: Option<(i64, Source)>,
    /// Number and name.
    pub owner: Option<(u32, Option<&'a str>)>,
    pub primary_group: Option<u32>,
    /// Major and minor of a device node.
    pub rdev: Option<(u32, u32)>,
    /// What a symbolic link says.
    pub link_target: Option<Text<'a>>,
    pub xattr: Option<Text<'a>>,
    pub xattr_size: Option<u64>,
    pub mount_source: Option<Text<'a>>,
    pub fstype: Option<Text<'a>>,
    /// As mountinfo names them, joined by commas.
    pub mount_options: Option<&'a str>,
}

/// Identity of a file as the kernel has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Inode {
    pub major: u32,
    pub minor: u32,
    pub number: u64,
    /// `i_mode`, of which only the type matters here.
    pub mode: u32,
}

/// A container. Wrapped in [`Fact`]: `Pending` and `Unknown` are for a process that surely is in
/// one whose id is not known; a process of the host is `Absent`.
#[derive(Debug, Clone, Copy, Default)]
pub struct ContainerView<'a> {
    /// The full id.
    pub uid: &'a str,
    pub name: Fact<&'a str>,
    pub image: Fact<Image<'a>>,
    pub runtime: Fact<&'a str>,
    /// Only of Kubernetes.
    pub pod_uid: Option<&'a str>,
    pub pod: Fact<Pod<'a>>,
}

#[derive(Debug, Clone, Copy)]
pub struct Image<'a> {
    /// `sha256:…`; OCSF has no image without it.
    pub digest: &'a str,
    pub name: Option<&'a str>,
}

#[derive(Debug, Clone, Copy)]
pub struct Pod<'a> {
    pub name: &'a str,
    pub namespace: &'a str,
}

/// Who is accountable, and what acted.
#[derive(Debug, Clone, Copy)]
pub struct ActorView<'a> {
    pub process: Option<&'a ProcessView<'a>>,
    /// The audit uid; [`UNSET`] for daemons and kernel threads.
    pub login_uid: u32,
    pub login_name: Fact<&'a str>,
    /// The audit session; [`UNSET`] where nobody logged in.
    pub session: u32,
    /// Remote address of that session; none if it is local.
    pub session_ip: Option<&'a str>,
}

impl Default for ActorView<'_> {
    fn default() -> Self {
        ActorView {
            process: None,
            login_uid: UNSET,
            login_name: Fact::Absent,
            session: UNSET,
            session_ip: None,
        }
    }
}

/// Equal acts that were folded into one record; its `time` is that of the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Folded {
    pub count: u64,
    pub first_utc_ns: i64,
    pub last_utc_ns: i64,
}

/// This installation: the same in every record of one run.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// The daemon's own version.
    pub version: &'a str,
    /// 12 hex digits, made once with the log.
    pub log_id: &'a str,
    pub hostname: &'a str,
    pub machine_id: &'a str,
    pub is_vm: bool,
    /// With dashes, as /proc/sys/kernel/random/boot_id has it.
    pub boot_id: &'a str,
    /// Name of the distribution.
    pub os_version: &'a str,
    pub kernel_release: &'a str,
}
