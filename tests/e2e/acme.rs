//! Certificates by ACME, from pebble: an authority that is not ours and behaves badly on purpose.

use std::{
    fs,
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
};

use serde_json::json;

use crate::{
    house::{House, PATIENCE, Setup, certificate, wait_for},
    tls::client,
};

const NAME: &str = "vigie.test";

/// A port that nobody uses now.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Ends with the test.
pub struct Helper(Child);

impl Helper {
    pub fn start(command: &mut Command, log: &Path) -> Self {
        let log = fs::File::create(log).unwrap();
        let command = command
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        Self(
            command
                .spawn()
                .unwrap_or_else(|error| panic!("{command:?}: {error}: run make setup-test")),
        )
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// An authority, and a name server that says of every name that it is here.
struct Pebble {
    _names: Helper,
    _authority: Helper,
    directory: String,
    roots: String,
    /// Whom to trust at these two.
    trust: String,
}

impl Pebble {
    /// It asks on these ports whether a name is ours.
    fn start(folder: &Path, http: u16, tls: u16) -> Self {
        let [trust, own, key] = certificate(folder);
        let [acme, management, names] = [free_port(), free_port(), free_port()];
        let config = json!({ "pebble": {
            "listenAddress": format!("127.0.0.1:{acme}"),
            "managementListenAddress": format!("127.0.0.1:{management}"),
            "certificate": own,
            "privateKey": key,
            "httpPort": http,
            "tlsPort": tls,
            "ocspResponderURL": "",
            "externalAccountBindingRequired": false,
        }});
        let path = folder.join("pebble.json");
        fs::write(&path, config.to_string()).unwrap();
        let dns = format!("127.0.0.1:{names}");
        let names = [
            "-defaultIPv6",
            "",
            "-http01",
            "",
            "-https01",
            "",
            "-tlsalpn01",
            "",
            "-management",
            "127.0.0.1:0",
        ];
        let mut resolver = Command::new("pebble-challtestsrv");
        resolver.args(names).args(["-dns01", &dns]);
        let mut authority = Command::new("pebble");
        authority
            .args(["-strict", "-dnsserver", &dns, "-config"])
            .arg(&path)
            .env("PEBBLE_VA_NOSLEEP", "1")
            // One request in twenty is refused, as of a nonce that has grown old.
            .env("PEBBLE_WFE_NONCEREJECT", "5");
        Self {
            _names: Helper::start(&mut resolver, &folder.join("names.log")),
            _authority: Helper::start(&mut authority, &folder.join("pebble.log")),
            directory: format!("https://127.0.0.1:{acme}/dir"),
            roots: format!("https://127.0.0.1:{management}/roots/0"),
            trust,
        }
    }

    fn wait(&self, house: &House) {
        let asked = client(Path::new(&self.trust));
        wait_for("pebble", PATIENCE, || {
            (house.get_by(&asked, &self.directory).status == 200).then_some(())
        });
    }
}

/// By one of the two challenges: nobody answers at first, then the authority issues, then it is gone.
fn a_certificate_by(challenge: &str) {
    let folder = tempfile::tempdir().unwrap();
    let [http, https] = [free_port(), free_port()];
    let setup = |directory: &str, trust: &str| Setup {
        http: format!("\"127.0.0.1:{http}\""),
        server: format!(
            "https = \"127.0.0.1:{https}\"\nhttp_redirect = true\n[server.certificate]\nkind = \"acme\"\n\
             domains = [\"{NAME}\"]\ncontact = \"owner@example.org\"\nchallenge = \"{challenge}\"\n\
             directory = \"{directory}\"\ntls_ca = \"{trust}\""
        ),
        ..Setup::default()
    };
    let pebble = Pebble::start(folder.path(), http, https);
    let nobody = format!("https://127.0.0.1:{}/dir", free_port());
    let mut house = House::start(&setup(&nobody, &pebble.trust));
    pebble.wait(&house);
    let pinned = client(&house.root.join("state/tls/own.pem"));
    let by_ip = format!("{}/healthz", house.https());
    let own_page = format!("{}/api/v1/certificate", house.https());
    let failed = wait_for("a failure", PATIENCE, || {
        let shown = house.get_by(&pinned, &own_page).json();
        shown["error"].as_str().map(|_| shown.clone())
    });
    assert_eq!(failed["source"], "own", "{failed}");
    assert!(failed["error"].as_str().unwrap().contains(&nobody), "{failed}");
    assert_eq!(house.get_by(&pinned, &by_ip).status, 200);

    house.reconfigure(&setup(&pebble.directory, &pebble.trust));
    let roots = folder.path().join("roots.pem");
    let address = format!("127.0.0.1:{https}").parse().unwrap();
    let root = house.send(client(Path::new(&pebble.trust)).get(&pebble.roots));
    fs::write(&roots, &root.body).unwrap();
    let trusting = crate::house::client_builder()
        .tls_certs_only(reqwest::Certificate::from_pem_bundle(&root.body).unwrap())
        .resolve(NAME, address)
        .pool_max_idle_per_host(0)
        .build()
        .unwrap();
    let page = format!("https://{NAME}:{https}/api/v1/certificate");
    let shown = wait_for("a certificate of the authority", PATIENCE, || {
        let answer = house.get_by(&trusting, &page);
        (answer.status == 200).then(|| answer.json())
    });
    assert_eq!(
        (&shown["source"], &shown["error"]),
        (&json!("acme"), &json!(null)),
        "{shown}"
    );
    assert_eq!(shown["names"], json!([NAME]));
    assert!(shown["issuer"].as_str().unwrap().contains("Pebble"), "{shown}");
    assert!(shown["next_renewal"].as_str() > shown["not_before"].as_str(), "{shown}");
    assert!(shown["next_renewal"].as_str() < shown["not_after"].as_str(), "{shown}");
    drop(pebble);
    house.terminate();
    house.run();
    let again = house.get_by(&trusting, &page).json();
    assert_eq!(again["fingerprint"], shown["fingerprint"], "{again}");
}

#[test]
fn a_certificate_by_http_01() {
    a_certificate_by("http-01");
}

#[test]
fn a_certificate_by_tls_alpn_01() {
    a_certificate_by("tls-alpn-01");
}
