//! Records of what is done to sockets.
//!
//! Owns the view of such an event: which side is the source, and what a socket's addresses mean.

use std::{net::IpAddr, sync::Arc};

use audit_common::net::{Address, Net, call, family, flag};

use super::{Recorder, acting::Acting, exec::trimmed, utc};
use crate::{
    decode::Tails,
    enrich::process::key_of,
    folding::Folded as Repeated,
    network::fold,
    record::{
        Direction, Endpoint, NetAct, NetView, Protocol,
        view::{Folded, Source, Text, Via},
    },
};

/// How an act is told.
#[derive(Clone, Copy)]
pub enum SocketTold<'a> {
    Once,
    /// The outcome of what the record with this sequence called pending.
    Answers(u64),
    /// The first of several that are told as one.
    Folded(&'a Repeated),
}

const SOCK_RAW: u16 = 3;

impl Recorder {
    /// What it has in common with others like it.
    pub fn socket_like(&mut self, event: &Net, tails: &Tails<'_>) -> fold::Like {
        let known = self.table.get(key_of(&event.header));
        let path = known.and_then(|process| process.reference.path.clone());
        let program: Arc<[u8]> = path.unwrap_or_else(|| trimmed(&event.header.comm).into());
        fold::Like::of(
            event,
            program,
            tails.unix_name.map_or(b"", |name| name.bytes),
        )
    }

    /// Writes the record.
    pub fn socket(&mut self, event: &Net, tails: &Tails<'_>, told: SocketTold<'_>) {
        let header = &event.header;
        let Some(act) = act(event.call) else { return };
        let acting = Acting::of(self, header, event.namespace_pid);
        let mut name = Vec::new();
        let (source, destination) = endpoints(event, tails, &mut name, &self.host.hostname);
        let answered = match told {
            SocketTold::Answers(sequence) => Some(sequence),
            SocketTold::Folded(folded) => folded.sequence,
            SocketTold::Once => None,
        };
        let answered = answered.map(|sequence| self.lines.uid(sequence));
        let folded = match told {
            SocketTold::Folded(folded) => Some(Folded {
                count: folded.count,
                first_utc_ns: utc(&self.clock, folded.first_ns),
                last_utc_ns: utc(&self.clock, folded.last_ns),
            }),
            _ => None,
        };
        let mut meta = super::meta(
            &self.clock,
            self.next_sequence,
            &self.settings.labels,
            header,
        );
        meta.correlation = answered.as_deref();
        if let Some(folded) = folded {
            // Each event of the kernel has one record, and this is of several.
            (meta.event, meta.utc_ns) = (None, folded.first_utc_ns);
        }
        let (parent, ancestry) = (acting.parent(), acting.ancestry());
        let process = acting.process(header, self.host.cap_full, parent.as_ref(), &ancestry);
        let has_duration = event.call == call::CLOSE || event.flags & flag::ANSWERS != 0;
        let is_elsewhere = event.net_ns != 0 && event.net_ns != self.host.namespaces.net;
        let view = NetView {
            meta,
            actor: acting.actor(&process, header),
            act,
            source,
            destination,
            protocol: protocol(event),
            direction: direction(event),
            socket: (event.inode != 0).then_some(event.inode),
            cookie: (event.cookie != 0).then_some(event.cookie),
            net_ns: is_elsewhere.then_some(event.net_ns),
            errno: event.errno.cast_signed(),
            via: match event.flags & flag::RING {
                0 => Via::Call,
                _ => Via::Ring,
            },
            is_pending: event.flags & flag::PENDING != 0,
            is_abandoned: event.flags & flag::ABANDONED != 0,
            duration_ns: (has_duration && folded.is_none())
                .then(|| header.time_ns.saturating_sub(event.started_ns)),
            traffic: (event.call == call::CLOSE).then_some((event.bytes_in, event.bytes_out)),
            folded,
        };
        self.lines.net(&mut self.out, &view);
        self.written();
    }
}

fn act(call: u32) -> Option<NetAct> {
    Some(match call {
        call::CONNECT => NetAct::Connect,
        call::SEND => NetAct::Send,
        call::ACCEPT => NetAct::Accept,
        call::BIND => NetAct::Bind,
        call::LISTEN => NetAct::Listen,
        call::CLOSE => NetAct::Close,
        call::RAW_SOCKET => NetAct::RawSocket,
        _ => return None,
    })
}

fn is_inbound(event: &Net) -> bool {
    event.call == call::ACCEPT || event.call == call::CLOSE && event.flags & flag::INBOUND != 0
}

