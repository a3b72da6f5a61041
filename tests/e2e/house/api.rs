//! HTTP, as the tester.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use vigie_fake_camera::books::{GapSpan, unix_us};

use super::{House, PASSWORD, PATIENCE, USER, wait_for};

/// One HTTP answer.
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap())
    }
}

pub type Gap = GapSpan;

/// What `GET /recordings` says, with times as Unix microseconds.
#[derive(Debug, Clone, PartialEq)]
pub struct Recordings {
    /// start, end, bytes, causes
    pub segments: Vec<(u64, u64, u64, Vec<String>)>,
    pub gaps: Vec<Gap>,
}

impl Recordings {
    /// Gaps that began before `us`: the silence at a test's end opens one that is none of its business.
    pub fn gaps_before(&self, us: u64) -> Vec<Gap> {
        self.gaps.iter().filter(|g| g.start_us < us).cloned().collect()
    }
}

/// Unix time in microseconds.
pub fn now_us() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros() as u64
}

fn time(value: &Value) -> u64 {
    unix_us(value.as_str().unwrap_or_else(|| panic!("a time: {value}"))).unwrap() as u64
}

impl House {
    /// GET as the tester.
    pub fn get(&self, path: &str) -> Answer {
        self.get_with(path, &[])
    }

    /// GET as the tester with more headers.
    pub fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = self
            .client
            .get(format!("{}{path}", self.http))
            .basic_auth(USER, Some(PASSWORD));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request)
    }

    /// GET as another user.
    pub fn get_as(&self, user: &str, path: &str) -> Answer {
        let url = format!("{}{path}", self.http);
        self.send(self.client.get(url).basic_auth(user, Some(PASSWORD)))
    }

    /// GET with this password, or as nobody.
    pub fn get_signed_in(&self, credentials: Option<(&str, &str)>, path: &str) -> Answer {
        let request = self.client.get(format!("{}{path}", self.http));
        match credentials {
            Some((user, password)) => self.send(request.basic_auth(user, Some(password))),
            None => self.send(request.header("cookie", "vigie_session=ended")),
        }
    }

    /// HEAD as the tester.
    pub fn head(&self, path: &str) -> Answer {
        self.send(
            self.client
                .head(format!("{}{path}", self.http))
                .basic_auth(USER, Some(PASSWORD)),
        )
    }

    /// POST as the tester.
    pub fn post(&self, path: &str) -> Answer {
        self.send(
            self.client
                .post(format!("{}{path}", self.http))
                .basic_auth(USER, Some(PASSWORD)),
        )
    }

    pub fn delete_as(&self, user: &str, path: &str) -> Answer {
        let url = format!("{}{path}", self.http);
        self.send(self.client.delete(url).basic_auth(user, Some(PASSWORD)))
    }

    /// POST of a JSON document as another user.
    pub fn post_json_as(&self, user: &str, path: &str, body: &Value) -> Answer {
        let url = format!("{}{path}", self.http);
        self.send(
            self.client
                .post(url)
                .basic_auth(user, Some(PASSWORD))
                .header("content-type", "application/json")
                .body(body.to_string()),
        )
    }

    /// POST of a text with a bearer token.
    pub fn post_with_token(&self, path: &str, token: &str, body: &str) -> Answer {
        let request = self.client.post(format!("{}{path}", self.http));
        self.send(request.bearer_auth(token).body(body.to_owned()))
    }

    /// Any request; nobody signs it.
    pub fn ask(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let method = method.to_uppercase().parse().unwrap();
        self.client.request(method, format!("{}{path}", self.http))
    }

    /// Any request as somebody, with a JSON document.
    pub fn ask_as(&self, user: &str, method: &str, path: &str, body: &Value) -> reqwest::RequestBuilder {
        let request = self.ask(method, path).basic_auth(user, Some(PASSWORD));
        request
            .header("content-type", "application/json")
            .body(body.to_string())
    }

    /// Tells of an event as the tester; what a busy disk did not take at once is told again.
    pub fn tell(&self, event: &Value) -> Answer {
        let answer = wait_for("an answer", PATIENCE, || {
            let answer = self.post_json_as(USER, "/api/v1/events", event);
            (answer.status != 503).then_some(answer)
        });
        assert!((200..300).contains(&answer.status), "{}", answer.text());
        answer
    }

    /// A page of events.
    pub fn event_page(&self, query: &str) -> Value {
        let answer = self.get(&format!("/api/v1/events?{query}"));
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    pub fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        self.runtime.block_on(async {
            let answer = match request.timeout(Duration::from_secs(30)).send().await {
                Ok(answer) => answer,
                // No answer is an answer that tests wait out.
                Err(error) => {
                    return Answer {
                        status: 0,
                        headers: Default::default(),
                        body: format!("{error:?}").into(),
                    };
                }
            };
            let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
            Answer {
                status,
                headers,
                body: answer.bytes().await.unwrap_or_default().to_vec(),
            }
        })
    }

    /// Camera's or stream's entry of `GET /cameras`.
    pub fn camera(&self, camera: &str) -> Value {
        let answer = self.get("/api/v1/cameras");
        assert_eq!(answer.status, 200, "{}", answer.text());
        let all = answer.json();
        let found = all.as_array().unwrap().iter().find(|c| c["id"] == camera).cloned();
        found.unwrap_or_else(|| panic!("no camera {camera} in {all}"))
    }

    pub fn stream(&self, camera: &str, stream: &str) -> Value {
        self.camera(camera)["streams"][stream].clone()
    }

    pub fn wait_state(&self, camera: &str, stream: &str, state: &str, patience: Duration) {
        let mut last = Value::Null;
        wait_for(&format!("{camera}/{stream} {state}"), patience, || {
            last = self.stream(camera, stream);
            (last["state"] == state).then_some(())
        });
    }

    /// Everything of the last 24 h.
    pub fn recordings(&self, camera: &str, stream: &str) -> Recordings {
        let answer = self.get(&format!("/api/v1/recordings?camera={camera}&stream={stream}"));
        assert_eq!(answer.status, 200, "{}", answer.text());
        let body = answer.json();
        let segments = body["segments"].as_array().unwrap().iter().map(|s| {
            let causes = s["causes"]
                .as_array()
                .unwrap()
                .iter()
                .map(|c| c.as_str().unwrap().to_owned())
                .collect();
            (time(&s["start"]), time(&s["end"]), s["bytes"].as_u64().unwrap(), causes)
        });
        let gaps = body["gaps"].as_array().unwrap().iter().map(|g| Gap {
            start_us: time(&g["start"]),
            end_us: (!g["end"].is_null()).then(|| time(&g["end"])),
            cause: g["cause"].as_str().unwrap().to_owned(),
        });
        Recordings {
            segments: segments.collect(),
            gaps: gaps.collect(),
        }
    }

    /// End of what is recorded, 0 before anything is.
    pub fn recorded_until(&self, camera: &str, stream: &str) -> u64 {
        self.recordings(camera, stream).segments.last().map_or(0, |s| s.1)
    }

    /// Waits until something of now is recorded.
    pub fn wait_recording(&self, camera: &str, stream: &str) {
        let from = now_us();
        wait_for(&format!("{camera}/{stream} recorded"), super::PATIENCE, || {
            (self.recorded_until(camera, stream) > from).then_some(())
        });
    }

    pub fn wait_camera_says(&self, camera: &str, field: &str, part: &str) {
        wait_for(&format!("{camera}: {part}"), super::PATIENCE, || {
            self.camera(camera)[field].as_str()?.contains(part).then_some(())
        });
    }

    /// A disk's entry of `GET /system/info`.
    pub fn disk(&self, id: &str) -> Value {
        let info = self.get("/api/v1/system/info").json();
        let all = info["disks"].as_array().unwrap_or_else(|| panic!("{info}")).clone();
        let found = all.into_iter().find(|disk| disk["disk"] == id);
        found.unwrap_or_else(|| panic!("no disk {id} in {info}"))
    }

    /// How often an event of this kind was raised.
    pub fn events(&self, kind: &str) -> u64 {
        let metrics = self.get("/metrics").text();
        let name = format!("vigie_events_total{{kind=\"{kind}\"}} ");
        let line = metrics.lines().find_map(|line| line.strip_prefix(&name));
        line.map_or(0, |count| count.parse().unwrap())
    }

    pub fn wait_disk(&self, id: &str, what: &str, fits: impl Fn(&str) -> bool) {
        wait_for(&format!("disk {id} {what}"), super::PATIENCE, || {
            fits(self.disk(id)["state"].as_str().unwrap_or_default()).then_some(())
        });
    }

    #[cfg(feature = "fault-hooks")]
    pub fn tree(&self) -> Value {
        self.get("/api/v1/system/tree").json()
    }
}

/// RFC 3339 of a Unix time in microseconds.
pub fn rfc3339(us: u64) -> String {
    let (seconds, fraction) = ((us / 1_000_000) as i64, us % 1_000_000);
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // The civil calendar from days since 1970, years beginning in March.
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let (day, month) = (doy - (153 * mp + 2) / 5 + 1, if mp < 10 { mp + 3 } else { mp - 9 });
    let year = yoe + era * 400 + i64::from(month <= 2);
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{fraction:06}Z",
        rest / 3600,
        rest / 60 % 60,
        rest % 60
    )
}

#[test]
fn times_go_both_ways() {
    for us in [0, 1_709_251_199_000_001, now_us()] {
        assert_eq!(unix_us(&rfc3339(us)), Some(us as i64));
    }
}
