//! Browsers: what they are sent they can open, and nobody else.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::{aead, agreement, hkdf, rand::SystemRandom, signature};
use serde_json::{Value, json};

use crate::{
    house::{Endpoint, House, PATIENCE, USER, wait_for},
    notify::{house_with, tell, wait_action},
};

/// A browser: its keys open one message.
struct Browser {
    own: agreement::EphemeralPrivateKey,
    public: Vec<u8>,
    secret: [u8; 16],
}

/// So many bytes out of HKDF.
struct Length(usize);

impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

fn expand(key: &hkdf::Prk, info: &[&[u8]], length: usize) -> Vec<u8> {
    let mut out = vec![0; length];
    key.expand(info, Length(length)).unwrap().fill(&mut out).unwrap();
    out
}

impl Browser {
    fn new() -> Browser {
        let own = agreement::EphemeralPrivateKey::generate(&agreement::ECDH_P256, &SystemRandom::new()).unwrap();
        let public = own.compute_public_key().unwrap().as_ref().to_vec();
        Browser {
            own,
            public,
            secret: *b"sixteen bytes ok",
        }
    }

    fn subscription(&self, endpoint: &str) -> Value {
        let text = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        json!({ "endpoint": endpoint, "expirationTime": null,
                "keys": { "p256dh": text(&self.public), "auth": text(&self.secret) } })
    }

    /// RFC 8291 from the other side.
    fn open(self, body: &[u8]) -> Value {
        let (salt, rest) = body.split_at(16);
        assert_eq!(rest[..4], 4096u32.to_be_bytes());
        let (sender, record) = rest[5..].split_at(usize::from(rest[4]));
        let theirs = agreement::UnparsedPublicKey::new(&agreement::ECDH_P256, sender);
        let info: &[&[u8]] = &[b"WebPush: info\0", &self.public, sender];
        let input = agreement::agree_ephemeral(self.own, &theirs, |shared| {
            expand(
                &hkdf::Salt::new(hkdf::HKDF_SHA256, &self.secret).extract(shared),
                info,
                32,
            )
        });
        let key = hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(&input.unwrap());
        let content = expand(&key, &[b"Content-Encoding: aes128gcm\0"], 16);
        let nonce = expand(&key, &[b"Content-Encoding: nonce\0"], 12);
        let cipher = aead::LessSafeKey::new(aead::UnboundKey::new(&aead::AES_128_GCM, &content).unwrap());
        let nonce = aead::Nonce::try_assume_unique_for_key(&nonce).unwrap();
        let mut record = record.to_vec();
        let plain = cipher.open_in_place(nonce, aead::Aad::empty(), &mut record).unwrap();
        let (last, text) = plain.split_last().unwrap();
        assert_eq!(*last, 2);
        serde_json::from_slice(text).unwrap()
    }
}

#[test]
fn a_browser_opens_what_it_is_sent_and_one_that_is_gone_is_forgotten() {
    let service = Endpoint::start();
    let tables =
        "[[push]]\nid = \"browsers\"\nkind = \"web_push\"\ncontact = \"mailto:ann@example.org\"\nmerge = \"0s\"\n";
    let mut house = House::start(&house_with(tables, "push = [\"browsers\"]"));
    house.add_user("guard", "ordinary");
    let nobody = tell(&house, "nobody listens");
    let action = wait_action(&house, &nobody, "push", "failed");
    assert!(
        action["detail"].as_str().unwrap().contains("no browser has asked"),
        "{action}"
    );

    let key = house.get_as("guard", "/api/v1/push/vapid").json()["public_key"]
        .as_str()
        .unwrap()
        .to_owned();
    let (browser, gone) = (Browser::new(), Browser::new());
    let subscribe = |user: &str, browser: &Browser, path: &str| {
        let wanted = browser.subscription(&format!("{}{path}", service.url));
        let answer = house.post_json_as(user, "/api/v1/push/subscriptions", &wanted);
        assert_eq!(answer.status, 201, "{}", answer.text());
    };
    subscribe("guard", &browser, "/here");
    subscribe(USER, &gone, "/gone");
    let mut bad = browser.subscription("http://192.0.2.1/");
    assert_eq!(
        house.post_json_as("guard", "/api/v1/push/subscriptions", &bad).status,
        400
    );
    bad["endpoint"] = json!("https://push.example.org/x");
    bad["keys"]["auth"] = json!("short");
    assert_eq!(
        house.post_json_as("guard", "/api/v1/push/subscriptions", &bad).status,
        400
    );
    let seen = |user: &str| {
        house
            .get_as(user, "/api/v1/push/subscriptions")
            .json()
            .as_array()
            .unwrap()
            .len()
    };
    assert_eq!((seen("guard"), seen(USER)), (1, 2));

    service.answer(|asked| {
        if asked.path == "/gone" {
            "410 Gone"
        } else {
            "201 Created"
        }
    });
    // Over a kill -9: the browsers and the key are the same.
    house.kill();
    house.run();
    let event = tell(&house, "told 7.");
    wait_action(&house, &event, "push", "done");
    wait_for("the one that is gone to be forgotten", PATIENCE, || {
        let all = house.get("/api/v1/push/subscriptions").json();
        (all.as_array().unwrap().len() == 1).then_some(())
    });
    let asked = service.asked().into_iter().find(|asked| asked.path == "/here").unwrap();
    assert_eq!(asked.headers["content-encoding"], "aes128gcm");
    assert_eq!(asked.headers["ttl"], "3600");
    let payload = browser.open(&asked.body);
    assert!(payload["body"].as_str().unwrap().contains("told 7."), "{payload}");
    assert_eq!(payload["id"].as_str().unwrap(), asked.headers["topic"]);
    let told = &payload["event"];
    assert_eq!(
        (&told["id"], &told["source"]),
        (&json!(event), &json!("house")),
        "{payload}"
    );
    let page = house.event_page("kind=external&limit=1");
    assert_eq!(told["at"], page["events"][0]["start"], "{payload}");
    let (token, public) = asked.headers["authorization"]
        .strip_prefix("vapid t=")
        .unwrap()
        .split_once(", k=")
        .unwrap();
    assert_eq!(public, key);
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let decode = |text: &str| BASE64_URL_SAFE_NO_PAD.decode(text).unwrap();
    signature::UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, decode(public))
        .verify(signed.as_bytes(), &decode(signature))
        .unwrap();
    let claims: Value = serde_json::from_slice(&decode(signed.split_once('.').unwrap().1)).unwrap();
    assert_eq!(
        (&claims["aud"], &claims["sub"]),
        (&json!(service.url), &json!("mailto:ann@example.org"))
    );

    let id = house.get_as("guard", "/api/v1/push/subscriptions").json()[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = format!("/api/v1/push/subscriptions/{id}");
    house.add_user("other", "ordinary");
    assert_eq!(house.delete_as("other", &path).status, 404);
    assert_eq!(house.delete_as("guard", &path).status, 204);
    house.terminate();
}
