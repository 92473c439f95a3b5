//! What the service manager is told.

use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};

use audit_tests::{Daemon, Setup};

/// Messages to the service manager, until one holds `last`.
fn messages_until(socket: &UnixDatagram, last: &str) -> Vec<(Instant, String)> {
    let mut messages = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let length = socket
            .recv(&mut buffer)
            .unwrap_or_else(|e| panic!("no {last}: {e}"));
        messages.push((
            Instant::now(),
            String::from_utf8_lossy(&buffer[..length]).into_owned(),
        ));
        if messages
            .last()
            .is_some_and(|(_, message)| message.contains(last))
        {
            return messages;
        }
    }
}

#[test]
fn the_service_manager_is_told() {
    const WATCHDOG: Duration = Duration::from_secs(2);
    let setup = Setup::new();
    let path = setup.dir().join("notify");
    let socket = UnixDatagram::bind(&path).expect("a socket for messages");
    socket
        .set_read_timeout(Some(audit_tests::daemon::patience()))
        .expect("a timeout");
    let setup = setup
        .env("NOTIFY_SOCKET", &path.to_string_lossy())
        .env("WATCHDOG_USEC", &WATCHDOG.as_micros().to_string());
    let mut daemon = Daemon::start(&setup);
    let ready = messages_until(&socket, "READY=1");
    let log_dir = setup.log_dir().display().to_string();
    assert_eq!(ready.len(), 1, "{ready:?}");
    assert_eq!(
        ready[0].1,
        format!("READY=1\nSTATUS=recording to {log_dir}")
    );
    let first = messages_until(&socket, "WATCHDOG=1");
    let second = messages_until(&socket, "WATCHDOG=1");
    let apart = second[0].0 - first[0].0;
    assert!(apart < WATCHDOG, "signs of life are {apart:?} apart");
    daemon.stop();
    let stopping = messages_until(&socket, "STOPPING=1");
    let (_, last) = stopping.last().expect("a message");
    assert_eq!(last, "STOPPING=1\nSTATUS=draining what was seen");
}
