//! An HTTP proxy before a real service that alters what it likes: bytes, whole responses, the way they arrive.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use super::http::{Request, Response};

/// How a request is answered.
pub(crate) enum Delivery {
    /// Whole.
    Whole(Response),
    /// Declared in full, and the connection ends after so many bytes of the body.
    Cut(Response, usize),
    /// A byte of the body at a time, with a pause before each.
    Drip(Response, Duration),
    /// With this length declared, whatever the body; then nothing more comes and the connection stays open for a while.
    Declared(Response, u64),
    /// In chunks: the body first, then zeros until the other side has enough.
    Endless(Response),
    /// The connection ends without a byte.
    Hangup,
    /// Nothing comes for so long, then the connection ends.
    Silence(Duration),
}

impl From<Response> for Delivery {
    fn from(response: Response) -> Self {
        Self::Whole(response)
    }
}

/// The service behind the proxy, to be asked whatever a liar wants to know.
pub(crate) struct Upstream {
    address: SocketAddr,
}

impl Upstream {
    /// What the service says to a request.
    pub(crate) fn send(&self, request: &Request) -> Response {
        request.send(self.address).unwrap()
    }

    /// What the service says to a GET.
    pub(crate) fn get(&self, path: &str) -> Response {
        self.send(&Request::get(path))
    }
}

type Behaviour = dyn Fn(&Request, &Upstream) -> Delivery + Send + Sync;

struct Shared {
    upstream: Mutex<SocketAddr>,
    behaviour: Mutex<Arc<Behaviour>>,
    requests: Mutex<Vec<Request>>,
    ended: AtomicBool,
}

/// The proxy, until it is dropped. Its address stays the same whatever is behind it and however it behaves, so that a
/// client that remembers it meets the lie there.
pub(crate) struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Proxy {
    /// An honest one.
    pub(crate) fn before(upstream: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            upstream: Mutex::new(upstream),
            behaviour: Mutex::new(Arc::new(honest)),
            requests: Mutex::new(Vec::new()),
            ended: AtomicBool::new(false),
        });
        let accepting = shared.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                if accepting.ended.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let shared = accepting.clone();
                // Whoever is lied to may end the connection at any moment.
                thread::spawn(move || drop(serve(&shared, stream)));
            }
        });
        Self { address, shared }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Changes what the proxy does from the next request on.
    pub(crate) fn behave<D: Into<Delivery>>(
        &self,
        behaviour: impl Fn(&Request, &Upstream) -> D + Send + Sync + 'static,
    ) {
        *self.shared.behaviour.lock().unwrap() = Arc::new(move |request, upstream| behaviour(request, upstream).into());
    }

    /// Answers everything as the service does.
    pub(crate) fn behave_honestly(&self) {
        self.behave(honest);
    }

    /// Exchanges the service behind the proxy.
    pub(crate) fn put_before(&self, upstream: SocketAddr) {
        *self.shared.upstream.lock().unwrap() = upstream;
    }

    /// The requests since the last call.
    pub(crate) fn take_requests(&self) -> Vec<Request> {
        std::mem::take(&mut self.shared.requests.lock().unwrap())
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts.
        drop(TcpStream::connect(self.address));
    }
}

fn honest(request: &Request, upstream: &Upstream) -> Delivery {
    upstream.send(request).into()
}

/// Changes the body of the answers to those requests whose path holds `part`.
pub(crate) fn altering(
    part: &str,
    change: impl Fn(&mut Vec<u8>) + Send + Sync + 'static,
) -> impl Fn(&Request, &Upstream) -> Delivery + Send + Sync + 'static {
    let part = part.to_owned();
    move |request, upstream| {
        let mut response = upstream.send(request);
        if request.path.contains(&part) {
            change(&mut response.body);
        }
        response.into()
    }
}

/// Answers those requests whose path holds `part` in another way.
pub(crate) fn replacing<D: Into<Delivery>>(
    part: &str,
    answer: impl Fn(&Request, &Upstream) -> D + Send + Sync + 'static,
) -> impl Fn(&Request, &Upstream) -> Delivery + Send + Sync + 'static {
    let part = part.to_owned();
    move |request, upstream| match request.path.contains(&part) {
        true => answer(request, upstream).into(),
        false => honest(request, upstream),
    }
}

fn serve(shared: &Shared, mut stream: TcpStream) -> io::Result<()> {
    let Some(request) = Request::read(&stream)? else { return Ok(()) };
    shared.requests.lock().unwrap().push(request.clone());
    let behaviour = shared.behaviour.lock().unwrap().clone();
    let upstream = Upstream { address: *shared.upstream.lock().unwrap() };
    match behaviour(&request, &upstream) {
        Delivery::Whole(response) => {
            // A response to HEAD or of 304 has no body; nothing here asks for one.
            stream.write_all(response.head(Some(response.body.len() as u64)).as_bytes())?;
            stream.write_all(&response.body)
        }
        Delivery::Cut(response, after) => {
            stream.write_all(response.head(Some(response.body.len() as u64)).as_bytes())?;
            stream.write_all(&response.body[..after.min(response.body.len())])
        }
        Delivery::Drip(response, pause) => {
            stream.set_nodelay(true)?;
            stream.write_all(response.head(Some(response.body.len() as u64)).as_bytes())?;
            for byte in &response.body {
                thread::sleep(pause);
                stream.write_all(&[*byte])?;
            }
            Ok(())
        }
        Delivery::Declared(response, length) => {
            stream.write_all(response.head(Some(length)).as_bytes())?;
            stream.write_all(&response.body)?;
            thread::sleep(Duration::from_secs(10));
            Ok(())
        }
        Delivery::Endless(response) => {
            stream.write_all(response.head(None).as_bytes())?;
            stream.write_all(format!("{:x}\r\n", response.body.len().max(1)).as_bytes())?;
            stream.write_all(if response.body.is_empty() { b"\0" } else { &response.body })?;
            loop {
                stream.write_all(b"\r\n1000\r\n")?;
                stream.write_all(&[0; 0x1000])?;
            }
        }
        Delivery::Hangup => Ok(()),
        Delivery::Silence(time) => {
            thread::sleep(time);
            Ok(())
        }
    }
}
