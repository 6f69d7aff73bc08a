//! `--allow CIDR`, `--deny CIDR`: networks (RFC 4632 section 3.1, RFC 4291 section 2.3), and whose
//! addresses may talk.
//!
//! Written here and not taken from a crate, for what matters is what the crates leave to their callers:
//! that IPv4 written as IPv6 is IPv4, that bits behind the prefix are no mere noise, and that an error
//! says what to type.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

/// The addresses that begin with the same bits: `10.0.0.0/8`, `fd00::/8`, `192.0.2.7`.
///
/// IPv4 and IPv6 are two worlds: `::/0` holds no IPv4 address. One of IPv4 that is written as IPv6
/// (`::ffff:192.0.2.7`) is the IPv4 address, here and in [`holds`](Self::holds).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cidr {
    first: IpAddr,
    bits: u8,
}

/// Why a text is no network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct ParseCidrError {
    /// What is wrong.
    pub problem: String,
    /// What to type instead.
    pub remedy: String,
}

impl Cidr {
    /// Whether an address is in it.
    pub fn holds(&self, ip: IpAddr) -> bool {
        network(ip.to_canonical(), self.bits) == Some(self.first)
    }

    /// Whether they have an address in common: then one of them is in the other.
    pub fn meets(&self, other: &Cidr) -> bool {
        self.holds(other.first) || other.holds(self.first)
    }

    fn width(ip: IpAddr) -> u8 {
        if ip.is_ipv4() { 32 } else { 128 }
    }
}

/// An address with all but its first bits set to zero; none if it has not so many.
fn network(ip: IpAddr, bits: u8) -> Option<IpAddr> {
    let rest = u32::from(Cidr::width(ip).checked_sub(bits)?);
    Some(match ip {
        IpAddr::V4(ip) => {
            let mask = u32::MAX.checked_shl(rest).unwrap_or(0);
            IpAddr::from((u32::from(ip) & mask).to_be_bytes())
        }
        IpAddr::V6(ip) => {
            let mask = u128::MAX.checked_shl(rest).unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from(u128::from(ip) & mask))
        }
    })
}

impl FromStr for Cidr {
    type Err = ParseCidrError;

    fn from_str(text: &str) -> Result<Cidr, ParseCidrError> {
        let wrong = |problem: String, remedy: &str| {
            Err(ParseCidrError { problem, remedy: remedy.to_string() })
        };
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let Ok(typed) = address.parse::<IpAddr>() else {
            let remedy = "write 10.0.0.0/8, 192.0.2.7, fd00::/8 or ::1; names are not looked up, \
                          `getent ahosts NAME` tells their addresses";
            return wrong(format!("`{text}` is no address and no network"), remedy);
        };
        let width = Cidr::width(typed);
        let bits = match prefix {
            None => width,
            // u8 would take "+8" too.
            Some(bits) if bits.bytes().all(|byte| byte.is_ascii_digit()) => {
                bits.parse().ok().filter(|bits| *bits <= width).unwrap_or(u8::MAX)
            }
            Some(_) => u8::MAX,
        };
        if bits == u8::MAX {
            let problem = format!("`{text}`: behind the / stands a number of bits");
            let remedy = format!("for this address from 0 to {width}");
            return wrong(problem, &remedy);
        }
        let (first, bits) = match (typed.to_canonical(), typed) {
            (IpAddr::V4(ip), IpAddr::V6(_)) => match bits.checked_sub(96) {
                Some(bits) => (IpAddr::V4(ip), bits),
                None => {
                    let problem = format!("`{text}` is part of IPv4 and part of IPv6");
                    return wrong(problem, "write IPv4 as 0.0.0.0/0, IPv6 as ::/0");
                }
            },
            (same, _) => (same, bits),
        };
        let cidr = network(first, bits).map(|first| Cidr { first, bits });
        match cidr {
            Some(cidr) if cidr.first == first => Ok(cidr),
            // Whoever wrote it meant one of two things, and it is about who gets in.
            cidr => {
                let network = cidr.map(|cidr| cidr.to_string()).unwrap_or_default();
                let remedy = format!("the network is {network}, the one host {first}");
                wrong(format!("`{text}` has an address behind its {bits} bits"), &remedy)
            }
        }
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.bits == Cidr::width(self.first) {
            true => write!(f, "{}", self.first),
            false => write!(f, "{}/{}", self.first, self.bits),
        }
    }
}

