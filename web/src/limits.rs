//! How many connections one address may hold, so that one machine cannot take them all.

use std::{
    any::Any,
    collections::HashMap,
    net::{IpAddr, Shutdown},
    sync::{Arc, Mutex, PoisonError},
};

use actix_web::{dev::Extensions, rt::net::TcpStream};
use socket2::SockRef;
use vigie_config::AddressRange;

type TlsStream = actix_tls::accept::rustls_0_23::TlsStream<TcpStream>;

/// Six browsers of one household, each with a wall of 36 windows.
pub const MOST_OF_ONE: usize = 256;

/// Connections by the address they come from.
#[derive(Default)]
pub struct Connections(Mutex<HashMap<IpAddr, usize>>);

/// Held as long as the connection.
struct Place {
    of: Arc<Connections>,
    address: IpAddr,
}

impl Connections {
    fn take(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = held.entry(address).or_default();
        if *count >= MOST_OF_ONE {
            return None;
        }
        *count += 1;
        Some(Place {
            of: self.clone(),
            address,
        })
    }

    /// For `HttpServer::on_connect`: a connection too many ends before its first request is read. Proxies
    /// bring those of many.
    pub fn admit(self: &Arc<Self>, stream: &dyn Any, data: &mut Extensions, proxies: &[AddressRange]) {
        let by_tls = stream.downcast_ref::<TlsStream>().map(|stream| stream.get_ref().0);
        let Some(socket) = by_tls.or_else(|| stream.downcast_ref::<TcpStream>()) else {
            return;
        };
        let Ok(peer) = socket.peer_addr() else { return };
        let address = peer.ip().to_canonical();
        if proxies.iter().any(|range| range.contains(address)) {
            return;
        }
        match self.take(address) {
            Some(place) => drop(data.insert(place)),
            None => {
                tracing::debug!(peer = %address, "more than {MOST_OF_ONE} connections");
                drop(SockRef::from(socket).shutdown(Shutdown::Both));
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut held = self.of.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = held.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn one_address_leaves_room_for_others() {
        let connections = Arc::new(Connections::default());
        let [one, other] = ["192.0.2.1", "192.0.2.2"].map(|text| text.parse().unwrap());
        let mut places: Vec<_> = (0..MOST_OF_ONE).map(|_| connections.take(one).unwrap()).collect();
        assert!(connections.take(one).is_none());
        assert!(connections.take(other).is_some());
        places.pop();
        assert!(connections.take(one).is_some());
        drop(places);
        assert!(connections.0.lock().unwrap().is_empty());
    }
}
