//! What this machine lacks when something cannot be started: told as what it is, and not as a start that is
//! slow.

use istio::Problem;
use std::error::Error;
use std::io::{self, ErrorKind};
use tokio::sync::watch;

/// What there is none of any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lack {
    /// For files.
    Room,
    /// Of 127.0.0.1.
    Ports,
    /// Open files and connections.
    Handles,
    /// Of this user.
    Processes,
    Memory,
}

impl Lack {
    /// What is lacking, if that is why something could not be done.
    pub(crate) fn of(error: &io::Error) -> Option<Self> {
        match (error.kind(), error.raw_os_error()) {
            (ErrorKind::StorageFull | ErrorKind::QuotaExceeded, _) => Some(Self::Room),
            (ErrorKind::AddrInUse | ErrorKind::AddrNotAvailable, _) => Some(Self::Ports),
            (ErrorKind::OutOfMemory, _) => Some(Self::Memory),
            (_, Some(libc::EMFILE | libc::ENFILE)) => Some(Self::Handles),
            (_, Some(libc::EAGAIN)) => Some(Self::Processes),
            _ => None,
        }
    }

    /// The same, where that stands behind the error.
    pub(crate) fn behind(error: &(dyn Error + 'static)) -> Option<Self> {
        let own = error.downcast_ref().and_then(Self::of);
        own.or_else(|| error.source().and_then(Self::behind))
    }

    /// As the user hears of it.
    pub(crate) fn problem(self) -> Problem {
        let folder = std::env::temp_dir();
        let (why, next) = match self {
            Self::Room => (
                format!("there is no room left in {}", folder.display()),
                "Make room there, or set TMPDIR to another folder",
            ),
            Self::Ports => (
                "no port of 127.0.0.1 is free any more".to_owned(),
                "End programs that hold many ports, or allow more (net.ipv4.ip_local_port_range)",
            ),
            Self::Handles => (
                "this program may not open any more files and connections".to_owned(),
                "Allow it more, for instance with ulimit -n 65536",
            ),
            Self::Processes => (
                "this user may not start any more processes".to_owned(),
                "End some, or allow more, for instance with ulimit -u",
            ),
            Self::Memory => ("there is no memory left".to_owned(), "End other programs"),
        };
        Problem::new("The sandbox did not start", why, next)
    }
}

/// Who starts something tells here what was lacking; who waits for it hears that.
#[derive(Clone, Debug)]
pub(crate) struct Lacks(watch::Sender<Option<Lack>>);

impl Default for Lacks {
    fn default() -> Self {
        Self(watch::Sender::new(None))
    }
}

impl Lacks {
    /// Something could not be done.
    pub(crate) fn tell(&self, error: &io::Error) {
        if let Some(lack) = Lack::of(error) {
            self.0.send_replace(Some(lack));
        }
    }

    /// Waits until something is lacking.
    pub(crate) async fn first(&self) -> Lack {
        let mut told = self.0.subscribe();
        loop {
            if let Some(lack) = *told.borrow_and_update() {
                return lack;
            }
            if told.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lacks_is_found_behind_other_errors() {
        for (number, lack) in [
            (libc::ENOSPC, Some(Lack::Room)),
            (libc::EDQUOT, Some(Lack::Room)),
            (libc::EADDRINUSE, Some(Lack::Ports)),
            (libc::EMFILE, Some(Lack::Handles)),
            (libc::ENFILE, Some(Lack::Handles)),
            (libc::EAGAIN, Some(Lack::Processes)),
            (libc::ENOMEM, Some(Lack::Memory)),
            (libc::EACCES, None),
        ] {
            let error = || io::Error::from_raw_os_error(number);
            assert_eq!(Lack::of(&error()), lack, "{number}");
            let listening = pilot::Error::Listen(wire::Address::local(0), error());
            assert_eq!(Lack::behind(&listening), lack, "{number}");
        }
    }
}
