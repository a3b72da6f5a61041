//! The certificate that the encrypted addresses show: made here, uploaded, from files, or by ACME.
//!
//! Belongs here: which certificate is shown, when another is fetched, what stands in `state_dir/tls`.
//! Does not belong here: listeners and TLS itself (`vigie-web`).
//!
//! Nothing that fails here ends serving: the certificate that there is stays, and without any the
//! recorder makes its own.

mod acme;
mod answers;
mod own;
mod pair;
mod shelf;
mod watch;

#[cfg(test)]
mod tests;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use arc_swap::{ArcSwap, ArcSwapOption};
use rustls::{
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use serde::Serialize;
use tokio::sync::Notify;
use vigie_config::{CertificateSource, Server, Utc};

use self::{answers::Answers, pair::Pair, shelf::Shelf, watch::Watch};
use crate::supervise::{ChildSpec, JobContext, worker_child};

pub use answers::ACME_TLS;
pub use pair::{Facts, PairError};

/// A clock that is set, or a machine that slept, is noticed by then.
const LOOK: Duration = Duration::from_secs(600);
/// How soon a change of files is noticed.
const LOOK_AT_FILES: Duration = Duration::from_secs(2);

/// Where a certificate came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Made by this recorder.
    Own,
    Uploaded,
    Files,
    Acme,
}

/// What is shown now.
#[derive(Clone)]
struct Held {
    pair: Pair,
    origin: Origin,
}

/// What the configuration asks for.
#[derive(Debug, Clone, PartialEq)]
struct Wish {
    /// Somebody may see it.
    needed: bool,
    source: CertificateSource,
}

impl Wish {
    fn of(server: &Server) -> Self {
        Self {
            needed: !server.https.is_empty(),
            source: server.certificate.clone(),
        }
    }
}

/// How it stands with the certificate.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct CertificateSnapshot {
    /// Where the one that is shown came from; `null`: nothing is served by TLS.
    pub source: Option<Origin>,
    #[serde(flatten)]
    pub facts: Option<Facts>,
    /// When another is made or asked for by itself.
    #[schema(value_type = Option<String>)]
    pub next_renewal: Option<Utc>,
    /// Why the one that the configuration asks for is not shown, or was not renewed.
    pub error: Option<String>,
}

/// Why an uploaded certificate is not taken.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    #[error(transparent)]
    Pair(#[from] PairError),
    #[error("the configuration says where the certificate comes from: server.certificate.kind is not \"own\"")]
    NotOwn,
    #[error("cannot keep it: {0}")]
    Disk(std::io::Error),
}

/// The certificate of all encrypted listeners. Outlives its actor.
pub struct Certificates {
    wish: ArcSwap<Wish>,
    current: ArcSwapOption<Held>,
    answers: Answers,
    shelf: Shelf,
    error: Mutex<Option<String>>,
    next_renewal: Mutex<Option<Utc>>,
    changed: Notify,
}

impl std::fmt::Debug for Certificates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Certificates").finish_non_exhaustive()
    }
}

impl Certificates {
    /// With a certificate to show, if one is needed.
    pub(crate) fn open(server: &Server) -> Arc<Self> {
        let certificates = Arc::new(Self {
            wish: ArcSwap::from_pointee(Wish::of(server)),
            current: ArcSwapOption::empty(),
            answers: Answers::default(),
            shelf: Shelf::new(server.state_dir.join("tls")),
            error: Mutex::default(),
            next_renewal: Mutex::default(),
            changed: Notify::new(),
        });
        certificates.look(&mut Watch::default());
        certificates
    }

    pub(crate) fn configure(&self, server: &Server) {
        let wish = Wish::of(server);
        if **self.wish.load() != wish {
            self.wish.store(Arc::new(wish));
            self.changed.notify_one();
        }
    }

    pub fn snapshot(&self) -> CertificateSnapshot {
        let held = self.current.load_full();
        CertificateSnapshot {
            source: held.as_ref().map(|held| held.origin),
            facts: held.map(|held| held.pair.facts.clone()),
            next_renewal: *lock(&self.next_renewal),
            error: lock(&self.error).clone(),
        }
    }

    /// What an authority is answered that asks by HTTP-01 for this token.
    pub fn answer(&self, token: &str) -> Option<String> {
        self.answers.of_token(token)
    }

    /// Shows an uploaded certificate from now on.
    pub fn upload(&self, chain: &str, key: &str) -> Result<CertificateSnapshot, UploadError> {
        if !matches!(self.wish.load().source, CertificateSource::Own { .. }) {
            return Err(UploadError::NotOwn);
        }
        let pair = Pair::read(chain, key)?;
        pair.facts.is_for_now(Utc::now())?;
        self.shelf
            .keep(Origin::Uploaded, &format!("{}\n{}\n", key.trim(), chain.trim()))
            .map_err(UploadError::Disk)?;
        self.show(pair, Origin::Uploaded);
        self.fine();
        *lock(&self.next_renewal) = None;
        self.changed.notify_one();
        Ok(self.snapshot())
    }

    /// Shows the recorder's own certificate again. False: none was uploaded.
    pub fn forget_upload(&self) -> std::io::Result<bool> {
        let there = self.shelf.forget(Origin::Uploaded)?;
        if there {
            self.look(&mut Watch::default());
            self.changed.notify_one();
        }
        Ok(there)
    }

