//! The ports and sockets of this machine that a pod's ports are.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::net::TcpSocket;
use wire::Address;

/// The annotation in which a pod's ports are mapped to ports of this machine, or to Unix sockets.
pub(crate) const ANNOTATION: &str = "sandbox.binnacle.dev/ports";

/// A pod's real ports. Those that a proxy will take are kept reserved as long as this value lives, also while
/// the proxy is being started again: a bound socket that does not listen keeps everybody else away, and
/// SO_REUSEPORT lets the proxy in.
#[derive(Debug, Default)]
pub(crate) struct Ports {
    map: BTreeMap<String, Address>,
    reserved: Vec<TcpSocket>,
    sockets: Vec<PathBuf>,
}

impl Ports {
    /// Reserves a real port for a pod's port.
    pub(crate) fn reserve(&mut self, port: &str) -> io::Result<u16> {
        self.share(port, 0)
    }

    /// Reserves this real port for a pod's port, beside others that reserved it so; 0 for any.
    pub(crate) fn share(&mut self, port: &str, real: u16) -> io::Result<u16> {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseport(true)?;
        socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, real)))?;
        let real = socket.local_addr()?.port();
        self.reserved.push(socket);
        self.map.insert(port.to_owned(), Address::local(real));
        Ok(real)
    }

    /// Gives a pod's port a socket in this folder, which nobody else may open.
    pub(crate) fn hide(&mut self, port: &str, folder: &Path) {
        // Short names: the path of a socket may have about a hundred letters.
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let path = folder.join(format!("{}-{port}", NEXT.fetch_add(1, Ordering::Relaxed)));
        self.map.insert(port.to_owned(), Address::Unix(path.clone()));
        self.sockets.push(path);
    }

    /// Names where somebody listens already.
    pub(crate) fn add(&mut self, port: &str, at: Address) {
        self.map.insert(port.to_owned(), at);
    }

    /// Where a pod's port is.
    pub(crate) fn at(&self, port: &str) -> Option<&Address> {
        self.map.get(port)
    }

    /// The real port of a pod's port, if it is one.
    pub(crate) fn real(&self, port: &str) -> Option<u16> {
        self.at(port)?.tcp().map(|at| at.port())
    }

    /// As the annotation has it.
    pub(crate) fn annotation(&self) -> String {
        serde_json::json!(self.map).to_string()
    }
}

impl Drop for Ports {
    fn drop(&mut self) {
        for path in &self.sockets {
            // Envoy takes its own away when it ends well.
            std::fs::remove_file(path).ok();
        }
    }
}

/// Where a pod's port is, by the pod's annotation.
pub(crate) fn address(pod: &istio::Object, port: &str) -> Option<Address> {
    let mut map: BTreeMap<String, Address> = serde_json::from_str(pod.annotation(ANNOTATION)?).ok()?;
    map.remove(port)
}

/// The real port of a pod's port, if it is one.
pub(crate) fn real_port(pod: &istio::Object, port: &str) -> Option<u16> {
    address(pod, port)?.tcp().map(|at| at.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_reserved_port_takes_one_that_shares_and_nobody_else() {
        let mut ports = Ports::default();
        let real = ports.reserve("15001").unwrap();
        assert_eq!(ports.annotation(), format!("{{\"15001\":{real}}}"));
        let at = SocketAddr::from((Ipv4Addr::LOCALHOST, real));
        assert!(std::net::TcpListener::bind(at).is_err(), "kept for the proxy");
        let proxy = TcpSocket::new_v4().unwrap();
        proxy.set_reuseport(true).unwrap();
        proxy.bind(at).unwrap();
        let listener = proxy.listen(8).unwrap();
        let connect = tokio::net::TcpStream::connect(at);
        let (accepted, connected) = tokio::join!(listener.accept(), connect);
        assert!(accepted.is_ok() && connected.is_ok());
    }
}
