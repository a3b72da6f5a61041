//! Who gets what the recorder tells: a mail server that is not ours (aiosmtpd), and an HTTP server
//! that keeps every request.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    time::UNIX_EPOCH,
};

use base64::{Engine, prelude::BASE64_STANDARD};

use super::{first_line, now_us};

/// Ends with the test.
pub struct MailServer {
    pub folder: tempfile::TempDir,
    pub port: u16,
    options: Vec<String>,
    child: Option<Child>,
}

/// A mail as it arrived.
#[derive(Debug, Clone)]
pub struct Mail {
    pub to: String,
    pub text: String,
    /// When it was whole, Unix time in microseconds.
    pub at_us: i64,
}

impl Mail {
    pub fn header(&self, name: &str) -> &str {
        let line = self
            .text
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        line.unwrap_or_else(|| panic!("no {name} in {}", self.text))
    }

    /// The part in plain text, decoded as far as ASCII goes.
    pub fn plain(&self) -> String {
        let part = self.text.split("Content-Type: text/plain").nth(1).unwrap();
        let body = part.split_once("\r\n\r\n").unwrap().1;
        let body = body.split("\r\n--").next().unwrap();
        body.replace("=\r\n", "")
    }

    /// The pictures inside, in their order.
    pub fn pictures(&self) -> Vec<Vec<u8>> {
        let parts = self.text.split("Content-Type: image/jpeg").skip(1);
        let bodies = parts.map(|part| part.split_once("\r\n\r\n").unwrap().1.split("\r\n--").next().unwrap());
        let decoded = bodies.map(|body| BASE64_STANDARD.decode(body.replace("\r\n", "")).unwrap());
        decoded.collect()
    }
}

impl MailServer {
    pub fn start(options: &[&str]) -> MailServer {
        let mut server = MailServer {
            folder: tempfile::Builder::new().prefix("vigie-mail-").tempdir().unwrap(),
            port: 0,
            options: options.iter().map(|&option| option.to_owned()).collect(),
            child: None,
        };
        server.resume();
        server
    }

    /// On the port that it had.
    pub fn resume(&mut self) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/house/smtp.py");
        // The system's: aiosmtpd is a package of it.
        let mut child = Command::new("/usr/bin/python3")
            .arg(script)
            .arg(self.folder.path())
            .arg(self.port.to_string())
            .args(&self.options)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let line = first_line(&mut child);
        let port = line.trim().strip_prefix("ready ");
        self.port = port
            .unwrap_or_else(|| panic!("the mail server did not start: {line:?}"))
            .parse()
            .unwrap();
        self.child = Some(child);
    }

    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// What it answers instead of taking something, as JSON; `{}`: nothing.
    pub fn answers(&self, json: &str) {
        let draft = self.folder.path().join(".answers");
        fs::write(&draft, json).unwrap();
        fs::rename(draft, self.folder.path().join("answers.json")).unwrap();
    }

    /// In the order of arrival.
    pub fn mails(&self) -> Vec<Mail> {
        let entries = fs::read_dir(self.folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().path());
        let mut paths: Vec<PathBuf> = entries
            .filter(|path| path.extension().is_some_and(|e| e == "eml"))
            .collect();
        paths.retain(|path| !path.file_name().unwrap().to_string_lossy().starts_with('.'));
        paths.sort();
        let read = |path: PathBuf| Mail {
            to: path
                .file_stem()
                .unwrap()
                .to_string_lossy()
                .split_once(' ')
                .unwrap()
                .1
                .to_owned(),
            text: String::from_utf8(fs::read(&path).unwrap()).unwrap(),
            at_us: {
                let whole = fs::metadata(&path).unwrap().modified().unwrap();
                whole.duration_since(UNIX_EPOCH).unwrap().as_micros() as i64
            },
        };
        paths.into_iter().map(read).collect()
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        self.stop();
    }
}

/// An authority and a certificate for 127.0.0.1 that it signed: paths of authority, certificate, key.
pub fn certificate(folder: &Path) -> [String; 3] {
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let (authority, key, request) = (path("ca.pem"), path("ca.key"), path("server.csr"));
    let (certificate, server_key, names) = (path("server.pem"), path("server.key"), path("names"));
    fs::write(&names, "subjectAltName=IP:127.0.0.1,DNS:localhost\n").unwrap();
    let run = |args: &[&str]| {
        let output = Command::new("openssl").args(args).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    };
    let new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    let days = ["-days", "30"];
    let ca = [
        "req",
        "-x509",
        "-subj",
        "/CN=test authority",
        "-keyout",
        &key,
        "-out",
        &authority,
    ];
    run(&[&ca[..], &new, &days].concat());
    let server = [
        "req",
        "-subj",
        "/CN=127.0.0.1",
        "-keyout",
        &server_key,
        "-out",
        &request,
    ];
    run(&[&server[..], &new].concat());
    let sign = [
        "x509",
        "-req",
        "-in",
        &request,
        "-CA",
        &authority,
        "-CAkey",
        &key,
        "-CAcreateserial",
    ];
    run(&[&sign[..], &["-extfile", &names, "-out", &certificate], &days].concat());
    [authority, certificate, server_key]
}

/// What somebody asked for.
#[derive(Debug, Clone)]
pub struct Asked {
    pub path: String,
    /// Names in small letters.
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
    /// When it was read, Unix time in microseconds.
    pub at_us: i64,
}

impl Asked {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Answers for each request: a status line and further headers.
type Answers = dyn Fn(&Asked) -> &'static str + Send + Sync;

pub struct Endpoint {
    pub url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    answers: Arc<Mutex<Box<Answers>>>,
}

impl Endpoint {
    pub fn start() -> Endpoint {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::<Mutex<Vec<Asked>>>::default();
        let answers: Arc<Mutex<Box<Answers>>> = Arc::new(Mutex::new(Box::new(|_| "200 OK")));
        let (keep, say) = (asked.clone(), answers.clone());
        // Ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (keep, say) = (keep.clone(), say.clone());
                std::thread::spawn(move || {
                    // A client that was killed is none of ours.
                    let Some((asked, mut stream)) = stream.ok().and_then(read) else {
                        return;
                    };
                    let status = (say.lock().unwrap())(&asked);
                    keep.lock().unwrap().push(asked);
                    let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                    stream.write_all(answer.as_bytes()).ok();
                });
            }
        });
        Endpoint { url, asked, answers }
    }

    pub fn answer(&self, answers: impl Fn(&Asked) -> &'static str + Send + Sync + 'static) {
        *self.answers.lock().unwrap() = Box::new(answers);
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

fn read(stream: std::net::TcpStream) -> Option<(Asked, std::net::TcpStream)> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let path = line.split(' ').nth(1)?.to_owned();
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        headers.insert(name.to_lowercase(), value.to_owned());
    }
    let length = headers
        .get("content-length")
        .and_then(|text| text.parse().ok())
        .unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let at_us = now_us() as i64;
    let asked = Asked {
        path,
        headers,
        body,
        at_us,
    };
    Some((asked, stream))
}
