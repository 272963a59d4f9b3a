//! Who a client is, and how the pooler proves itself to a server: SCRAM, MD5, certificates, rules, TLS.
