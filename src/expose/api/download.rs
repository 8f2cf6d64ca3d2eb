//! Files that are sent while they are made: nobody waits for the whole, and memory holds a few pieces only.

use std::io::{self, Write};

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use futures_util::stream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// Bytes of a piece.
const PIECE_BYTES: usize = 64 * 1024;
/// Pieces that wait for the reader.
const PIECES_MAX: usize = 4;

/// Writes the file; what it answers is for the log.
type Make = Box<dyn FnOnce(&mut dyn Write) -> Result<(), String> + Send>;

/// A file to send.
pub(super) struct Download {
    /// Name that a browser saves it under: letters, digits, `.`, `-` and `_`.
    pub(super) name: String,
    /// Its type.
    pub(super) content_type: &'static str,
    /// Writes it.
    pub(super) make: Make,
}

impl Download {
    /// Begins to make the file. A failure on the way breaks the connection, so that half a file is not taken for a whole
    /// one.
    pub(super) fn send(self, turn: Option<OwnedSemaphorePermit>) -> Response {
        let (sender, receiver) = channel(PIECES_MAX);
        let headers = [
            (CONTENT_TYPE, self.content_type.to_owned()),
            (CONTENT_DISPOSITION, format!("attachment; filename=\"{}\"", self.name)),
            (X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
            (CACHE_CONTROL, "no-store".to_owned()),
        ];
        let make = self.make;
        // The file's end is seen by the reader; nobody waits for the thread.
        drop(tokio::task::spawn_blocking(move || {
            let _turn = turn;
            let mut pieces = Pieces { sender, piece: BytesMut::new() };
            let made = make(&mut pieces).and_then(|()| pieces.flush().map_err(|error| error.to_string()));
            if let Err(fault) = made
                && !pieces.sender.is_closed()
            {
                tracing::error!(%fault, "a file could not be made");
                let _gone = pieces.sender.blocking_send(Err(io::Error::other("the file could not be made")));
            }
        }));
        let next = |mut receiver: Receiver<io::Result<Bytes>>| async move {
            receiver.recv().await.map(|piece| (piece, receiver))
        };
        (headers, Body::from_stream(stream::unfold(receiver, next))).into_response()
    }
}

/// Gathers what is written and hands it on; waits while the reader is slow, ends when it has gone.
struct Pieces {
    sender: Sender<io::Result<Bytes>>,
    piece: BytesMut,
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= PIECE_BYTES {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        let piece = self.piece.split().freeze();
        self.sender.blocking_send(Ok(piece)).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}
