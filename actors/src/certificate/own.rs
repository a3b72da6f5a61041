//! The certificate that the recorder makes for itself.

use std::{collections::BTreeSet, io, net::IpAddr, sync::Arc, time::Duration};

use nix::ifaddrs::getifaddrs;
use rcgen::{
    CertificateParams, CustomExtension, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, SerialNumber,
};
use ring::rand::{SecureRandom, SystemRandom};
use rustls::{
    crypto::ring::sign::any_supported_type,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    sign::CertifiedKey,
};
use vigie_config::Utc;

use super::{Origin, pair::Pair, shelf::Shelf};

/// Apple's systems take none that holds for longer than 825 days, also where the owner trusts it.
const LIFETIME: Duration = Duration::from_secs(820 * 24 * 3600);
/// Clocks differ.
const EARLIER: Duration = Duration::from_secs(24 * 3600);

/// The one that is kept, or a new one: where there is none, its time is up, or names are missing.
/// The key stays the same. Besides: whether it could be kept.
pub fn look(shelf: &Shelf, names: &[String], now: Utc) -> Result<(Pair, io::Result<()>), String> {
    let kept = match shelf.read(Origin::Own) {
        Ok(text) => text,
        // It cannot be kept either, then; it serves until the next start.
        Err(error) => return Ok((make(&key(None)?, &all(names), now)?.0, Err(error))),
    };
    if let Some(pair) = kept.as_deref().and_then(|text| Pair::read(text, text).ok()) {
        let missing = wanted(names).iter().any(|name| !pair.facts.names.contains(name));
        if !missing && !pair.facts.is_due(now) {
            return Ok((pair, Ok(())));
        }
    }
    let (pair, text) = make(&key(kept.as_deref())?, &all(names), now)?;
    Ok((pair, shelf.keep(Origin::Own, &text)))
}

fn key(kept: Option<&str>) -> Result<KeyPair, String> {
    let kept = kept.and_then(|text| KeyPair::from_pem(text).ok());
    kept.map_or_else(KeyPair::generate, Ok)
        .map_err(|error| format!("cannot make a key: {error}"))
}

/// Names without which it is made anew. Addresses are not among them: they come and go, and with
/// each new certificate every browser asks its user again.
fn wanted(names: &[String]) -> Vec<String> {
    host_name().into_iter().chain(names.iter().cloned()).collect()
}

fn host_name() -> Option<String> {
    let system = rustix::system::uname();
    let name = system.nodename().to_str().ok()?.to_ascii_lowercase();
    let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'.';
    (!name.is_empty() && name.len() <= 253 && name.bytes().all(fits)).then_some(name)
}

/// Everything it is made for.
fn all(names: &[String]) -> Vec<String> {
    let mut all = wanted(names);
    if let Some(host) = host_name().filter(|host| !host.contains('.')) {
        // Where multicast DNS finds it (RFC 6762).
        all.push(format!("{host}.local"));
    }
    all.extend(["localhost", "127.0.0.1", "::1"].map(String::from));
    all.extend(addresses().iter().map(ToString::to_string));
    let mut seen = BTreeSet::new();
    all.retain(|name| seen.insert(name.clone()));
    all
}

fn addresses() -> Vec<IpAddr> {
    let read = getifaddrs().into_iter().flatten().filter_map(|one| {
        let address = one.address?;
        let v4 = address.as_sockaddr_in().map(|v4| IpAddr::V4(v4.ip()));
        v4.or_else(|| address.as_sockaddr_in6().map(|v6| IpAddr::V6(v6.ip())))
    });
    // Nobody writes an address of one link only into a browser.
    let reachable = |address: &IpAddr| match address {
        IpAddr::V4(v4) => !v4.is_loopback() && !v4.is_link_local(),
        IpAddr::V6(v6) => !v6.is_loopback() && !v6.is_unicast_link_local(),
    };
    read.filter(reachable).collect()
}

fn make(key: &KeyPair, names: &[String], now: Utc) -> Result<(Pair, String), String> {
    let failed = |error: &dyn std::fmt::Display| format!("cannot make a certificate: {error}");
    let mut params = CertificateParams::new(names).map_err(|error| failed(&error))?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    let first = names.first().map_or("vigie", String::as_str);
    // The longest that X.520 allows.
    params
        .distinguished_name
        .push(DnType::CommonName, first.chars().take(64).collect::<String>());
    params.distinguished_name.push(DnType::OrganizationName, "Vigie");
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    // Browsers refuse two certificates of one issuer with the same number.
    let mut serial = [0u8; 16];
    SystemRandom::new()
        .fill(&mut serial)
        .map_err(|_| failed(&"no chance"))?;
    if let Some(first) = serial.first_mut() {
        *first = *first & 0x7f | 0x40;
    }
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    let now = std::time::UNIX_EPOCH + Duration::from_micros(u64::try_from(now.as_micros()).unwrap_or_default());
    params.not_before = now.checked_sub(EARLIER).unwrap_or(std::time::UNIX_EPOCH).into();
    params.not_after = (now + LIFETIME).into();
    let certificate = params.self_signed(key).map_err(|error| failed(&error))?;
    let text = format!("{}{}", key.serialize_pem(), certificate.pem());
    let pair = Pair::read(&text, &text).map_err(|error| failed(&error))?;
    Ok((pair, text))
}

/// What proves by TLS-ALPN-01 that a name is ours (RFC 8737 §3). Its critical extension is one that no
/// reader of certificates knows, so it is not read back.
pub fn proof(name: &str, digest: &[u8]) -> Result<Arc<CertifiedKey>, String> {
    let failed = |error: &dyn std::fmt::Display| format!("cannot make a certificate for ACME: {error}");
    let key = KeyPair::generate().map_err(|error| failed(&error))?;
    let mut params = CertificateParams::new([name.to_owned()]).map_err(|error| failed(&error))?;
    params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
    let certificate = params.self_signed(&key).map_err(|error| failed(&error))?;
    let signs = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let signs = any_supported_type(&signs).map_err(|error| failed(&error))?;
    Ok(Arc::new(CertifiedKey::new(vec![certificate.der().clone()], signs)))
}
