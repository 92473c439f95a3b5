//! `[network]`: what of sockets is told, and the grammar of addresses that are not.
//!
//! OWNS: the section, and the reading of `ADDRESS/BITS:PORTS`. MUST NOT: know how the kernel looks an
//! address up; `network::ignored` makes that of the rules.

use std::fmt;
use std::marker::PhantomData;
use std::net::IpAddr;
use std::time::Duration;

use serde_json::{Value as Json, json};
use toml::de::DeValue;

use super::bounds::{FOLD_AFTER, NETWORK_FOLD_WINDOW, PENDING_AFTER};
use super::reader::{At, Node};
use super::scalar::Flag;
use super::table::{Nested, Scalar, settings, string_schema};

settings! {
    /// `[network]`
    pub struct Network as "key" {
        /// Tell what goes to 127.0.0.0/8 and ::1, or is bound there.
        loopback: bool = Flag => false,
        /// Tell unix sockets.
        unix: bool = Flag => false,
        /// Addresses of others that are not told, whoever calls, such as `10.20.0.0/16:443`,
        /// `[fd00::]/8` or `192.0.2.7:8000-8080`. The port is the one that was connected to. Of
        /// bind and listen it is the own address that counts.
        ignore: Vec<Ignored> = IGNORED => Vec::new(),
        /// Equal acts of one program, user and destination are told in one record with a count:
        /// those beyond the first `after` of a `window`. 0 records each by itself.
        fold: Fold = Nested(PhantomData) => Fold::default(),
        /// Tell the end of each connection that was told, with its duration and bytes.
        close: bool = Flag => false,
        /// A connect that has no outcome by then is told as pending, and its outcome in a second
        /// record. The kernel looks when it sends its request once more: after 1, 3, 7 seconds.
        pending_after: Duration = PENDING_AFTER => Duration::from_secs(1),
    }
}

settings! {
    /// `network.fold`
    pub struct Fold as "key" {
        /// So many are told one by one.
        after: u32 = FOLD_AFTER => 10,
        /// The record of the rest is written when so much time is over since the first.
        window: Duration = NETWORK_FOLD_WINDOW => Duration::from_secs(60),
    }
}

/// Addresses, and of these the ports that were connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ignored {
    /// With no bit set behind the prefix.
    pub address: IpAddr,
    pub bits: u8,
    /// First and last.
    pub ports: (u16, u16),
}

/// All of them.
pub const ANY_PORT: (u16, u16) = (0, u16::MAX);

impl fmt::Display for Ignored {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address {
            IpAddr::V4(address) => write!(out, "{address}/{}", self.bits)?,
            IpAddr::V6(address) => write!(out, "[{address}]/{}", self.bits)?,
        }
        match self.ports {
            ANY_PORT => Ok(()),
            (first, last) if first == last => write!(out, ":{first}"),
            (first, last) => write!(out, ":{first}-{last}"),
        }
    }
}

const EXPECTED: &str = "expected \"10.20.0.0/16\", \"[fd00::]/8:443\" or \"192.0.2.7:8000-8080\"";

/// What is wrong with it, and what would be right.
type Wrong = (&'static str, String);

impl Ignored {
    pub fn parse(text: &str) -> Result<Ignored, Wrong> {
        let (address, rest) = split_address(text)?;
        let (bits, ports) = match rest.split_once(':') {
            Some((bits, ports)) => (bits, self::ports(ports)?),
            None => (rest, ANY_PORT),
        };
        let bits_max = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits.strip_prefix('/') {
            None if bits.is_empty() => bits_max,
            bits => bits
                .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_digit()))
                .and_then(|digits| digits.parse().ok())
                .filter(|bits| *bits <= bits_max)
                .ok_or_else(|| {
                    let label = format!("expected a prefix of /0 to /{bits_max}");
                    ("has no prefix that can be", label)
                })?,
        };
        let network = prefix_of(address, bits);
        if network != address {
            let right = Ignored {
                address: network,
                bits,
                ports,
            };
            let label = format!("did you mean \"{right}\"?");
            return Err(("has bits behind its prefix", label));
        }
        Ok(Ignored {
            address,
            bits,
            ports,
        })
    }
}

