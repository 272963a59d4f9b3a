use std::os::fd::AsRawFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::process::Command;

use canvass_testkit::PATIENCE;
use nix::sys::signal::Signal;

use super::Pool;
use super::pool::Setting;

fn heard(socket: &UnixDatagram) -> String {
    let mut bytes = [0; 256];
    let n = socket.recv(&mut bytes).unwrap();
    String::from_utf8(bytes[..n].to_vec()).unwrap()
}

/// A pooler under a service manager that listens on `socket`, known to it as `name`.
fn under(socket: &UnixDatagram, name: &str, setting: Setting) -> Pool {
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let process = setting.command("").env("NOTIFY_SOCKET", name).spawn().unwrap();
    Pool { setting, process }
}

#[test]
fn a_service_manager_hears_of_start_reload_and_end() {
    let setting = Setting::new("", "");
    let path = setting.file("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    let mut pool = under(&socket, path.to_str().unwrap(), setting);

    assert_eq!(heard(&socket), format!("READY=1\nMAINPID={}", pool.process.id()));
    assert_eq!(pool.client().run("SELECT 1"), "SELECT 1", "ready means ready");
    pool.signal(Signal::SIGHUP);
    let reloading = heard(&socket);
    assert!(
        reloading.starts_with("RELOADING=1\nMONOTONIC_USEC="),
        "{reloading}"
    );
    assert!(heard(&socket).starts_with("READY=1"));
    pool.signal(Signal::SIGTERM);
    assert_eq!(heard(&socket), "STOPPING=1");
    assert!(pool.until_ended().success());
}

#[test]
fn the_manager_may_be_an_abstract_socket() {
    let setting = Setting::new("", "");
    let name = format!("canvass-notify-{}", setting.port);
    let socket = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();

    let _pool = under(&socket, &format!("@{name}"), setting);

    assert!(heard(&socket).starts_with("READY=1"));
}

#[test]
fn sockets_that_the_manager_listens_on_are_taken_over() {
    // Given a socket on a port of its own, as file descriptor 3.
    let setting = Setting::new("", "");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let command = setting.command("");
    let mut shell = Command::new("sh");
    let script = "exec 3<&\"$1\"; shift; export LISTEN_PID=$$ LISTEN_FDS=1; exec \"$@\"";
    rustix_inherit(&listener);
    shell
        .args(["-c", script, "sh", &listener.as_raw_fd().to_string()])
        .arg(command.get_program());
    shell.args(command.get_args()).stdout(std::process::Stdio::null());
    shell.envs(
        command
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    let process = shell.spawn().unwrap();
    let pool = Pool { setting, process };

    pool.until_logged("process up");
    drop(listener);

    assert_eq!(
        super::Client::tcp(address, super::pool::USER, "app")
            .unwrap()
            .run("SELECT 1"),
        "SELECT 1"
    );
    assert!(
        std::net::TcpStream::connect(pool.address()).is_err(),
        "listen_port is the manager's business then"
    );
}

/// Lets a child have this file descriptor.
fn rustix_inherit(listener: &std::net::TcpListener) {
    rustix::io::fcntl_setfd(listener, rustix::io::FdFlags::empty()).unwrap();
}
