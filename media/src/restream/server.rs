//! The server: its thread, its mounts, its clients.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use gstreamer_rtsp_server::{
    RTSPClient, RTSPMountPoints, RTSPServer, RTSPSessionPool, RTSPThreadPool,
    glib::{ControlFlow, MainContext, MainLoop, Priority, idle_source_new, timeout_source_new},
    prelude::*,
};
use vigie_config::StreamId;

use super::{
    CLIENT_THREADS, RestreamError, RestreamOptions, RestreamStats, RtspUsers,
    auth::{self, Access, Mounts},
    clients::Clients,
    factory::{self, Spec},
    feed::End,
    raw::{address_of, peer},
};
use crate::{gst::ensure_elements, hub::Hub};

/// How often sessions and connections are looked at whose clients have gone silent, or may not play
/// any more.
const SWEEP: Duration = Duration::from_secs(5);
/// Connections that may wait to be accepted: all viewers of a wall come at once after a restart.
const BACKLOG: i32 = 128;
/// Seconds for which a connection stays without a session once it had one.
const WITHOUT_SESSION: i32 = 15;
/// A source silent for so long has no picture to describe.
const STALE: Duration = Duration::from_secs(15);
/// Bytes a request may carry.
const REQUEST_LIMIT: u32 = 64 << 10;

struct Mount {
    hub: Arc<Hub>,
    anonymous: bool,
}

/// What the callbacks of the server share.
struct Shared {
    context: MainContext,
    points: RTSPMountPoints,
    mounts: Mutex<HashMap<StreamId, Mount>>,
    clients: Clients,
    users: Arc<dyn RtspUsers>,
    active: Arc<AtomicUsize>,
    dropped: Arc<AtomicU64>,
}

/// A running RTSP server. Ends when dropped: clients are disconnected, the port is free.
pub struct Restream {
    address: SocketAddr,
    shared: Arc<Shared>,
    main_loop: MainLoop,
    thread: Option<JoinHandle<()>>,
}

impl Restream {
    /// Listens and answers from now on.
    pub fn start(options: RestreamOptions) -> Result<Restream, RestreamError> {
        // A missing payloader costs the mounts that need it, never the recorder.
        if let Err(error) = ensure_elements(&[
            "rtph264pay",
            "rtph265pay",
            "rtpjpegpay",
            "rtpmp4gpay",
            "rtpopuspay",
            "rtppcmupay",
        ]) {
            tracing::error!(%error, "some streams cannot be played over RTSP");
        }
        let context = MainContext::new();
        let shared = Arc::new(Shared {
            context: context.clone(),
            points: RTSPMountPoints::new(),
            mounts: Mutex::default(),
            clients: Clients::default(),
            users: options.users.clone(),
            active: Arc::default(),
            dropped: Arc::default(),
        });
        let server = server(&options, &shared);
        server.attach(Some(&context)).map_err(|error| RestreamError::Bind {
            address: options.address,
            why: error.to_string(),
        })?;
        let port = u16::try_from(server.bound_port()).unwrap_or(options.address.port());
        let main_loop = MainLoop::new(Some(&context), false);
        let thread = std::thread::Builder::new()
            .name("restream".into())
            .spawn({
                let (main_loop, shared) = (main_loop.clone(), shared.clone());
                move || serve(&server, &main_loop, &shared)
            })
            .map_err(|error| RestreamError::Thread(error.to_string()))?;
        let address = SocketAddr::new(options.address.ip(), port);
        Ok(Restream {
            address,
            shared,
            main_loop,
            thread: Some(thread),
        })
    }

    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Offers a stream under `/<camera>/<stream>`; replaces an earlier mount of the same name.
    pub fn mount(&self, stream: StreamId, hub: Arc<Hub>, anonymous: bool) {
        self.unmount(&stream);
        self.shared.mounts().insert(
            stream.clone(),
            Mount {
                hub: hub.clone(),
                anonymous,
            },
        );
        self.shared.offer(&stream, &hub);
    }

    /// Disconnects the clients of a stream and forgets it.
    pub fn unmount(&self, stream: &StreamId) {
        if self.shared.mounts().remove(stream).is_some() {
            self.shared.points.remove_factory(&path(stream));
            self.shared.disconnect(stream);
        }
    }

    pub fn stats(&self) -> RestreamStats {
        RestreamStats {
            clients: self.shared.clients.all().len(),
            playing: self.shared.clients.playing().len(),
            mounts_active: self.shared.active.load(Ordering::Relaxed),
            mounts: self.shared.mounts().len(),
            clients_refused: self.shared.clients.refused(),
            units_dropped: self.shared.dropped.load(Ordering::Relaxed),
        }
    }
}

impl Drop for Restream {
    fn drop(&mut self) {
        // A loop that has not begun to run ignores `quit`, so the request is queued in the loop.
        let main_loop = self.main_loop.clone();
        self.shared.context.invoke(move || main_loop.quit());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl std::fmt::Debug for Restream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Restream")
            .field("address", &self.address)
            .field("stats", &self.stats())
            .finish()
    }
}

fn path(stream: &StreamId) -> String {
    format!("/{stream}")
}

