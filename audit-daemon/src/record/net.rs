//! `net.*`: something was done to a socket.
//!
//! OWNS: its view, which of the seven kinds and activities it is, and how endpoints and protocols read.
//! MUST NOT: look a name up. The initiator is the source, whichever of the two this host is.

use std::io::Write as _;
use std::net::IpAddr;

use super::Lines;
use super::decimal;
use super::head::{Head, Kind, Occurring, Outcome};
use super::line::{Line, key};
use super::notes::At;
use super::view::{ActorView, Folded, Meta, Source, Text, Via};

#[derive(Debug, Clone, Copy)]
pub struct NetView<'a> {
    pub meta: Meta<'a>,
    pub actor: ActorView<'a>,
    pub act: NetAct,
    pub source: Option<Endpoint<'a>>,
    pub destination: Option<Endpoint<'a>>,
    pub protocol: Protocol,
    pub direction: Direction,
    /// Of the socket's inode; `None`: there is no socket.
    pub socket: Option<u64>,
    pub cookie: Option<u64>,
    /// Where that is not the host's.
    pub net_ns: Option<u32>,
    /// 0 is success.
    pub errno: i32,
    pub via: Via,
    /// Another record will tell the outcome.
    pub is_pending: bool,
    /// The program gave it up.
    pub is_abandoned: bool,
    pub duration_ns: Option<u64>,
    /// Bytes that came and that were sent.
    pub traffic: Option<(u64, u64)>,
    /// It stands for several.
    pub folded: Option<Folded>,
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetAct {
    Connect,
    Send,
    Accept,
    Bind,
    Listen,
    Close,
    RawSocket,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Unknown = 0,
    In = 1,
    Out = 2,
    Local = 4,
}

/// One side.
#[derive(Debug, Clone, Copy)]
pub enum Endpoint<'a> {
    Ip {
        address: IpAddr,
        /// 0: it has none.
        port: u16,
        /// Index of the interface of a link-local address; 0: none.
        scope: u32,
        source: Source,
    },
    /// Of a unix socket; an abstract one begins with NUL.
    Unix(Text<'a>),
    Vsock {
        context: u32,
        port: u32,
    },
    /// This host.
    Host(&'a str),
}

/// How a socket speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// 4 or 6, and the number of the protocol.
    Ip(u8, u32),
    Raw(u32),
    Packet(u32),
    Unix,
    Vsock,
}

impl Lines {
    /// Appends one line, without LF.
    pub fn net(&mut self, out: &mut Vec<u8>, view: &NetView) {
        self.write(out, |line| {
            let parts = line.actor_parts();
            let process = view.actor.process;
            let given_up = "the program gave it up";
            let head = Head {
                severity: if view.act == NetAct::RawSocket { 2 } else { 1 },
                outcome: match (view.is_pending, view.errno) {
                    (true, errno) => Outcome::Pending(errno),
                    (false, 0) => Outcome::Success,
                    (false, errno) => Outcome::Errno(errno),
                },
                detail: view.is_abandoned.then_some(given_up),
                duration_ms: view.duration_ns.map(|ns| ns / MILLISECOND_NS),
                occurring: process.map_or_else(Occurring::default, |p| parts.occurring(p)),
                ..Head::default()
            }
            .folded(view.folded);
            line.head(kind_of(view), &view.meta, &head);
            line.actor(&view.actor, parts);
            if let Some(endpoint) = &view.source {
                line.endpoint(key!("src_endpoint"), "src_endpoint", endpoint);
            }
            if let Some(endpoint) = &view.destination {
                line.endpoint(key!("dst_endpoint"), "dst_endpoint", endpoint);
            }
            line.connection(view);
            if let Some((bytes_in, bytes_out)) = view.traffic {
                line.raw("\"traffic\":{");
                line.integer(key!("bytes_in"), bytes_in);
                line.integer(key!("bytes_out"), bytes_out);
                line.close();
            }
            line.end(view.actor.session_ip, |line| {
                line.via(view.via);
                if let Some(net_ns) = view.net_ns {
                    line.integer(key!("net_ns"), net_ns.into());
                }
                if let Some(cookie) = view.cookie {
                    line.identity(key!("socket_cookie"), cookie);
                }
            });
        });
    }
}

const MILLISECOND_NS: u64 = 1_000_000;

