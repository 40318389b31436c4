//! Where a server of the sandbox listens: at a TCP port, which everybody on this machine can reach, or at a
//! Unix socket, which only the sandbox's own user can.

use axum::Router;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::fmt;
use std::future::{Future, IntoFuture};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio_stream::wrappers::{TcpListenerStream, UnixListenerStream};
use tokio_util::either::Either;

/// A connection to such a server.
pub type Stream = Either<TcpStream, UnixStream>;

/// What only the owner may open.
const PRIVATE: u32 = 0o600;

/// Where a server listens. In an annotation a number is a port of 127.0.0.1, and a text the path of a socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub enum Address {
    /// A TCP port.
    Tcp(SocketAddr),
    /// A Unix socket.
    Unix(PathBuf),
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Port(u16),
    Path(PathBuf),
}

impl From<Written> for Address {
    fn from(written: Written) -> Self {
        match written {
            Written::Port(port) => Self::local(port),
            Written::Path(path) => Self::Unix(path),
        }
    }
}

impl From<Address> for Written {
    fn from(address: Address) -> Self {
        match address {
            Address::Tcp(at) => Self::Port(at.port()),
            Address::Unix(path) => Self::Path(path),
        }
    }
}

impl From<SocketAddr> for Address {
    fn from(at: SocketAddr) -> Self {
        Self::Tcp(at)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(at) => at.fmt(f),
            Self::Unix(path) => path.display().fmt(f),
        }
    }
}

impl Address {
    /// A port of 127.0.0.1; 0 for any that is free.
    pub fn local(port: u16) -> Self {
        Self::Tcp(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
    }

    /// The TCP address, if it is one.
    pub fn tcp(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(at) => Some(*at),
            Self::Unix(_) => None,
        }
    }

    /// As a gRPC client takes it.
    pub fn uri(&self) -> String {
        match self {
            Self::Tcp(at) => format!("http://{at}"),
            Self::Unix(path) => format!("unix:{}", path.display()),
        }
    }

    /// As Envoy's API has it, to connect to and to listen at.
    pub fn envoy(&self) -> Value {
        match self {
            Self::Tcp(at) => {
                json!({"socket_address": {"address": at.ip().to_string(), "port_value": at.port()}})
            }
            Self::Unix(path) => json!({"pipe": {"path": path, "mode": PRIVATE}}),
        }
    }

    /// Connects to whoever listens.
    ///
    /// # Errors
    /// As the system says.
    pub async fn connect(&self) -> io::Result<Stream> {
        Ok(match self {
            Self::Tcp(at) => Either::Left(TcpStream::connect(at).await?),
            Self::Unix(path) => Either::Right(UnixStream::connect(path).await?),
        })
    }

    /// Begins to listen. A socket that somebody left there is replaced.
    ///
    /// # Errors
    /// As the system says.
    pub async fn listen(&self) -> io::Result<Listener> {
        Ok(match self {
            Self::Tcp(at) => Listener::Tcp(TcpListener::bind(at).await?),
            Self::Unix(path) => Listener::Unix(private(path)?, path.clone()),
        })
    }
}

fn private(path: &Path) -> io::Result<UnixListener> {
    if std::fs::symlink_metadata(path).is_ok_and(|there| there.file_type().is_socket()) {
        std::fs::remove_file(path)?;
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(PRIVATE))?;
    Ok(listener)
}

/// What listens.
#[derive(Debug)]
pub enum Listener {
    /// At a TCP port.
    Tcp(TcpListener),
    /// At a Unix socket, with its path.
    Unix(UnixListener, PathBuf),
}

impl Listener {
    /// Where it listens, the port that the system chose included.
    ///
    /// # Errors
    /// As the system says.
    pub fn address(&self) -> io::Result<Address> {
        Ok(match self {
            Self::Tcp(listener) => Address::Tcp(listener.local_addr()?),
            Self::Unix(_, path) => Address::Unix(path.clone()),
        })
    }

    /// Serves HTTP until `stop` is ready and the requests under way have been answered.
    ///
    /// # Errors
    /// When the connections can no longer be accepted.
    pub async fn serve_http(
        self,
        router: Router,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        match self {
            Self::Tcp(listener) => {
                axum::serve(listener, router).with_graceful_shutdown(stop).into_future().await
            }
            Self::Unix(listener, _) => {
                axum::serve(listener, router).with_graceful_shutdown(stop).into_future().await
            }
        }
    }

    /// Serves gRPC until `stop` is ready and the open streams have ended.
    ///
    /// # Errors
    /// When the connections can no longer be accepted.
    pub async fn serve_grpc(
        self,
        services: tonic::transport::server::Router,
        stop: impl Future<Output = ()>,
    ) -> Result<(), tonic::transport::Error> {
        match self {
            Self::Tcp(listener) => {
                services.serve_with_incoming_shutdown(TcpListenerStream::new(listener), stop).await
            }
            Self::Unix(listener, _) => {
                services.serve_with_incoming_shutdown(UnixListenerStream::new(listener), stop).await
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_socket_is_its_owners_and_replaces_one_that_was_left() {
        let folder = std::env::temp_dir().join(format!("binnacle-wire-{}", std::process::id()));
        std::fs::create_dir(&folder).expect("a folder");
        let address = Address::Unix(folder.join("s"));
        drop(address.listen().await.expect("the first"));
        let listener = address.listen().await.expect("the next");
        assert_eq!(listener.address().expect("an address"), address);
        let mode = std::fs::metadata(folder.join("s")).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, PRIVATE);
        address.connect().await.expect("it listens");
        std::fs::write(folder.join("f"), "words").expect("a file");
        let taken = Address::Unix(folder.join("f")).listen().await;
        assert!(taken.is_err() && folder.join("f").exists(), "what is no socket stays");
        std::fs::remove_dir_all(folder).expect("removed");
    }

    #[test]
    fn an_annotation_has_numbers_and_paths() {
        for (text, address) in
            [("41000", Address::local(41_000)), ("\"/tmp/s\"", Address::Unix("/tmp/s".into()))]
        {
            assert_eq!(serde_json::from_str::<Address>(text).expect(text), address);
            assert_eq!(serde_json::to_string(&address).expect(text), text);
        }
    }
}
