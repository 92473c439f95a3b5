//! Only root gets an answer; deaf and slow clients harm nobody.

use std::io::Read;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener as BlockingListener, UnixStream as BlockingStream};
use std::time::Instant;

use super::super::client::{StatusError, fetch};
use super::super::samples::{full_snapshot, settled_snapshot};
use super::super::snapshot::{CpuState, StatusSnapshot};
use super::super::socket::PATH_BYTES_MAX;
use super::*;

fn source(snapshot: StatusSnapshot) -> Arc<dyn SnapshotSource> {
    Arc::new(move || snapshot.clone())
}

/// So large that it does not fit into a socket buffer: the writer must wait for the reader.
fn large_snapshot() -> StatusSnapshot {
    let mut snapshot = settled_snapshot();
    let sums = snapshot.lanes[0].cpus[0].sums.clone();
    snapshot.lanes[0].cpus = (0..4096)
        .map(|cpu| CpuState {
            cpu,
            sums: sums.clone(),
        })
        .collect();
    snapshot
}

async fn fetch_async(path: &Path) -> Result<StatusSnapshot, StatusError> {
    let path = path.to_owned();
    tokio::task::spawn_blocking(move || fetch(&path))
        .await
        .unwrap()
}

#[tokio::test]
async fn a_client_gets_the_snapshot_whole() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run").join("status.sock");
    let server = StatusServer::bind(&path).unwrap();
    assert_eq!(
        path.parent().unwrap().metadata().unwrap().mode() & 0o7777,
        0o700
    );
    let metadata = path.metadata().unwrap();
    assert!(metadata.file_type().is_socket());
    assert_eq!(metadata.mode() & 0o7777, 0o600);
    let serving = tokio::spawn(server.serve(source(full_snapshot())));
    for _ in 0..3 {
        assert_eq!(fetch_async(&path).await.unwrap(), full_snapshot());
    }
    serving.abort();
    assert!(serving.await.unwrap_err().is_cancelled());
    assert!(
        !path.exists(),
        "the socket file must go away with the server"
    );
    assert!(matches!(
        fetch_async(&path).await,
        Err(StatusError::NotRunning(_))
    ));
}

#[tokio::test]
async fn the_answer_is_one_json_line() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let serving = tokio::spawn(
        StatusServer::bind(&path)
            .unwrap()
            .serve(source(full_snapshot())),
    );
    let bytes = tokio::task::spawn_blocking(move || {
        let mut bytes = Vec::new();
        BlockingStream::connect(&path)
            .unwrap()
            .read_to_end(&mut bytes)
            .unwrap();
        bytes
    })
    .await
    .unwrap();
    assert!(bytes.starts_with(b"{\"version\":1,"));
    assert_eq!(bytes.iter().filter(|byte| **byte == b'\n').count(), 1);
    assert_eq!(bytes.last(), Some(&b'\n'));
    serving.abort();
}

#[tokio::test]
async fn clients_that_do_not_read_delay_others_only_for_the_time_limit() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let serving = tokio::spawn(
        StatusServer::bind(&path)
            .unwrap()
            .serve(source(large_snapshot())),
    );
    let deaf: Vec<_> = (0..CLIENTS_MAX)
        .map(|_| BlockingStream::connect(&path).unwrap())
        .collect();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let start = Instant::now();
    // One more than the slots: it waits until a deaf one is dropped, then is answered whole.
    let answer = loop {
        match fetch_async(&path).await {
            Err(StatusError::Silent(_)) if start.elapsed() < CLIENT_TIME_MAX * 3 => {}
            other => break other.unwrap(),
        }
    };
    assert_eq!(answer.lanes[0].cpus.len(), 4096);
    assert!(
        start.elapsed() > Duration::from_secs(2),
        "the slots were not bounded"
    );
    drop(deaf);
    serving.abort();
}

