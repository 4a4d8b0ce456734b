//! HTTP/1.1 by hand: tests decide themselves what is sent when.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A connection that is kept.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> std::io::Result<Self> {
        Ok(Self { stream: TcpStream::connect(address).await?, buffer: Vec::new() })
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) -> std::io::Result<()> {
        self.stream.write_all(bytes.as_ref()).await
    }

    /// The next answer. None when the connection was closed instead.
    pub(crate) async fn answer(&mut self) -> Option<Answer> {
        tokio::time::timeout(Duration::from_secs(60), self.read_answer()).await.expect("an answer in time")
    }

    async fn read_answer(&mut self) -> Option<Answer> {
        let end = loop {
            if let Some(end) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                break end + 4;
            }
            self.read_more().await?;
        };
        let head = String::from_utf8(self.buffer.drain(..end).collect()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut answer = Answer { status, head, body: Vec::new() };
        let length = answer.header("content-length").map_or(0, |length| length.parse().unwrap());
        while self.buffer.len() < length {
            self.read_more().await?;
        }
        answer.body = self.buffer.drain(..length).collect();
        Some(answer)
    }

    async fn read_more(&mut self) -> Option<()> {
        let mut piece = vec![0u8; 16 * 1024];
        let read = self.stream.read(&mut piece).await.ok()?;
        self.buffer.extend(&piece[..read]);
        (read > 0).then_some(())
    }

    pub(crate) async fn get(&mut self, path: &str) -> Option<Answer> {
        self.get_with(path, "").await
    }

    /// `headers` are whole lines.
    pub(crate) async fn get_with(&mut self, path: &str, headers: &str) -> Option<Answer> {
        self.send(format!("GET {path} HTTP/1.1\r\nhost: test\r\n{headers}\r\n")).await.ok()?;
        self.answer().await
    }

    pub(crate) async fn evaluate(&mut self, dataset: &str, body: &str, headers: &str) -> Option<Answer> {
        let head = evaluate_head(dataset, body.len(), headers);
        self.send(head + body).await.ok()?;
        self.answer().await
    }
}

/// The head of a request to evaluate.
pub(crate) fn evaluate_head(dataset: &str, length: usize, headers: &str) -> String {
    format!(
        "POST /v1/{dataset}/evaluate HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\n{headers}content-length: {length}\r\n\r\n"
    )
}
