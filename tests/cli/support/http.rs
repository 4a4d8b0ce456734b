//! HTTP/1.1 by hand, as much of it as tests need: one request a connection, bodies of a declared length or in chunks.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// After this a test's counterpart hangs.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

#[derive(Clone, Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

fn read_line(reader: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    Ok(line.trim_end().to_owned())
}

/// Headers up to the empty line.
fn read_headers(reader: &mut impl BufRead) -> io::Result<Vec<(String, String)>> {
    let mut headers = Vec::new();
    loop {
        let line = read_line(reader)?;
        match line.split_once(':') {
            Some((name, value)) => headers.push((name.to_owned(), value.trim().to_owned())),
            None => return Ok(headers),
        }
    }
}

fn read_chunks(reader: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let length = u64::from_str_radix(&read_line(reader)?, 16).map_err(io::Error::other)?;
        reader.take(length).read_to_end(&mut body)?;
        read_line(reader)?;
        if length == 0 {
            return Ok(body);
        }
    }
}

impl Request {
    pub(crate) fn get(path: &str) -> Self {
        Self { method: "GET".to_owned(), path: path.to_owned(), headers: Vec::new(), body: Vec::new() }
    }

    pub(crate) fn post(path: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        Self { method: "POST".to_owned(), path: path.to_owned(), headers, body: body.into() }
    }

    /// Reads a request. None when the connection ends before one.
    pub(crate) fn read(stream: &TcpStream) -> io::Result<Option<Self>> {
        let mut reader = BufReader::new(stream);
        let line = read_line(&mut reader)?;
        let mut words = line.split(' ');
        let (Some(method), Some(path)) = (words.next(), words.next()) else { return Ok(None) };
        let headers = read_headers(&mut reader)?;
        let length = header(&headers, "content-length").map_or(Ok(0), str::parse).map_err(io::Error::other)?;
        let mut body = Vec::new();
        reader.take(length).read_to_end(&mut body)?;
        Ok(Some(Self { method: method.to_owned(), path: path.to_owned(), headers, body }))
    }

    /// Sends it and reads the response.
    pub(crate) fn send(&self, to: SocketAddr) -> io::Result<Response> {
        let mut stream = TcpStream::connect(to)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut text = format!("{} {} HTTP/1.1\r\nhost: {to}\r\nconnection: close\r\n", self.method, self.path);
        for (name, value) in &self.headers {
            let hop = ["host", "connection", "content-length", "accept-encoding"];
            if !hop.iter().any(|hop| hop.eq_ignore_ascii_case(name)) {
                text.push_str(&format!("{name}: {value}\r\n"));
            }
        }
        text.push_str(&format!("content-length: {}\r\n\r\n", self.body.len()));
        stream.write_all(text.as_bytes())?;
        stream.write_all(&self.body)?;
        Response::read(&stream)
    }
}

impl Response {
    pub(crate) fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: Vec::new(), body: body.into() }
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn read(stream: &TcpStream) -> io::Result<Self> {
        let mut reader = BufReader::new(stream);
        let line = read_line(&mut reader)?;
        let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| io::Error::other(format!("no status line: {line:?}")))?;
        let headers = read_headers(&mut reader)?;
        let mut body = Vec::new();
        match header(&headers, "content-length") {
            Some(length) => {
                let length: u64 = length.parse().map_err(io::Error::other)?;
                reader.take(length).read_to_end(&mut body)?;
            }
            None if header(&headers, "transfer-encoding").is_some() => body = read_chunks(&mut reader)?,
            None => {
                reader.read_to_end(&mut body)?;
            }
        }
        Ok(Self { status, headers, body })
    }

    /// Status line and headers, with the length that is declared: the body's own, another, or none, when chunks follow.
    pub(crate) fn head(&self, length: Option<u64>) -> String {
        let mut text = format!("HTTP/1.1 {} x\r\nconnection: close\r\n", self.status);
        match length {
            Some(length) => text.push_str(&format!("content-length: {length}\r\n")),
            None => text.push_str("transfer-encoding: chunked\r\n"),
        }
        for (name, value) in &self.headers {
            let own = ["connection", "content-length", "transfer-encoding"];
            if !own.iter().any(|own| own.eq_ignore_ascii_case(name)) {
                text.push_str(&format!("{name}: {value}\r\n"));
            }
        }
        text.push_str("\r\n");
        text
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The detail of a problem document, which must be of this status and type.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16, slug: &str) -> String {
        let text = String::from_utf8_lossy(&self.body);
        assert_eq!(self.status, status, "{text}");
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{text}");
        let document = self.json();
        assert_eq!(document["type"], format!("/problems/{slug}"), "{text}");
        document["detail"].as_str().unwrap().to_owned()
    }
}
