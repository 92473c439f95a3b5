//! Telling the service manager how we are (the sd_notify protocol).
//!
//! OWNS: the datagrams to `NOTIFY_SOCKET` and the watchdog's period. MUST NOT: decide whether the
//! daemon is ready or healthy, block (a full socket drops the message), or change the environment.
//!
//! A message is one datagram of `NAME=value` lines: `READY=1`, `RELOADING=1`, `STOPPING=1`,
//! `STATUS=…`, `WATCHDOG=1`. The socket is a path, or an abstract name written with `@`. Without
//! `NOTIFY_SOCKET` every call does nothing.

use std::ffi::OsString;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

/// A status line is for `systemctl status`; longer ones are cut.
const STATUS_BYTES_MAX: usize = 512;

#[derive(Debug, thiserror::Error)]
pub enum NotifyError {
    #[error(
        "NOTIFY_SOCKET is {0:?}, which is neither an absolute path nor an abstract name with `@`; \
         start the daemon by its unit, or unset the variable"
    )]
    Address(OsString),
    #[error("cannot use NOTIFY_SOCKET {address:?}: {source}; start the daemon by its unit")]
    Socket {
        address: OsString,
        source: io::Error,
    },
}

/// The way to the service manager, if there is one.
#[derive(Debug)]
pub struct Notifier {
    manager: Option<Manager>,
    watchdog: Option<Duration>,
}

#[derive(Debug)]
struct Manager {
    socket: UnixDatagram,
    address: SocketAddr,
}

impl Notifier {
    /// Reads `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID`.
    pub fn from_env() -> Result<Self, NotifyError> {
        Self::from_variables(|name| std::env::var_os(name), std::process::id())
    }

    fn from_variables(
        variable: impl Fn(&str) -> Option<OsString>,
        own_pid: u32,
    ) -> Result<Self, NotifyError> {
        let named = variable("NOTIFY_SOCKET").filter(|address| !address.is_empty());
        let Some(address) = named else {
            return Ok(Self::none());
        };
        let manager = Manager::open(&address)?;
        Ok(Self {
            manager: Some(manager),
            watchdog: watchdog_period(variable, own_pid),
        })
    }

    /// One that says nothing to nobody.
    pub fn none() -> Self {
        Self {
            manager: None,
            watchdog: None,
        }
    }

    /// All hooks are attached; `status` is one line for people.
    pub fn ready(&self, status: &str) {
        self.send(&format!("READY=1\nSTATUS={}", one_line(status)));
    }

    /// The configuration is being read again; [`Notifier::ready`] ends it. The time tells the manager
    /// (`Type=notify-reload`) that this answers its signal, and not an earlier one.
    pub fn reloading(&self, status: &str) {
        let now = nix::time::clock_gettime(nix::time::ClockId::CLOCK_MONOTONIC);
        let usec = now.map_or(0, |now| now.tv_sec() * 1_000_000 + now.tv_nsec() / 1000);
        let status = one_line(status);
        self.send(&format!(
            "RELOADING=1\nMONOTONIC_USEC={usec}\nSTATUS={status}"
        ));
    }

    /// The stop has begun.
    pub fn stopping(&self, status: &str) {
        self.send(&format!("STOPPING=1\nSTATUS={}", one_line(status)));
    }

    /// One line for people.
    pub fn status(&self, status: &str) {
        self.send(&format!("STATUS={}", one_line(status)));
    }

    /// Still alive; to be sent every [`Notifier::watchdog_period`].
    pub fn watchdog(&self) {
        if self.watchdog.is_some() {
            self.send("WATCHDOG=1");
        }
    }

    /// Half of what the manager allows between two signs of life; none if it does not watch us.
    pub fn watchdog_period(&self) -> Option<Duration> {
        self.watchdog
    }

    fn send(&self, message: &str) {
        let Some(manager) = &self.manager else { return };
        let Manager { socket, address } = manager;
        if let Err(error) = socket.send_to_addr(message.as_bytes(), address) {
            tracing::warn!(%error, message, "the service manager could not be told");
        }
    }
}

impl Manager {
    fn open(address: &OsString) -> Result<Self, NotifyError> {
        let failed = |source| NotifyError::Socket {
            address: address.clone(),
            source,
        };
        let peer = match address.as_bytes() {
            [b'@', name @ ..] if !name.is_empty() => SocketAddr::from_abstract_name(name),
            [b'/', ..] => SocketAddr::from_pathname(address),
            _ => return Err(NotifyError::Address(address.clone())),
        };
        let socket = UnixDatagram::unbound().map_err(failed)?;
        socket.set_nonblocking(true).map_err(failed)?;
        Ok(Self {
            socket,
            address: peer.map_err(failed)?,
        })
    }
}

/// Half of WATCHDOG_USEC, if WATCHDOG_PID is ours or nobody's in particular.
fn watchdog_period(variable: impl Fn(&str) -> Option<OsString>, own_pid: u32) -> Option<Duration> {
    let number = |name: &str| variable(name)?.to_str()?.parse::<u64>().ok();
    let for_us = match variable("WATCHDOG_PID") {
        None => true,
        Some(_) => number("WATCHDOG_PID") == Some(u64::from(own_pid)),
    };
    let period_us = number("WATCHDOG_USEC")? / 2;
    (for_us && period_us > 0).then(|| Duration::from_micros(period_us))
}

