//! What a service manager is told (sd_notify), and the sockets it hands over (socket activation).
//!
//! Source: <https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html> and
//! <https://www.freedesktop.org/software/systemd/man/latest/sd_listen_fds.html>.

use std::env;
use std::io;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixListener};

use rustix::net::AddressFamily;
use rustix::net::sockopt::socket_domain;
use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};
use rustix::time::{ClockId, clock_gettime};

use crate::listen::Listeners;

/// The first file descriptor that a service manager hands over.
const FIRST: i32 = 3;

/// Tells the service manager, if there is one.
fn notify(state: &str) {
    let Some(name) = env::var_os("NOTIFY_SOCKET") else {
        return;
    };
    // A manager that does not listen is nothing that could be helped.
    let _ = UnixDatagram::unbound().and_then(|socket| {
        let name = name.to_string_lossy();
        match name.strip_prefix('@') {
            Some(name) => socket.send_to_addr(state.as_bytes(), &SocketAddr::from_abstract_name(name)?),
            None => socket.send_to(state.as_bytes(), &*name),
        }
    });
}

/// The pooler serves clients.
pub fn ready() {
    notify(&format!("READY=1\nMAINPID={}", std::process::id()));
}

/// The configuration is read again; [`ready`] ends that.
pub fn reloading() {
    let now = clock_gettime(ClockId::Monotonic);
    let micros = i128::from(now.tv_sec) * 1_000_000 + i128::from(now.tv_nsec) / 1_000;
    notify(&format!("RELOADING=1\nMONOTONIC_USEC={micros}"));
}

/// The pooler ends.
pub fn stopping() {
    notify("STOPPING=1");
}

/// The sockets that the service manager listens on for us; `None` without any.
///
/// # Errors
/// The kernel's, or when one of them is no socket that a pooler can listen on.
pub fn listeners(port: u16) -> io::Result<Option<Listeners>> {
    let ours = number("LISTEN_PID") == Some(std::process::id());
    let Some(count) = number("LISTEN_FDS").filter(|count| ours && *count > 0) else {
        return Ok(None);
    };
    let this = pidfd_open(getpid(), PidfdFlags::empty())?;
    let mut all = Listeners::none(port);
    all.activated = true;
    for fd in (FIRST..).take(count as usize) {
        // A duplicate that we own: taking the number itself would need trust in the environment.
        let socket: OwnedFd = pidfd_getfd(&this, fd, PidfdGetfdFlags::empty())?;
        match socket_domain(&socket)? {
            AddressFamily::UNIX => all.add_unix(UnixListener::from(socket), None)?,
            AddressFamily::INET | AddressFamily::INET6 => all.add_tcp(TcpListener::from(socket))?,
            other => {
                let words = format!("file descriptor {fd} of LISTEN_FDS is a socket of family {other:?}");
                return Err(io::Error::new(io::ErrorKind::InvalidInput, words));
            }
        }
    }
    Ok(Some(all))
}

fn number(name: &str) -> Option<u32> {
    env::var(name).ok()?.parse().ok()
}