fn server(options: &RestreamOptions, shared: &Arc<Shared>) -> RTSPServer {
    let server = RTSPServer::new();
    server.set_address(&options.address.ip().to_string());
    server.set_service(&options.address.port().to_string());
    server.set_content_length_limit(REQUEST_LIMIT);
    server.set_backlog(BACKLOG);
    let threads = RTSPThreadPool::new();
    threads.set_max_threads(CLIENT_THREADS);
    server.set_thread_pool(Some(&threads));
    let sessions = RTSPSessionPool::new();
    sessions.set_max_sessions(u32::try_from(options.max_clients).unwrap_or(u32::MAX));
    server.set_session_pool(Some(&sessions));
    server.set_mount_points(Some(&shared.points));
    let mounts: Weak<dyn Mounts> = Arc::<Shared>::downgrade(shared);
    server.set_auth(Some(&auth::new(options.users.clone(), mounts)));
    let (weak, max) = (Arc::downgrade(shared), options.max_clients);
    server.connect_client_connected(move |_, client| {
        let Some(shared) = weak.upgrade() else { return };
        let from = address_of(client);
        if !shared.users.admits(from) {
            return shared.dismiss(client.clone());
        }
        client.set_post_session_timeout(WITHOUT_SESSION);
        watch(client, &shared);
        if let Some(goes) = shared.clients.add(client, from, max) {
            shared.dismiss(goes);
        }
    });
    server
}

/// Follows one client.
fn watch(client: &RTSPClient, shared: &Arc<Shared>) {
    let weak = Arc::downgrade(shared);
    client.connect_setup_request(move |client, context| {
        if let (Some(shared), Some(stream)) = (weak.upgrade(), auth::stream_of(context)) {
            let (who, from) = (auth::who(context), peer(context));
            let stamped = who.clone().map(|who| {
                let stamp = shared.users.stamp(&who);
                (who, stamp)
            });
            let session = context.session().and_then(|session| session.sessionid());
            if shared
                .clients
                .plays(client, session.map(Into::into), stream.clone(), stamped)
            {
                shared.users.played(who.as_deref(), from, &stream, true);
            }
        }
    });
    let weak = Arc::downgrade(shared);
    client.connect_closed(move |client| {
        if let Some(shared) = weak.upgrade() {
            let gone = shared.clients.remove(client);
            for (gone, stream) in gone
                .iter()
                .flat_map(|gone| gone.streams.iter().map(move |one| (gone, one)))
            {
                shared.users.played(gone.who.as_deref(), gone.from, stream, false);
            }
        }
    });
}

/// The server's thread.
fn serve(server: &RTSPServer, main_loop: &MainLoop, shared: &Arc<Shared>) {
    let (sessions, weak) = (server.session_pool(), Arc::downgrade(shared));
    let sweep = timeout_source_new(SWEEP, Some("sweep"), Priority::DEFAULT, move || {
        if let Some(sessions) = &sessions {
            sessions.cleanup();
        }
        if let Some(shared) = weak.upgrade() {
            shared.clients.idle().iter().for_each(RTSPClientExt::close);
            let unwelcome = shared.clients.unwelcome(&*shared.users);
            unwelcome.iter().for_each(RTSPClientExt::close);
        }
        ControlFlow::Continue
    });
    sweep.attach(Some(&shared.context));
    let ran = shared.context.with_thread_default(|| main_loop.run());
    if ran.is_err() {
        tracing::error!("RTSP server: its context belongs to another thread");
    }
    sweep.destroy();
    shared.clients.all().iter().for_each(RTSPClientExt::close);
}

impl Shared {
    fn mounts(&self) -> std::sync::MutexGuard<'_, HashMap<StreamId, Mount>> {
        self.mounts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes a connection as soon as the server is done with taking it: the library warns of each
    /// that is closed before.
    fn dismiss(&self, client: RTSPClient) {
        let close = idle_source_new(Some("dismiss"), Priority::DEFAULT, move || {
            client.close();
            ControlFlow::Break
        });
        close.attach(Some(&self.context));
    }

    /// Gives a stream a fresh factory: the next client gets a description of its own time.
    fn offer(self: &Arc<Self>, stream: &StreamId, hub: &Arc<Hub>) {
        let (weak, ended) = (Arc::downgrade(self), stream.clone());
        let spec = Spec {
            hub: Arc::downgrade(hub),
            context: self.context.clone(),
            on_end: Arc::new(move |end| {
                if let Some(shared) = weak.upgrade() {
                    shared.ended(&ended, end);
                }
            }),
            active: self.active.clone(),
            dropped: self.dropped.clone(),
        };
        self.points.add_factory(&path(stream), factory::new(spec));
    }

    fn ended(self: &Arc<Self>, stream: &StreamId, end: End) {
        let hub = match end {
            End::Unwatched => return,
            End::FormatChanged | End::HubClosed => self.mounts().get(stream).map(|mount| mount.hub.clone()),
        };
        tracing::debug!(%stream, ?end, "clients of a mount have to come again");
        if let Some(hub) = hub {
            self.offer(stream, &hub);
        }
        self.disconnect(stream);
    }

    fn disconnect(&self, stream: &StreamId) {
        self.clients.of(stream).iter().for_each(RTSPClientExt::close);
    }
}

impl Mounts for Shared {
    fn access(&self, stream: &StreamId) -> Access {
        match self.mounts().get(stream) {
            None => Access::NoMount,
            Some(Mount { anonymous: false, .. }) => Access::Users,
            Some(Mount { anonymous: true, .. }) => Access::Anyone,
        }
    }

    fn owns(&self, client: &RTSPClient, session: &str) -> bool {
        self.clients.is_of(client, session)
    }

    fn ready(&self, stream: &StreamId) -> bool {
        let Some(hub) = self.mounts().get(stream).map(|mount| mount.hub.clone()) else {
            return false;
        };
        let video = hub.format().is_some_and(|format| format.video.is_some());
        let fresh = hub.stats().idle_ms.is_some_and(|ms| u128::from(ms) < STALE.as_millis());
        video && fresh && !hub.is_closed()
    }
}
