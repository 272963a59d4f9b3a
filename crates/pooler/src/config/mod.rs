//! The configuration: a `pgbouncer.ini` with a `[canvass]` section of our own.
