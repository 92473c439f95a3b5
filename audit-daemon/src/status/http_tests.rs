//! The metrics server answers what is right, refuses the rest, and stays bounded.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::fs::MetadataExt;
use std::time::Instant;

use super::super::samples::full_snapshot;
use super::*;

/// A server on a free loopback port, in a thread of its own that ends with the test process.
struct Server {
    address: SocketAddr,
}

fn server() -> Server {
    let (tell, told) = std::sync::mpsc::sync_channel(1 << 16);
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let server = MetricsServer::bind(&"127.0.0.1:0".parse().unwrap())
                .await
                .unwrap();
            tell.send(server.local_address().unwrap()).unwrap();
            server.serve(Arc::new(full_snapshot)).await;
        });
    });
    Server {
        address: told.recv().unwrap(),
    }
}

impl Server {
    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        stream
    }

    fn ask(&self, request: &[u8]) -> String {
        let mut stream = self.connect();
        // The server may answer and close before it has read everything.
        let _ = stream.write_all(request);
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn status(&self, request: &[u8]) -> String {
        self.ask(request)
            .lines()
            .next()
            .unwrap_or("closed without an answer")
            .to_owned()
    }
}

const GET: &[u8] = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";

#[test]
fn a_scrape_gets_the_exposition() {
    let answer = server().ask(GET);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert_eq!(body, exposition(&full_snapshot()));
    let expected = format!(
        "HTTP/1.1 200 OK\r\n\
         Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n\
         Content-Length: {}\r\n\
         Cache-Control: no-store\r\n\
         Connection: close",
        body.len()
    );
    assert_eq!(head, expected);
}

#[test]
fn head_has_the_length_and_no_body() {
    let answer = server().ask(b"HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.contains(&format!(
        "Content-Length: {}\r\n",
        exposition(&full_snapshot()).len()
    )));
    assert_eq!(body, "");
}

#[test]
fn what_is_no_scrape_is_refused_by_its_number() {
    let server = server();
    let ok = "HTTP/1.1 200 OK";
    let bad = "HTTP/1.1 400 Bad Request";
    let method = "HTTP/1.1 405 Method Not Allowed";
    let not_found = "HTTP/1.1 404 Not Found";
    let cases: [(&[u8], &str); 21] = [
        (b"GET /metrics HTTP/1.0\r\n\r\n", ok),
        (b"GET /metrics HTTP/1.1\nHost: x\n\n", ok),
        (b"GET /metrics?name=x HTTP/1.1\r\nhOST: x\r\n\r\n", ok),
        (
            b"GET http://localhost/metrics HTTP/1.1\r\nHost: localhost\r\n\r\n",
            ok,
        ),
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", not_found),
        (b"GET /metrics/ HTTP/1.1\r\nHost: x\r\n\r\n", not_found),
        (
            b"GET http://localhost HTTP/1.1\r\nHost: x\r\n\r\n",
            not_found,
        ),
        (b"GET /../metrics HTTP/1.1\r\nHost: x\r\n\r\n", not_found),
        (
            b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc",
            method,
        ),
        (b"DELETE /metrics HTTP/1.0\r\n\r\n", method),
        (b"get /metrics HTTP/1.0\r\n\r\n", method),
        (b"GET /metrics HTTP/1.1\r\n\r\n", bad),
        (b"GET /metrics HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", bad),
        (b"GET /metrics\r\n\r\n", bad),
        (b"GET  /metrics HTTP/1.1\r\nHost: x\r\n\r\n", bad),
        (b"GET /metrics HTTP/1.1 x\r\nHost: x\r\n\r\n", bad),
        (b"GET /metrics HTTP/1.1\r\nHost : x\r\n\r\n", bad),
        (b"GET /metrics HTTP/1.1\r\nno colon\r\n\r\n", bad),
        (b"GET /metrics HTTP/1.1\r\nHost: \0\r\n\r\n", bad),
        (b"\xff\xfe\x00\r\n\r\n", bad),
        (
            b"GET /metrics HTTP/2.0\r\nHost: x\r\n\r\n",
            "HTTP/1.1 505 HTTP Version Not Supported",
        ),
    ];
    for (request, expected) in cases {
        let shown = String::from_utf8_lossy(request);
        assert_eq!(server.status(request), expected, "{shown:?}");
    }
    assert!(
        server
            .ask(b"PUT /metrics HTTP/1.0\r\n\r\n")
            .contains("\r\nAllow: GET, HEAD\r\n")
    );
}

