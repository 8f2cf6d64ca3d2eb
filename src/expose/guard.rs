//! Time limits on a connection: to send a request's head, to send anything at all, to take the answer.
//!
//! hyper's own header timer also ends idle connections and does not run while the protocol version is
//! being found out, so the limits are kept here, below HTTP.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

/// The limits of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// From the first byte of a request (or from the start of the connection) to the end of its head.
    pub(crate) header: Duration,
    /// Without a request.
    pub(crate) idle: Duration,
    /// In which the client takes nothing of the answer.
    pub(crate) write: Duration,
}

/// What goes on in a connection; shared by the stream and the service above it.
#[derive(Debug)]
pub(crate) struct Activity(Mutex<State>);

#[derive(Debug)]
struct State {
    running: usize,
    cut_while_reading: bool,
    http2: bool,
    reading_since: Option<Instant>,
    idle_since: Instant,
}

impl Activity {
    /// A connection that starts now.
    pub(crate) fn new() -> Arc<Self> {
        let now = Instant::now();
        let state =
            State { running: 0, cut_while_reading: false, http2: false, reading_since: Some(now), idle_since: now };
        Arc::new(Self(Mutex::new(state)))
    }

    /// A request's head has arrived.
    pub(crate) fn request_begins(&self, http2: bool) {
        let mut state = self.lock();
        state.running += 1;
        state.http2 = http2;
        state.reading_since = None;
    }

    /// A request's answer has been handed over.
    pub(crate) fn request_ends(&self) {
        let mut state = self.lock();
        state.running = state.running.saturating_sub(1);
        state.idle_since = Instant::now();
    }

    /// Whether the connection was cut because a request's head took too long.
    pub(crate) fn cut_while_reading(&self) -> bool {
        self.lock().cut_while_reading
    }

    fn has_read(&self) {
        let mut state = self.lock();
        // Frames of HTTP/2 arrive outside of requests, too.
        if state.running == 0 && !state.http2 {
            state.reading_since.get_or_insert_with(Instant::now);
        }
    }

    fn has_written(&self) {
        self.lock().idle_since = Instant::now();
    }

    fn read_deadline(&self, limits: &Limits) -> Instant {
        let state = self.lock();
        match state.reading_since {
            _ if state.running > 0 => Instant::now() + limits.idle,
            Some(since) => since + limits.header,
            None => state.idle_since + limits.idle,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A stream that fails with `TimedOut` when a limit is passed.
#[derive(Debug)]
pub(crate) struct Guarded<S> {
    stream: S,
    activity: Arc<Activity>,
    limits: Limits,
    read_timer: Pin<Box<Sleep>>,
    write_timer: Pin<Box<Sleep>>,
    stalled: bool,
}

impl<S> Guarded<S> {
    /// Puts limits on a stream.
    pub(crate) fn new(stream: S, activity: Arc<Activity>, limits: Limits) -> Self {
        let timer = || Box::pin(sleep_until(Instant::now() + limits.idle));
        Self { stream, activity, limits, read_timer: timer(), write_timer: timer(), stalled: false }
    }

    fn check_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        loop {
            let deadline = self.activity.read_deadline(&self.limits);
            if deadline <= Instant::now() {
                let mut state = self.activity.lock();
                state.cut_while_reading = state.reading_since.is_some();
                return Poll::Ready(io::ErrorKind::TimedOut.into());
            }
            if self.read_timer.deadline() != deadline {
                self.read_timer.as_mut().reset(deadline);
            }
            ready!(self.read_timer.as_mut().poll(cx));
        }
    }

    /// Bytes only: hyper flushes whenever it looks at a connection, also an idle one.
    fn note_written(&self, result: &Poll<io::Result<usize>>) {
        if matches!(result, Poll::Ready(Ok(1..))) {
            self.activity.has_written();
        }
    }

    fn check_write<T>(&mut self, cx: &mut Context<'_>, result: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if result.is_ready() {
            self.stalled = false;
            return result;
        }
        if !self.stalled {
            self.stalled = true;
            self.write_timer.as_mut().reset(Instant::now() + self.limits.write);
        }
        ready!(self.write_timer.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match Pin::new(&mut this.stream).poll_read(cx, buf) {
            Poll::Pending => this.check_read(cx).map(Err),
            done => {
                this.activity.has_read();
                done
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let result = Pin::new(&mut this.stream).poll_write(cx, buf);
        this.note_written(&result);
        this.check_write(cx, result)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let result = Pin::new(&mut this.stream).poll_write_vectored(cx, bufs);
        this.note_written(&result);
        this.check_write(cx, result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let result = Pin::new(&mut this.stream).poll_flush(cx);
        this.check_write(cx, result)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let result = Pin::new(&mut this.stream).poll_shutdown(cx);
        this.check_write(cx, result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    const LIMITS: Limits = Limits {
        header: Duration::from_millis(60),
        idle: Duration::from_millis(300),
        write: Duration::from_millis(80),
    };

    #[tokio::test]
    async fn a_head_has_to_end_in_time_though_bytes_keep_coming() {
        let (mut client, server) = tokio::io::duplex(64);
        let mut guarded = Guarded::new(server, Activity::new(), LIMITS);
        let drip = tokio::spawn(async move {
            while client.write_all(b"x").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
        let start = Instant::now();
        let error = guarded.read_to_end(&mut Vec::new()).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(start.elapsed() < Duration::from_millis(250));
        drop(guarded);
        drip.await.unwrap();
    }

    #[tokio::test]
    async fn an_idle_connection_lives_longer_and_a_running_request_is_not_cut() {
        let (_client, server) = tokio::io::duplex(64);
        let activity = Activity::new();
        let mut guarded = Guarded::new(server, Arc::clone(&activity), LIMITS);
        activity.request_begins(false);
        let ends = Arc::clone(&activity);
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(500)).await;
            ends.request_ends();
        });
        let start = Instant::now();
        assert!(guarded.read_u8().await.is_err());
        let took = start.elapsed();
        assert!(took >= Duration::from_millis(750) && took < Duration::from_millis(1400), "{took:?}");
    }

    #[tokio::test]
    async fn flushing_does_not_keep_an_idle_connection() {
        let (_client, server) = tokio::io::duplex(64);
        let activity = Activity::new();
        activity.request_begins(false);
        activity.request_ends();
        let (mut read, mut write) = tokio::io::split(Guarded::new(server, activity, LIMITS));
        let flushing = tokio::spawn(async move {
            while write.flush().await.is_ok() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        let cut = tokio::time::timeout(Duration::from_secs(3), read.read_u8()).await;
        assert!(cut.expect("cut when idle").is_err());
        flushing.abort();
    }

    #[tokio::test]
    async fn a_client_that_takes_nothing_is_cut() {
        let (_client, server) = tokio::io::duplex(16);
        let mut guarded = Guarded::new(server, Activity::new(), LIMITS);
        let error = guarded.write_all(&[0; 64]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
