//! Why the kernel side cannot start. Every message says what to do.

use std::path::PathBuf;

use thiserror::Error;

use super::btf::BtfError;

#[derive(Debug, Error)]
pub enum KernelError {
    #[error(
        "this binary was built without kernel programs\nBuild it with `cargo xtask build`, which \
         makes and embeds them."
    )]
    NotBuilt,
    #[error("{0}")]
    Btf(#[from] BtfError),
    #[error(
        "this kernel's BTF lacks {} that every event needs: {}\nThe daemon would read wrong places \
         without them. Please report this kernel's release.",
        if fields.len() == 1 { "a member" } else { "members" }, fields.join(", ")
    )]
    Members { fields: Vec<&'static str> },
    #[error("missing {}; {}", missing.join(", "), ROOT_ADVICE)]
    Capabilities { missing: Vec<&'static str> },
    #[error(
        "the kernel refused to load eBPF programs ({reason})\nThis process has the capabilities \
         it needs, so a security module, lockdown or a container's seccomp profile forbids bpf(2). \
         Run the daemon on the host itself, and see `cat /sys/kernel/security/lockdown`."
    )]
    Refused { reason: String },
    #[error(
        "this process is root of a user namespace only (an unprivileged container)\nThe kernel wants \
         the capabilities of the host's root for eBPF: run the daemon on the host itself, once for \
         all containers."
    )]
    UserNamespace,
    #[error(
        "this kernel is in lockdown: confidentiality (/sys/kernel/security/lockdown), and lets no \
         eBPF program read its memory\nNothing can be audited so. Start it with \
         `lockdown=integrity` on its command line, which keeps all but that."
    )]
    Lockdown,
    #[error(
        "the verifier rejected the program `{program}`: {reason}\nIts log is in {}; please report it \
         with this kernel's release.", log.display()
    )]
    Rejected {
        program: String,
        reason: String,
        log: PathBuf,
    },
    #[error("cannot prepare the kernel programs: {reason}")]
    Object { reason: String },
    #[error("cannot map a shared kernel array or ring: {0}")]
    Map(#[from] std::io::Error),
    #[error("pinning is off")]
    PinsOff,
    #[error("this kernel (before 5.15) has no links for tracepoints that could be pinned")]
    NoLinks,
    #[error("no bpffs at {}: {reason}", path.display())]
    NoBpffs { path: PathBuf, reason: String },
    #[error(
        "`kernel.pin = \"required\"`, but programs cannot be pinned: {reason}\nMount a bpffs there, \
         or set `kernel.pin = \"auto\"`."
    )]
    PinsRequired { reason: String },
    #[error("cannot remove the pins in {}: {reason}", path.display())]
    Unload { path: PathBuf, reason: String },
}

const ROOT_ADVICE: &str = "the kernel refuses eBPF without\nRun it as root, or under the systemd \
                           unit:\n  sudo audit-daemon run";

impl KernelError {
    /// 4: this process may not; 3: this kernel cannot.
    pub fn exit_code(&self) -> u8 {
        match self {
            KernelError::Capabilities { .. } | KernelError::UserNamespace => 4,
            _ => 3,
        }
    }
}
