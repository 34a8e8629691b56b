//! Which network addresses may be called: the public internet, and what the deployment opens besides.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::Bounds;

/// Where an address lies, as far as calling it is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// The public internet.
    Public,
    /// A private network (RFC 1918, RFC 6598, RFC 4193).
    Private,
    /// This machine.
    Loopback,
    /// Nothing that could be a provider: link-local (where clouds keep their metadata), multicast, reserved, tunnels.
    Nowhere,
}

/// What of IPv4 is not public (the IANA special-purpose registry).
const SPECIAL_V4: [(Ipv4Addr, u32, Place); 17] = [
    (Ipv4Addr::UNSPECIFIED, 8, Place::Nowhere),
    (Ipv4Addr::new(10, 0, 0, 0), 8, Place::Private),
    (Ipv4Addr::new(100, 64, 0, 0), 10, Place::Private),
    (Ipv4Addr::new(127, 0, 0, 0), 8, Place::Loopback),
    (Ipv4Addr::new(169, 254, 0, 0), 16, Place::Nowhere),
    (Ipv4Addr::new(172, 16, 0, 0), 12, Place::Private),
    (Ipv4Addr::new(192, 0, 0, 0), 24, Place::Nowhere),
    (Ipv4Addr::new(192, 0, 2, 0), 24, Place::Nowhere),
    (Ipv4Addr::new(192, 88, 99, 0), 24, Place::Nowhere),
    (Ipv4Addr::new(192, 168, 0, 0), 16, Place::Private),
    (Ipv4Addr::new(198, 18, 0, 0), 15, Place::Nowhere),
    (Ipv4Addr::new(198, 51, 100, 0), 24, Place::Nowhere),
    (Ipv4Addr::new(203, 0, 113, 0), 24, Place::Nowhere),
    (Ipv4Addr::new(224, 0, 0, 0), 4, Place::Nowhere),
    (Ipv4Addr::new(240, 0, 0, 0), 4, Place::Nowhere),
    // Answers to everybody's metadata requests at two clouds, though it looks public.
    (Ipv4Addr::new(168, 63, 129, 16), 32, Place::Nowhere),
    (Ipv4Addr::new(100, 100, 100, 200), 32, Place::Nowhere),
];

/// What of IPv6's global space (2000::/3) is not public.
const SPECIAL_V6: [(Ipv6Addr, u32); 4] = [
    // Protocol assignments, Teredo among them, which wraps any IPv4 address.
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    // Documentation.
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    // 6to4, which wraps any IPv4 address too.
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

fn place(address: IpAddr) -> Place {
    match address {
        IpAddr::V4(address) => place_v4(address),
        IpAddr::V6(address) => place_v6(address),
    }
}

fn place_v4(address: Ipv4Addr) -> Place {
    let lies_in = |net: Ipv4Addr, bits: u32| (address.to_bits() ^ net.to_bits()) >> (32 - bits) == 0;
    // The narrowest net decides.
    let special = SPECIAL_V4.iter().filter(|(net, bits, _)| lies_in(*net, *bits)).max_by_key(|(_, bits, _)| *bits);
    special.map_or(Place::Public, |(_, _, place)| *place)
}

fn place_v6(address: Ipv6Addr) -> Place {
    let lies_in = |net: Ipv6Addr, bits: u32| (address.to_bits() ^ net.to_bits()) >> (128 - bits) == 0;
    if let Some(mapped) = address.to_ipv4_mapped() {
        return place_v4(mapped);
    }
    if lies_in(Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96) {
        // NAT64 (RFC 6052): the last four bytes are whom it leads to.
        let [.., a, b, c, d] = address.octets();
        return place_v4(Ipv4Addr::new(a, b, c, d));
    }
    if address.is_loopback() {
        return Place::Loopback;
    }
    if address.is_unique_local() {
        return Place::Private;
    }
    let global = lies_in(Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);
    let special = SPECIAL_V6.iter().any(|(net, bits)| lies_in(*net, *bits));
    if global && !special { Place::Public } else { Place::Nowhere }
}

/// Whether a host of this name may be called at this address.
pub(super) fn may_be_called(bounds: &Bounds, host: &str, address: IpAddr) -> bool {
    match place(address) {
        Place::Public => true,
        Place::Private => bounds.internal_hosts.contains(host),
        Place::Loopback => bounds.loopback,
        Place::Nowhere => false,
    }
}

/// A name that leads where nothing may be called.
#[derive(Debug)]
pub(super) struct Walled;

impl fmt::Display for Walled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name leads into a network that may not be called")
    }
}

impl std::error::Error for Walled {}

/// A name that leads nowhere, or cannot be looked up now.
#[derive(Debug)]
pub(super) struct Unknown(std::io::Error);

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name cannot be looked up")
    }
}

