//! What a start needs beforehand: a port, a directory for sockets, the settings.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::sync::atomic::Ordering;

use crate::postgres::settings::{self, Inputs};
use crate::postgres::{Cluster, Profile};
use crate::{Error, Machine, disk, files, net};

impl Cluster {
    /// Once clients have been given the port it stays. A configured one must be free; otherwise the remembered one is
    /// taken while it is free, else another.
    pub(super) fn choose_port(&self) -> Result<(), Error> {
        let remembered = self.marker().port;
        if self.pinned.load(Ordering::Relaxed) {
            return Ok(());
        }
        let port = match (self.config.port, remembered) {
            (Some(port), _) => net::check_loopback(port, &self.user).map(|()| port)?,
            (None, Some(port)) if net::check_loopback(port, &self.user).is_ok() => port,
            (None, _) => net::free_port(&self.user)?,
        };
        let mut marker = self.marker();
        let sockets = self.dir.socket_dir();
        if marker.port != Some(port) || marker.sockets != sockets {
            marker.port = Some(port);
            marker.sockets = sockets;
            self.dir.remember(&marker, &self.user)?;
        }
        Ok(())
    }

    /// A socket directory outside our own is shared ground: it must be the user's and nobody else's.
    pub(super) fn make_socket_dir(&self) -> Result<(), Error> {
        let dir = self.socket_dir();
        files::create_private_dir(&dir, &self.user)?;
        let meta = fs::symlink_metadata(&dir).map_err(Error::io("read", &dir))?;
        let private = meta.is_dir() && meta.uid() == self.user.uid && meta.permissions().mode() & 0o077 == 0;
        if !private {
            return Err(Error::SocketDir {
                dir,
                user: self.user.name.clone(),
            });
        }
        Ok(())
    }

    pub(super) fn write_settings(&self) -> Result<(), Error> {
        let data = self.dir.postgres();
        let conf = settings::canvass_conf(&Inputs {
            machine: Machine::here(),
            disk_free: disk::free_bytes(&data)?,
            port: self.port(),
            socket_dir: &self.socket_dir(),
            lz4: self.knows_lz4()?,
            test: self.config.profile == Profile::Test,
        });
        files::write_private(&data.join("canvass.conf"), conf.as_bytes(), &self.user)?;
        files::write_private(
            &data.join("pg_hba.conf"),
            settings::pg_hba().as_bytes(),
            &self.user,
        )
    }

    /// Asked of the program itself: it depends on how it was built.
    fn knows_lz4(&self) -> Result<bool, Error> {
        let asked = self
            .postgres()
            .args(["-C", "wal_compression", "-c", "config_file=/dev/null"]);
        Ok(asked
            .args(["-c", "wal_compression=lz4", "-D", "/"])
            .run_quiet()?
            .success())
    }
}
