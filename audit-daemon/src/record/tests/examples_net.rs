//! Sockets: what was connected, accepted, listened on, closed and made raw, and the names of the golden files.

use std::net::IpAddr;

use super::super::view::*;
use super::super::*;
use super::examples::{Example, ROOT, bash, deploy_session, labels, line, plain_owner, text};
use super::{at, event, id};

const OURS: &str = "10.20.0.11";
const EINPROGRESS: i32 = 115;
const ECONNREFUSED: i32 = 111;

pub fn all() -> Vec<Example> {
    vec![
        ("40-net-connect", connect()),
        ("41-net-connect-pending", pending()),
        ("42-net-connect-refused", refused()),
        ("43-net-connect-unix", unix()),
        ("44-net-accept", accept()),
        ("45-net-listen", listen()),
        ("46-net-close", close()),
        ("47-net-raw-socket", raw_socket()),
        ("net-connect-folded", folded()),
        ("net-bind-scope", bound()),
        ("net-connect-vsock", vsock()),
        ("net-send-ring", sent_by_ring()),
    ]
}

fn ip(address: &str, port: u16) -> Option<Endpoint<'static>> {
    let address: IpAddr = address.parse().unwrap();
    Some(Endpoint::Ip {
        address,
        port,
        scope: 0,
        source: Source::Kernel,
    })
}

/// Times, how far behind the first its numbers are, and the number of the socket.
fn view<'a>(
    (seconds, nanos): (i64, i64),
    place: u64,
    labels: &'a [String],
    actor: ActorView<'a>,
    socket: u64,
) -> NetView<'a> {
    NetView {
        meta: Meta {
            utc_ns: at(seconds, nanos),
            sequence: 1_048_614 + place,
            event: event(Lane::Bulk, 1, 40_320 + place),
            correlation: None,
            labels,
        },
        actor,
        act: NetAct::Connect,
        source: ip(OURS, 45_122),
        destination: ip("10.20.0.40", 5432),
        protocol: Protocol::Ip(4, 6),
        direction: Direction::Out,
        socket: Some(socket),
        cookie: None,
        net_ns: None,
        errno: 0,
        via: Via::Call,
        is_pending: false,
        is_abandoned: false,
        duration_ns: None,
        traffic: None,
        folded: None,
    }
}

fn written(view: &NetView<'_>) -> String {
    line(|lines, out| lines.net(out, view))
}

fn connect() -> String {
    let (labels, bash) = (labels(), bash());
    let actor = deploy_session(Some(&bash));
    written(&view((68, 794_606_867), 0, &labels, actor, 28_811))
}

fn kit() -> ProcessView<'static> {
    ProcessView {
        id: id(6014, 91_500),
        name: Fact::Known(b"[kworker/1:0]"),
        path: Fact::Known(text(b"memfd:kit")),
        ..bash()
    }
}

fn pending() -> String {
    let (labels, kit) = (labels(), kit());
    let actor = deploy_session(Some(&kit));
    written(&NetView {
        source: ip(OURS, 45_124),
        destination: ip("198.51.100.9", 4444),
        errno: EINPROGRESS,
        is_pending: true,
        ..view((69, 589_528_742), 1, &labels, actor, 28_812)
    })
}

fn refused() -> String {
    let (labels, kit) = (labels(), kit());
    let actor = deploy_session(Some(&kit));
    let mut view = NetView {
        source: ip(OURS, 45_124),
        destination: ip("198.51.100.9", 4444),
        errno: ECONNREFUSED,
        duration_ns: Some(31_999_999),
        ..view((70, 861_013_117), 2, &labels, actor, 28_812)
    };
    // The example stands in the other lane.
    view.meta.event = event(Lane::Critical, 1, 40_322);
    view.meta.correlation = Some("9f1c2b7a40d3.1048615");
    written(&view)
}

fn unix() -> String {
    let (labels, bash) = (labels(), bash());
    let actor = deploy_session(Some(&bash));
    written(&NetView {
        source: None,
        destination: Some(Endpoint::Unix(text(b"/run/docker.sock"))),
        protocol: Protocol::Unix,
        direction: Direction::Local,
        ..view((71, 577_809_992), 3, &labels, actor, 28_820)
    })
}