#[test]
fn the_limit_is_exact_and_a_flood_gets_its_answer() {
    let server = server();
    let request = |bytes: usize| {
        let mut request = b"GET /metrics HTTP/1.0\r\nX: ".to_vec();
        request.resize(bytes - 4, b'a');
        request.extend(b"\r\n\r\n");
        request
    };
    let too_large = "HTTP/1.1 431 Request Header Fields Too Large";
    assert_eq!(
        server.status(&request(REQUEST_BYTES_MAX)),
        "HTTP/1.1 200 OK"
    );
    assert_eq!(server.status(&request(REQUEST_BYTES_MAX + 1)), too_large);
    assert_eq!(server.status(&vec![b'A'; 40_000]), too_large);
    // Megabytes: the server stops reading; whether the answer outlives the reset is up to the
    // kernel, but the next client must be served.
    let mut stream = server.connect();
    let _ = stream.write_all(&vec![b'A'; 8 << 20]);
    drop(stream);
    assert_eq!(server.status(GET), "HTTP/1.1 200 OK");
}

#[test]
fn half_requests_are_answered_or_dropped() {
    let server = server();
    let mut stream = server.connect();
    stream.write_all(b"GET /metrics HT").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 400 Bad Request\r\n"),
        "{answer}"
    );
    let stream = server.connect();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    (&stream).read_to_end(&mut answer).unwrap();
    assert_eq!(answer, b"");
}

#[test]
fn slow_clients_hold_a_slot_for_the_time_limit_at_most() {
    let server = server();
    let slow: Vec<_> = (0..CLIENTS_MAX)
        .map(|_| {
            let mut stream = server.connect();
            stream.write_all(b"GET /metrics HTTP/1.1\r\n").unwrap();
            stream
        })
        .collect();
    std::thread::sleep(Duration::from_millis(200));
    let start = Instant::now();
    assert_eq!(server.status(GET), "HTTP/1.1 200 OK");
    let waited = start.elapsed();
    assert!(
        waited > CLIENT_TIME_MAX / 2,
        "the slots were not bounded: {waited:?}"
    );
    assert!(waited < CLIENT_TIME_MAX * 3, "{waited:?}");
    for mut stream in slow {
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert_eq!(answer, b"");
    }
}

#[test]
fn requests_in_single_bytes_are_read() {
    let server = server();
    let mut stream = server.connect();
    for byte in GET {
        stream.write_all(&[*byte]).unwrap();
    }
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"));
}

#[tokio::test]
async fn a_unix_socket_serves_too() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("metrics.sock");
    let address: MetricsAddress = format!("unix:{}", path.display()).parse().unwrap();
    let server = MetricsServer::bind(&address).await.unwrap();
    assert_eq!(server.local_address(), None);
    assert_eq!(path.metadata().unwrap().mode() & 0o7777, 0o600);
    let serving = tokio::spawn(server.serve(Arc::new(full_snapshot)));
    let answer = tokio::task::spawn_blocking(move || {
        let mut stream = socket::connect(&path).unwrap();
        stream.write_all(GET).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    })
    .await
    .unwrap();
    assert!(answer.ends_with(&exposition(&full_snapshot())));
    serving.abort();
}

#[tokio::test]
async fn addresses_are_loopback_or_a_path() {
    for text in [
        "127.0.0.1:9464",
        "127.8.0.1:1",
        "[::1]:9464",
        "unix:/run/a.sock",
    ] {
        assert_eq!(text.parse::<MetricsAddress>().unwrap().to_string(), text);
    }
    for text in [
        "0.0.0.0:9464",
        "[::]:9464",
        "192.0.2.1:80",
        "[::ffff:127.0.0.1]:80",
    ] {
        let address = text.parse().unwrap();
        let expected = Err(AddressError::NotLoopback(address));
        assert_eq!(text.parse::<MetricsAddress>(), expected);
    }
    for text in [
        "",
        "9464",
        "localhost:9464",
        "unix:",
        "unix:run/a",
        "127.0.0.1",
        "unix:/a\0b",
    ] {
        let expected = Err(AddressError::NotAnAddress(text.to_owned()));
        assert_eq!(text.parse::<MetricsAddress>(), expected);
    }
    let first = MetricsServer::bind(&"127.0.0.1:0".parse().unwrap())
        .await
        .unwrap();
    let taken = MetricsAddress::Loopback(first.local_address().unwrap());
    assert!(matches!(
        MetricsServer::bind(&taken).await,
        Err(MetricsError::Listen { .. })
    ));
}
