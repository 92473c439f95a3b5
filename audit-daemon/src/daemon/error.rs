//! Why the daemon does not run, with the exit code of each kind.

use thiserror::Error;

use crate::{
    config::ConfigErrors,
    enrich::{host::HostError, users::NamesError},
    kernel::KernelError,
    log::LogError,
    status::{
        http::{AddressError, MetricsError},
        socket::SocketError,
    },
    watch::set::WatchError,
    watching::KeeperError,
};

#[derive(Debug, Error)]
pub enum RunError {
    #[error("{0}")]
    Config(#[from] ConfigErrors),
    #[error("{0}")]
    Kernel(#[from] KernelError),
    #[error(
        "`events.{group}.required = \"always\"`, but this kernel cannot have it: {reason}\nSet it to \
         \"if-available\" to run without, or see `audit-daemon check`."
    )]
    Required { group: &'static str, reason: String },
    #[error("watches: {0}")]
    Watches(#[from] KeeperError),
    #[error("{0}")]
    Watch(#[from] WatchError),
    #[error("{0}")]
    Log(#[from] LogError),
    #[error("{0}")]
    Host(#[from] HostError),
    #[error("{0}")]
    Names(#[from] NamesError),
    #[error("{0}")]
    Status(#[from] SocketError),
    #[error("{0}")]
    Metrics(#[from] MetricsError),
    #[error("{0}")]
    Address(#[from] AddressError),
    #[error("{0}")]
    Io(#[from] std::io::Error),
    #[error(
        "the last records could not be made durable: {reason}\nThe log ends before them; what was \
         seen and not written is said at the next start."
    )]
    NotDurable { reason: String },
    #[error(
        "the new configuration was not taken over in time: nothing goes on while the log cannot be \
         written\nLook at the log with `audit-daemon status`, then reload again."
    )]
    NotTaken,
    #[error("a stage of the pipeline ended on its own; its message stands above")]
    Stage,
}

impl RunError {
    pub fn exit_code(&self) -> u8 {
        match self {
            RunError::Config(_) | RunError::Watch(_) => 2,
            RunError::Required { .. } => 3,
            RunError::Kernel(error) => error.exit_code(),
            RunError::Log(_) | RunError::NotDurable { .. } => 5,
            _ => 1,
        }
    }
}