fn nginx() -> ProcessView<'static> {
    ProcessView {
        id: id(1402, 1420),
        name: Fact::Known(b"nginx"),
        path: Fact::Known(text(b"/usr/sbin/nginx")),
        owner: Fact::Known(plain_owner(33, "www-data")),
        ..ProcessView::default()
    }
}

fn of_nginx<'a>(nginx: &'a ProcessView<'a>) -> ActorView<'a> {
    ActorView {
        process: Some(nginx),
        ..ActorView::default()
    }
}

fn accept() -> String {
    let (labels, nginx) = (labels(), nginx());
    written(&NetView {
        act: NetAct::Accept,
        source: ip("203.0.113.50", 60_211),
        destination: ip(OURS, 443),
        direction: Direction::In,
        ..view((72, 333_669_367), 4, &labels, of_nginx(&nginx), 28_830)
    })
}

fn listen() -> String {
    let (labels, nginx) = (labels(), nginx());
    written(&NetView {
        act: NetAct::Listen,
        source: None,
        destination: ip("::", 8443),
        protocol: Protocol::Ip(6, 6),
        direction: Direction::In,
        ..view((73, 847_341_242), 5, &labels, of_nginx(&nginx), 28_790)
    })
}

fn close() -> String {
    let (labels, nginx) = (labels(), nginx());
    written(&NetView {
        act: NetAct::Close,
        source: ip("203.0.113.50", 60_211),
        destination: ip(OURS, 443),
        direction: Direction::In,
        duration_ns: Some(1_841_000_001),
        traffic: Some((812, 50_233)),
        ..view((74, 462_575_617), 6, &labels, of_nginx(&nginx), 28_830)
    })
}

fn raw_socket() -> String {
    let labels = labels();
    let tcpdump = ProcessView {
        id: id(4160, 83_250),
        name: Fact::Known(b"tcpdump"),
        path: Fact::Known(text(b"/usr/bin/tcpdump")),
        owner: Fact::Known(ROOT),
        ..ProcessView::default()
    };
    let actor = deploy_session(Some(&tcpdump));
    written(&NetView {
        act: NetAct::RawSocket,
        source: Some(Endpoint::Host("web-1")),
        destination: None,
        protocol: Protocol::Packet(3),
        direction: Direction::Unknown,
        ..view((75, 648_122_492), 7, &labels, actor, 28_841)
    })
}

fn folded() -> String {
    let (labels, bash) = (labels(), bash());
    let actor = deploy_session(Some(&bash));
    let mut view = NetView {
        folded: Some(Folded {
            count: 1_204,
            first_utc_ns: at(80, 1),
            last_utc_ns: at(139, 999_999_999),
        }),
        net_ns: Some(4_026_532_281),
        cookie: Some(77),
        ..view((80, 1), 8, &labels, actor, 28_850)
    };
    (view.meta.event, view.meta.correlation) = (None, Some("9f1c2b7a40d3.1048614"));
    written(&view)
}

fn bound() -> String {
    let (labels, bash) = (labels(), bash());
    let actor = deploy_session(Some(&bash));
    let address = "fe80::7".parse().unwrap();
    written(&NetView {
        act: NetAct::Bind,
        source: Some(Endpoint::Ip {
            address,
            port: 546,
            scope: 2,
            source: Source::AsGiven,
        }),
        destination: None,
        protocol: Protocol::Ip(6, 17),
        direction: Direction::Unknown,
        errno: 99,
        ..view((140, 0), 9, &labels, actor, 28_851)
    })
}

fn sent_by_ring() -> String {
    let (labels, bash) = (labels(), bash());
    let actor = deploy_session(Some(&bash));
    written(&NetView {
        act: NetAct::Send,
        protocol: Protocol::Ip(4, 17),
        via: Via::Ring,
        net_ns: Some(4_026_532_177),
        ..view((150, 0), 10, &labels, actor, 28_852)
    })
}

/// The caller's word.
fn vsock() -> String {
    let (labels, bash) = (labels(), bash());
    let actor = deploy_session(Some(&bash));
    let view = NetView {
        source: None,
        destination: Some(Endpoint::Vsock {
            context: 2,
            port: 1024,
        }),
        protocol: Protocol::Vsock,
        ..view((59, 0), 59, &labels, actor, 77)
    };
    line(|lines, out| lines.net(out, &view))
}