    fn show(&self, pair: Pair, origin: Origin) {
        tracing::info!(?origin, names = pair.facts.names.join(" "), not_after = %pair.facts.not_after, "certificate");
        self.current.store(Some(Arc::new(Held { pair, origin })));
    }

    fn fine(&self) {
        *lock(&self.error) = None;
    }

    fn failed(&self, error: impl ToString) {
        let error = error.to_string();
        let mut last = lock(&self.error);
        if last.as_ref() != Some(&error) {
            tracing::error!("certificate: {error}");
            *last = Some(error);
        }
    }

    /// Takes up what lies there, and makes the recorder's own where one is to be made. Answers when
    /// an authority is to be asked.
    fn look(&self, watch: &mut Watch) {
        let wish = self.wish.load_full();
        let now = Utc::now();
        *lock(&self.next_renewal) = None;
        if !wish.needed {
            self.current.store(None);
            return self.fine();
        }
        match &wish.source {
            CertificateSource::Own { names } => match self.stored(Origin::Uploaded) {
                Some(pair) => {
                    match pair.facts.is_for_now(now) {
                        Ok(()) => self.fine(),
                        Err(error) => self.failed(format!("the uploaded certificate: {error}")),
                    }
                    self.show_if_new(pair, Origin::Uploaded);
                }
                None => self.show_own(names, now),
            },
            CertificateSource::Files { chain, key } => match watch.read(chain, key) {
                None => {}
                Some(Ok(pair)) => {
                    match pair.facts.is_for_now(now) {
                        Ok(()) => self.fine(),
                        Err(error) => self.failed(format!("{}: {error}", chain.display())),
                    }
                    self.show_if_new(pair, Origin::Files);
                }
                Some(Err(error)) => self.failed(error),
            },
            CertificateSource::Acme(acme) => match self.stored(Origin::Acme) {
                Some(pair) if acme.domains.iter().all(|domain| pair.facts.names.contains(domain)) => {
                    *lock(&self.next_renewal) = Some(pair.facts.renewal().max(now));
                    if pair.facts.is_for_now(now).is_ok() {
                        self.show_if_new(pair, Origin::Acme);
                    }
                }
                _ => *lock(&self.next_renewal) = Some(now),
            },
        }
        if self.current.load().is_none() {
            self.show_own(&[], now);
        }
    }

    /// One that is kept, if it can be read.
    fn stored(&self, origin: Origin) -> Option<Pair> {
        let text = match self.shelf.read(origin) {
            Ok(text) => text?,
            Err(error) => {
                self.failed(format!("{}: {error}", self.shelf.path(origin).display()));
                return None;
            }
        };
        let pair = Pair::read(&text, &text);
        pair.map_err(|error| self.failed(format!("{}: {error}", self.shelf.path(origin).display())))
            .ok()
    }

    fn show_own(&self, names: &[String], now: Utc) {
        match own::look(&self.shelf, names, now) {
            Ok((pair, kept)) => {
                if matches!(self.wish.load().source, CertificateSource::Own { .. }) {
                    *lock(&self.next_renewal) = Some(pair.facts.renewal());
                    match kept {
                        Ok(()) => self.fine(),
                        Err(error) => self.failed(format!("cannot keep the certificate: {error}")),
                    }
                }
                self.show_if_new(pair, Origin::Own);
            }
            Err(error) => self.failed(error),
        }
    }

    fn show_if_new(&self, pair: Pair, origin: Origin) {
        let held = self.current.load();
        let same = held
            .as_ref()
            .is_some_and(|held| held.origin == origin && held.pair.facts == pair.facts);
        if !same {
            self.show(pair, origin);
        }
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        if hello
            .alpn()
            .is_some_and(|mut protocols| protocols.any(|protocol| protocol == ACME_TLS))
        {
            return self.answers.of_name(hello.server_name()?);
        }
        self.current.load().as_ref().map(|held| held.pair.key.clone())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Renews, and takes up changes, as a child of the root.
pub(crate) fn certificate_child(certificates: Arc<Certificates>) -> ChildSpec {
    worker_child("certificate", "certificate", move |context| {
        let certificates = certificates.clone();
        Box::pin(async move {
            run(&context, &certificates).await;
            Ok(())
        })
    })
}

async fn run(context: &JobContext, certificates: &Arc<Certificates>) {
    let mut watch = Watch::default();
    let mut renewal = acme::Renewal::default();
    loop {
        let wish = certificates.wish.load_full();
        let looked = certificates.clone();
        // Disks may take their time.
        let look = tokio::task::spawn_blocking(move || {
            looked.look(&mut watch);
            watch
        });
        watch = look.await.unwrap_or_default();
        let mut pause = LOOK;
        match &wish.source {
            CertificateSource::Acme(acme) if wish.needed => {
                let asked = renewal.look(certificates, acme);
                tokio::select! {
                    next = asked => pause = pause.min(next),
                    // The configuration changed: what was asked for may be wanted no more.
                    () = certificates.changed.notified() => pause = Duration::ZERO,
                    () = context.stopping() => return,
                }
            }
            CertificateSource::Files { .. } => pause = LOOK_AT_FILES,
            _ => {}
        }
        let snapshot = certificates.snapshot();
        if let Some(error) = &snapshot.error {
            context.node.note_error(error);
        }
        context.node.publish(snapshot);
        context.node.fault_point();
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = certificates.changed.notified() => watch = Watch::default(),
            () = context.stopping() => return,
        }
    }
}
