//! What the end-to-end tests share: the real binary, a display of its own, its window driven as a person
//! would.
//!
//! Nothing here reads the user's own files: every program gets a home folder of its own. Every program ends
//! with the value that started it.

pub mod display;
pub mod dropping;
pub mod dumps;
pub mod hands;
pub mod planted;
pub mod program;
pub mod window;

pub use display::Display;
pub use dropping::drop_file;
pub use hands::Hands;
pub use program::{Program, binary};
pub use window::Window;

/// Installs the one TLS provider; repeated calls do no harm.
pub fn tls() {
    rustls::crypto::ring::default_provider().install_default().ok();
}

/// A port of this machine that is free now.
pub fn free_port() -> std::io::Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
