//! Accepts connections, within bounds: so many at once, and none that keeps us waiting for its request.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::response::Response;
use futures::FutureExt as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{HttpService, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tower::ServiceExt as _;

use super::endless::HandOver;
use super::tls::Tls;

/// Connections at once; more wait to be accepted.
const MOST: u32 = 16_384;
/// From the first moment of a connection, or its last answer, until a whole request head must be there.
const HEAD: Duration = Duration::from_mins(1);
/// Until a client has agreed with us on keys.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Before accepting is tried again where the process has run out of something.
const PAUSE: Duration = Duration::from_millis(500);

/// Serves until `stopped`, then answers the requests that have begun and returns.
pub async fn serve(listener: TcpListener, router: Router, stopped: impl Future<Output = ()>) {
    serve_over(None, listener, router, stopped).await;
}

/// The same over TLS, where there are a certificate and its key.
pub async fn serve_over(
    tls: Option<Arc<Tls>>,
    listener: TcpListener,
    router: Router,
    stopped: impl Future<Output = ()>,
) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD);
    let places = Arc::new(Semaphore::new(MOST as usize));
    let (stop, stopping) = watch::channel(false);
    let mut stopped = std::pin::pin!(stopped);
    loop {
        let accepted = async {
            // Nobody closes the semaphore.
            let place = Arc::clone(&places).acquire_owned().await.ok();
            (accept(&listener).await, place)
        };
        let ((socket, peer), place) = tokio::select! {
            () = &mut stopped => break,
            accepted = accepted => accepted,
        };
        // Answers are small and whole: waiting for more to send would only delay them.
        if let Err(error) = socket.set_nodelay(true) {
            tracing::debug!(%error, "a connection sends in larger pieces");
        }
        let served =
            Served { http: http.clone(), router: router.clone(), peer, stopping: stopping.clone(), place };
        match &tls {
            Some(tls) => drop(tokio::spawn(served.agree(Arc::clone(tls), socket))),
            None => drop(tokio::spawn(served.attend(socket))),
        }
    }
    drop(listener);
    stop.send_replace(true);
    // Whoever had a place has ended once all of them are free.
    drop(places.acquire_many(MOST).await);
}

/// A connection, and what it is served with.
struct Served {
    http: http1::Builder,
    router: Router,
    peer: SocketAddr,
    stopping: watch::Receiver<bool>,
    place: Option<OwnedSemaphorePermit>,
}

impl Served {
    /// Agrees with the client on keys first.
    async fn agree(mut self, tls: Arc<Tls>, socket: TcpStream) {
        let agreed = tokio::select! {
            agreed = tokio::time::timeout(HANDSHAKE, tls.acceptor().accept(socket)) => agreed,
            _ = self.stopping.changed() => return,
        };
        match agreed {
            Ok(Ok(socket)) => self.attend(socket).await,
            // A client that speaks no TLS, or does not believe us, is no concern of ours.
            Ok(Err(error)) => tracing::debug!(%error, "a connection came to no TLS"),
            Err(_) => tracing::debug!("a connection came to no TLS in time"),
        }
    }

    async fn attend(self, socket: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) {
        let Self { http, router, peer, stopping, place } = self;
        let hand_over = HandOver::default();
        let keeper = hand_over.clone();
        let service = service_fn(move |request| answer(router.clone(), peer, keeper.clone(), request));
        attend(http.serve_connection(TokioIo::new(socket), service), hand_over, stopping, place).await;
    }
}

/// Serves one connection to its end, or until it has an answer that does not end.
async fn attend<IO, S>(
    mut connection: http1::Connection<TokioIo<IO>, S>,
    hand_over: HandOver,
    mut stopping: watch::Receiver<bool>,
    place: Option<OwnedSemaphorePermit>,
) where
    IO: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    S: HttpService<Incoming, ResBody = Body, Error = Infallible>,
{
    let mut is_told = false;
    let endless = loop {
        let served = std::future::poll_fn(|context| match connection.poll_unpin(context) {
            Poll::Ready(ended) => Poll::Ready(Err(ended)),
            Poll::Pending => hand_over.kept().map_or(Poll::Pending, |endless| Poll::Ready(Ok(endless))),
        });
        tokio::select! {
            biased;
            served = served => match served {
                Ok(endless) => break endless,
                // A client that speaks no HTTP, or has gone, is no concern of ours.
                Err(Err(error)) => return tracing::debug!(%error, "a connection ended early"),
                Err(Ok(())) => return,
            },
            // Nobody is left to tell it, or it is told.
            _ = stopping.changed(), if !is_told => {
                is_told = true;
                std::pin::Pin::new(&mut connection).graceful_shutdown();
            }
        }
    };
    // A request is begun only once earlier answers are sent whole, so the web server keeps nothing back.
    let socket = connection.into_parts().io.into_inner();
    // In a task of its own, so that what the connection needed for its request is given back.
    tokio::spawn(endless.send(socket).map(|()| drop(place)));
}

async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

async fn answer(
    router: Router,
    peer: SocketAddr,
    hand_over: HandOver,
    request: hyper::Request<Incoming>,
) -> Result<Response, Infallible> {
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(ConnectInfo(peer));
    let (method, version) = (request.method().clone(), request.version());
    let response = router.oneshot(request).await?;
    match hand_over.take(&method, version, response) {
        Some(response) => Ok(response),
        // The connection is taken from the web server now, and this with it.
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use futures::{StreamExt as _, stream};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;
    use crate::http::endless;

    /// More than any socket takes in while nobody reads.
    const LONG: usize = 64 << 20;
    const PATIENCE: Duration = Duration::from_secs(30);

    async fn unending() -> Response {
        let pieces = stream::iter([Ok::<_, Infallible>("event: a\n\n")]).chain(stream::pending());
        let mut response = Response::new(Body::from_stream(pieces));
        endless::mark(&mut response);
        response
    }

    async fn client() -> TcpStream {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let router = Router::new()
            .route("/long", get(|| async { "x".repeat(LONG) }))
            .route("/unending", get(unending));
        tokio::spawn(serve(listener, router, std::future::pending()));
        client
    }

    /// Reads until this has come.
    async fn read_until(client: &mut TcpStream, end: &str) -> Vec<u8> {
        let mut read = vec![];
        while !read.ends_with(end.as_bytes()) {
            let length = tokio::time::timeout(PATIENCE, client.read_buf(&mut read)).await.unwrap().unwrap();
            assert_ne!(length, 0, "the connection ends after {} bytes", read.len());
        }
        read
    }

    #[tokio::test]
    async fn a_connection_is_taken_over_only_once_all_earlier_answers_are_sent() {
        let mut client = client().await;
        let requests = "GET /long HTTP/1.1\r\nhost: a\r\n\r\nGET /unending HTTP/1.1\r\nhost: a\r\n\r\n";
        client.write_all(requests.as_bytes()).await.unwrap();
        let read = read_until(&mut client, "a\r\nevent: a\n\n\r\n").await;
        let body = read.windows(4).position(|end| end == b"\r\n\r\n").unwrap() + 4;
        assert!(read[body + LONG..].starts_with(b"HTTP/1.1 200 OK\r\n"));
    }
}
