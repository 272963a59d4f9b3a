use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use crate::{Error, User};

/// Ports tried for a private cluster: above the well-known services, below the range from which Linux takes
/// the ports of outgoing connections (`net.ipv4.ip_local_port_range` starts at 32768).
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// What sets the port of a private cluster.
const PORT_SETTING: &str = "postgres_port";

/// Says whether `address` can be listened on, by listening for a moment. `setting` names where it was set.
pub fn check_port_free(address: SocketAddr, setting: &'static str) -> Result<(), Error> {
    match TcpListener::bind(address) {
        Ok(_) => Ok(()),
        Err(e) if e.kind() == ErrorKind::AddrInUse => Err(Error::PortBusy { address, setting }),
        Err(source) => Err(Error::CannotListen {
            address,
            setting,
            source,
        }),
    }
}

/// Refuses a port that root may listen on but `user` may not.
pub fn check_port_open_to(user: &User, address: SocketAddr, setting: &'static str) -> Result<(), Error> {
    let lowest = std::fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start");
    let lowest = lowest
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(1024);
    if user.switch && address.port() != 0 && address.port() < lowest {
        let user = user.name.clone();
        return Err(Error::LowPort {
            address,
            user,
            lowest,
            setting,
        });
    }
    Ok(())
}

/// A loopback port on which nobody listens now, chosen at random so that clusters started together differ.
pub(crate) fn free_port(user: &User) -> Result<u16, Error> {
    let mut last = None;
    for _ in 0..50 {
        let mut random = [0; 2];
        getrandom::fill(&mut random).map_err(Error::Random)?;
        let port = PORTS.start + u16::from_ne_bytes(random) % (PORTS.end - PORTS.start);
        match check_loopback(port, user) {
            Ok(()) => return Ok(port),
            Err(e) => last = Some(e),
        }
    }
    Err(last.unwrap_or(Error::PortBusy {
        address: loopback(PORTS.start),
        setting: PORT_SETTING,
    }))
}

/// Whether PostgreSQL, run by `user`, can have `port` on loopback.
pub(crate) fn check_loopback(port: u16, user: &User) -> Result<(), Error> {
    check_port_open_to(user, loopback(port), PORT_SETTING)?;
    check_port_free(loopback(port), PORT_SETTING)
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}
