//! Bytes per second of several paths.

use crate::traffic::{Flow, Protocol};

/// Bytes per second that callers send and get. A sum is known where it is known of each path that carries
/// something: of some of them it would be too little.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Throughput {
    sent: Sum,
    received: Sum,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Sum {
    /// No path carried anything.
    #[default]
    Nothing,
    Of(f64),
    /// Of some path it is not known.
    NotKnown,
}

impl Sum {
    fn add(&mut self, value: Option<f64>) {
        *self = match (*self, value) {
            (Self::NotKnown, _) | (_, None) => Self::NotKnown,
            (Self::Nothing, Some(value)) => Self::Of(value),
            (Self::Of(sum), Some(value)) => Self::Of(sum + value),
        };
    }

    fn known(self) -> Option<f64> {
        if let Self::Of(sum) = self { Some(sum) } else { None }
    }
}

impl Throughput {
    /// Adds one path.
    pub fn add(&mut self, protocol: Protocol, flow: &Flow) {
        if !flow.carries() {
            return;
        }
        let [sent, received] = match protocol {
            // Connections that were opened, and no byte on any of them: nobody counted bytes.
            Protocol::Tcp if flow.bytes_sent + flow.bytes_received <= 0.0 => [None, None],
            Protocol::Tcp => [Some(flow.bytes_sent), Some(flow.bytes_received)],
            Protocol::Http | Protocol::Grpc => [flow.request_bytes, flow.response_bytes],
        };
        self.sent.add(sent);
        self.received.add(received);
    }

    /// Bytes per second that the callers send; `None` where that is not known.
    pub fn sent(&self) -> Option<f64> {
        self.sent.known()
    }

    /// Bytes per second that the callers get.
    pub fn received(&self) -> Option<f64> {
        self.received.known()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requests(request_bytes: Option<f64>, response_bytes: Option<f64>) -> Flow {
        let responses = [(("200".into(), "-".into()), 2.0)].into_iter().collect();
        Flow { responses, request_bytes, response_bytes, ..Flow::default() }
    }

    #[track_caller]
    fn check(flows: &[(Protocol, Flow)], sent: Option<f64>, received: Option<f64>) {
        let mut sum = Throughput::default();
        flows.iter().for_each(|(protocol, flow)| sum.add(*protocol, flow));
        assert_eq!((sum.sent(), sum.received()), (sent, received));
    }

    #[test]
    fn a_sum_is_known_where_each_path_is() {
        use Protocol::{Grpc, Http, Tcp};
        let known = requests(Some(10.0), Some(300.0));
        let bytes = Flow { bytes_received: 7.0, ..Flow::default() };
        check(&[], None, None);
        check(&[(Http, Flow::default())], None, None);
        check(&[(Http, known.clone()), (Grpc, known.clone())], Some(20.0), Some(600.0));
        check(&[(Http, known.clone()), (Http, Flow::default())], Some(10.0), Some(300.0));
        check(&[(Http, known.clone()), (Http, requests(Some(1.0), None))], Some(11.0), None);
        check(&[(Http, requests(None, None)), (Http, known.clone())], None, None);
        check(&[(Tcp, bytes), (Http, known)], Some(10.0), Some(307.0));
        check(&[(Tcp, Flow { mutual_tls: 1.0, ..Flow::default() })], None, None);
    }
}
