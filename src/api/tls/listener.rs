//! TLS under the door: hand-shakes run beside each other, and a renewed certificate serves from the next one on.

use axum::{
    Router,
    extract::{
        ConnectInfo, Request,
        connect_info::{Connected, IntoMakeServiceWithConnectInfo},
    },
    middleware::map_request,
    serve::IncomingStream,
};
use rustls::ServerConfig;
use std::{io, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

/// Hand-shakes under way at most; more wait at the kernel's queue.
const UNDER_WAY: usize = 64;
/// Longest hand-shake.
const PATIENCE: Duration = Duration::from_secs(10);
/// After the system had no descriptors left.
const PAUSE: Duration = Duration::from_millis(500);

/// What a finished hand-shake gives; none when it failed.
type Shaken = Option<(TlsStream<TcpStream>, SocketAddr)>;

/// A listener that speaks TLS, for `axum::serve`.
pub struct TlsListener {
    tcp: TcpListener,
    config: watch::Receiver<Option<Arc<ServerConfig>>>,
    under_way: JoinSet<Shaken>,
}

impl TlsListener {
    pub(super) fn new(
        tcp: TcpListener,
        config: watch::Receiver<Option<Arc<ServerConfig>>>,
    ) -> Self {
        Self {
            tcp,
            config,
            under_way: JoinSet::new(),
        }
    }

    fn shake(&mut self, stream: TcpStream, from: SocketAddr) {
        // Without a certificate there is nobody to talk to: the connection is dropped.
        let Some(config) = self.config.borrow().clone() else {
            return;
        };
        let _ = stream.set_nodelay(true);
        self.under_way.spawn(async move {
            match timeout(PATIENCE, TlsAcceptor::from(config).accept(stream)).await {
                Ok(Ok(stream)) => Some((stream, from)),
                Ok(Err(error)) => {
                    tracing::debug!(%error, %from, "a TLS hand-shake failed");
                    None
                }
                Err(_) => None,
            }
        });
    }
}

impl axum::serve::Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            tokio::select! {
                biased;
                Some(done) = self.under_way.join_next() => {
                    if let Ok(Some(shaken)) = done {
                        return shaken;
                    }
                }
                came = self.tcp.accept(), if self.under_way.len() < UNDER_WAY => match came {
                    Ok((stream, from)) => self.shake(stream, from),
                    Err(error) if is_theirs(&error) => {}
                    Err(error) => {
                        tracing::error!(%error, "no connection can be accepted");
                        tokio::time::sleep(PAUSE).await;
                    }
                },
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.tcp.local_addr()
    }
}

/// The other side hung up before it was accepted.
fn is_theirs(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    )
}

/// Who is at the other end, as the layers behind know it.
#[derive(Clone, Copy, Debug)]
pub struct Peer(SocketAddr);

impl Connected<IncomingStream<'_, TlsListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, TlsListener>) -> Self {
        Self(*stream.remote_addr())
    }
}

/// A router that knows who connects, as it does behind a plain listener.
pub fn service(router: Router) -> IntoMakeServiceWithConnectInfo<Router, Peer> {
    router
        .layer(map_request(|mut request: Request| async move {
            let peer = request.extensions().get::<ConnectInfo<Peer>>().copied();
            if let Some(ConnectInfo(Peer(from))) = peer {
                request.extensions_mut().insert(ConnectInfo(from));
            }
            request
        }))
        .into_make_service_with_connect_info::<Peer>()
}
