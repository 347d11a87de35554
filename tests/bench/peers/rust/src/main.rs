//! The peer that a user of Rust would write instead of regionfit: hyper on rustls, serde with borrowed fields, one
//! fixed unit and no quota.
//!
//!     peer-rust ADDR:PORT CERT KEY THREADS

mod answer;
mod review;

use std::convert::Infallible;
use std::error::Error;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper::header::{HeaderValue, CONTENT_TYPE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::TlsAcceptor;

use crate::answer::Answers;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// As controller-runtime has it.
const BODY_MAX: usize = 7 << 20;

type Failure = Box<dyn Error + Send + Sync>;

fn tls(cert: &str, key: &str) -> Result<TlsAcceptor, Failure> {
    let chain = CertificateDer::pem_file_iter(cert)?.collect::<Result<Vec<_>, _>>()?;
    let key = PrivateKeyDer::from_pem_file(key)?;
    let mut config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key)?;
    config.ticketer = aws_lc_rs::Ticketer::new()?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// A body that came in one piece is not copied.
async fn read(mut body: Incoming) -> Result<Option<Bytes>, hyper::Error> {
    let expected = body.size_hint().lower() as usize;
    if expected > BODY_MAX {
        return Ok(None);
    }
    let mut first = Bytes::new();
    let mut whole = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        if first.is_empty() && whole.is_empty() {
            first = data;
            continue;
        }
        if whole.is_empty() {
            whole.reserve_exact(expected);
            whole.extend_from_slice(&first);
        }
        whole.extend_from_slice(&data);
        if whole.len() > BODY_MAX {
            return Ok(None);
        }
    }
    Ok(Some(if whole.is_empty() { first } else { whole.into() }))
}

fn respond(status: StatusCode, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response
}

async fn mutate(answers: &Answers, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, hyper::Error> {
    if request.method() != Method::POST || request.uri().path() != "/mutate" {
        return Ok(respond(StatusCode::NOT_FOUND, "no such page\n"));
    }
    let Some(body) = read(request.into_body()).await? else {
        return Ok(respond(StatusCode::PAYLOAD_TOO_LARGE, "the body is too long\n"));
    };
    Ok(match answers.answer(&body) {
        Ok(answer) => {
            let mut response = respond(StatusCode::OK, answer);
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            response
        }
        Err(error) => respond(StatusCode::BAD_REQUEST, format!("{error}\n")),
    })
}

/// Until the client has enough; what a connection ends with is its own affair.
async fn serve(tls: TlsAcceptor, answers: Arc<Answers>, stream: TcpStream) -> Result<(), Failure> {
    stream.set_nodelay(true)?;
    let stream = tls.accept(stream).await?;
    let service = service_fn(|request| mutate(&answers, request));
    http1::Builder::new().serve_connection(TokioIo::new(stream), service).await?;
    Ok(())
}

async fn listen(address: &str, tls: TlsAcceptor) -> Result<Infallible, Failure> {
    let listener = TcpListener::bind(address).await?;
    let answers = Arc::new(Answers::new());
    loop {
        let (stream, _) = listener.accept().await?;
        let (tls, answers) = (tls.clone(), answers.clone());
        tokio::spawn(async move {
            let _ = serve(tls, answers, stream).await;
        });
    }
}

fn run() -> Result<Infallible, Failure> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [address, cert, key, threads] = words.as_slice() else {
        return Err("usage: peer-rust ADDR:PORT CERT KEY THREADS".into());
    };
    let tls = tls(cert, key)?;
    let threads: usize = threads.parse()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_io().build()?;
    let address = address.clone();
    // A task of the workers, as all else is; this thread only waits.
    runtime.block_on(runtime.spawn(async move { listen(&address, tls).await }))?
}

fn main() {
    let Err(error) = run();
    eprintln!("peer-rust: {error}");
    std::process::exit(1);
}
