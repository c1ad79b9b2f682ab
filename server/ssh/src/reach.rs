//! Which addresses the panel connects to. Whoever may add servers has it open connections, and from the panel's machine
//! much answers that is meant for that machine alone.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// Where connections may lead. Asked for every address that a name resolves to, and what was asked about is what is
/// connected to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reach(Bounds);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Bounds {
    Everywhere,
    NotHere { panel: SocketAddr },
}

impl Reach {
    /// Anywhere, this machine included.
    pub fn everywhere() -> Self {
        Self(Bounds::Everywhere)
    }

    /// Neither this machine nor what only its own network segment has, nor the panel, which listens there.
    pub fn not_here(panel: SocketAddr) -> Self {
        Self(Bounds::NotHere { panel })
    }

    /// What an address is, if nothing may be connected to there: `a loopback address`.
    pub fn refusal(&self, ip: IpAddr, port: u16) -> Option<&'static str> {
        let Bounds::NotHere { panel } = &self.0 else {
            return None;
        };
        let ip = embedded(ip);
        kind_of(ip).or_else(|| is_panel(*panel, ip, port).then_some("the panel's own address"))
    }
}

/// The IPv4 address inside of one of IPv6, as translators and the system itself take it out.
fn embedded(ip: IpAddr) -> IpAddr {
    let IpAddr::V6(address) = ip.to_canonical() else {
        return ip.to_canonical();
    };
    let bits = address.to_bits();
    let low = Ipv4Addr::from_bits(u32::try_from(bits & u128::from(u32::MAX)).unwrap_or_default());
    let is_translated = bits >> 32 == NAT64.to_bits() >> 32;
    let is_compatible = bits >> 32 == 0 && bits > 1;
    if is_translated || is_compatible {
        low.into()
    } else {
        address.into()
    }
}

const NAT64: Ipv6Addr = Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0);

/// Where clouds tell their machines secrets, beside 169.254.169.254, which is link-local.
const METADATA: [IpAddr; 2] = [
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
];

fn kind_of(ip: IpAddr) -> Option<&'static str> {
    let is_link_local = match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    };
    let is_unspecified = match ip {
        // The system takes all of 0.0.0.0/8 for itself.
        IpAddr::V4(ip) => ip.octets()[0] == 0,
        IpAddr::V6(ip) => ip.is_unspecified(),
    };
    if ip.is_loopback() {
        Some("a loopback address")
    } else if is_unspecified {
        Some("no address of a machine")
    } else if METADATA.contains(&ip) {
        Some("the address where a cloud keeps secrets of its machines")
    } else if is_link_local {
        Some("a link-local address")
    } else if ip.is_multicast() || ip == IpAddr::V4(Ipv4Addr::BROADCAST) {
        Some("an address of many machines")
    } else {
        None
    }
}

fn is_panel(panel: SocketAddr, ip: IpAddr, port: u16) -> bool {
    port == panel.port()
        && (panel.ip().to_canonical() == ip || panel.ip().is_unspecified() && is_own(ip))
}

/// Whether this machine has the address: the way to oneself begins where it ends. Sends nothing.
fn is_own(ip: IpAddr) -> bool {
    let any: SocketAddr = match ip {
        IpAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        IpAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let own = UdpSocket::bind(any).and_then(|socket| {
        socket.connect((ip, 9))?;
        socket.local_addr()
    });
    own.is_ok_and(|own| own.ip() == ip)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn not_here(panel: &str) -> Reach {
        Reach::not_here(panel.parse().unwrap())
    }

    #[test]
    fn what_only_this_machine_or_its_segment_reaches_is_refused_in_every_spelling() {
        let reach = not_here("127.0.0.1:3000");
        for address in [
            "127.0.0.1",
            "127.8.8.8",
            "::1",
            "::ffff:127.0.0.1",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "0.0.0.0",
            "0.1.2.3",
            "::",
            "169.254.169.254",
            "fe80::1",
            "fd00:ec2::254",
            "100.100.100.200",
            "224.0.0.1",
            "ff02::1",
            "255.255.255.255",
        ] {
            let ip = address.parse().unwrap();
            assert!(reach.refusal(ip, 22).is_some(), "{address} passed");
            assert_eq!(Reach::everywhere().refusal(ip, 22), None);
        }
        for address in [
            "203.0.113.7",
            "10.213.0.2",
            "192.168.1.5",
            "172.16.0.1",
            "100.64.0.1",
            "2001:db8::7",
            "fd00::7",
            "64:ff9b::cb00:7107",
        ] {
            let ip = address.parse().unwrap();
            assert_eq!(reach.refusal(ip, 22), None, "{address} refused");
        }
    }

    #[test]
    fn the_panel_itself_is_refused_at_its_port_and_its_machine_is_not_at_others() {
        let ip = "203.0.113.7".parse().unwrap();
        let reach = not_here("203.0.113.7:3000");
        assert_eq!(reach.refusal(ip, 3000), Some("the panel's own address"));
        assert_eq!(reach.refusal(ip, 22), None);
        assert_eq!(not_here("0.0.0.0:3000").refusal(ip, 3000), None);
        assert!(is_own([127, 0, 0, 1].into()) && !is_own(ip));
    }
}