/// Who may talk to a listener. By default everybody.
///
/// As ncat has it: with `allow` only those, and `deny` wins over it, so that the order in which they were
/// typed means nothing and an exception is written as one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Access {
    /// Only these, unless there are none.
    pub allow: Vec<Cidr>,
    /// Not these.
    pub deny: Vec<Cidr>,
}

impl Access {
    /// Whether nobody is turned away.
    pub fn is_open(&self) -> bool {
        self.allow.is_empty() && self.deny.is_empty()
    }

    /// Whether this address may talk. Of one that is not known nothing is known to be allowed.
    pub fn admits(&self, ip: Option<IpAddr>) -> bool {
        let Some(ip) = ip else { return self.is_open() };
        let among = |cidrs: &[Cidr]| cidrs.iter().any(|cidr| cidr.holds(ip));
        (self.allow.is_empty() || among(&self.allow)) && !among(&self.deny)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    fn cidrs(texts: &[&str]) -> Vec<Cidr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn a_network_holds_its_first_and_last_address_and_none_beside_them() {
        for (cidr, within, beside) in [
            ("10.0.0.0/8", &["10.0.0.0", "10.255.255.255"][..], &["9.255.255.255", "11.0.0.0"][..]),
            ("192.0.2.4/30", &["192.0.2.4", "192.0.2.7"], &["192.0.2.3", "192.0.2.8"]),
            ("192.0.2.7", &["192.0.2.7", "::ffff:192.0.2.7"], &["192.0.2.6", "::192.0.2.7"]),
            ("192.0.2.7/32", &["192.0.2.7"], &["192.0.2.6"]),
            ("0.0.0.0/0", &["0.0.0.0", "255.255.255.255", "::ffff:1.2.3.4"], &["::1", "::"]),
            ("::/0", &["::", "ffff::ffff"], &["1.2.3.4", "::ffff:1.2.3.4"]),
            ("fd00::/8", &["fd00::", "fdff:ffff::1"], &["fc00::", "fe00::", "253.0.0.0"]),
            ("2001:db8::/33", &["2001:db8:7fff::"], &["2001:db8:8000::"]),
            ("::1", &["::1"], &["::", "::2", "127.0.0.1"]),
            ("::ffff:10.0.0.0/104", &["10.1.2.3", "::ffff:10.1.2.3"], &["11.0.0.0", "::1"]),
            ("::ffff:192.0.2.7", &["192.0.2.7"], &["192.0.2.8"]),
            ("::ffff:0.0.0.0/96", &["1.2.3.4"], &["::1"]),
        ] {
            let parsed: Cidr = cidr.parse().unwrap();
            for address in within {
                assert!(parsed.holds(address.parse().unwrap()), "{address} in {cidr}");
            }
            for address in beside {
                assert!(!parsed.holds(address.parse().unwrap()), "{address} not in {cidr}");
            }
            assert_eq!(parsed.to_string().parse(), Ok(parsed), "{cidr} printed");
        }
    }

    #[test]
    fn every_width_has_as_many_addresses_as_it_says() {
        for bits in 0..=32u8 {
            let cidr: Cidr = format!("0.0.0.0/{bits}").parse().unwrap();
            let last = u32::MAX.checked_shr(bits.into()).unwrap_or(0);
            assert!(cidr.holds(IpAddr::from(last.to_be_bytes())), "{cidr}");
            if let Some(next) = last.checked_add(1) {
                assert!(!cidr.holds(IpAddr::from(next.to_be_bytes())), "{cidr}");
            }
        }
        for bits in 0..=128u8 {
            let cidr: Cidr = format!("::/{bits}").parse().unwrap();
            // Of ::ffff:0:0/96 each is an address of IPv4, and in no network of IPv6.
            let last = u128::MAX.checked_shr(bits.into()).unwrap_or(0);
            assert_eq!(cidr.holds(Ipv6Addr::from(last).into()), bits != 80, "{cidr}");
        }
    }

    #[test]
    fn what_is_no_network_is_told_with_what_to_type() {
        for (text, told) in [
            ("", "is no address and no network"),
            ("localhost", "names are not looked up"),
            ("10/8", "is no address"),
            ("10.0.0.0.0/8", "is no address"),
            ("010.0.0.1", "is no address"),
            ("fe80::1%eth0", "is no address"),
            ("[::1]", "is no address"),
            (" 10.0.0.1", "is no address"),
            ("10.0.0.0/", "from 0 to 32"),
            ("10.0.0.0/33", "from 0 to 32"),
            ("10.0.0.0/+8", "from 0 to 32"),
            ("10.0.0.0/8/8", "from 0 to 32"),
            ("10.0.0.0/255.0.0.0", "from 0 to 32"),
            ("10.0.0.0/99999999999999999999", "from 0 to 32"),
            ("::/129", "from 0 to 128"),
            ("::/255", "from 0 to 128"),
            ("10.0.0.1/8", "the network is 10.0.0.0/8, the one host 10.0.0.1"),
            ("fd00::1/8", "the network is fd00::/8, the one host fd00::1"),
            ("::ffff:10.0.0.1/104", "the network is 10.0.0.0/8, the one host 10.0.0.1"),
            ("::ffff:0.0.0.0/80", "part of IPv4 and part of IPv6"),
        ] {
            let error = text.parse::<Cidr>().expect_err(text);
            assert!(format!("{}; {}", error.problem, error.remedy).contains(told), "{error:?}");
        }
    }

    #[test]
    fn deny_wins_over_allow_in_any_order_and_width() {
        let access =
            |allow: &[&str], deny: &[&str]| Access { allow: cidrs(allow), deny: cidrs(deny) };
        for (access, admitted, turned_away) in [
            (access(&[], &[]), &["10.1.2.3", "::1"][..], &[][..]),
            (access(&["10.0.0.0/8"], &[]), &["10.1.2.3", "::ffff:10.1.2.3"], &["11.0.0.0", "::1"]),
            (access(&[], &["10.0.0.0/8"]), &["11.0.0.0", "::1"], &["10.1.2.3", "::ffff:10.0.0.1"]),
            (access(&["10.0.0.0/8"], &["10.1.0.0/16"]), &["10.2.0.0"], &["10.1.2.3", "11.0.0.0"]),
            // Not the more specific one.
            (access(&["10.1.0.0/16"], &["10.0.0.0/8"]), &[], &["10.1.2.3", "10.2.0.0", "::1"]),
            (access(&["10.0.0.1", "::1"], &["::1"]), &["10.0.0.1"], &["::1", "10.0.0.2"]),
        ] {
            for address in admitted {
                assert!(access.admits(ip(address)), "{address} by {access:?}");
            }
            for address in turned_away {
                assert!(!access.admits(ip(address)), "{address} by {access:?}");
            }
            assert_eq!(access.admits(None), access.is_open(), "{access:?}");
        }
    }

    #[test]
    fn networks_meet_where_one_is_in_the_other() {
        let meet = |one: &str, other: &str| {
            let (one, other): (Cidr, Cidr) = (one.parse().unwrap(), other.parse().unwrap());
            assert_eq!(one.meets(&other), other.meets(&one));
            one.meets(&other)
        };
        assert!(meet("127.0.0.0/8", "127.0.0.1"));
        assert!(meet("127.0.0.0/8", "0.0.0.0/0"));
        assert!(!meet("127.0.0.0/8", "10.0.0.0/8"));
        assert!(!meet("127.0.0.0/8", "::/0"));
    }
}
