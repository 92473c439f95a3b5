//! The status socket, daemon side.
//!
//! OWNS: who is answered, how many at once, for how long. MUST NOT: count or format.
//!
//! Root only: by the directory and file modes, and again by the peer's uid as the kernel tells it
//! (SO_PEERCRED), because a descriptor can be handed on. Anybody else is closed without an answer.
//!
//! Clients beyond [`CLIENTS_MAX`] wait in the kernel's backlog until an earlier one is done, which
//! takes at most [`CLIENT_TIME_MAX`].

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use tokio::sync::Semaphore;

use super::snapshot::SnapshotSource;
use super::socket::{self, OwnedListener, SocketError};

/// People and scripts that ask at the same moment; each costs one snapshot in memory.
pub const CLIENTS_MAX: usize = 8;
/// A client that does not read for so long is dropped.
pub const CLIENT_TIME_MAX: Duration = Duration::from_secs(5);
/// After a failed accept (no descriptors left): long enough not to spin.
const ACCEPT_RETRY: Duration = Duration::from_millis(200);

/// The status socket, bound and not yet served.
#[derive(Debug)]
pub struct StatusServer {
    socket: OwnedListener,
}

impl StatusServer {
    /// Makes the socket; call within a tokio runtime. See [`socket`] for its directory and modes.
    pub fn bind(path: &Path) -> Result<Self, SocketError> {
        Ok(Self {
            socket: socket::bind(path)?,
        })
    }

    /// Answers until dropped. The socket file goes away with the future.
    pub async fn serve(self, source: Arc<dyn SnapshotSource>) {
        let slots = Arc::new(Semaphore::new(CLIENTS_MAX));
        loop {
            // Never closed, so it never fails; if it did there would be nobody left to serve.
            let Ok(slot) = slots.clone().acquire_owned().await else {
                return;
            };
            match self.socket.listener.accept().await {
                Ok((stream, _)) => {
                    let source = source.clone();
                    tokio::spawn(async move {
                        let answered =
                            tokio::time::timeout(CLIENT_TIME_MAX, answer(stream, source));
                        if answered.await.is_err() {
                            tracing::debug!("a status client was too slow and was dropped");
                        }
                        drop(slot);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a status client; trying again");
                    tokio::time::sleep(ACCEPT_RETRY).await;
                }
            }
        }
    }
}

async fn answer(mut stream: UnixStream, source: Arc<dyn SnapshotSource>) {
    let allowed = stream.peer_cred().is_ok_and(|peer| may_ask(peer.uid()));
    if !allowed {
        tracing::warn!("a status client that is not root was turned away");
        return;
    }
    let Some(mut json) = take(source, |snapshot| serde_json::to_vec(&snapshot)).await else {
        return;
    };
    json.push(b'\n');
    if let Err(error) = stream.write_all(&json).await {
        tracing::debug!(%error, "a status client went away");
        return;
    }
    let _ = stream.shutdown().await;
}

/// Root, or the user that runs the daemon (who could read its memory anyway).
fn may_ask(uid: u32) -> bool {
    uid == 0 || uid == rustix::process::geteuid().as_raw()
}

/// Takes and formats a snapshot on a blocking thread; none if that failed, which is logged.
pub(super) async fn take<F>(source: Arc<dyn SnapshotSource>, format: F) -> Option<Vec<u8>>
where
    F: FnOnce(super::StatusSnapshot) -> serde_json::Result<Vec<u8>> + Send + 'static,
{
    match tokio::task::spawn_blocking(move || format(source.snapshot())).await {
        Ok(Ok(bytes)) => Some(bytes),
        Ok(Err(error)) => {
            tracing::error!(%error, "a status snapshot could not be written as JSON");
            None
        }
        Err(error) => {
            tracing::error!(%error, "a status snapshot could not be taken");
            None
        }
    }
}

#[cfg(test)]
#[path = "server_tests.rs"]
mod tests;
