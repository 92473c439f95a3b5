//! What the kernel programs say about themselves (aya-log), handed on to our own log.
//!
//! Owns the reader of their messages. Off by default: then the programs do not contain a message, and
//! there is nothing to read.

use aya::Ebpf;
use aya_log::EbpfLogger;
use tracing::warn;

pub struct Diagnostics {
    logger: EbpfLogger<&'static dyn log::Log>,
}

impl Diagnostics {
    pub fn start(ebpf: &mut Ebpf) -> Option<Diagnostics> {
        match EbpfLogger::init(ebpf) {
            Ok(logger) => Some(Diagnostics { logger }),
            Err(error) => {
                warn!("the kernel programs' own log cannot be read: {error}");
                None
            }
        }
    }

    /// Hands on what has been said since.
    pub fn flush(&mut self) {
        self.logger.flush();
    }
}
