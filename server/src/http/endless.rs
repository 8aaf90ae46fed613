//! Answers that do not end. Once one has begun nothing is left of HTTP but its chunks, so its connection is taken from the
//! web server, whose buffers would be most of what an open stream holds: 16 KiB for requests that never come.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::response::Response;
use bytes::Bytes;
use futures::StreamExt as _;
use http::{Method, Version, response};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// A client that takes in nothing for so long is cut off.
const PATIENCE: Duration = Duration::from_secs(30);

/// In the extensions of an answer that does not end.
#[derive(Debug, Clone, Copy)]
struct Mark;

/// Marks an answer as one that does not end. Its connection serves no further request.
pub fn mark(response: &mut Response) {
    response.extensions_mut().insert(Mark);
}

/// The way of such an answer from the web server's side of a connection to ours.
#[derive(Debug, Clone, Default)]
pub struct HandOver(Arc<Mutex<Option<Endless>>>);

impl HandOver {
    /// Keeps an answer that does not end from the web server; gives any other back.
    pub fn take(&self, method: &Method, version: Version, response: Response) -> Option<Response> {
        if *method != Method::GET || response.extensions().get::<Mark>().is_none() {
            return Some(response);
        }
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Endless { version, response });
        None
    }

    /// What has been kept.
    pub fn kept(&self) -> Option<Endless> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// An answer that does not end, and what the client speaks.
#[derive(Debug)]
pub struct Endless {
    version: Version,
    response: Response,
}

impl Endless {
    /// Sends the answer until its body ends, the client is gone, or takes in nothing any more.
    pub async fn send(self, mut socket: impl AsyncRead + AsyncWrite + Unpin) {
        // Older clients read until the connection ends.
        let in_chunks = self.version >= Version::HTTP_11;
        let (parts, body) = self.response.into_parts();
        let mut sent = send(&mut socket, &head(&parts, in_chunks)).await;
        let mut pieces = body.into_data_stream();
        while sent {
            let piece = tokio::select! {
                piece = pieces.next() => piece,
                () = gone(&mut socket) => return,
            };
            sent = match piece {
                Some(Ok(piece)) if piece.is_empty() => true,
                Some(Ok(piece)) if in_chunks => send(&mut socket, &chunk(&piece)).await,
                Some(Ok(piece)) => send(&mut socket, &piece).await,
                Some(Err(_)) => return,
                None => break,
            };
        }
        if sent && in_chunks {
            send(&mut socket, b"0\r\n\r\n").await;
        }
        // Whether the client hears of the end is its own concern.
        let _ = socket.shutdown().await;
    }
}

/// Whether all of it is with the system.
async fn send(socket: &mut (impl AsyncWrite + Unpin), mut bytes: &[u8]) -> bool {
    while !bytes.is_empty() {
        match tokio::time::timeout(PATIENCE, socket.write(bytes)).await {
            Ok(Ok(written @ 1..)) => bytes = &bytes[written..],
            _ => return false,
        }
    }
    // Under TLS the last of it may still be with us.
    matches!(tokio::time::timeout(PATIENCE, socket.flush()).await, Ok(Ok(())))
}

/// Ends when the client has closed its side. What it sends is passed by: there are no further requests here.
async fn gone(socket: &mut (impl AsyncRead + Unpin)) {
    let mut passed_by = [0; 256];
    while matches!(socket.read(&mut passed_by).await, Ok(1..)) {}
}

/// Status line and header fields (RFC 9112, sections 4 and 5).
fn head(parts: &response::Parts, in_chunks: bool) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {}\r\n", parts.status).into_bytes();
    for (name, value) in &parts.headers {
        for text in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            head.extend_from_slice(text);
        }
    }
    head.extend_from_slice(b"connection: close\r\n");
    if in_chunks {
        head.extend_from_slice(b"transfer-encoding: chunked\r\n");
    }
    head.extend_from_slice(b"\r\n");
    head
}

/// A piece as a chunk (RFC 9112, section 7.1), in one place so that it leaves at once.
fn chunk(piece: &Bytes) -> Vec<u8> {
    let mut chunk = format!("{:x}\r\n", piece.len()).into_bytes();
    chunk.reserve_exact(piece.len() + 2);
    chunk.extend_from_slice(piece);
    chunk.extend_from_slice(b"\r\n");
    chunk
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use axum::body::Body;
    use axum::response::IntoResponse as _;
    use futures::stream;
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    /// Both ends of a connection, ours first.
    async fn connection() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (listener.accept().await.unwrap().0, client)
    }

    fn endless(version: Version, pieces: &[&'static str]) -> Endless {
        let pieces: Vec<_> = pieces.iter().map(|piece| Ok::<_, Infallible>(*piece)).collect();
        let body = Body::from_stream(stream::iter(pieces));
        Endless { version, response: ([("content-type", "text/event-stream")], body).into_response() }
    }

    async fn sent(version: Version, pieces: &[&'static str]) -> String {
        let (ours, mut client) = connection().await;
        endless(version, pieces).send(ours).await;
        let mut text = String::new();
        client.read_to_string(&mut text).await.unwrap();
        text
    }

    const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n";

    #[tokio::test]
    async fn pieces_leave_as_chunks_and_the_end_is_said() {
        let text = sent(Version::HTTP_11, &["event: a\n\n", "", "0123456789abcdef"]).await;
        let chunks = "a\r\nevent: a\n\n\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n";
        assert_eq!(text, format!("{HEAD}transfer-encoding: chunked\r\n\r\n{chunks}"));
    }

    #[tokio::test]
    async fn a_client_that_knows_no_chunks_gets_the_pieces_as_they_are() {
        assert_eq!(sent(Version::HTTP_10, &["a", "b"]).await, format!("{HEAD}\r\nab"));
    }

    #[tokio::test]
    async fn an_answer_ends_when_its_client_has_gone_whatever_it_sent_before() {
        let (ours, mut client) = connection().await;
        let body = Body::from_stream(stream::pending::<Result<&str, Infallible>>());
        let sending =
            tokio::spawn(Endless { version: Version::HTTP_11, response: Response::new(body) }.send(ours));
        client.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        drop(client);
        sending.await.unwrap();
    }

    #[test]
    fn only_marked_answers_to_get_are_kept() {
        let hand_over = HandOver::default();
        let mut marked = Response::default();
        mark(&mut marked);
        assert!(hand_over.take(&Method::HEAD, Version::HTTP_11, marked).is_some());
        assert!(hand_over.take(&Method::GET, Version::HTTP_11, Response::default()).is_some());
        assert!(hand_over.kept().is_none());
        let mut marked = Response::default();
        mark(&mut marked);
        assert!(hand_over.take(&Method::GET, Version::HTTP_11, marked).is_none());
        assert!(hand_over.kept().is_some());
        assert!(hand_over.kept().is_none());
    }
}