fn direction(event: &Net) -> Direction {
    match (event.family, event.call) {
        (_, call::RAW_SOCKET) => Direction::Unknown,
        (family::UNIX, _) => Direction::Local,
        (_, call::BIND) => Direction::Unknown,
        (_, call::LISTEN) => Direction::In,
        _ if is_inbound(event) => Direction::In,
        _ => Direction::Out,
    }
}

/// IPv4 in IPv6 is IPv4.
fn ip(address: Address) -> IpAddr {
    IpAddr::from(address).to_canonical()
}

fn protocol(event: &Net) -> Protocol {
    let is_own = event.call == call::BIND || event.call == call::LISTEN;
    let address = if is_own { event.local } else { event.remote };
    match (event.family, event.socket_type) {
        (family::UNIX, _) => Protocol::Unix,
        (family::VSOCK, _) => Protocol::Vsock,
        (family::PACKET, _) => Protocol::Packet(event.protocol),
        (_, SOCK_RAW) => Protocol::Raw(event.protocol),
        (family::INET, _) => Protocol::Ip(4, event.protocol),
        _ if ip(address).is_ipv4() => Protocol::Ip(4, event.protocol),
        _ => Protocol::Ip(6, event.protocol),
    }
}

/// Source and destination.
fn endpoints<'a>(
    event: &Net,
    tails: &Tails<'_>,
    name: &'a mut Vec<u8>,
    host: &'a str,
) -> (Option<Endpoint<'a>>, Option<Endpoint<'a>>) {
    if event.call == call::RAW_SOCKET {
        return (Some(Endpoint::Host(host)), None);
    }
    let is_own = event.call == call::BIND || event.call == call::LISTEN;
    let (local, remote) = match event.family {
        family::UNIX => {
            let of = unix(event, tails, name);
            return match event.call {
                call::BIND => (Some(of), None),
                _ => (None, Some(of)),
            };
        }
        family::VSOCK => (
            vsock(event.local, event.local_port),
            vsock(event.remote, event.remote_port),
        ),
        _ => {
            let said = |is_said: bool| match is_said && event.flags & flag::SAID != 0 {
                true => Source::AsGiven,
                false => Source::Kernel,
            };
            let v4 = event.family == family::INET;
            (
                side(event.local, event.local_port, event.scope, said(is_own), v4),
                side(
                    event.remote,
                    event.remote_port,
                    event.scope,
                    said(!is_own),
                    v4,
                ),
            )
        }
    };
    match event.call {
        // Its role is not known yet.
        call::BIND => (local, None),
        call::LISTEN => (None, local),
        // Of nobody there is no address.
        call::ACCEPT if event.errno != 0 => (None, local),
        _ if is_inbound(event) => (remote, local),
        _ => (local.filter(|_| has_local(event)), remote),
    }
}

/// Has the initiator an address yet?
fn has_local(event: &Net) -> bool {
    event.local_port != 0 || !ip(event.local).is_unspecified()
}

fn side<'a>(
    address: Address,
    port: u32,
    scope: u32,
    source: Source,
    v4: bool,
) -> Option<Endpoint<'a>> {
    let address = match ip(address) {
        // All zeros: not even mapped.
        IpAddr::V6(address) if v4 && address.is_unspecified() => {
            IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED)
        }
        address => address,
    };
    let is_of_link = matches!(address, IpAddr::V6(address) if address.is_unicast_link_local());
    Some(Endpoint::Ip {
        address,
        port: port as u16,
        scope: if is_of_link { scope } else { 0 },
        source,
    })
}

fn vsock<'a>(address: Address, port: u32) -> Option<Endpoint<'a>> {
    let [a, b, c, d, ..] = address;
    let context = u32::from_ne_bytes([a, b, c, d]);
    (context != 0 || port != 0).then_some(Endpoint::Vsock { context, port })
}

/// A name of unix: up to its NUL, an abstract one with `@` for the NUL that it begins with.
fn unix<'a>(event: &Net, tails: &Tails<'_>, to: &'a mut Vec<u8>) -> Endpoint<'a> {
    let part = tails.unix_name.unwrap_or_default();
    match part.bytes.split_first() {
        Some((0, rest)) if !rest.is_empty() => {
            to.push(b'@');
            to.extend_from_slice(rest);
        }
        _ => to.extend(part.bytes.iter().take_while(|byte| **byte != 0)),
    }
    let source = match event.flags & flag::SAID != 0 {
        true => Source::AsGiven,
        false => Source::Kernel,
    };
    Endpoint::Unix(Text {
        source,
        ..Text::whole(to)
    })
}
