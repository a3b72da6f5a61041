//! Addresses, certificate and proxies of `[server]`.

#![allow(clippy::unwrap_used)]

use std::{path::Path, time::Duration};

use crate::{AcmeChallenge, CertificateSource, Config, ProxyHeader};

fn server(keys: &str) -> Result<crate::Server, String> {
    let text = format!("[server]\n{keys}\n");
    match Config::parse(&text, &|_| None) {
        Ok((config, _)) => Ok(config.server),
        Err(problems) => Err(problems.to_string()),
    }
}

#[test]
fn several_addresses_of_both_kinds() {
    let server = server("http = [\"0.0.0.0:80\", \"[::]:80\"]\nhttps = \"[::]:443\"\nhttp_redirect = true").unwrap();
    assert_eq!(server.http.len(), 2);
    assert_eq!(server.https, ["[::]:443".parse().unwrap()]);
}

#[test]
fn certificates_of_every_kind() {
    let certificate = |keys: &str| server(&format!("[server.certificate]\n{keys}")).unwrap().certificate;
    assert_eq!(
        certificate("kind = \"own\"\nnames = [\"Vigie.LAN\", \"192.0.2.7\"]"),
        CertificateSource::Own {
            names: vec!["vigie.lan".into(), "192.0.2.7".into()]
        }
    );
    assert_eq!(
        certificate("kind = \"files\"\nchain = \"/etc/a.pem\"\nkey = \"/etc/b.pem\""),
        CertificateSource::Files {
            chain: Path::new("/etc/a.pem").into(),
            key: Path::new("/etc/b.pem").into()
        }
    );
    let CertificateSource::Acme(acme) =
        certificate("kind = \"acme\"\ndomains = [\"a.example\"]\ncontact = \"a@b.example\"")
    else {
        panic!("no ACME");
    };
    assert_eq!(acme.directory.host_str(), Some("acme-v02.api.letsencrypt.org"));
    assert_eq!(acme.contact, ["mailto:a@b.example"]);
    assert_eq!(acme.challenge, AcmeChallenge::Http01);
}

#[test]
fn what_a_proxy_may_say() {
    let read = server(
        "trusted_proxies = [\"127.0.0.1\", \"2001:db8::/32\"]\nproxy_header = \"forwarded\"\nbase_path = \"/cams/vigie/\"\nhsts = \"180d\"",
    );
    let server = read.unwrap();
    assert!(server.trusted_proxies[1].contains("2001:db8::7".parse().unwrap()));
    assert_eq!(server.proxy_header, ProxyHeader::Forwarded);
    assert_eq!(server.base_path, "/cams/vigie");
    assert_eq!(server.hsts, Some(Duration::from_secs(180 * 86_400)));
}

#[test]
fn every_fault_names_its_line() {
    for (keys, expected) in [
        ("http = []", "line 2: server.http: seen 0 addresses"),
        (
            "http = [\"0.0.0.0:80\", \"127.0.0.1:80\"]",
            "line 2: server.http: 0.0.0.0:80 and 127.0.0.1:80 claim the same port",
        ),
        (
            "http = \"[::]:80\"\nhttps = \"0.0.0.0:80\"",
            "line 3: server.https: http [::]:80 and https 0.0.0.0:80 claim the same port",
        ),
        (
            "https = [\"0.0.0.0:80\", \"gate\"]",
            "line 2: server.https[1]: \"gate\" is not an address",
        ),
        ("http_redirect = true", "line 2: server.http_redirect: leads nowhere"),
        ("hsts = \"1s\"", "line 2: server.hsts: \"1s\" is out of bounds"),
        (
            "trusted_proxies = [\"10.0.0.1/8\"]",
            "line 2: server.trusted_proxies[0]: \"10.0.0.1/8\": the range begins at 10.0.0.0/8",
        ),
        ("proxy_header = \"via\"", "line 2: server.proxy_header: seen \"via\""),
        (
            "base_path = \"vigie\"",
            "line 2: server.base_path: \"vigie\" is no path",
        ),
        ("base_path = \"/a/../b\"", "line 2: server.base_path"),
        ("base_path = \"/a\\\"><script>\"", "line 2: server.base_path"),
        ("[server.certificate]", "line 2: server.certificate.kind: missing"),
        (
            "[server.certificate]\nkind = \"self\"",
            "line 3: server.certificate.kind: seen \"self\"",
        ),
        (
            "[server.certificate]\nkind = \"own\"\nchain = \"/a\"",
            "line 4: server.certificate.chain: unknown key",
        ),
        (
            "[server.certificate]\nkind = \"files\"\nchain = \"/a\"",
            "line 2: server.certificate.key: missing",
        ),
        (
            "[server.certificate]\nkind = \"acme\"",
            "line 2: server.certificate.domains: missing",
        ),
        (
            "[server.certificate]\nkind = \"acme\"\ndomains = [\"*.example.org\"]",
            "line 4: server.certificate.domains[0]: \"*.example.org\" is no host name",
        ),
        (
            "[server.certificate]\nkind = \"acme\"\ndomains = [\"192.0.2.7\"]",
            "line 4: server.certificate.domains: \"192.0.2.7\" is an address",
        ),
        (
            "[server.certificate]\nkind = \"acme\"\ndomains = [\"a.example\"]\ndirectory = \"http://a.example/\"",
            "line 5: server.certificate.directory: \"http://a.example/\" is no ACME directory",
        ),
        (
            "[server.certificate]\nkind = \"acme\"\ndomains = [\"a.example\"]\ncontact = \"ann\"",
            "line 5: server.certificate.contact: \"ann\" is no mail address",
        ),
    ] {
        let problems = server(keys).expect_err(keys);
        assert!(problems.contains(expected), "{keys}\n{problems}");
    }
}

#[test]
fn who_may_reach_the_recorder() {
    let read = server(
        "[server.access]\nallow = [\"10.0.0.0/8\", \"02-00-5E-10-00-01\"]\nblock = [\"10.0.0.7\"]\nidle_sign_out = \"30m\"",
    );
    let access = read.unwrap().access;
    assert_eq!(access.allow.len(), 2);
    assert_eq!(access.block[0].to_string(), "10.0.0.7");
    assert_eq!(access.idle_sign_out, Some(Duration::from_secs(1800)));
    assert_eq!(server("").unwrap().access, crate::Access::default());
    let error = server("[server.access]\nallow = [\"lobby\", \"10.0.0.7/8\"]\nidle_sign_out = \"1s\"").unwrap_err();
    for part in [
        "server.access.allow[0]",
        "\"lobby\"",
        "server.access.allow[1]",
        "10.0.0.0/8",
        "idle_sign_out",
    ] {
        assert!(error.contains(part), "{part} in {error}");
    }
}