impl std::error::Error for Unknown {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

/// Looks names up and gives only addresses that may be called. The connection is made to exactly what was judged here, so that a name
/// which answers differently the next time gains nothing.
pub(super) struct Resolver(pub(super) Bounds);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let bounds = self.0.clone();
        Box::pin(async move { look_up(&bounds, name.as_str()).await })
    }
}

async fn look_up(bounds: &Bounds, name: &str) -> Result<Addrs, Box<dyn std::error::Error + Send + Sync>> {
    let open = open(bounds, name, tokio::net::lookup_host((name, 0)).await.map_err(Unknown)?)?;
    Ok(Box::new(open.into_iter()))
}

fn open(bounds: &Bounds, name: &str, found: impl Iterator<Item = SocketAddr>) -> Result<Vec<SocketAddr>, Walled> {
    let (open, walled): (Vec<SocketAddr>, Vec<SocketAddr>) =
        found.partition(|address| may_be_called(bounds, name, address.ip()));
    // One address behind the wall condemns the name: a provider's name has no business there.
    if open.is_empty() || !walled.is_empty() {
        return Err(Walled);
    }
    Ok(open)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(addresses: &[&str]) -> Vec<Place> {
        addresses.iter().map(|address| place(address.parse().unwrap())).collect()
    }

    #[test]
    fn public_addresses_are_public() {
        let addresses = ["1.1.1.1", "100.63.255.255", "100.128.0.0", "172.15.0.1", "172.32.0.1", "192.0.1.1"];
        assert_eq!(places(&addresses), [Place::Public; 6]);
        assert_eq!(places(&["2606:4700::1111", "2a00::1", "::ffff:1.1.1.1", "64:ff9b::101:101"]), [Place::Public; 4]);
    }

    #[test]
    fn private_networks_are_told_from_public_ones() {
        let addresses = ["10.0.0.1", "100.64.0.1", "100.127.255.255", "172.16.0.1", "172.31.255.255", "192.168.1.1"];
        assert_eq!(places(&addresses), [Place::Private; 6]);
        assert_eq!(places(&["fc00::1", "fdff::1", "::ffff:10.0.0.1", "64:ff9b::a00:1"]), [Place::Private; 4]);
    }

    #[test]
    fn loopback_is_this_machine_however_it_is_written() {
        assert_eq!(
            places(&["127.0.0.1", "127.255.0.1", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1"]),
            [Place::Loopback; 5]
        );
    }

    #[test]
    fn what_can_be_no_provider_is_nowhere() {
        let addresses =
            ["0.0.0.0", "0.1.2.3", "169.254.169.254", "192.0.0.1", "192.0.2.1", "192.88.99.1", "198.18.0.1"];
        assert_eq!(places(&addresses), [Place::Nowhere; 7]);
        let addresses =
            ["198.51.100.1", "203.0.113.1", "224.0.0.1", "255.255.255.255", "168.63.129.16", "100.100.100.200"];
        assert_eq!(places(&addresses), [Place::Nowhere; 6]);
        let addresses =
            ["::", "fe80::1", "ff02::1", "::a00:1", "fec0::1", "100::1", "2001::1", "2001:db8::1", "2002:a00:1::"];
        assert_eq!(places(&addresses), [Place::Nowhere; 9]);
        assert_eq!(
            places(&["64:ff9b:1::1", "64:ff9b::a9fe:a9fe", "::ffff:169.254.169.254", "3fff::1"]),
            [Place::Nowhere; 4]
        );
    }

    #[test]
    fn an_internal_host_opens_private_networks_for_itself_alone() {
        let bounds = Bounds { internal_hosts: ["idp.corp".to_owned()].into(), ..Bounds::default() };
        let private = "10.0.0.1".parse().unwrap();
        assert!(may_be_called(&bounds, "idp.corp", private));
        assert!(!may_be_called(&bounds, "other.corp", private));
        for closed in ["127.0.0.1", "169.254.169.254", "224.0.0.1", "::1", "fe80::1"] {
            assert!(!may_be_called(&bounds, "idp.corp", closed.parse().unwrap()), "{closed}");
        }
    }

    #[test]
    fn a_name_with_one_private_address_among_public_ones_is_not_called() {
        let judge = |addresses: &[&str]| {
            open(&Bounds::default(), "idp.test", addresses.iter().map(|text| SocketAddr::new(text.parse().unwrap(), 0)))
                .is_ok()
        };
        assert!(judge(&["1.1.1.1", "2606:4700::1111"]));
        assert!(!judge(&["1.1.1.1", "10.0.0.1"]));
        assert!(!judge(&["10.0.0.1", "1.1.1.1"]));
        assert!(!judge(&[]));
    }

    #[tokio::test]
    async fn a_name_that_leads_to_this_machine_is_not_called() {
        assert!(look_up(&Bounds::default(), "localhost").await.is_err());
        assert!(look_up(&Bounds { loopback: true, ..Bounds::default() }, "localhost").await.is_ok());
    }
}
