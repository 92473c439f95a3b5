//! Unix sockets of our own: who may connect, and what becomes of a dead daemon's socket.
//!
//! OWNS: making, replacing and removing the socket file. MUST NOT: speak a protocol.
//!
//! Invariants:
//! - The directory is ours (made with mode 0700 if missing) and nobody else may write to it.
//! - The socket file has mode 0600.
//! - A socket that still answers is never replaced; one that refuses is. Two daemons that start at
//!   once take turns by a lock on the directory.
//! - Only the socket that this process made is removed at the end.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use tokio::net::UnixListener;

/// `sun_path` holds 108 bytes with the closing NUL.
pub const PATH_BYTES_MAX: usize = 107;
const DIR_MODE: u32 = 0o700;
const SOCKET_MODE: u32 = 0o600;
/// Write bits of group and others: whoever has one could replace the socket.
const FOREIGN_WRITE: u32 = 0o022;
/// Another daemon holds the directory's lock for the few system calls of its own start.
const LOCK_WAIT_MAX: Duration = Duration::from_secs(2);
const LOCK_RETRY: Duration = Duration::from_millis(10);

#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    #[error(
        "the socket path {path} has {bytes} bytes; the kernel allows {PATH_BYTES_MAX}. Choose a \
         shorter one",
        path = path.display()
    )]
    PathTooLong { path: PathBuf, bytes: usize },
    #[error("the socket path {} names no file in a directory", .0.display())]
    NoFileName(PathBuf),
    #[error(
        "{} may be written by others than its owner (mode {mode:04o}, owner {owner}); a socket \
         there could be replaced. Give it to the daemon's user and take the write bits away: \
         chmod go-w {}",
        path.display(), path.display()
    )]
    DirectoryNotOurs {
        path: PathBuf,
        mode: u32,
        owner: u32,
    },
    #[error(
        "{} exists and is no socket; it was left alone. Remove it or choose another path",
        .0.display()
    )]
    NotASocket(PathBuf),
    #[error("another daemon answers on {}; stop it first or choose another path", .0.display())]
    InUse(PathBuf),
    #[error("cannot {act} {}: {source}", path.display())]
    Io {
        act: &'static str,
        path: PathBuf,
        source: io::Error,
    },
}

/// A listening socket whose file goes away with it.
#[derive(Debug)]
pub struct OwnedListener {
    pub(super) listener: UnixListener,
    path: PathBuf,
    /// Device and inode of the file that we made.
    identity: (u64, u64),
}

/// Makes the socket. Call within a tokio runtime.
pub fn bind(path: &Path) -> Result<OwnedListener, SocketError> {
    check_length(path)?;
    let named = path.file_name().and(path.parent());
    let dir = named.ok_or_else(|| SocketError::NoFileName(path.to_owned()))?;
    let dir = if dir.as_os_str().is_empty() {
        Path::new(".")
    } else {
        dir
    };
    make_dir(dir)?;
    let _turn = lock(dir)?;
    remove_stale(path)?;
    let failed = |act| {
        move |source| SocketError::Io {
            act,
            path: path.to_owned(),
            source,
        }
    };
    let listener = UnixListener::bind(path).map_err(failed("listen on"))?;
    fs::set_permissions(path, fs::Permissions::from_mode(SOCKET_MODE))
        .map_err(failed("set the mode of"))?;
    let metadata = fs::symlink_metadata(path).map_err(failed("look at"))?;
    let identity = (metadata.dev(), metadata.ino());
    Ok(OwnedListener {
        listener,
        path: path.to_owned(),
        identity,
    })
}

/// The path fits into a socket address.
pub fn check_length(path: &Path) -> Result<(), SocketError> {
    let bytes = path.as_os_str().len();
    if bytes > PATH_BYTES_MAX {
        return Err(SocketError::PathTooLong {
            path: path.to_owned(),
            bytes,
        });
    }
    Ok(())
}

/// Connects without waiting: a daemon whose backlog is full answers `WouldBlock` at once, where a
/// blocking connect would hang as long as that daemon does. The stream itself blocks.
pub fn connect(path: &Path) -> io::Result<UnixStream> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    rustix::net::connect(&socket, &SocketAddrUnix::new(path)?)?;
    let stream = UnixStream::from(socket);
    stream.set_nonblocking(false)?;
    Ok(stream)
}

impl Drop for OwnedListener {
    fn drop(&mut self) {
        let ours = fs::symlink_metadata(&self.path)
            .is_ok_and(|metadata| (metadata.dev(), metadata.ino()) == self.identity);
        if ours && let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "the socket file was left behind");
        }
    }
}

fn make_dir(dir: &Path) -> Result<(), SocketError> {
    let failed = |act| {
        move |source| SocketError::Io {
            act,
            path: dir.to_owned(),
            source,
        }
    };
    let made = DirBuilder::new().recursive(true).mode(DIR_MODE).create(dir);
    made.map_err(failed("make the directory"))?;
    let metadata = fs::metadata(dir).map_err(failed("look at"))?;
    let (mode, owner) = (metadata.mode() & 0o7777, metadata.uid());
    let ours = owner == rustix::process::geteuid().as_raw();
    if !ours || mode & FOREIGN_WRITE != 0 {
        return Err(SocketError::DirectoryNotOurs {
            path: dir.to_owned(),
            mode,
            owner,
        });
    }
    Ok(())
}

/// Held while the old socket is judged and the new one made; dropped with the file.
fn lock(dir: &Path) -> Result<File, SocketError> {
    let failed = |source| SocketError::Io {
        act: "lock",
        path: dir.to_owned(),
        source,
    };
    let file = File::open(dir).map_err(failed)?;
    let deadline = Instant::now() + LOCK_WAIT_MAX;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
            Err(TryLockError::WouldBlock) if Instant::now() >= deadline => {
                return Err(failed(io::Error::from(io::ErrorKind::TimedOut)));
            }
            Err(TryLockError::WouldBlock) => std::thread::sleep(LOCK_RETRY),
        }
    }
}

/// Removes the socket of a daemon that is gone. One that accepts is alive, and so is one that
/// cannot even accept now (a full backlog answers EAGAIN to a client that does not wait).
fn remove_stale(path: &Path) -> Result<(), SocketError> {
    let failed = |act| {
        move |source| SocketError::Io {
            act,
            path: path.to_owned(),
            source,
        }
    };
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed("look at")(error)),
    };
    if !metadata.file_type().is_socket() {
        return Err(SocketError::NotASocket(path.to_owned()));
    }
    match connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            tracing::info!(path = %path.display(), "replacing the socket of a daemon that is gone");
            fs::remove_file(path).map_err(failed("remove the stale"))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Ok(_) | Err(_) => Err(SocketError::InUse(path.to_owned())),
    }
}
