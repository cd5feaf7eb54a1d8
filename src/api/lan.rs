//! Where screens find the store on the LAN: its addresses, its name, and what is announced of it by multicast DNS
//! (RFC 6762, RFC 6763), so that a technician need not type an address.

use super::{Doors, TlsSection};
use mdns_sd::{IfKind, ServiceDaemon, ServiceInfo};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
};

/// What stores are found by.
pub const SERVICE: &str = "_galley._tcp.local.";
/// Longest name of an announcement (RFC 6763, 4.1.1), bytes.
const LONGEST_NAME: usize = 63;

/// `[api]`: how screens on the LAN find and trust the store.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct ApiSection {
    /// HTTPS with the store's own small authority.
    pub tls: TlsSection,
    /// The store tells the LAN where it is.
    pub discovery: DiscoverySection,
}

/// `[api.discovery]`: the store tells the LAN where it is (multicast DNS, `_galley._tcp.local`).
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct DiscoverySection {
    /// Whether it does; yes. A store that listens on loopback alone is announced only where `interfaces` says so.
    pub enabled: bool,
    /// Where: names or addresses of interfaces, `["eth0"]`; all but loopback when none.
    pub interfaces: Vec<String>,
}

impl Default for DiscoverySection {
    fn default() -> Self {
        Self {
            enabled: true,
            interfaces: Vec::new(),
        }
    }
}

/// The addresses of this box on its LAN, without loopback and those that need a scope.
pub(crate) fn addresses() -> Vec<IpAddr> {
    let all = if_addrs::get_if_addrs().unwrap_or_else(|error| {
        tracing::warn!(%error, "the box's own addresses can't be read");
        Vec::new()
    });
    let mut found: Vec<IpAddr> = all
        .into_iter()
        .filter(|i| !i.is_loopback() && !i.is_link_local())
        .map(|i| i.ip())
        .collect();
    found.sort();
    found.dedup();
    found
}

/// The name of the box on the LAN: `galley-s001.local`.
pub(crate) fn host_name(store_id: &str) -> String {
    let plain: String = store_id
        .chars()
        .map(|c| match c {
            c if c.is_ascii_alphanumeric() => c.to_ascii_lowercase(),
            _ => '-',
        })
        .take(40)
        .collect();
    format!("galley-{}.local", plain.trim_matches('-'))
}

/// The addresses that a screen can open, the best first: HTTPS before HTTP, a number before a name, which not every
/// kiosk can look up.
pub(super) fn origins(doors: &Doors, store_id: &str) -> Vec<String> {
    let mut origins = Vec::new();
    for (scheme, listen) in [("https", doors.tls.listen), ("http", doors.plain)] {
        let Some(listen) = listen else { continue };
        let ip = listen.ip();
        let own = match ip {
            ip if ip.is_loopback() && scheme == "http" => Vec::new(),
            ip if ip.is_unspecified() => addresses(),
            ip => vec![ip],
        };
        let (four, six): (Vec<IpAddr>, Vec<IpAddr>) = own.into_iter().partition(IpAddr::is_ipv4);
        let port = listen.port();
        let at = |ip: &IpAddr| format!("{scheme}://{}", SocketAddr::new(*ip, port));
        origins.extend(four.iter().map(at));
        if doors.announced && !(four.is_empty() && six.is_empty()) {
            origins.push(format!("{scheme}://{}:{port}", host_name(store_id)));
        }
        origins.extend(six.iter().map(at));
    }
    if origins.is_empty() {
        origins.extend(doors.follow_base.clone());
    }
    origins
}

/// What is announced.
#[derive(Clone, Debug)]
pub struct Announcement {
    /// The store's id.
    pub store_id: String,
    /// Its name for people.
    pub name: String,
    /// Where HTTP is served.
    pub plain: SocketAddr,
    /// Where HTTPS is served.
    pub tls: Option<SocketAddr>,
    /// How.
    pub settings: DiscoverySection,
}

/// Why nothing is announced.
#[derive(Debug, thiserror::Error)]
pub enum DiscoveryError {
    /// Multicast does not work here.
    #[error("the store can't be announced: {0}")]
    Multicast(#[from] mdns_sd::Error),
}

/// A store that is announced until this is dropped.
pub struct Announced {
    daemon: ServiceDaemon,
    name: String,
}

impl Drop for Announced {
    fn drop(&mut self) {
        // Best effort: what is not taken back runs out by itself.
        let _ = self.daemon.unregister(&self.name);
        let _ = self.daemon.shutdown();
    }
}

impl Announcement {
    /// The interfaces on which it is told; none when the store is for this machine alone.
    fn interfaces(&self) -> Vec<IfKind> {
        if !self.settings.interfaces.is_empty() {
            return self
                .settings
                .interfaces
                .iter()
                .map(|name| match name.parse() {
                    Ok(address) => IfKind::Addr(address),
                    Err(_) => IfKind::Name(name.clone()),
                })
                .collect();
        }
        let doors = [Some(self.plain), self.tls];
        let ips: Vec<IpAddr> = doors
            .iter()
            .flatten()
            .map(SocketAddr::ip)
            .filter(|ip| !ip.is_loopback())
            .collect();
        if ips.iter().any(IpAddr::is_unspecified) {
            return vec![IfKind::All];
        }
        ips.into_iter().map(IfKind::Addr).collect()
    }

    /// What stands beside the address: where the kiosk's page is, the version, the store.
    fn facts(&self) -> BTreeMap<&'static str, String> {
        let mut facts = BTreeMap::from([
            ("path", "/kiosk/".to_owned()),
            ("version", env!("CARGO_PKG_VERSION").to_owned()),
            ("store", self.store_id.clone()),
            ("http", self.plain.port().to_string()),
        ]);
        if let Some(tls) = self.tls {
            facts.insert("https", tls.port().to_string());
        }
        facts
    }

