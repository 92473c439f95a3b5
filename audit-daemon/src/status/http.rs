//! `GET /metrics`, and nothing else of HTTP.
//!
//! OWNS: the metrics listener: its address, its bounded request reader, its answers.
//! MUST NOT: listen on anything but a unix socket or a loopback address, keep a connection open, or
//! read a body.
//!
//! A request is its line and headers, at most [`REQUEST_BYTES_MAX`]; one answer, then the
//! connection closes. The whole exchange has [`CLIENT_TIME_MAX`], so that a slow client costs a
//! slot for so long and no more. Any local user may read metrics on a loopback port; a unix socket
//! (mode 0600) is for root.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use super::metrics::{CONTENT_TYPE, exposition};
use super::server::take;
use super::snapshot::SnapshotSource;
use super::socket::{self, OwnedListener, SocketError};

/// Real scrapers send some hundred bytes.
pub const REQUEST_BYTES_MAX: usize = 8 << 10;
/// Scrapes at once; each costs one exposition in memory.
pub const CLIENTS_MAX: usize = 8;
pub const CLIENT_TIME_MAX: Duration = Duration::from_secs(5);
/// After a failed accept (no descriptors left): long enough not to spin.
const ACCEPT_RETRY: Duration = Duration::from_millis(200);
/// Unread input makes the kernel reset the connection and the client lose the answer: so much is
/// read and thrown away first.
const LINGER_BYTES_MAX: usize = 64 << 10;
const LINGER_TIME_MAX: Duration = Duration::from_millis(500);

/// Where metrics are served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MetricsAddress {
    Unix(PathBuf),
    Loopback(SocketAddr),
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum AddressError {
    #[error(
        "`{0}` is no metrics address; write `unix:/path/to/socket`, `127.0.0.1:port` or \
         `[::1]:port`"
    )]
    NotAnAddress(String),
    #[error(
        "metrics are not served on `{0}`, which other hosts may reach; use 127.0.0.1, [::1] or \
         `unix:/path/to/socket` (a proxy can publish it)"
    )]
    NotLoopback(SocketAddr),
}

#[derive(Debug, thiserror::Error)]
pub enum MetricsError {
    #[error(transparent)]
    Socket(#[from] SocketError),
    #[error("cannot serve metrics on {address}: {source}. Choose another port")]
    Listen {
        address: SocketAddr,
        source: io::Error,
    },
}

impl FromStr for MetricsAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let not_an_address = || AddressError::NotAnAddress(text.to_owned());
        if let Some(path) = text.strip_prefix("unix:") {
            let is_path = path.starts_with('/') && !path.contains('\0');
            return is_path
                .then(|| Self::Unix(path.into()))
                .ok_or_else(not_an_address);
        }
        let address: SocketAddr = text.parse().map_err(|_| not_an_address())?;
        if !address.ip().is_loopback() {
            return Err(AddressError::NotLoopback(address));
        }
        Ok(Self::Loopback(address))
    }
}

impl fmt::Display for MetricsAddress {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(out, "unix:{}", path.display()),
            Self::Loopback(address) => address.fmt(out),
        }
    }
}

#[derive(Debug)]
enum Listener {
    Unix(OwnedListener),
    Loopback(TcpListener),
}

/// The metrics listener, bound and not yet served.
#[derive(Debug)]
pub struct MetricsServer {
    listener: Listener,
}

impl MetricsServer {
    pub async fn bind(address: &MetricsAddress) -> Result<Self, MetricsError> {
        let listener = match address {
            MetricsAddress::Unix(path) => Listener::Unix(socket::bind(path)?),
            MetricsAddress::Loopback(address) => {
                let bound = TcpListener::bind(address).await;
                let failed = |source| MetricsError::Listen {
                    address: *address,
                    source,
                };
                Listener::Loopback(bound.map_err(failed)?)
            }
        };
        Ok(Self { listener })
    }

    /// The port that was given for port 0; none for a unix socket.
    pub fn local_address(&self) -> Option<SocketAddr> {
        match &self.listener {
            Listener::Unix(_) => None,
            Listener::Loopback(listener) => listener.local_addr().ok(),
        }
    }

    /// Answers until dropped.
    pub async fn serve(self, source: Arc<dyn SnapshotSource>) {
        let slots = Arc::new(Semaphore::new(CLIENTS_MAX));
        loop {
            // Never closed, so it never fails; if it did there would be nobody left to serve.
            let Ok(slot) = slots.clone().acquire_owned().await else {
                return;
            };
            let source = source.clone();
            let accepted = match &self.listener {
                Listener::Unix(socket) => socket.listener.accept().await.map(|(stream, _)| {
                    tokio::spawn(async move {
                        converse(stream, source).await;
                        drop(slot);
                    });
                }),
                Listener::Loopback(listener) => listener.accept().await.map(|(stream, _)| {
                    tokio::spawn(async move {
                        converse(stream, source).await;
                        drop(slot);
                    });
                }),
            };
            if let Err(error) = accepted {
                tracing::warn!(%error, "cannot accept a metrics client; trying again");
                tokio::time::sleep(ACCEPT_RETRY).await;
            }
        }
    }
}

/// One request, one answer, within the time limit.
async fn converse(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    source: Arc<dyn SnapshotSource>,
) {
    let exchange = async {
        let Some(request) = read_request(&mut stream).await? else {
            return Ok(());
        };
        let answer = match request {
            Ok(method) => metrics_answer(method, source).await,
            Err(refusal) => refusal.answer(),
        };
        stream.write_all(&answer).await?;
        stream.shutdown().await?;
        linger(&mut stream).await;
        io::Result::Ok(())
    };
    match tokio::time::timeout(CLIENT_TIME_MAX, exchange).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a metrics client went away"),
        Err(_) => tracing::debug!("a metrics client was too slow and was dropped"),
    }
}

