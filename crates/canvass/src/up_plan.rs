//! What `canvass up` was asked for: command line and settings together, and what can be refused beforehand.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use canvass_stack::{ClusterConfig, DataDir, Notices, User, check_port_free, check_port_open_to};

use crate::config::{self, Config};
use crate::up::UpArgs;

/// Demonstration codes shown: one per school.
const CODES: usize = 3;
/// The setting of the pool's address.
const POOL_LISTEN: &str = "up.pool_listen";

/// What `canvass up` will do.
pub(crate) struct Plan {
    /// All settings, with the command line's in.
    pub(crate) config: Config,
    /// The data directory as it was named, for people.
    pub(crate) data: PathBuf,
    pub(crate) dir: DataDir,
    /// Where respondents come in.
    pub(crate) listen: SocketAddr,
    /// Where the connection pool listens, unless it is switched off.
    pub(crate) pool: Option<SocketAddr>,
}

impl Plan {
    /// # Errors
    /// A setting that cannot be read or understood.
    pub(crate) fn new(args: &UpArgs) -> anyhow::Result<Plan> {
        let mut config = config::load(args.config.as_deref())?;
        if let Some(listen) = &args.listen {
            config.web.listen.clone_from(listen);
        }
        let named = (!config.up.data.is_empty()).then(|| PathBuf::from(&config.up.data));
        let data = args
            .data
            .clone()
            .or(named)
            .unwrap_or_else(|| "canvass-data".into());
        let dir = DataDir::at(&data)?;
        let listen = resolve("--listen", &config.web.listen)?;
        let pool = match config.up.pool_listen.as_str() {
            "" => None,
            address => Some(resolve(POOL_LISTEN, address)?),
        };
        for file in [
            &mut config.keys,
            &mut config.web.tls_cert,
            &mut config.web.tls_key,
        ] {
            if !file.is_empty() {
                *file = std::path::absolute(&file)?.display().to_string(); // serve works elsewhere
            }
        }
        Ok(Plan {
            config,
            data,
            dir,
            listen,
            pool,
        })
    }

    /// # Errors
    /// Another program listens where we should.
    pub(crate) fn check_ports(&self) -> anyhow::Result<()> {
        check_port_free(self.listen, "--listen")?;
        if let Some(pool) = self.pool {
            check_port_free(pool, POOL_LISTEN)?;
        }
        Ok(())
    }

    /// # Errors
    /// The user as whom serve runs cannot listen where it should, or cannot read what it needs.
    pub(crate) fn check_files(&self, user: &User) -> anyhow::Result<()> {
        check_port_open_to(user, self.listen, "--listen")?;
        if let Some(pool) = self.pool {
            check_port_open_to(user, pool, POOL_LISTEN)?;
        }
        for file in [
            &self.config.keys,
            &self.config.web.tls_cert,
            &self.config.web.tls_key,
        ] {
            if !file.is_empty() && !user.may_read(Path::new(file))? {
                bail!(
                    "{file}: user {}, who runs serve, may not read it: change its owner or mode",
                    user.name
                );
            }
        }
        Ok(())
    }

    pub(crate) fn cluster_config(&self, notices: Notices) -> ClusterConfig {
        let up = &self.config.up;
        ClusterConfig {
            port: (up.postgres_port != 0).then_some(up.postgres_port),
            user: (!up.user.is_empty()).then(|| up.user.clone()),
            min_free: self.config.web.min_free_bytes,
            notices,
            ..ClusterConfig::new(self.dir.path())
        }
    }

    /// The keys file: the configured one, which must exist, or our own.
    pub(crate) fn keys(&self) -> PathBuf {
        match self.config.keys.as_str() {
            "" => self.dir.path().join("keys.toml"),
            keys => PathBuf::from(keys),
        }
    }

    /// Where the demonstration codes shown are kept for the next start.
    pub(crate) fn demo_codes(&self) -> PathBuf {
        self.dir.secret("demo-codes")
    }

    pub(crate) fn codes_shown(&self) -> usize {
        CODES
    }

    pub(crate) fn tls(&self) -> bool {
        !self.config.web.tls_cert.is_empty()
    }

    /// Where this machine itself reaches serve.
    pub(crate) fn reach(&self) -> SocketAddr {
        reachable(self.listen)
    }
}

/// Where this machine itself reaches what listens at `address`.
pub(crate) fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

fn resolve(setting: &str, address: &str) -> anyhow::Result<SocketAddr> {
    let wrong = || format!("{setting} {address:?}: expected an address and a port, such as 127.0.0.1:8080");
    let found = address
        .to_socket_addrs()
        .with_context(wrong)?
        .next()
        .with_context(wrong)?;
    if found.port() == 0 {
        bail!("{setting} {address:?}: name a port");
    }
    Ok(found)
}
