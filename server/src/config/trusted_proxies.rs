//! The proxies whose word is taken for where a request comes from.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use ipnet::IpNet;

/// Networks; usually this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpNet>);

impl Default for TrustedProxies {
    fn default() -> Self {
        let this_machine = IpNet::new_assert(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 0)), 8);
        Self(vec![this_machine, IpNet::from(IpAddr::V6(Ipv6Addr::LOCALHOST))])
    }
}

impl TrustedProxies {
    /// Who sent a request that `peer` has handed on: read from the right, the first address in `X-Forwarded-For` that
    /// no trusted proxy has. What stands left of it may be made up.
    pub fn client<'h>(
        &self,
        peer: IpAddr,
        forwarded_for: impl DoubleEndedIterator<Item = &'h str>,
    ) -> IpAddr {
        let mut client = peer.to_canonical();
        for hop in forwarded_for.flat_map(|line| line.split(',')).rev() {
            let Some(before) = address(hop.trim()).filter(|_| self.trusts(client)) else { break };
            client = before.to_canonical();
        }
        client
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

/// Some proxies write the port behind it.
fn address(hop: &str) -> Option<IpAddr> {
    hop.parse().ok().or_else(|| hop.parse::<std::net::SocketAddr>().ok().map(|address| address.ip()))
}

impl FromStr for TrustedProxies {
    type Err = ipnet::AddrParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let networks = text.split(',').map(str::trim).filter(|network| !network.is_empty());
        let parsed = networks.map(|network| {
            network.parse::<IpNet>().or_else(|error| network.parse().map(IpAddr::into).map_err(|_| error))
        });
        parsed.collect::<Result<_, _>>().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(trusted: &str, peer: &str, forwarded_for: &[&str]) -> String {
        let trusted: TrustedProxies = trusted.parse().unwrap();
        trusted.client(peer.parse().unwrap(), forwarded_for.iter().copied()).to_string()
    }

    #[test]
    fn a_trusted_proxy_says_who_comes_and_nobody_else_does() {
        let usual = "127.0.0.0/8, ::1";
        assert_eq!(client(usual, "127.0.0.1", &["203.0.113.7"]), "203.0.113.7");
        assert_eq!(client(usual, "::1", &["203.0.113.7:4711"]), "203.0.113.7");
        assert_eq!(client(usual, "::ffff:127.0.0.1", &["2001:db8::1"]), "2001:db8::1");
        assert_eq!(client(usual, "198.51.100.1", &["203.0.113.7"]), "198.51.100.1");
        assert_eq!(client(usual, "127.0.0.1", &[]), "127.0.0.1");
        assert_eq!(client("", "127.0.0.1", &["203.0.113.7"]), "127.0.0.1");
    }

    #[test]
    fn what_a_client_writes_itself_is_not_believed() {
        let trusted = "127.0.0.1, 10.0.0.0/8";
        assert_eq!(client(trusted, "127.0.0.1", &["192.0.2.1, 203.0.113.7, 10.1.2.3"]), "203.0.113.7");
        assert_eq!(client(trusted, "127.0.0.1", &["192.0.2.1", "203.0.113.7"]), "203.0.113.7");
        assert_eq!(client(trusted, "127.0.0.1", &["192.0.2.1, nobody, 10.1.2.3"]), "10.1.2.3");
    }

    #[test]
    fn the_usual_text_is_the_default_and_nonsense_is_refused() {
        assert_eq!("127.0.0.0/8, ::1/128".parse(), Ok(TrustedProxies::default()));
        for wrong in ["proxy.example.com", "10.0.0.0/33", "10.0.0"] {
            assert!(wrong.parse::<TrustedProxies>().is_err(), "{wrong}");
        }
    }
}
