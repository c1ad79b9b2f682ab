//! Where a request really comes from when proxies stand in front. What a request says of that itself counts only as far as
//! it was written down by a proxy that the panel was told to trust.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;

use axum::http::{HeaderMap, HeaderName};
use ipnet::IpNet;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The proxies in front of the panel; none unless it is told of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(Arc<[IpNet]>);

impl TrustedProxies {
    /// Reads addresses and networks with commas in between.
    ///
    /// # Errors
    /// A sentence about the first that is neither.
    pub fn parse(text: &str) -> Result<Self, String> {
        let words = text.split(',').map(str::trim);
        let networks = words.filter(|word| !word.is_empty()).map(|word| {
            let address = word.parse::<IpAddr>().map(IpNet::from);
            address.or_else(|_| word.parse::<IpNet>()).map_err(|_| {
                format!("{word:?}: write an address or a network, as 127.0.0.1,10.0.0.0/8")
            })
        });
        Ok(Self(networks.collect::<Result<_, _>>()?))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whom a request is from: its peer, or, if that is a trusted proxy, the nearest address in `X-Forwarded-For` that is
    /// none. Each proxy adds the one it was called from on the right, so what stands left of that was written by a
    /// stranger. What is no address ends the search at the last one that is.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        // A header that is there several times is one list.
        let lists = headers.get_all(FORWARDED_FOR);
        let lists: Vec<_> = lists
            .iter()
            .map(|list| list.to_str().unwrap_or(""))
            .collect();
        let hops = lists.iter().flat_map(|list| list.split(','));
        for hop in hops.rev() {
            if !self.trusts(client) {
                break;
            }
            let Some(before) = address(hop.trim()) else {
                break;
            };
            client = before;
        }
        client
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

impl FromStr for TrustedProxies {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::parse(text)
    }
}

/// Some proxies write the port as well, and brackets around an address of IPv6.
fn address(hop: &str) -> Option<IpAddr> {
    let bare = hop.trim_start_matches('[').trim_end_matches(']');
    let address = bare.parse().ok();
    let address = address.or_else(|| Some(hop.parse::<SocketAddr>().ok()?.ip()));
    address.map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    /// Whom a request with these lists is from, where 10.0.0.0/8 and one address of IPv6 are proxies.
    fn client(peer: &str, lists: &[&[u8]]) -> String {
        let proxies = TrustedProxies::parse("10.0.0.0/8, 2001:db8::1,127.0.0.1").expect("networks");
        let mut headers = HeaderMap::new();
        for list in lists {
            let list = HeaderValue::from_bytes(list).expect("a header");
            headers.append(FORWARDED_FOR, list);
        }
        let peer = peer.parse().expect("an address");
        proxies.client(peer, &headers).to_string()
    }

    #[test]
    fn what_a_stranger_says_of_itself_is_not_listened_to() {
        assert_eq!(client("203.0.113.9", &[b"198.51.100.1"]), "203.0.113.9");
        assert_eq!(
            client("203.0.113.9", &[b"127.0.0.1, 10.0.0.1"]),
            "203.0.113.9"
        );
        let mut headers = HeaderMap::new();
        headers.insert(FORWARDED_FOR, HeaderValue::from_static("198.51.100.1"));
        let peer = IpAddr::from([127, 0, 0, 1]);
        assert_eq!(TrustedProxies::default().client(peer, &headers), peer);
    }

    #[test]
    fn behind_proxies_the_nearest_address_that_is_none_counts() {
        assert_eq!(client("127.0.0.1", &[b"203.0.113.9"]), "203.0.113.9");
        // The first one was made up by whoever sent the request.
        assert_eq!(
            client("127.0.0.1", &[b"1.2.3.4, 203.0.113.9"]),
            "203.0.113.9"
        );
        assert_eq!(
            client("10.1.1.1", &[b"1.2.3.4,203.0.113.9 , 10.2.2.2"]),
            "203.0.113.9"
        );
        assert_eq!(
            client("10.1.1.1", &[b"1.2.3.4, 203.0.113.9", b"10.2.2.2"]),
            "203.0.113.9"
        );
        assert_eq!(client("10.1.1.1", &[b"10.3.3.3, 10.2.2.2"]), "10.3.3.3");
        assert_eq!(client("10.1.1.1", &[]), "10.1.1.1");
    }

    #[test]
    fn ipv6_is_understood_with_brackets_with_ports_and_as_the_clothes_of_ipv4() {
        assert_eq!(client("2001:db8::1", &[b"2001:db8::7"]), "2001:db8::7");
        assert_eq!(client("2001:db8::1", &[b"[2001:db8::7]"]), "2001:db8::7");
        assert_eq!(
            client("2001:db8::1", &[b"[2001:db8::7]:4711"]),
            "2001:db8::7"
        );
        assert_eq!(
            client("::ffff:10.0.0.1", &[b"203.0.113.9:80"]),
            "203.0.113.9"
        );
        assert_eq!(client("10.0.0.1", &[b"::ffff:203.0.113.9"]), "203.0.113.9");
    }

    #[test]
    fn garbage_ends_the_search_at_the_last_address_that_is_one() {
        for list in [
            &b""[..],
            b"unknown",
            b",",
            b"203.0.113.9;DROP",
            b"\xff\xfe",
            b"_hidden",
        ] {
            assert_eq!(client("127.0.0.1", &[list]), "127.0.0.1");
        }
        assert_eq!(
            client("127.0.0.1", &[b"1.2.3.4, what, 10.2.2.2"]),
            "10.2.2.2"
        );
        assert_eq!(client("127.0.0.1", &[b"1.2.3.4", b"\xff"]), "127.0.0.1");
    }

    #[test]
    fn what_is_no_network_is_refused_by_its_name() {
        for text in ["localhost", "10.0.0.0/33", "10.0.0.1 10.0.0.2", "*"] {
            assert!(TrustedProxies::parse(text).is_err_and(|sentence| sentence.contains(text)));
        }
        assert!(TrustedProxies::parse("").is_ok_and(|proxies| proxies.is_empty()));
    }
}