async fn linger(stream: &mut (impl AsyncRead + Unpin)) {
    let mut waste = [0; 4 << 10];
    let drain = async {
        let mut read = 0;
        while read < LINGER_BYTES_MAX {
            match stream.read(&mut waste).await {
                Ok(0) | Err(_) => return,
                Ok(bytes) => read += bytes,
            }
        }
    };
    // Whether it ended by itself makes no difference: the connection closes now.
    let _ = tokio::time::timeout(LINGER_TIME_MAX, drain).await;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Method {
    Get,
    Head,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    BadRequest,
    NotFound,
    MethodNotAllowed,
    TooLarge,
    Version,
}

impl Refusal {
    fn answer(self) -> Vec<u8> {
        let (status, more, text) = match self {
            Self::BadRequest => ("400 Bad Request", "", "not an HTTP request\n"),
            Self::NotFound => ("404 Not Found", "", "only /metrics is here\n"),
            Self::MethodNotAllowed => (
                "405 Method Not Allowed",
                "Allow: GET, HEAD\r\n",
                "only GET and HEAD\n",
            ),
            Self::TooLarge => (
                "431 Request Header Fields Too Large",
                "",
                "request too large\n",
            ),
            Self::Version => ("505 HTTP Version Not Supported", "", "only HTTP/1.x\n"),
        };
        response(
            status,
            more,
            "text/plain; charset=utf-8",
            text.as_bytes(),
            Method::Get,
        )
    }
}

/// Reads up to the empty line; none if the client left before sending anything.
async fn read_request(
    stream: &mut (impl AsyncRead + Unpin),
) -> io::Result<Option<Result<Method, Refusal>>> {
    let mut request = Vec::with_capacity(1 << 10);
    loop {
        if let Some(end) = head_end(&request) {
            return Ok(Some(parse_request(&request[..end])));
        }
        if request.len() >= REQUEST_BYTES_MAX {
            return Ok(Some(Err(Refusal::TooLarge)));
        }
        let room = (REQUEST_BYTES_MAX - request.len()) as u64;
        match (&mut *stream).take(room).read_buf(&mut request).await? {
            0 if request.is_empty() => return Ok(None),
            0 => return Ok(Some(Err(Refusal::BadRequest))),
            _ => {}
        }
    }
}

/// End of the headers: an empty line, whose CR may be missing (RFC 9112, 2.2).
fn head_end(request: &[u8]) -> Option<usize> {
    let ends = request
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'\n');
    ends.map(|(at, _)| at + 1).find(|&at| {
        let rest = &request[at..];
        rest.starts_with(b"\n") || rest.starts_with(b"\r\n")
    })
}

/// Checks the head: request line, then headers of which only Host matters.
fn parse_request(head: &[u8]) -> Result<Method, Refusal> {
    let head = std::str::from_utf8(head).map_err(|_| Refusal::BadRequest)?;
    let mut lines = head
        .split('\n')
        .map(|line| line.strip_suffix('\r').unwrap_or(line));
    let mut parts = lines.next().unwrap_or("").split(' ');
    let (Some(method), Some(target), Some(version), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(Refusal::BadRequest);
    };
    let is_token = |text: &str| !text.is_empty() && text.bytes().all(is_token_byte);
    if !is_token(method) || target.is_empty() || target.bytes().any(|byte| !byte.is_ascii_graphic())
    {
        return Err(Refusal::BadRequest);
    }
    match version.strip_prefix("HTTP/") {
        Some("1.0" | "1.1") => {}
        Some(_) => return Err(Refusal::Version),
        None => return Err(Refusal::BadRequest),
    }
    let mut hosts = 0;
    for line in lines.filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':').ok_or(Refusal::BadRequest)?;
        let is_clean = value
            .bytes()
            .all(|byte| byte == b'\t' || !byte.is_ascii_control());
        if !is_token(name) || !is_clean {
            return Err(Refusal::BadRequest);
        }
        hosts += usize::from(name.eq_ignore_ascii_case("host"));
    }
    if hosts > 1 || (hosts == 0 && version == "HTTP/1.1") {
        return Err(Refusal::BadRequest);
    }
    if path_of(target) != "/metrics" {
        return Err(Refusal::NotFound);
    }
    match method {
        "GET" => Ok(Method::Get),
        "HEAD" => Ok(Method::Head),
        _ => Err(Refusal::MethodNotAllowed),
    }
}

/// The path of a target in origin form (`/metrics?x`) or absolute form (`http://host/metrics`).
fn path_of(target: &str) -> &str {
    let without_query = target.split('?').next().unwrap_or(target);
    match without_query.strip_prefix("http://") {
        Some(rest) => rest.find('/').map_or("/", |at| &rest[at..]),
        None => without_query,
    }
}

fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

async fn metrics_answer(method: Method, source: Arc<dyn SnapshotSource>) -> Vec<u8> {
    match take(source, |snapshot| Ok(exposition(&snapshot).into_bytes())).await {
        Some(body) => response("200 OK", "", CONTENT_TYPE, &body, method),
        None => {
            let text = b"the snapshot failed; see the daemon's messages\n";
            response(
                "500 Internal Server Error",
                "",
                "text/plain; charset=utf-8",
                text,
                method,
            )
        }
    }
}

fn response(status: &str, more: &str, content_type: &str, body: &[u8], method: Method) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n\
         {more}Cache-Control: no-store\r\nConnection: close\r\n\r\n"
    );
    let mut answer = head.into_bytes();
    if method == Method::Get {
        answer.extend_from_slice(body);
    }
    answer
}

#[cfg(test)]
#[path = "http_tests.rs"]
mod tests;
