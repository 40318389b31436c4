//! The ports of this machine that a pod's ports are.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use tokio::net::TcpSocket;

/// The annotation in which a pod's ports are mapped to ports of this machine.
pub(crate) const ANNOTATION: &str = "sandbox.binnacle.dev/ports";

/// A pod's real ports. Those that a proxy will take are kept reserved as long as this value lives, also while the
/// proxy is being started again: a bound socket that does not listen keeps everybody else away, and SO_REUSEPORT lets
/// the proxy in.
#[derive(Debug, Default)]
pub(crate) struct Ports {
    map: BTreeMap<String, u16>,
    reserved: Vec<TcpSocket>,
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
        self.map.insert(port.to_owned(), real);
        Ok(real)
    }

    /// Names a real port that somebody listens on already.
    pub(crate) fn add(&mut self, port: &str, real: u16) {
        self.map.insert(port.to_owned(), real);
    }

    /// The real port of a pod's port.
    pub(crate) fn real(&self, port: &str) -> Option<u16> {
        self.map.get(port).copied()
    }

    /// As the annotation has it.
    pub(crate) fn annotation(&self) -> String {
        serde_json::json!(self.map).to_string()
    }
}

/// The real port of a pod's port, by the pod's annotation.
pub(crate) fn real_port(pod: &istio::Object, port: &str) -> Option<u16> {
    let map: BTreeMap<String, u16> = serde_json::from_str(pod.annotation(ANNOTATION)?).ok()?;
    map.get(port).copied()
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
