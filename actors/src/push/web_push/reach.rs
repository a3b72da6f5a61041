//! Where a browser's push service may be. Whoever may sign in names it, and must not make the recorder
//! call any address of its own network: not by digits, not by a name that leads there.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, OnceLock},
};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

use crate::http;

/// `https://HOST/…` with the name of a host, and nobody's name before it.
pub fn is_push_service(endpoint: &str) -> bool {
    let Ok(url) = Url::parse(endpoint) else {
        return false;
    };
    if !url.username().is_empty() || url.password().is_some() {
        return false;
    }
    // The tests' push service is on this machine.
    #[cfg(feature = "fault-hooks")]
    if url.scheme() == "http" && url.host() == Some(Host::Ipv4(Ipv4Addr::LOCALHOST)) {
        return true;
    }
    // Digits of any kind are an address to the parser.
    let named = matches!(url.host(), Some(Host::Domain(name)) if name.contains('.'));
    url.scheme() == "https" && named
}

/// Finds no addresses but public ones, and goes nowhere else than where it is sent.
pub fn client() -> reqwest::Client {
    static CLIENT: OnceLock<reqwest::Client> = OnceLock::new();
    let builder = || {
        let strict = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
        strict.dns_resolver(Arc::new(Public))
    };
    CLIENT.get_or_init(|| http::build(builder())).clone()
}

struct Public;

impl Resolve for Public {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<SocketAddr> = found.filter(|found| is_public(found.ip())).collect();
            match public.is_empty() {
                true => Err(format!("{} has no public address: no push service is there", name.as_str()).into()),
                false => Ok(Box::new(public.into_iter()) as Addrs),
            }
        })
    }
}

fn is_public(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            let [first, second, ..] = ip.octets();
            // RFC 6598: of a provider, and of private networks over the Internet.
            let shared = first == 100 && (64..128).contains(&second);
            let special = ip.is_private() || ip.is_loopback() || ip.is_link_local() || ip.is_multicast();
            !(special || shared || first == 0 || first >= 240)
        }
        IpAddr::V6(ip) => match ip.segments() {
            // RFC 6052 and RFC 3056: an IPv4 address inside.
            [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => {
                is_public(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)).into())
            }
            // 2000::/3, RFC 4291: all others are of this machine, this link, this site, or not in use.
            [first, ..] => first & 0xe000 == 0x2000,
        },
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn push_services_have_names() {
        assert!(is_push_service("https://fcm.googleapis.com/fcm/send/abc"));
        assert!(is_push_service("https://push.example.org:8443/x"));
        for bad in [
            "http://push.example.org/x",
            "https://192.0.2.1/x",
            "https://localhost/x",
            "https://[::1]/x",
            "https://0x7f.0x1/x",
            "https://3232235777/x",
            "https://%31%39%32.168.1.1/x",
            "https://user@push.example.org/x",
            "https://push.example.org:x@192.168.1.1:8443/path",
            "http://127.0.0.1:1@push.example.org/x",
            "ftp://push.example.org/x",
            "https:///x",
            "",
        ] {
            assert!(!is_push_service(bad), "{bad}");
        }
    }

    #[test]
    fn addresses_of_our_own_networks_are_not_called() {
        for own in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:192.168.1.1",
            "::192.168.1.1",
            "64:ff9b::192.168.1.1",
            "2002:c0a8:101::1",
            "fe80::1",
            "fec0::1",
            "fd00::1",
            "ff02::1",
        ] {
            assert!(!is_public(own.parse().unwrap()), "{own}");
        }
        for public in ["8.8.8.8", "100.128.0.1", "2a00:1450::1", "64:ff9b::8.8.8.8"] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
    }

    #[tokio::test]
    async fn a_name_that_leads_to_this_machine_leads_nowhere() {
        let found = Public.resolve("localhost".parse().unwrap()).await;
        let error = found.err().unwrap().to_string();
        assert!(error.contains("no public address"), "{error}");
    }
}
