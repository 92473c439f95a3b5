//! The client says what is wrong, and never waits without end.

use std::io::Write;
use std::os::unix::net::UnixListener;
use std::thread;

use super::*;

/// Whoever connects gets these bytes, then the end or nothing more.
fn impostor(path: &Path, bytes: Vec<u8>, close: bool) -> thread::JoinHandle<()> {
    let listener = UnixListener::bind(path).unwrap();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.write_all(&bytes);
        if !close {
            // Keeps it open until the client gives up.
            let _ = stream.read(&mut [0]);
        }
    })
}

fn answer_to(bytes: &[u8], close: bool) -> StatusError {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let impostor = impostor(&path, bytes.to_vec(), close);
    let error = fetch_within(&path, Duration::from_millis(700)).unwrap_err();
    impostor.join().unwrap();
    error
}

#[test]
fn strange_answers_are_told_apart() {
    assert!(matches!(answer_to(b"", true), StatusError::Closed(_)));
    assert!(matches!(
        answer_to(b"HTTP/1.1 200 OK\r\n", true),
        StatusError::NotADaemon { .. }
    ));
    assert!(matches!(
        answer_to(b"{\"version\":1", true),
        StatusError::NotADaemon { .. }
    ));
    assert!(matches!(
        answer_to(b"{}", true),
        StatusError::NotADaemon { .. }
    ));
    assert!(matches!(
        answer_to(b"{\"version\":1,\"lanes\":3}", true),
        StatusError::NotADaemon { .. }
    ));
    let later = answer_to(b"{\"version\":2,\"lanes\":3}", true);
    assert!(
        matches!(later, StatusError::Version { theirs: 2 }),
        "{later}"
    );
}

#[test]
fn an_answer_that_does_not_end_is_given_up() {
    assert!(matches!(
        answer_to(b"{\"version\":1", false),
        StatusError::Silent(_)
    ));
    let endless = answer_to(&vec![b' '; ANSWER_BYTES_MAX + 1], false);
    let StatusError::NotADaemon { reason, .. } = &endless else {
        panic!("{endless}")
    };
    assert_eq!(reason, "its answer is longer than 16777216 bytes");
}

#[test]
fn unknown_fields_and_missing_ones_are_read() {
    let json = br#"{"version":1,"later":[1],"daemon":{"pid":7},"lanes":[{"lane":"bulk"}]}"#;
    let snapshot = parse(Path::new("/s"), json).unwrap();
    assert_eq!(snapshot.daemon.pid, 7);
    assert_eq!(snapshot.lanes[0].lane, "bulk");
    assert_eq!(snapshot.log.bytes, 0);
}

#[test]
fn a_daemon_that_is_not_there_is_named_with_the_next_command() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let expected = format!(
        "audit-daemon is not running (nobody answers on {}).\n\
         Start it: sudo systemctl start audit-daemon, or by hand: sudo audit-daemon run",
        path.display()
    );
    assert_eq!(fetch(&path).unwrap_err().to_string(), expected);
    drop(UnixListener::bind(&path).unwrap());
    assert_eq!(fetch(&path).unwrap_err().to_string(), expected);
}

#[test]
fn errors_of_the_system_are_explained() {
    let explained = |kind: io::ErrorKind| explain(Path::new("/run/s"), kind.into());
    let denied = explained(io::ErrorKind::PermissionDenied);
    assert_eq!(
        denied.to_string(),
        "only root may ask for the status (/run/s).\nRun: sudo audit-daemon status"
    );
    assert!(matches!(
        explained(io::ErrorKind::WouldBlock),
        StatusError::Silent(_)
    ));
    assert!(matches!(
        explained(io::ErrorKind::ConnectionReset),
        StatusError::Closed(_)
    ));
    assert!(matches!(
        explained(io::ErrorKind::Other),
        StatusError::Io { .. }
    ));
}