/// A line break would start another assignment: it becomes a space, as every control character.
fn one_line(status: &str) -> String {
    let clean = status
        .chars()
        .map(|char| if char.is_control() { ' ' } else { char });
    let mut line = String::new();
    for char in clean {
        if line.len() + char.len_utf8() > STATUS_BYTES_MAX {
            break;
        }
        line.push(char);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    const OWN_PID: u32 = 4711;

    fn notifier(variables: &[(&str, &str)]) -> Result<Notifier, NotifyError> {
        let variables: HashMap<String, OsString> = variables
            .iter()
            .map(|(name, value)| (name.to_string(), OsString::from(value)))
            .collect();
        Notifier::from_variables(|name| variables.get(name).cloned(), OWN_PID)
    }

    fn received(manager: &UnixDatagram) -> String {
        let mut buffer = [0; 4096];
        manager
            .set_read_timeout(Some(Duration::from_secs(5)))
            .unwrap();
        let bytes = manager.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..bytes].to_vec()).unwrap()
    }

    #[test]
    fn messages_arrive_at_a_path() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        let notifier = notifier(&[
            ("NOTIFY_SOCKET", path.to_str().unwrap()),
            ("WATCHDOG_USEC", "30000000"),
        ])
        .unwrap();
        notifier.ready("12 hooks attached");
        assert_eq!(received(&manager), "READY=1\nSTATUS=12 hooks attached");
        notifier.status("1\nREADY=0\x1b");
        assert_eq!(received(&manager), "STATUS=1 READY=0 ");
        notifier.watchdog();
        assert_eq!(received(&manager), "WATCHDOG=1");
        notifier.reloading("reading");
        let reloading = received(&manager);
        let usec = reloading
            .strip_prefix("RELOADING=1\nMONOTONIC_USEC=")
            .and_then(|rest| rest.strip_suffix("\nSTATUS=reading"))
            .unwrap();
        assert!(usec.parse::<u64>().unwrap() > 0, "{reloading}");
        notifier.stopping(&"é".repeat(400));
        assert_eq!(
            received(&manager),
            format!("STOPPING=1\nSTATUS={}", "é".repeat(256))
        );
        assert_eq!(notifier.watchdog_period(), Some(Duration::from_secs(15)));
    }

    #[test]
    fn messages_arrive_at_an_abstract_name() {
        let name = format!("audit-daemon-notify-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let manager = UnixDatagram::bind_addr(&address).unwrap();
        notifier(&[("NOTIFY_SOCKET", &format!("@{name}"))])
            .unwrap()
            .ready("up");
        assert_eq!(received(&manager), "READY=1\nSTATUS=up");
    }

    #[test]
    fn without_a_manager_nothing_happens() {
        for variables in [
            &[][..],
            &[("NOTIFY_SOCKET", "")][..],
            &[("WATCHDOG_USEC", "2000")][..],
        ] {
            let notifier = notifier(variables).unwrap();
            notifier.ready("up");
            notifier.watchdog();
            assert_eq!(notifier.watchdog_period(), None);
        }
    }

    #[test]
    fn the_watchdog_is_for_the_process_it_names() {
        let period = |usec: &str, pid: Option<&str>| {
            let mut variables = vec![("NOTIFY_SOCKET", "/run/nobody"), ("WATCHDOG_USEC", usec)];
            variables.extend(pid.map(|pid| ("WATCHDOG_PID", pid)));
            notifier(&variables).unwrap().watchdog_period()
        };
        let half = Some(Duration::from_millis(1));
        assert_eq!(period("2000", None), half);
        assert_eq!(period("2000", Some("4711")), half);
        assert_eq!(period("2000", Some("1")), None);
        assert_eq!(period("2000", Some("x")), None);
        for usec in ["0", "1", "-1", "", "soon", "99999999999999999999"] {
            assert_eq!(period(usec, None), None, "WATCHDOG_USEC={usec}");
        }
    }

    #[test]
    fn a_manager_that_does_not_read_cannot_hold_us_up() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let _manager = UnixDatagram::bind(&path).unwrap();
        let notifier = notifier(&[("NOTIFY_SOCKET", path.to_str().unwrap())]).unwrap();
        let start = std::time::Instant::now();
        (0..2_000).for_each(|_| notifier.status("busy"));
        assert!(start.elapsed() < Duration::from_secs(5));
    }

    #[test]
    fn odd_addresses_are_named() {
        for address in ["run/notify", "@", "vsock:2:1234"] {
            let error = notifier(&[("NOTIFY_SOCKET", address)]).unwrap_err();
            assert!(
                matches!(&error, NotifyError::Address(named) if named == address),
                "{error}"
            );
        }
        let error = notifier(&[("NOTIFY_SOCKET", &format!("/{}", "x".repeat(200)))]).unwrap_err();
        assert!(matches!(error, NotifyError::Socket { .. }));
    }
}