/// The address, and what follows it: `/BITS` and `:PORTS`, or less.
fn split_address(text: &str) -> Result<(IpAddr, &str), Wrong> {
    let wrong = || ("is no address", EXPECTED.to_owned());
    if let Some(rest) = text.strip_prefix('[') {
        let (address, rest) = rest.split_once(']').ok_or_else(wrong)?;
        let address = address.parse().map_err(|_| wrong())?;
        return Ok((IpAddr::V6(address), rest));
    }
    let without_brackets = text.split('/').next().unwrap_or(text);
    if without_brackets.parse::<std::net::Ipv6Addr>().is_ok() {
        let label = "write an IPv6 address in brackets, such as \"[fd00::]/8\"";
        return Err(("has no brackets", label.to_owned()));
    }
    let end = text.find(['/', ':']).unwrap_or(text.len());
    let (address, rest) = text.split_at(end);
    let address = address.parse().map_err(|_| wrong())?;
    Ok((IpAddr::V4(address), rest))
}

fn ports(text: &str) -> Result<(u16, u16), Wrong> {
    let wrong = || {
        let label = "expected a port such as 443, or a range such as 8000-8080";
        ("has no port that can be", label.to_owned())
    };
    let port = |digits: &str| {
        let is_number = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
        let number = is_number.then(|| digits.parse::<u16>().ok()).flatten();
        number.ok_or_else(wrong)
    };
    let (first, last) = match text.split_once('-') {
        Some((first, last)) => (port(first)?, port(last)?),
        None => (port(text)?, port(text)?),
    };
    if first > last {
        let label = format!("did you mean {last}-{first}?");
        return Err(("has a range of ports that ends before it begins", label));
    }
    Ok((first, last))
}

/// The address without the bits behind the prefix.
fn prefix_of(address: IpAddr, bits: u8) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
            IpAddr::V4((address.to_bits() & mask).into())
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0);
            IpAddr::V6((address.to_bits() & mask).into())
        }
    }
}

/// `network.ignore`
const IGNORED: IgnoredList = IgnoredList;

#[derive(Debug)]
struct IgnoredList;

/// More than anybody reads.
const RULES_MAX: usize = 1_024;

impl Scalar for IgnoredList {
    type Value = Vec<Ignored>;

    fn read(&self, node: &Node<'_>, at: &mut At<'_, '_>) -> Option<Vec<Ignored>> {
        let DeValue::Array(items) = node.get_ref() else {
            at.wrong_type(node, "an array of addresses", EXPECTED);
            return None;
        };
        if items.len() > RULES_MAX {
            let label = format!("expected at most {RULES_MAX}, found {}", items.len());
            at.refuse(node.span(), "has too many entries", label);
            return None;
        }
        let mut rules: Vec<Ignored> = Vec::with_capacity(items.len());
        let mut is_whole = true;
        for item in items.iter() {
            let DeValue::String(text) = item.get_ref() else {
                at.wrong_type(item, "an address", EXPECTED);
                is_whole = false;
                continue;
            };
            let refused = match Ignored::parse(text) {
                Ok(rule) if rules.contains(&rule) => Some((
                    "names this twice".to_owned(),
                    "take one of them out".to_owned(),
                )),
                Ok(rule) => {
                    rules.push(rule);
                    None
                }
                Err((what, label)) => Some((what.to_owned(), label)),
            };
            if let Some((what, label)) = refused {
                at.refuse(item.span(), &what, label);
                is_whole = false;
            }
        }
        let too_many = crate::network::ignored::prefixes(&rules).err();
        if let (true, Some(reason)) = (is_whole, too_many) {
            at.refuse(node.span(), &reason, "use fewer ranges of ports");
            is_whole = false;
        }
        is_whole.then_some(rules)
    }

    fn literal(&self, value: &Vec<Ignored>) -> Json {
        json!(value.iter().map(Ignored::to_string).collect::<Vec<_>>())
    }

    fn schema(&self) -> Json {
        const PATTERN: &str =
            r"^([0-9.]+|\[[0-9a-fA-F:.]+\])(/[0-9]{1,3})?(:[0-9]{1,5}(-[0-9]{1,5})?)?$";
        json!({
            "type": "array",
            "items": string_schema(PATTERN),
            "maxItems": RULES_MAX,
            "uniqueItems": true,
        })
    }
}
