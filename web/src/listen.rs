//! Listening sockets, and TLS on them.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    sync::Arc,
};

use rustix::io::Errno;
use rustls::{ServerConfig, server::ResolvesServerCert};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use vigie_actors::certificate::ACME_TLS;

/// Connections that wait for being taken.
const BACKLOG: i32 = 1024;

/// Listens on each address; or says on which it cannot. `[::]` takes IPv4 as well, unless `0.0.0.0` is
/// asked for beside it.
pub fn listen(addresses: &[SocketAddr]) -> Result<Vec<TcpListener>, (SocketAddr, io::Error)> {
    let one = |address: &SocketAddr| {
        let both = address.is_ipv6()
            && address.ip().is_unspecified()
            && !addresses
                .iter()
                .any(|other| other.is_ipv4() && other.ip().is_unspecified() && other.port() == address.port());
        let opened = open(*address, both).or_else(|error| match both && knows_no_ipv6(&error) {
            true => open((Ipv4Addr::UNSPECIFIED, address.port()).into(), false),
            false => Err(error),
        });
        opened.map_err(|error| (*address, error))
    };
    addresses.iter().map(one).collect()
}

/// A kernel that was started without it, or told to give it no address.
fn knows_no_ipv6(error: &io::Error) -> bool {
    let seen = error.raw_os_error().map(Errno::from_raw_os_error);
    matches!(seen, Some(Errno::AFNOSUPPORT | Errno::ADDRNOTAVAIL))
}

fn open(address: SocketAddr, both: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        // Whatever net.ipv6.bindv6only says.
        socket.set_only_v6(!both)?;
    }
    socket.set_reuse_address(true)?;
    socket.bind(&SockAddr::from(address))?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// TLS 1.2 and 1.3, with whatever certificate is to be shown when somebody connects.
pub fn tls(certificates: Arc<dyn ResolvesServerCert>) -> Result<ServerConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
        .with_no_client_auth()
        .with_cert_resolver(certificates);
    // Behind those of HTTP, which actix puts before it.
    config.alpn_protocols = vec![ACME_TLS.to_vec()];
    Ok(config)
}
