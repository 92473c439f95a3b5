//! A process connects to who waits for it, and gives it a shell.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};

use audit_tests::Daemon;
use audit_tests::acts::{act, program};

use super::chain::Story;
use super::{INTRUDER, installed, watching};
use crate::expect::assert_at;
use crate::net::sockets::{HERE, accept, apart, at, listener};
use crate::watched::allow;

#[test]
fn a_reverse_shell_is_told_from_its_connect_to_its_last_command() {
    let (setup, places) = watching();
    let (secret, open) = (places.inside("secret"), places.file());
    allow(&open, 0o644);
    let [shell, id, cat] = ["sh", "id", "cat"].map(installed);
    let mut daemon = Daemon::start(&setup);
    let (pid, server, client, answer) = apart(|_| {
        let (listening, server) = listener(at(HERE, 0), 8);
        let acts = act(["uid", INTRUDER, "reverse-shell", &server.to_string()]);
        let mut child = acts.with([&shell]).start();
        let mut peer = TcpStream::from(accept(&listening));
        let client = peer.peer_addr().expect("who connected");
        let commands = format!("id -u\ncat {}\ncat {}\n", secret.display(), open.display());
        peer.write_all(commands.as_bytes()).expect("write");
        peer.shutdown(Shutdown::Write).expect("shutdown");
        let mut answer = String::new();
        peer.read_to_string(&mut answer).expect("read");
        child.wait().expect("wait");
        (child.id(), server, client, answer)
    });
    // What it was refused is said there too, in words of the machine's own.
    assert!(answer.starts_with(&format!("{INTRUDER}\n")), "{answer}");
    assert!(answer.ends_with("content"), "{answer}");
    let records = daemon.stop();
    let story = Story::of(&records, pid);
    let exec = |file: &std::path::Path| {
        format!(
            "process.exec {} as {INTRUDER}/{INTRUDER} done",
            file.display()
        )
    };
    assert_eq!(
        story.told(),
        [
            format!("process.exec {} as 0/0 done", program().display()),
            format!("priv.setuid 0/0 to {INTRUDER}/{INTRUDER} done"),
            format!("net.connect tcp {client} -> {server} done"),
            exec(&shell),
            exec(&id),
            exec(&cat),
            format!("file.open_read {} EACCES", secret.display()),
            exec(&cat),
            format!("file.open_read {} done", open.display()),
        ]
    );
    // The shell is the process that connected.
    let connect = story.only("net.connect");
    let shell = story.exec(&shell);
    assert_at(connect, "actor.process.uid", shell.str("process.uid"));
    assert_at(connect, "actor.process.euid", INTRUDER.parse::<u32>().ok());
    // Its peer is told by the other end: the same connection.
    let same = |one: &&audit_tests::Record| {
        one.at("src_endpoint.port") == connect.at("src_endpoint.port")
            && one.at("unmapped.net_ns") == connect.at("unmapped.net_ns")
    };
    let accepts: Vec<_> = records.of_kind("net.accept").filter(same).collect();
    assert_eq!(accepts.len(), 1);
    assert_at(accepts[0], "actor.process.pid", std::process::id());
    assert_at(accepts[0], "dst_endpoint.port", server.port());
}
