//! Everything that passes between clients and the service, both ways, byte by byte.

use std::collections::BTreeSet;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex};

use aho_corasick::AhoCorasick;
use ceknik_core::encoding::from_base64url;
use ceknik_core::manifest::Manifest;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::Runtime;

use super::forms;
use super::searcher::{Kind, Secret};

/// Where clients are, as the service sees it: not where the service is.
pub(crate) const CLIENT: [u8; 4] = [127, 0, 0, 77];

/// What one connection carried.
#[derive(Clone, Default)]
pub(crate) struct Connection {
    pub(crate) to_service: Vec<u8>,
    pub(crate) from_service: Vec<u8>,
}

type Record = Arc<Mutex<Vec<Arc<Mutex<Connection>>>>>;

/// A proxy that passes everything on as it is, and keeps it. It ends with the runtime.
pub(crate) struct Wire {
    address: SocketAddr,
    upstream: Arc<Mutex<SocketAddr>>,
    record: Record,
}

impl Wire {
    pub(crate) fn to(upstream: SocketAddr, runtime: &Runtime) -> Self {
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let (upstream, record) = (Arc::new(Mutex::new(upstream)), Record::default());
        let (to, connections) = (upstream.clone(), record.clone());
        runtime.spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let connection = Arc::new(Mutex::new(Connection::default()));
                connections.lock().unwrap().push(connection.clone());
                let to = *to.lock().unwrap();
                tokio::spawn(pass(client, to, connection));
            }
        });
        Self { address, upstream, record }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Another service takes the place of the one behind.
    pub(crate) fn lead_to(&self, upstream: SocketAddr) {
        *self.upstream.lock().unwrap() = upstream;
    }

    pub(crate) fn recorded(&self) -> Vec<Connection> {
        self.record.lock().unwrap().iter().map(|connection| connection.lock().unwrap().clone()).collect()
    }
}

async fn pass(client: TcpStream, to: SocketAddr, record: Arc<Mutex<Connection>>) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((Ipv4Addr::from(CLIENT), 0).into()).unwrap();
    // A service that is dead: the client's connection ends.
    let Ok(service) = socket.connect(to).await else { return };
    let ((mut client_in, mut client_out), (mut service_in, mut service_out)) =
        (client.into_split(), service.into_split());
    let there = async {
        let mut buffer = vec![0; 16_384];
        while let Ok(read @ 1..) = client_in.read(&mut buffer).await {
            record.lock().unwrap().to_service.extend_from_slice(&buffer[..read]);
            if service_out.write_all(&buffer[..read]).await.is_err() {
                break;
            }
        }
        let _ = service_out.shutdown().await;
    };
    let back = async {
        let mut buffer = vec![0; 16_384];
        while let Ok(read @ 1..) = service_in.read(&mut buffer).await {
            record.lock().unwrap().from_service.extend_from_slice(&buffer[..read]);
            if client_out.write_all(&buffer[..read]).await.is_err() {
                break;
            }
        }
        let _ = client_out.shutdown().await;
    };
    tokio::join!(there, back);
}

/// The elements that were sent and came back, as secrets to search for elsewhere.
pub(crate) fn blinded(connections: &[Connection]) -> Vec<Secret> {
    let mut elements = BTreeSet::new();
    for connection in connections {
        for (bytes, names) in [
            (&connection.to_service, &["\"blinded\":["][..]),
            (&connection.from_service, &["\"blinded\":", "\"evaluated\":"][..]),
        ] {
            let text = String::from_utf8_lossy(bytes);
            for found in names.iter().flat_map(|name| text.split(name).skip(1)) {
                // One, or a list of them.
                let strings = found.split(']').next().unwrap_or_default().split('"').skip(1).step_by(2);
                elements.extend(strings.map_while(from_base64url::<32>));
            }
        }
    }
    let secret = |(number, element): (usize, [u8; 32])| Secret {
        kind: Kind::Blinded,
        name: format!("element {number}"),
        forms: forms::of_derived(&element),
    };
    elements.into_iter().enumerate().map(secret).collect()
}

/// Bucket responses, as they stand in published tables.
pub(crate) struct BucketResponses {
    responses: Vec<Vec<u8>>,
    /// Finds where one begins.
    beginnings: AhoCorasick,
}

/// Number of hashes, and two of them.
const BEGINNING: usize = 65;

impl BucketResponses {
    /// Those of every epoch below `datasets/ID/epochs`.
    pub(crate) fn of(epochs: &Path) -> Self {
        let mut responses = Vec::new();
        for epoch in fs::read_dir(epochs).unwrap() {
            let dir = epoch.unwrap().path();
            let manifest = Manifest::parse(&fs::read(dir.join("manifest")).unwrap()).unwrap();
            let length = manifest.buckets.geometry.response_bytes() as usize;
            responses.extend(fs::read(dir.join("buckets")).unwrap().chunks(length).map(<[u8]>::to_vec));
        }
        let beginnings = AhoCorasick::new(responses.iter().map(|response| &response[..BEGINNING])).unwrap();
        Self { responses, beginnings }
    }

    /// Takes every whole response out of what a service sent; gives the rest, and how many there were.
    pub(crate) fn taken_out(&self, sent: &[u8]) -> (Vec<u8>, usize) {
        let (mut rest, mut count, mut from) = (sent.to_vec(), 0, 0);
        for found in self.beginnings.find_overlapping_iter(sent) {
            let response = &self.responses[found.pattern().as_usize()];
            if found.start() >= from && sent[found.start()..].starts_with(response) {
                from = found.start() + response.len();
                rest[found.start()..from].fill(0);
                count += 1;
            }
        }
        (rest, count)
    }
}
