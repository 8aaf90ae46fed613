//! The socket of a connection, which knows whether the web server still has something to send: it may hold a part of an
//! earlier answer back when it is asked for an answer that does not end, and whoever takes the connection then would lose it.

use std::io::{IoSlice, Result};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// Whether the last bytes that were to be sent did not fit into the socket.
#[derive(Debug, Clone, Default)]
pub struct IsBehind(Arc<AtomicBool>);

impl IsBehind {
    pub fn read(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    fn note(&self, written: Poll<Result<usize>>) -> Poll<Result<usize>> {
        self.0.store(written.is_pending(), Ordering::Relaxed);
        written
    }
}

#[derive(Debug)]
pub struct Wire {
    socket: TcpStream,
    is_behind: IsBehind,
}

impl Wire {
    pub fn new(socket: TcpStream, is_behind: IsBehind) -> Self {
        Self { socket, is_behind }
    }

    pub fn into_socket(self) -> TcpStream {
        self.socket
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        Pin::new(&mut self.socket).poll_read(context, buffer)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write(context, bytes);
        self.is_behind.note(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write_vectored(context, bytes);
        self.is_behind.note(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}
