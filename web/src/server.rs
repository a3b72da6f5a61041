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
    audit::Recent,
    deadline, head,
    live::Watching,
    origin,
    problem::{malformed, malformed_json},
    rights, ui,
};

const WORKERS: usize = 2;
/// A client has this long to send the head of its request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// The largest body any route takes.
const MAX_BODY: usize = 256 << 10;

/// The listening socket; it survives restarts of the web's actor.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
}

impl Server {
    pub fn new(listener: TcpListener) -> std::io::Result<Server> {
        let address = listener.local_addr()?;
        Ok(Server { listener, address })
    }

    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Serves until the actor is asked to stop. actix has a thread of its own for its system.
    pub fn run(self: Arc<Self>, recorder: Arc<Recorder>, context: JobContext) -> Job {
        Box::pin(async move {
            let listener = self.listener.try_clone()?;
            let (started, handle) = oneshot::channel();
            let (ended, end) = oneshot::channel();
            std::thread::Builder::new().name("web".into()).spawn(move || {
                let result = actix_web::rt::System::new().block_on(serve(listener, recorder, started));
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

async fn serve(
    listener: TcpListener,
    recorder: Arc<Recorder>,
    started: oneshot::Sender<ServerHandle>,
) -> std::io::Result<()> {
    let data = web::Data::from(recorder);
    let (recent, watching) = (web::Data::new(Recent::default()), web::Data::new(Watching::default()));
    let server = HttpServer::new(move || {
        App::new()
            .app_data(data.clone())
            .app_data(recent.clone())
            .app_data(watching.clone())
            .app_data(web::PayloadConfig::new(MAX_BODY))
            .app_data(web::JsonConfig::default().limit(MAX_BODY).error_handler(malformed_json))
            .app_data(web::QueryConfig::default().error_handler(malformed))
            .app_data(web::PathConfig::default().error_handler(malformed))
            .wrap(middleware::from_fn(rights::ask))
            .wrap(middleware::from_fn(deadline::for_bodies))
            .wrap(middleware::from_fn(origin::ours))
            .wrap(middleware::from_fn(head::as_get))
            .wrap(secure_headers())
            .configure(api::routes)
            .configure(ui::routes)
    })
    .workers(WORKERS)
    .worker_max_blocking_threads(8)
    .client_request_timeout(HEAD_TIMEOUT)
    .disable_signals()
    .shutdown_timeout(1)
    .listen(listener)?
    .run();
    drop(started.send(server.handle()));
    server.await
}

fn secure_headers() -> middleware::DefaultHeaders {
    middleware::DefaultHeaders::new()
        .add(("X-Content-Type-Options", "nosniff"))
        .add(("X-Frame-Options", "DENY"))
        .add(("Referrer-Policy", "same-origin"))
        .add((
            "Content-Security-Policy",
            "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; style-src 'self' 'unsafe-inline'; \
             connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
        ))
}
