#![allow(clippy::unwrap_used)]

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use vigie_config::Config;

use super::*;

fn server(state: &Path, certificate: &str) -> Server {
    let text = format!(
        "[server]\nstate_dir = {:?}\nhttps = \"127.0.0.1:0\"\n[server.certificate]\n{certificate}\n",
        state.display().to_string()
    );
    Config::parse(&text, &|_| None).unwrap().0.server
}

fn plus_days(time: Utc, days: i64) -> Utc {
    time.plus_micros(days * 24 * 3600 * 1_000_000)
}

/// A certificate for a name, its chain and key as PEM.
fn issued(name: &str, until: (i32, u8)) -> (String, String) {
    let ca_key = KeyPair::generate().unwrap();
    let mut ca = CertificateParams::new(Vec::<String>::new()).unwrap();
    ca.distinguished_name.push(rcgen::DnType::CommonName, "Test CA");
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca_certificate = ca.self_signed(&ca_key).unwrap();
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new([name.to_owned()]).unwrap();
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(until.0, until.1, 1);
    let certificate = params.signed_by(&key, &Issuer::new(ca, ca_key)).unwrap();
    (certificate.pem() + &ca_certificate.pem(), key.serialize_pem())
}

#[test]
fn its_own_is_kept_and_keeps_its_key() {
    let folder = tempfile::tempdir().unwrap();
    let shelf = Shelf::new(folder.path().join("tls"));
    let now = Utc::now();
    let (first, kept) = own::look(&shelf, &[], now).unwrap();
    kept.unwrap();
    let path = shelf.path(Origin::Own);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(first.facts.names.contains(&"localhost".to_owned()), "{:?}", first.facts);
    assert!(first.facts.names.contains(&"127.0.0.1".to_owned()));
    let public = |pair: &Pair| pair.key.key.public_key().unwrap().to_vec();
    let look = |names: &[String], now| own::look(&shelf, names, now).unwrap().0;
    assert_eq!(look(&[], plus_days(now, 500)).facts, first.facts);
    let renewed = look(&[], plus_days(now, 560));
    assert_ne!(renewed.facts.fingerprint, first.facts.fingerprint);
    assert_eq!(public(&renewed), public(&first));
    // A clock that was far ahead when it was made.
    let again = look(&[], now);
    assert!(again.facts.not_before < now);
    let named = look(&["vigie.lan".into()], now);
    assert!(named.facts.names.contains(&"vigie.lan".to_owned()));
    assert_eq!(public(&named), public(&first));
    fs::write(&path, "torn").unwrap();
    assert_ne!(public(&look(&[], now)), public(&first));
}

#[test]
fn without_a_listener_none_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = server(folder.path(), "kind = \"own\"");
    server.https.clear();
    let certificates = Certificates::open(&server);
    assert!(certificates.snapshot().source.is_none());
    assert!(!folder.path().join("tls").exists());
}

#[test]
fn files_that_are_wrong_leave_what_there_was() {
    let folder = tempfile::tempdir().unwrap();
    let (chain, key) = (folder.path().join("chain.pem"), folder.path().join("key.pem"));
    let wish = format!("kind = \"files\"\nchain = {chain:?}\nkey = {key:?}");
    let certificates = Certificates::open(&server(folder.path(), &wish));
    let snapshot = certificates.snapshot();
    assert_eq!(snapshot.source, Some(Origin::Own));
    assert!(snapshot.error.unwrap().contains("no such file"));
    let mut watch = Watch::default();
    let put = |(chain_text, key_text): &(String, String)| {
        fs::write(&chain, chain_text).unwrap();
        fs::write(&key, key_text).unwrap();
    };
    let first = issued("one.example", (2090, 1));
    put(&first);
    certificates.look(&mut watch);
    let snapshot = certificates.snapshot();
    assert_eq!((snapshot.source, snapshot.error), (Some(Origin::Files), None));
    assert_eq!(snapshot.facts.unwrap().names, ["one.example"]);
    let second = issued("two.example", (2090, 2));
    fs::write(&chain, &second.0).unwrap();
    certificates.look(&mut watch);
    let snapshot = certificates.snapshot();
    assert!(snapshot.error.unwrap().contains("not the first certificate's"));
    assert_eq!(snapshot.facts.unwrap().names, ["one.example"]);
    put(&second);
    certificates.look(&mut watch);
    let snapshot = certificates.snapshot();
    assert_eq!(
        (snapshot.facts.unwrap().names, snapshot.error),
        (vec!["two.example".to_owned()], None)
    );
}

#[test]
fn an_upload_is_checked_and_outlives_a_start() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path(), "kind = \"own\"");
    let certificates = Certificates::open(&server);
    let (chain, key) = issued("cam.example", (2090, 1));
    let (other_chain, other_key) = issued("other.example", (2090, 1));
    let (old_chain, old_key) = issued("old.example", (2021, 1));
    let both: Vec<&str> = chain.split_inclusive("-----END CERTIFICATE-----\n").collect();
    let turned = [both[1], both[0]].concat();
    let refused = |chain: &str, key: &str| certificates.upload(chain, key).unwrap_err().to_string();
    for (chain, key, expected) in [
        ("", key.as_str(), "no certificate"),
        (
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            &key,
            "certificate 1",
        ),
        (&chain, "", "no private key"),
        (&chain, &chain, "no private key"),
        (&chain, &other_key, "not the first certificate's"),
        (&other_chain, &key, "not the first certificate's"),
        (&turned, &key, "was not issued by the one behind it"),
        (&old_chain, &old_key, "the certificate ended on 2021-01-01"),
    ] {
        let said = refused(chain, key);
        assert!(said.contains(expected), "{said}");
    }
    assert_eq!(certificates.snapshot().source, Some(Origin::Own));
    let shown = certificates.upload(&chain, &key).unwrap();
    assert_eq!(
        (shown.source, &shown.facts.as_ref().unwrap().names[..]),
        (Some(Origin::Uploaded), &["cam.example".to_owned()][..])
    );
    let again = Certificates::open(&server);
    assert_eq!(again.snapshot().facts, shown.facts);
    assert!(again.forget_upload().unwrap());
    assert_eq!(again.snapshot().source, Some(Origin::Own));
    assert!(!again.forget_upload().unwrap());
}

#[test]
fn what_may_not_be_kept_is_shown_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    // A file where the folder is to be.
    fs::write(folder.path().join("tls"), "").unwrap();
    let snapshot = Certificates::open(&server(folder.path(), "kind = \"own\"")).snapshot();
    assert_eq!(snapshot.source, Some(Origin::Own));
    assert!(snapshot.error.is_some());
}
