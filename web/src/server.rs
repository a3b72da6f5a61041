//! The HTTP server: its threads, limits and routes.

use std::{
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};

use actix_web::{App, HttpServer, dev::ServerHandle, middleware, web};
use tokio::sync::oneshot;
use vigie_actors::{
    Recorder,
    supervise::{Job, JobContext, JobError},
};

use crate::{
    api,
    arrival::{self, EncryptedPort},
    audit::Recent,
    deadline, head, headers,
    limits::Connections,
    listen,
    live::Watching,
    origin,
    problem::{malformed, malformed_json},
    rights, ui,
};

const WORKERS: usize = 2;
/// A client has this long to send the head of its request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// From the connection to the end of TLS's own greetings.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
/// Of each worker, from everywhere: files are opened beside them. Greetings under way are not limited below
/// that: a worker with too many takes no other connection, encrypted or not, until they end.
const MOST_CONNECTIONS: usize = 4096;
/// The largest body any route takes.
const MAX_BODY: usize = 256 << 10;

/// The listening sockets; they survive restarts of the web's actor.
pub struct Server {
    http: Vec<TcpListener>,
    https: Vec<TcpListener>,
    connections: Arc<Connections>,
}

/// Why nothing can be served.
#[derive(Debug, thiserror::Error)]
#[error("cannot serve HTTP on {address}: {error}; is another program there?")]
pub struct ListenError {
    address: SocketAddr,
    error: std::io::Error,
}

impl Server {
    /// Listens; connections are taken once it runs.
    pub fn listen(config: &vigie_config::Server) -> Result<Server, ListenError> {
        let open = |addresses: &[SocketAddr]| {
            listen::listen(addresses).map_err(|(address, error)| ListenError { address, error })
        };
        Ok(Server {
            http: open(&config.http)?,
            https: open(&config.https)?,
            connections: Arc::default(),
        })
    }

    /// Where it is reached unencrypted, and by TLS.
    pub fn local_addrs(&self) -> (Vec<SocketAddr>, Vec<SocketAddr>) {
        (addresses(&self.http), addresses(&self.https))
    }

    /// Serves until the actor is asked to stop. actix has a thread of its own for its system.
    pub fn run(self: Arc<Self>, recorder: Arc<Recorder>, context: JobContext) -> Job {
        Box::pin(async move {
            let listeners = [copies(&self.http)?, copies(&self.https)?];
            let connections = self.connections.clone();
            let (started, handle) = oneshot::channel();
            let (ended, end) = oneshot::channel();
            std::thread::Builder::new().name("web".into()).spawn(move || {
                let result = actix_web::rt::System::new().block_on(serve(listeners, connections, recorder, started));
                drop(ended.send(result));
            })?;
            // Dropped when this job is dropped, however that comes.
            let stop = Stop(handle.await.map_err(|_| "the web server did not start")?);
            tokio::select! {
                result = end => result.map_err(|_| "the web server panicked")?.map_err(JobError::from),
                () = context.stopping() => {
                    drop(stop);
                    Ok(())
                }
            }
        })
    }
}

/// Ends the server when dropped; open responses are cut.
struct Stop(ServerHandle);

impl Drop for Stop {
    fn drop(&mut self) {
        // The command is sent by the call; the future only waits for the end.
        drop(self.0.stop(false));
    }
}

fn addresses(listeners: &[TcpListener]) -> Vec<SocketAddr> {
    let all = listeners.iter().filter_map(|listener| listener.local_addr().ok());
    all.collect()
}

fn copies(listeners: &[TcpListener]) -> std::io::Result<Vec<TcpListener>> {
    listeners.iter().map(TcpListener::try_clone).collect()
}

async fn serve(
    [http, https]: [Vec<TcpListener>; 2],
    connections: Arc<Connections>,
    recorder: Arc<Recorder>,
    started: oneshot::Sender<ServerHandle>,
) -> std::io::Result<()> {
    let data = web::Data::from(recorder);
    let tls = listen::tls(data.certificates().clone()).map_err(std::io::Error::other)?;
    let port = EncryptedPort(addresses(&https).first().map(SocketAddr::port));
    let admits = data.clone();
    let (recent, watching) = (web::Data::new(Recent::default()), web::Data::new(Watching::default()));
    let previews = web::Data::new(api::Previews::default());
    let server = HttpServer::new(move || {
        App::new()
            .app_data(data.clone())
            .app_data(port)
            .app_data(recent.clone())
            .app_data(watching.clone())
            .app_data(previews.clone())
            .app_data(web::PayloadConfig::new(MAX_BODY))
            .app_data(web::JsonConfig::default().limit(MAX_BODY).error_handler(malformed_json))
            .app_data(web::QueryConfig::default().error_handler(malformed))
            .app_data(web::PathConfig::default().error_handler(malformed))
            .wrap(middleware::from_fn(rights::ask))
            .wrap(middleware::from_fn(deadline::for_bodies))
            .wrap(middleware::from_fn(origin::ours))
            .wrap(middleware::from_fn(head::as_get))
            .wrap(middleware::from_fn(arrival::note))
            .wrap(middleware::from_fn(headers::secure))
            .configure(api::routes)
            .configure(ui::routes)
    })
    .workers(WORKERS)
    .worker_max_blocking_threads(8)
    .client_request_timeout(HEAD_TIMEOUT)
    .tls_handshake_timeout(HANDSHAKE_TIMEOUT)
    .max_connection_rate(MOST_CONNECTIONS)
    .max_connections(MOST_CONNECTIONS)
    .on_connect(move |stream, data| connections.admit(stream, data, &admits.config().server.trusted_proxies))
    .disable_signals()
    .shutdown_timeout(1);
    let server = http
        .into_iter()
        .try_fold(server, |server, listener| server.listen(listener))?;
    let server = https
        .into_iter()
        .try_fold(server, |server, listener| {
            server.listen_rustls_0_23(listener, tls.clone())
        })?
        .run();
    drop(started.send(server.handle()));
    server.await
}
