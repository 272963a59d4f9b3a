//! The section `[pgbouncer]`: names, defaults and meanings are pgbouncer 1.25's (its `doc/config.md`), in the order of
//! its `SHOW CONFIG`.

use std::path::PathBuf;
use std::time::Duration;

use super::table::Support::{Refused, Same, WithoutEffect};
use super::table::settings;
use super::values::{AuthType, CheckQuery, PoolMode, SslMode, TlsProtocols};

settings! {
    /// The settings of the section `[pgbouncer]`, one field a setting. A time of zero means "off" or "no limit" unless
    /// the field says otherwise.
    pub struct Settings {}

    /// Users who may connect to the console `pgbouncer` and run every command there, separated by commas.
    admin_users: Vec<String> = NAMES, "", Now, Same;
    /// Whether the client's address and port are added to its `application_name` when it connects.
    application_name_add_host: bool = FLAG, "0", Now, Same;
    /// The database of the section `[databases]` in which `auth_query` runs; unset: the one that the client wants.
    auth_dbname: Option<String> = TEXT, "", Now, Same;
    /// The file with users and their passwords or secrets.
    auth_file: Option<PathBuf> = FILE, "", Now, Same;
    /// The file with rules in the manner of `pg_hba.conf`, for `auth_type = hba`.
    auth_hba_file: Option<PathBuf> = FILE, "", Now, Same;
    /// The file with user name maps, for rules with `map=`.
    auth_ident_file: Option<PathBuf> = FILE, "", Now, Same;
    /// How to reach an LDAP server.
    auth_ldap_options: Option<String> = TEXT, "", Now, Refused("users are not authenticated against LDAP");
    /// The query that finds the secret of user `$1`; it gives a name and a secret, or no row.
    auth_query: String = QUERY, "SELECT rolname, CASE WHEN rolvaliduntil < pg_catalog.now() THEN NULL ELSE rolpassword END FROM pg_authid WHERE rolname=$1 AND rolcanlogin", Now, Same;
    /// How clients prove who they are: `any`, `trust`, `plain`, `md5`, `cert`, `hba` or `scram-sha-256`. `pam` and
    /// `ldap` are refused.
    auth_type: AuthType = AUTH_TYPE, "md5", Now, Same;
    /// The user as whom `auth_query` runs, for clients who are not in `auth_file`.
    auth_user: Option<String> = TEXT, "", Now, Same;
    /// How many seconds a database made from the entry `*` is kept after its last use.
    autodb_idle_timeout: Duration = SECONDS, "3600", Now, Same;
    /// How many seconds a cancel request waits for its turn before its client is disconnected; 0: no limit.
    cancel_wait_timeout: Duration = SECONDS, "10", Now, Same;
    /// How many seconds a client may be silent outside a transaction before it is disconnected; 0: no limit.
    client_idle_timeout: Duration = SECONDS, "0", Now, Same;
    /// How many seconds a client may take to log in; 0: no limit.
    client_login_timeout: Duration = SECONDS, "60", Now, Same;
    /// The TLS 1.3 cipher suites offered to clients, by their names, separated by colons; empty: all.
    client_tls13_ciphers: String = CIPHERS, "", Now, Same;
    /// The file with whom to trust when clients show certificates.
    client_tls_ca_file: Option<PathBuf> = FILE, "", Now, Same;
    /// The file with the certificate chain shown to clients.
    client_tls_cert_file: Option<PathBuf> = FILE, "", Now, Same;
    /// The TLS 1.2 cipher suites offered to clients, in OpenSSL's notation, or `default`.
    client_tls_ciphers: String = CIPHERS, "default", Now, Same;
    /// Finite-field Diffie-Hellman towards clients.
    client_tls_dheparams: String = DHE_PARAMS, "auto", Now, WithoutEffect("key exchange is always on elliptic curves");
    /// The elliptic curve for key exchange with clients, by its name, or `auto`.
    client_tls_ecdhcurve: String = CURVE, "auto", Now, Same;
    /// The file with the private key of `client_tls_cert_file`.
    client_tls_key_file: Option<PathBuf> = FILE, "", Now, Same;
    /// The TLS versions spoken with clients: `secure` or `all`, or `tlsv1.2`, `tlsv1.3` separated by commas. TLS 1.0 and
    /// 1.1 are never spoken.
    client_tls_protocols: TlsProtocols = TLS_PROTOCOLS, "secure", Now, Same;
    /// Whether clients may or must encrypt, and whether they must show a certificate: `disable`, `allow`, `prefer`,
    /// `require`, `verify-ca` or `verify-full`.
    client_tls_sslmode: SslMode = SSL_MODE, "disable", Now, Same;
    /// The configuration file that the next RELOAD reads.
    conffile: Option<PathBuf> = FILE, "", Now, Same;
    /// How many server connections a pool may have; a pool is a database and a user.
    default_pool_size: u32 = COUNT, "20", Now, Same;
    /// Whether the simple query protocol is refused.
    disable_pqexec: bool = FLAG, "0", Restart, Same;
    /// How many seconds an address that a host name gave is believed.
    dns_max_ttl: Duration = SECONDS, "15", Now, Same;
    /// How many seconds a failed look-up of a host name is believed.
    dns_nxdomain_ttl: Duration = SECONDS, "15", Now, Same;
    /// How often DNS zones are looked at for changes, in seconds; 0: never.
    dns_zone_check_period: Duration = SECONDS, "0", Now, WithoutEffect("zones are not followed; every name is looked up again after `dns_max_ttl`");
    /// How many seconds a client may be idle inside a transaction before it is disconnected; 0: no limit.
    idle_transaction_timeout: Duration = SECONDS, "0", Now, Same;
    /// Start-up parameters that are accepted and ignored, separated by commas; others that are not tracked are refused.
    ignore_startup_parameters: Vec<String> = NAMES, "", Now, Same;
    /// The name of the service.
    job_name: String = STRING, "pgbouncer", Restart, WithoutEffect("it matters on Windows only");
    /// The addresses to listen on, numbers or names separated by commas, or `*` for all; empty: Unix socket only.
    listen_addr: Vec<String> = HOSTS, "", Restart, Same;
    /// How many connections the kernel may queue before they are accepted.
    listen_backlog: u32 = COUNT, "128", Restart, Same;
    /// The port for TCP and in the name of the Unix socket.
    listen_port: u16 = LISTEN_PORT, "6432", Restart, Same;
    /// Whether logins are logged.
    log_connections: bool = FLAG, "1", Now, Same;
    /// Whether disconnections are logged, with their reasons.
    log_disconnections: bool = FLAG, "1", Now, Same;
    /// Whether errors that the pooler itself sends to clients are logged.
    log_pooler_errors: bool = FLAG, "1", Now, Same;
    /// Whether figures are logged every `stats_period`.
    log_stats: bool = FLAG, "1", Now, Same;
    /// The file to log into; empty: standard error only.
    logfile: Option<PathBuf> = FILE, "", Now, Same;
    /// How many clients may be connected.
    max_client_conn: u32 = COUNT, "100", Now, Same;
    /// How many clients may be connected to one database; 0: no limit.
    max_db_client_connections: u32 = COUNT, "0", Now, Same;
    /// How many server connections one database may have, over all users; 0: no limit.
    max_db_connections: u32 = COUNT, "0", Now, Same;
    /// How many bytes one message of the protocol may have.
    max_packet_size: u32 = PACKET_BYTES, "2147483647", Now, Same;
    /// How many prepared statements are kept on one server connection; 0: statements are not followed in transaction and
    /// statement mode.
    max_prepared_statements: u32 = COUNT, "200", Now, Same;
    /// How many clients may be connected as one user; 0: no limit.
    max_user_client_connections: u32 = COUNT, "0", Now, Same;
    /// How many server connections one user may have, over all databases; 0: no limit.
    max_user_connections: u32 = COUNT, "0", Now, Same;
    /// How many server connections a pool keeps open, if it has a client or its database a `user`.
    min_pool_size: u32 = COUNT, "0", Now, Same;
    /// This process's number among its `[peers]`, at most 16383; 0: it has none.
    peer_id: u32 = PEER_ID, "0", Now, Same;
    /// The file to write the process id into.
    pidfile: Option<PathBuf> = FILE, "", Restart, Same;
    /// The size of buffers in bytes.
    pkt_buf: u32 = BYTES, "4096", Restart, WithoutEffect("buffers grow and shrink with the messages");
    /// When a server connection may serve another client: `session`, `transaction` or `statement`.
    pool_mode: PoolMode = POOL_MODE, "session", Now, Same;
    /// How many seconds a query may run before its client and server are disconnected; 0: no limit.
    query_timeout: Duration = SECONDS, "0", Now, Same;
    /// After how many whole seconds of waiting a client is told so with a NOTICE; 0: never.
    query_wait_notify: Duration = WHOLE_SECONDS, "5", Now, Same;
    /// How many seconds a query may wait for a server before its client is disconnected; 0: no limit.
    query_wait_timeout: Duration = SECONDS, "120", Now, Same;
    /// How many server connections a pool may have beyond its size when a client waits for `reserve_pool_timeout`.
    reserve_pool_size: u32 = COUNT, "0", Now, Same;
    /// After how many seconds of waiting the reserve is used; 0: never.
    reserve_pool_timeout: Duration = SECONDS, "5", Now, Same;
    /// A `resolv.conf` of one's own.
    resolv_conf: Option<PathBuf> = FILE, "", Restart, Refused("names are looked up by the operating system's resolver, with its own configuration");
    /// How many buffers of one connection are handled before the next connection's turn.
    sbuf_loopcnt: u32 = COUNT, "5", Now, WithoutEffect("connections take turns in the event loop by themselves");
    /// How many iterations a SCRAM secret derived from a clear-text password has.
    scram_iterations: u32 = ITERATIONS, "4096", Now, Same;
    /// For how many seconds after its last use a server is handed out without `server_check_query`; 0: it is always
    /// checked.
    server_check_delay: Duration = SECONDS, "30", Now, Same;
    /// The query that checks whether a server is alive; `<empty>`: a query without text; empty: no check.
    server_check_query: CheckQuery = CHECK_QUERY, "<empty>", Now, Same;
    /// How many seconds connecting and logging in to a server may take; 0: no limit.
    server_connect_timeout: Duration = SECONDS, "15", Now, Same;
    /// Whether a session's server is closed after its transaction, not at the session's end, when it has to be replaced.
    server_fast_close: bool = FLAG, "0", Now, Same;
    /// How many seconds an unused server connection is kept; 0: no limit.
    server_idle_timeout: Duration = SECONDS, "600", Now, Same;
    /// How many seconds after its start an unused server connection is closed; 0: after its first use.
    server_lifetime: Duration = SECONDS, "3600", Now, Same;
    /// How many seconds a server that refused is left alone; clients that come meanwhile get its error at once.
    server_login_retry: Duration = SECONDS, "15", Now, Same;
    /// The query that clears a server before the next client of a pool in session mode; empty: none.
    server_reset_query: Option<String> = TEXT, "DISCARD ALL", Now, Same;
    /// Whether `server_reset_query` is sent in every mode.
    server_reset_query_always: bool = FLAG, "0", Now, Same;
    /// Whether servers of a pool are used in turn instead of the last used first.
    server_round_robin: bool = FLAG, "0", Now, Same;
    /// The TLS 1.3 cipher suites offered to servers, by their names, separated by colons; empty: all.
    server_tls13_ciphers: String = CIPHERS, "", Now, Same;
    /// The file with whom to trust when servers show certificates.
    server_tls_ca_file: Option<PathBuf> = FILE, "", Now, Same;
    /// The file with the certificate chain shown to servers.
    server_tls_cert_file: Option<PathBuf> = FILE, "", Now, Same;
    /// The TLS 1.2 cipher suites offered to servers, in OpenSSL's notation, or `default`.
    server_tls_ciphers: String = CIPHERS, "default", Now, Same;
    /// The file with the private key of `server_tls_cert_file`.
    server_tls_key_file: Option<PathBuf> = FILE, "", Now, Same;
    /// The TLS versions spoken with servers, as `client_tls_protocols`.
    server_tls_protocols: TlsProtocols = TLS_PROTOCOLS, "secure", Now, Same;
    /// Whether connections to servers may or must be encrypted, and whose certificate they trust: `disable`, `allow`,
    /// `prefer`, `require`, `verify-ca` or `verify-full`.
    server_tls_sslmode: SslMode = SSL_MODE, "prefer", Now, Same;
    /// Whether several processes may listen on the same port (SO_REUSEPORT).
    so_reuseport: bool = FLAG, "0", Restart, Same;
    /// How often averages are made and logged, in whole seconds.
    stats_period: Duration = PERIOD, "60", Now, Same;
    /// Users who may connect to the console `pgbouncer` and look but not change, separated by commas.
    stats_users: Vec<String> = NAMES, "", Now, Same;
    /// How many seconds SUSPEND waits for buffers to empty, and an online restart for queries of clients with TLS, before
    /// they close what is left.
    suspend_timeout: Duration = SECONDS, "10", Now, Same;
    /// Whether the log also goes to syslog.
    syslog: bool = FLAG, "0", Now, Same;
    /// Syslog's facility: `auth`, `authpriv`, `daemon`, `user` or `local0` to `local7`.
    syslog_facility: String = FACILITY, "daemon", Now, Same;
    /// The name in syslog.
    syslog_ident: String = STRING, "pgbouncer", Now, Same;
    /// Whether the kernel hands over a TCP client only when it has sent something, for 45 seconds (TCP_DEFER_ACCEPT).
    tcp_defer_accept: bool = FLAG, "1", Now, WithoutEffect("a client that says nothing costs little, and client_login_timeout ends it");
    /// Whether TCP keepalive is on.
    tcp_keepalive: bool = FLAG, "1", Now, Same;
    /// How many keepalive probes may stay unanswered; 0: the system's default.
    tcp_keepcnt: u32 = COUNT, "0", Now, Same;
    /// After how many whole seconds of silence keepalive probes begin; 0: the system's default.
    tcp_keepidle: Duration = WHOLE_SECONDS, "0", Now, Same;
    /// How many whole seconds lie between keepalive probes; 0: the system's default.
    tcp_keepintvl: Duration = WHOLE_SECONDS, "0", Now, Same;
    /// The kernel's send and receive buffers in bytes; 0: the system's default.
    tcp_socket_buffer: u32 = BYTES, "0", Now, Same;
    /// For how many milliseconds what was sent may stay unacknowledged; 0: the system's default (TCP_USER_TIMEOUT).
    tcp_user_timeout: Duration = MILLISECONDS, "0", Now, Same;
    /// Further parameters that follow a client from server to server, separated by commas; only those that the server
    /// reports can.
    track_extra_parameters: Vec<String> = NAMES, "IntervalStyle", Restart, Same;
    /// How many seconds a transaction may last before its client is disconnected; 0: no limit.
    transaction_timeout: Duration = SECONDS, "0", Now, Same;
    /// The directory of the Unix socket, ours and by default also the server's; empty: none; with `@` at its start it
    /// is a name in the abstract namespace.
    unix_socket_dir: Option<PathBuf> = FILE, "/tmp", Restart, Same;
    /// The group that owns the Unix socket.
    unix_socket_group: Option<String> = TEXT, "", Restart, Same;
    /// The permissions of the Unix socket: octal if it begins with 0.
    unix_socket_mode: u32 = FILE_MODE, "0777", Restart, Same;
    /// The system user to become after the start.
    user: Option<String> = TEXT, "", Restart, Same;
    /// How much is logged, 0 to 3, as the switch `-v`.
    verbose: u32 = VERBOSITY, "0", Now, Same;
}