impl Line<'_> {
    fn endpoint(&mut self, key: &'static str, name: &'static str, endpoint: &Endpoint) {
        let at = At::root(name);
        self.raw(key);
        self.raw("{");
        match endpoint {
            Endpoint::Ip {
                address,
                port,
                scope,
                source,
            } => {
                self.raw("\"ip\":\"");
                // Memory takes it all.
                let _ = write!(self.out, "{address}");
                self.raw("\",");
                self.notes.source(&at.field("ip"), *source);
                if *port != 0 {
                    self.integer(key!("port"), u64::from(*port));
                }
                if *scope != 0 {
                    self.identity(key!("interface_uid"), u64::from(*scope));
                }
            }
            Endpoint::Unix(name) => self.path(key!("name"), &at.field("name"), name),
            Endpoint::Vsock { context, port } => {
                self.raw("\"name\":\"");
                decimal::push_integer(self.out, u64::from(*context));
                self.raw(":");
                decimal::push_integer(self.out, u64::from(*port));
                self.raw("\",");
                // Read from the caller's memory, whatever came of it.
                self.notes.source(&at.field("name"), Source::AsGiven);
            }
            Endpoint::Host(name) => {
                self.string(key!("hostname"), &at.field("hostname"), name.as_bytes());
            }
        }
        self.close();
    }

    fn connection(&mut self, view: &NetView) {
        self.raw("\"connection_info\":{");
        if let Some(socket) = view.socket {
            let fixed = self.fixed;
            self.raw("\"uid\":\"");
            self.raw(&fixed.boot);
            self.raw("-");
            decimal::push_integer(self.out, socket);
            self.raw("\",");
        }
        self.raw("\"protocol_name\":\"");
        self.protocol(view.protocol);
        self.raw("\",");
        if let Protocol::Ip(version, number) = view.protocol {
            if number <= NUMBER_MAX {
                self.integer(key!("protocol_num"), number.into());
            }
            self.integer(key!("protocol_ver_id"), version.into());
        }
        self.integer(key!("direction_id"), view.direction as u64);
        self.close();
    }

    fn protocol(&mut self, protocol: Protocol) {
        match protocol {
            Protocol::Unix => self.raw("unix"),
            Protocol::Vsock => self.raw("vsock"),
            Protocol::Ip(_, number) => match name_of(number) {
                Some(name) => self.raw(name),
                None => self.numbered("ip:", number),
            },
            Protocol::Raw(number) => self.numbered("raw:", number),
            Protocol::Packet(frames) => match frames_of(frames) {
                Some(name) => {
                    self.raw("packet:");
                    self.raw(name);
                }
                None => self.numbered("packet:", frames),
            },
        }
    }

    fn numbered(&mut self, prefix: &'static str, number: u32) {
        self.raw(prefix);
        decimal::push_integer(self.out, number.into());
    }
}

/// Beyond it stand the kernel's own, which no packet has.
const NUMBER_MAX: u32 = 255;

fn name_of(protocol: u32) -> Option<&'static str> {
    Some(match protocol {
        1 => "icmp",
        6 => "tcp",
        17 => "udp",
        33 => "dccp",
        58 => "ipv6-icmp",
        132 => "sctp",
        136 => "udplite",
        262 => "mptcp",
        _ => return None,
    })
}

fn frames_of(ethertype: u32) -> Option<&'static str> {
    Some(match ethertype {
        0x0003 => "ETH_P_ALL",
        0x0800 => "ETH_P_IP",
        0x0806 => "ETH_P_ARP",
        0x86dd => "ETH_P_IPV6",
        0x88cc => "ETH_P_LLDP",
        _ => return None,
    })
}

const ECONNREFUSED: i32 = 111;

fn kind_of(view: &NetView) -> &'static Kind {
    let has_failed = view.errno != 0 && !view.is_pending;
    match (view.act, has_failed) {
        (NetAct::Connect, true) if view.errno == ECONNREFUSED => &CONNECT_REFUSED,
        (NetAct::Connect, true) => &CONNECT_FAILED,
        (NetAct::Connect, false) => &CONNECT,
        (NetAct::Send, _) => &SEND,
        (NetAct::Accept, true) => &ACCEPT_FAILED,
        (NetAct::Accept, false) => &ACCEPT,
        (NetAct::Bind, _) => &BIND,
        (NetAct::Listen, _) => &LISTEN,
        (NetAct::Close, _) => &CLOSE,
        (NetAct::RawSocket, _) => &RAW_SOCKET,
    }
}

macro_rules! kind {
    ($code:literal, $activity:literal) => {
        Kind {
            ids: concat!(
                "\"class_uid\":4001,\"category_uid\":4,\"activity_id\":",
                $activity,
                ",\"type_uid\":40010",
                $activity,
                ","
            ),
            code: concat!("\"event_code\":\"", $code, "\""),
            host_profile: true,
            full_device: false,
        }
    };
    ($code:literal, named $name:literal) => {
        Kind {
            ids: concat!(
                "\"class_uid\":4001,\"category_uid\":4,\"activity_id\":99,\"activity_name\":\"",
                $name,
                "\",\"type_uid\":400199,"
            ),
            code: concat!("\"event_code\":\"", $code, "\""),
            host_profile: true,
            full_device: false,
        }
    };
}

const CONNECT: Kind = kind!("net.connect", 1);
const CONNECT_FAILED: Kind = kind!("net.connect", 4);
const CONNECT_REFUSED: Kind = kind!("net.connect", 5);
const SEND: Kind = kind!("net.send", 6);
const ACCEPT: Kind = kind!("net.accept", 1);
const ACCEPT_FAILED: Kind = kind!("net.accept", 4);
const BIND: Kind = kind!("net.bind", named "Bind");
const LISTEN: Kind = kind!("net.listen", 7);
const CLOSE: Kind = kind!("net.close", 2);
const RAW_SOCKET: Kind = kind!("net.raw_socket", named "Raw Socket");
