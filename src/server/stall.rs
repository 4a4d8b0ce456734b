//! A connection whose client takes an answer too slowly, or not at all, is an error.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// Passes everything through, and keeps account of how far the client is behind the least rate: what it is waited for counts
/// against it, and each byte that it takes for it. So one byte now and then does not keep an answer open.
pub(crate) struct StallGuard<S> {
    stream: S,
    /// How far behind is too far.
    most: Duration,
    /// Bytes a second.
    least_rate: u32,
    behind: Duration,
    waiting: Option<Waiting>,
}

/// A write that waits for the client.
struct Waiting {
    since: Instant,
    too_long: Pin<Box<Sleep>>,
}

impl<S> StallGuard<S> {
    pub(crate) fn new(stream: S, most: Duration, least_rate: u32) -> Self {
        Self { stream, most, least_rate, behind: Duration::ZERO, waiting: None }
    }

    pub(crate) fn into_inner(self) -> S {
        self.stream
    }

    fn timed<T>(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<T>>,
        bytes: impl FnOnce(&T) -> usize,
    ) -> Poll<io::Result<T>> {
        let Poll::Ready(written) = written else {
            let left = self.most.saturating_sub(self.behind);
            let waiting =
                self.waiting.get_or_insert_with(|| Waiting { since: Instant::now(), too_long: Box::pin(sleep(left)) });
            return waiting.too_long.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()));
        };
        if let Some(waiting) = self.waiting.take() {
            self.behind += waiting.since.elapsed();
        }
        if let Ok(written) = &written {
            let taken = bytes(written) as f64 / f64::from(self.least_rate);
            self.behind = self.behind.saturating_sub(Duration::try_from_secs_f64(taken).unwrap_or(Duration::MAX));
        }
        Poll::Ready(written)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for StallGuard<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for StallGuard<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.timed(context, written, |bytes| *bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, pieces);
        self.timed(context, written, |bytes| *bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.timed(context, flushed, |()| 0)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_write_that_does_not_go_on_fails_and_a_slow_one_does_not() {
        let (client, server) = tokio::io::duplex(32);
        let mut guarded = StallGuard::new(server, Duration::from_secs(30), 1);
        let (mut reader, _writer) = tokio::io::split(client);
        let slow = tokio::spawn(async move {
            let mut piece = [0u8; 32];
            for _ in 0..4 {
                tokio::time::sleep(Duration::from_secs(20)).await;
                reader.read_exact(&mut piece).await.unwrap();
            }
            reader
        });
        guarded.write_all(&[1; 160]).await.unwrap();
        let _reader = slow.await.unwrap();
        let error = guarded.write_all(&[1; 32]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    /// Writes as much as a client takes that reads `bytes` every `seconds`. Gives how long that went well.
    async fn taken_by(bytes: usize, seconds: u64, answer: usize) -> Result<Duration, Duration> {
        let (mut client, server) = tokio::io::duplex(4096);
        let mut guarded = StallGuard::new(server, Duration::from_secs(30), 1024);
        let begun = Instant::now();
        let reader = tokio::spawn(async move {
            let mut piece = vec![0u8; bytes];
            loop {
                tokio::time::sleep(Duration::from_secs(seconds)).await;
                client.read_exact(&mut piece).await.unwrap();
            }
        });
        let written = guarded.write_all(&vec![1; answer]).await;
        reader.abort();
        written.map(|()| begun.elapsed()).map_err(|error| {
            assert_eq!(error.kind(), io::ErrorKind::TimedOut);
            begun.elapsed()
        })
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_drips_is_cut_off_and_one_that_is_slow_is_not() {
        // A byte every ten seconds; half of the rate; the rate in pieces, for ten minutes.
        let dripping = taken_by(1, 10, 8192).await.unwrap_err();
        assert!(dripping <= Duration::from_secs(31), "{dripping:?}");
        let too_slow = taken_by(512, 1, 1 << 20).await.unwrap_err();
        assert!((58..62).contains(&too_slow.as_secs()), "{too_slow:?}");
        let slow = taken_by(4096, 4, 600 << 10).await.unwrap();
        assert!((590..610).contains(&slow.as_secs()), "{slow:?}");
    }

    /// A tunnel, a lift: what was missed is made up for by what is taken after it.
    #[tokio::test(start_paused = true)]
    async fn a_pause_is_forgiven_to_who_goes_on() {
        let (mut client, server) = tokio::io::duplex(4096);
        let mut guarded = StallGuard::new(server, Duration::from_secs(30), 1024);
        let reader = tokio::spawn(async move {
            let mut piece = vec![0u8; 64 << 10];
            for _ in 0..5 {
                tokio::time::sleep(Duration::from_secs(25)).await;
                client.read_exact(&mut piece).await.unwrap();
            }
        });
        guarded.write_all(&vec![1; 5 * (64 << 10)]).await.unwrap();
        reader.await.unwrap();
    }
}
