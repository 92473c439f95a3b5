//! From rules to what the kernel looks up: it finds the longest prefix of an address only, so each prefix
//! has the ports of all rules that hold for it.

use std::{collections::BTreeMap, net::IpAddr};

use audit_common::net::{
    Address,
    ignored::{NONE, Ports, RANGES, range},
};

use crate::config::{ANY_PORT, Ignored};

/// An address with the length of its prefix, and the ports.
pub type Prefix = (Address, u32, Ports);

/// Bits before an IPv4 address in one of IPv6.
const MAPPED_BITS: u32 = 96;

/// All prefixes of these rules; an error says which of them has too many ranges.
pub fn prefixes(rules: &[Ignored]) -> Result<Vec<Prefix>, String> {
    let mut by_prefix: BTreeMap<(Address, u32), Vec<(u16, u16)>> = BTreeMap::new();
    for rule in rules {
        by_prefix.insert(key(rule), Vec::new());
    }
    for (prefix, ranges) in &mut by_prefix {
        let holding = rules.iter().filter(|rule| holds(&key(rule), prefix));
        *ranges = merged(holding.map(|rule| rule.ports).collect());
    }
    let mut prefixes = Vec::new();
    for ((address, bits), ranges) in by_prefix {
        if ranges.len() > RANGES {
            let what = rules.iter().find(|rule| key(rule) == (address, bits));
            let what = what.map_or_else(String::new, Ignored::to_string);
            return Err(format!(
                "has {} ranges of ports for {what}, of at most {RANGES}",
                ranges.len()
            ));
        }
        let mut ports = Ports {
            ranges: [NONE; RANGES],
        };
        for (place, (first, last)) in ports.ranges.iter_mut().zip(ranges) {
            *place = range(first, last);
        }
        prefixes.push((address, bits, ports));
    }
    Ok(prefixes)
}

/// Is there a rule about this address, whatever ports it is for?
pub fn may_hold(rules: &[Ignored], address: IpAddr) -> bool {
    let bits = if address.is_ipv4() { 32 } else { 128 };
    let whole = Ignored {
        address,
        bits,
        ports: ANY_PORT,
    };
    rules.iter().any(|rule| holds(&key(rule), &key(&whole)))
}

fn key(rule: &Ignored) -> (Address, u32) {
    match rule.address {
        IpAddr::V4(address) => (
            address.to_ipv6_mapped().octets(),
            MAPPED_BITS + u32::from(rule.bits),
        ),
        IpAddr::V6(address) => (address.octets(), rule.bits.into()),
    }
}

/// Is the second prefix inside the first?
fn holds(outer: &(Address, u32), inner: &(Address, u32)) -> bool {
    let bits = |address: Address| u128::from_be_bytes(address);
    let mask = u128::MAX.checked_shl(128 - outer.1).unwrap_or(0);
    outer.1 <= inner.1 && (bits(outer.0) ^ bits(inner.0)) & mask == 0
}

/// In order, none touching another.
fn merged(mut ranges: Vec<(u16, u16)>) -> Vec<(u16, u16)> {
    ranges.sort_unstable();
    let mut merged: Vec<(u16, u16)> = Vec::new();
    for (first, last) in ranges {
        match merged.last_mut() {
            Some(before) if u32::from(first) <= u32::from(before.1) + 1 => {
                before.1 = before.1.max(last);
            }
            _ => merged.push((first, last)),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(texts: &[&str]) -> Vec<Ignored> {
        let parse = |text: &&str| Ignored::parse(text).expect("a rule");
        texts.iter().map(parse).collect()
    }

    fn ports_of(prefixes: &[Prefix], address: &str, bits: u32) -> Vec<u32> {
        let wanted = match address.parse::<IpAddr>().expect("an address") {
            IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
            IpAddr::V6(address) => address.octets(),
        };
        let found = prefixes.iter().find(|one| (one.0, one.1) == (wanted, bits));
        let ranges = found.expect("the prefix").2.ranges;
        ranges.into_iter().filter(|range| *range != NONE).collect()
    }

    #[test]
    fn a_longer_prefix_has_the_ports_of_the_shorter_ones_around_it() {
        let all = prefixes(&rules(&[
            "10.0.0.0/8:443",
            "10.20.0.0/16:8000-8080",
            "10.20.0.0/16:8081",
            "[fd00::]/8",
        ]))
        .expect("few ranges");
        assert_eq!(all.len(), 3);
        assert_eq!(ports_of(&all, "10.0.0.0", 104), [range(443, 443)]);
        let inner = [range(443, 443), range(8000, 8081)];
        assert_eq!(ports_of(&all, "10.20.0.0", 112), inner);
        assert_eq!(ports_of(&all, "fd00::", 8), [range(0, 65_535)]);
    }

    #[test]
    fn too_many_ranges_for_one_prefix_are_refused() {
        let texts: Vec<String> = (1..=9).map(|n| format!("10.0.0.0/8:{}", n * 10)).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        assert!(prefixes(&rules(&texts[..8])).is_ok());
        let reason = prefixes(&rules(&texts)).expect_err("nine of them");
        assert_eq!(
            reason,
            "has 9 ranges of ports for 10.0.0.0/8:10, of at most 8"
        );
    }
}