#[tokio::test]
async fn a_source_that_panics_closes_without_an_answer_and_the_server_lives() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let asked = std::sync::atomic::AtomicU32::new(0);
    let source = Arc::new(
        move || match asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
            0 => panic!("a broken counter"),
            _ => settled_snapshot(),
        },
    );
    let serving = tokio::spawn(StatusServer::bind(&path).unwrap().serve(source));
    assert!(matches!(
        fetch_async(&path).await,
        Err(StatusError::Closed(_))
    ));
    assert_eq!(fetch_async(&path).await.unwrap(), settled_snapshot());
    serving.abort();
}

#[tokio::test]
async fn the_socket_of_a_dead_daemon_is_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    drop(BlockingListener::bind(&path).unwrap());
    assert!(path.exists());
    let serving = tokio::spawn(
        StatusServer::bind(&path)
            .unwrap()
            .serve(source(full_snapshot())),
    );
    assert_eq!(fetch_async(&path).await.unwrap(), full_snapshot());
    serving.abort();
}

#[tokio::test]
async fn the_socket_of_a_live_daemon_is_not_even_when_its_backlog_is_full() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let first = StatusServer::bind(&path).unwrap();
    let refused = StatusServer::bind(&path).unwrap_err();
    assert!(matches!(refused, SocketError::InUse(_)), "{refused}");
    let mut waiting = Vec::new();
    while let Ok(stream) = socket::connect(&path) {
        waiting.push(stream);
        assert!(waiting.len() < 100_000);
    }
    let refused = StatusServer::bind(&path).unwrap_err();
    assert!(matches!(refused, SocketError::InUse(_)), "{refused}");
    let start = Instant::now();
    assert!(matches!(
        fetch_async(&path).await,
        Err(StatusError::Silent(_))
    ));
    assert!(start.elapsed() < Duration::from_secs(1));
    drop(first);
}

#[tokio::test]
async fn a_socket_that_another_made_meanwhile_is_left_to_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let first = StatusServer::bind(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let _second = StatusServer::bind(&path).unwrap();
    drop(first);
    assert!(path.exists());
}

#[tokio::test]
async fn wrong_places_are_refused_with_their_reason() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "precious").unwrap();
    assert!(matches!(
        StatusServer::bind(&file),
        Err(SocketError::NotASocket(_))
    ));
    assert_eq!(std::fs::read(&file).unwrap(), b"precious");

    let long = dir.path().join("x".repeat(PATH_BYTES_MAX));
    let error = StatusServer::bind(&long).unwrap_err().to_string();
    let bytes = long.as_os_str().len();
    assert!(error.ends_with(&format!(
        "has {bytes} bytes; the kernel allows 107. Choose a shorter one"
    )));
    assert!(matches!(
        fetch(&long),
        Err(StatusError::Path(SocketError::PathTooLong { .. }))
    ));

    assert!(matches!(
        StatusServer::bind(Path::new("/")),
        Err(SocketError::NoFileName(_))
    ));

    let open = dir.path().join("open");
    std::fs::create_dir(&open).unwrap();
    std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o777)).unwrap();
    let error = StatusServer::bind(&open.join("s")).unwrap_err();
    assert!(
        matches!(error, SocketError::DirectoryNotOurs { mode: 0o777, .. }),
        "{error}"
    );
}

#[tokio::test]
async fn the_longest_path_works() {
    let dir = tempfile::tempdir().unwrap();
    let room = PATH_BYTES_MAX - dir.path().as_os_str().len() - 1;
    let path = dir.path().join("x".repeat(room));
    let serving = tokio::spawn(
        StatusServer::bind(&path)
            .unwrap()
            .serve(source(full_snapshot())),
    );
    assert_eq!(fetch_async(&path).await.unwrap(), full_snapshot());
    serving.abort();
}

#[test]
fn only_root_and_the_daemons_own_user_may_ask() {
    let own = rustix::process::geteuid().as_raw();
    assert!(may_ask(0));
    assert!(may_ask(own));
    assert!(!may_ask(own + 1));
    assert!(!may_ask(65_534));
}