    /// Tells the LAN, until what it returns is dropped; none when that is switched off.
    ///
    /// # Errors
    /// When there is no multicast on this machine.
    pub fn tell(&self) -> Result<Option<Announced>, DiscoveryError> {
        let interfaces = self.interfaces();
        if !self.settings.enabled || interfaces.is_empty() {
            return Ok(None);
        }
        let daemon = ServiceDaemon::new()?;
        daemon.disable_interface(IfKind::All)?;
        daemon.enable_interface(interfaces.clone())?;
        if self.settings.interfaces.is_empty() {
            daemon.disable_interface(vec![IfKind::LoopbackV4, IfKind::LoopbackV6])?;
        }
        let port = self.tls.unwrap_or(self.plain).port();
        let facts: Vec<(&str, String)> = self.facts().into_iter().collect();
        let facts: Vec<(&str, &str)> = facts.iter().map(|(k, v)| (*k, v.as_str())).collect();
        let name = shortened(&format!("Galley {} {}", self.store_id, self.name));
        let host = format!("{}.", host_name(&self.store_id));
        let mut info =
            ServiceInfo::new(SERVICE, &name, &host, "", port, facts.as_slice())?.enable_addr_auto();
        info.set_interfaces(interfaces);
        let name = info.get_fullname().to_owned();
        daemon.register(info)?;
        tracing::info!(host, port, "the store is announced on the LAN");
        Ok(Some(Announced { daemon, name }))
    }
}

/// As much of a name as an announcement may have.
fn shortened(name: &str) -> String {
    let mut end = name.len().min(LONGEST_NAME);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    // A dot would be read as the end of the name.
    name[..end].replace('.', " ").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::Secret;

    #[test]
    fn a_store_has_a_name_on_the_lan_whatever_its_id() {
        assert_eq!(host_name("S001"), "galley-s001.local");
        assert_eq!(host_name("MSK:Tverskaya-1"), "galley-msk-tverskaya-1.local");
    }

    #[test]
    fn a_name_is_cut_between_letters() {
        let cut = shortened(&format!("Galley S001 {}", "я".repeat(40)));
        assert!(cut.len() <= LONGEST_NAME && cut.ends_with('я'), "{cut}");
        assert_eq!(shortened("Galley No. 1"), "Galley No  1");
    }

    #[test]
    fn a_screen_is_sent_to_https_by_number_first_and_never_to_another_machines_loopback() {
        let mut doors = Doors::new(Secret::new("x"));
        doors.plain = Some("127.0.0.1:8080".parse().unwrap());
        doors.announced = true;
        assert!(origins(&doors, "S001").is_empty());
        doors.plain = Some("192.168.1.5:8080".parse().unwrap());
        doors.tls = TlsSection {
            listen: Some("192.168.1.5:8443".parse().unwrap()),
            names: Vec::new(),
        };
        assert_eq!(
            origins(&doors, "S001"),
            [
                "https://192.168.1.5:8443",
                "https://galley-s001.local:8443",
                "http://192.168.1.5:8080",
                "http://galley-s001.local:8080",
            ]
        );
    }

    fn announcement(plain: &str, settings: DiscoverySection) -> Announcement {
        Announcement {
            store_id: "S001".to_owned(),
            name: "Tverskaya".to_owned(),
            plain: plain.parse().unwrap(),
            tls: None,
            settings,
        }
    }

    #[test]
    fn a_store_on_loopback_or_switched_off_tells_nobody() {
        let on = DiscoverySection::default();
        assert!(
            announcement("127.0.0.1:80", on.clone())
                .tell()
                .unwrap()
                .is_none()
        );
        assert_eq!(announcement("10.0.0.1:80", on).interfaces().len(), 1);
        let off = DiscoverySection {
            enabled: false,
            interfaces: vec!["lo".to_owned()],
        };
        assert!(announcement("127.0.0.1:80", off).tell().unwrap().is_none());
    }

    #[tokio::test]
    async fn a_store_is_found_by_its_service_with_its_host_port_and_facts() {
        let settings = DiscoverySection {
            enabled: true,
            interfaces: vec!["127.0.0.1".to_owned()],
        };
        let mut told = announcement("127.0.0.1:8080", settings);
        told.store_id = format!("T{}", std::process::id());
        told.tls = Some("127.0.0.1:8443".parse().unwrap());
        let announced = told.tell().unwrap().expect("it is switched on");
        let seeker = ServiceDaemon::new().unwrap();
        seeker.disable_interface(IfKind::All).unwrap();
        seeker.enable_interface(IfKind::LoopbackV4).unwrap();
        let heard = seeker.browse(SERVICE).unwrap();
        let host = format!("{}.", host_name(&told.store_id));
        let found = tokio::task::spawn_blocking(move || {
            loop {
                match heard.recv_timeout(std::time::Duration::from_secs(20)) {
                    Ok(mdns_sd::ServiceEvent::ServiceResolved(found))
                        if found.get_hostname() == host =>
                    {
                        return found;
                    }
                    Ok(_) => {}
                    Err(error) => panic!("the store was not found: {error}"),
                }
            }
        })
        .await
        .unwrap();
        assert_eq!(found.get_port(), 8443);
        assert_eq!(
            found.get_property_val_str("store"),
            Some(told.store_id.as_str())
        );
        assert_eq!(found.get_property_val_str("path"), Some("/kiosk/"));
        assert_eq!(found.get_property_val_str("http"), Some("8080"));
        assert_eq!(
            found.get_property_val_str("version"),
            Some(env!("CARGO_PKG_VERSION"))
        );
        drop(announced);
        let _ = seeker.shutdown();
    }
}
