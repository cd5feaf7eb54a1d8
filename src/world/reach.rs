//! Where a delivery may go whose address a stranger has named.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Where deliveries may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The internet: no address that only this network knows.
    Public,
    /// The internet, this network and this box.
    Any,
    /// This network and this box only.
    Lan,
}

impl Reach {
    /// Whether a delivery may go to this address. Those that lead to the link itself (where clouds tell their secrets
    /// to whoever asks), to many or to nobody are never right.
    #[must_use]
    pub fn allows(self, address: IpAddr) -> bool {
        match (self, class(address)) {
            (_, Class::Never) => false,
            (Self::Any, _) | (Self::Public, Class::Public) | (Self::Lan, Class::Lan) => true,
            _ => false,
        }
    }
}

#[derive(PartialEq, Eq)]
enum Class {
    Public,
    Lan,
    Never,
}

fn class(address: IpAddr) -> Class {
    match address {
        IpAddr::V4(v4) => class_v4(v4),
        IpAddr::V6(v6) => class_v6(v6),
    }
}

fn class_v4(a: Ipv4Addr) -> Class {
    let [first, second, third, _] = a.octets();
    let shared = first == 100 && (64..128).contains(&second);
    let reserved = first == 0
        || first >= 240
        || (first == 192 && second == 0 && third == 0)
        || (first == 198 && (second == 18 || second == 19));
    if a.is_link_local()
        || a.is_multicast()
        || a.is_broadcast()
        || a.is_documentation()
        || reserved
        || shared
    {
        Class::Never
    } else if a.is_loopback() || a.is_private() {
        Class::Lan
    } else {
        Class::Public
    }
}

fn class_v6(a: Ipv6Addr) -> Class {
    let s = a.segments();
    if let Some(v4) = a.to_ipv4_mapped() {
        return class_v4(v4);
    }
    // NAT64 and 6to4 carry an IPv4 address along.
    if s[..6] == [0x64, 0xff9b, 0, 0, 0, 0] {
        return class_v4(embedded(s[6], s[7]));
    }
    if s[0] == 0x2002 {
        return class_v4(embedded(s[1], s[2]));
    }
    let documentation = s[0] == 0x2001 && s[1] == 0xdb8;
    let teredo = s[0] == 0x2001 && s[1] == 0;
    if a.is_loopback() {
        Class::Lan
    } else if (s[0] & 0xffc0) == 0xfe80
        || a.is_multicast()
        || s[..6] == [0; 6]
        || documentation
        || teredo
    {
        Class::Never
    } else if (s[0] & 0xfe00) == 0xfc00 {
        Class::Lan
    } else {
        Class::Public
    }
}

fn embedded(high: u16, low: u16) -> Ipv4Addr {
    let [a, b] = high.to_be_bytes();
    let [c, d] = low.to_be_bytes();
    Ipv4Addr::new(a, b, c, d)
}

/// Longest address.
const LONGEST_URL: usize = 1000;

/// How far deliveries to this address may reach: `https` to the internet; where the configuration lets this network in
/// (`lan`), `https` anywhere, and `http` within it.
///
/// # Errors
/// In words, when nothing may be delivered there.
pub fn reach(url: &str, lan: bool) -> Result<Reach, String> {
    if url.len() > LONGEST_URL || url.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err("this is no address".to_owned());
    }
    let (scheme, rest) = url
        .split_once("://")
        .ok_or("an address looks like https://erp.example/galley")?;
    let reach = match (scheme, lan) {
        ("https", false) => Reach::Public,
        ("https", true) => Reach::Any,
        ("http", true) => Reach::Lan,
        ("http", false) => {
            return Err(
                "deliveries go over https; http is for this network only, and only where the configuration says so: webhooks.lan"
                    .to_owned(),
            );
        }
        _ => return Err("an address begins with https://".to_owned()),
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return Err("no name and password in the address: the signature says who sends".to_owned());
    }
    if url.contains('#') {
        return Err("an address that is called has no # part".to_owned());
    }
    let host = host_of(authority);
    if host.is_empty() {
        return Err("the address has no host".to_owned());
    }
    match host.parse::<IpAddr>() {
        Ok(ip) if !reach.allows(ip) => Err(refused(ip)),
        _ => Ok(reach),
    }
}

/// Why nothing is delivered to an address.
#[must_use]
pub fn refused(ip: IpAddr) -> String {
    match class(ip) {
        Class::Lan => format!(
            "{ip} is in this network; deliveries go there only where the configuration says so: webhooks.lan"
        ),
        Class::Public => format!("{ip} is not in this network; deliveries go there over https"),
        Class::Never => format!("nothing is ever delivered to {ip}"),
    }
}

fn host_of(authority: &str) -> &str {
    if let Some(rest) = authority.strip_prefix('[') {
        return rest.split(']').next().unwrap_or_default();
    }
    authority.split(':').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deliveries_reach_the_internet_over_https_and_this_network_only_where_it_is_allowed() {
        assert_eq!(
            reach("https://erp.example/hook?x=1", false),
            Ok(Reach::Public)
        );
        assert_eq!(reach("https://8.8.8.8:8443", false), Ok(Reach::Public));
        for bad in [
            "http://erp.example/",
            "ftp://erp.example",
            "erp.example",
            "https://",
            "https:///x",
            "",
            "https://user:secret@erp.example/",
            "https://erp.example/#x",
            "https://erp.example/a b",
            "https://127.0.0.1/",
            "https://10.1.2.3",
            "https://192.168.0.5",
            "https://[::1]/",
            "https://[fd00::1]",
            "https://169.254.169.254/latest/meta-data",
            "https://[fe80::1]",
            "https://0.0.0.0",
            "https://[::]",
            "https://224.0.0.1",
            "https://255.255.255.255",
            "https://100.100.100.200",
            "https://[::ffff:169.254.169.254]",
            "https://[::ffff:10.0.0.1]",
            "https://[64:ff9b::a9fe:a9fe]",
            "https://[2002:a9fe:a9fe::1]",
        ] {
            assert!(reach(bad, false).is_err(), "{bad}");
        }
        assert_eq!(reach("http://192.168.0.5:9000/x", true), Ok(Reach::Lan));
        assert_eq!(reach("http://erp.local/x", true), Ok(Reach::Lan));
        assert_eq!(reach("https://127.0.0.1:9000", true), Ok(Reach::Any));
        for bad in [
            "http://8.8.8.8/",
            "http://169.254.169.254/",
            "https://[fe80::1]",
            "http://[::ffff:169.254.169.254]/",
        ] {
            assert!(reach(bad, true).is_err(), "{bad}");
        }
        let name_that_lies: IpAddr = "169.254.169.254".parse().unwrap();
        for r in [Reach::Public, Reach::Any, Reach::Lan] {
            assert!(!r.allows(name_that_lies));
        }
        assert!(!Reach::Lan.allows("8.8.8.8".parse().unwrap()));
    }
}
