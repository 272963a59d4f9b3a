#[path = "../../src/sql/mod.rs"]
mod sql;
use std::io::Read;
use pg_query::FingerprintOptions as O;
fn main() {
    let mut s = String::new();
    std::io::stdin().read_to_string(&mut s).unwrap();
    let mut n = sql::Normalizer::default();
    for q in s.lines() {
        if q.trim().is_empty() { println!(); continue }
        let f = pg_query::fingerprint(q,0,O::FULL_RELNAME|O::RANGEVAR_INCLUDE_SCHEMA).map(|f| f.hex).unwrap_or_else(|e| e.to_string());
        let g = pg_query::fingerprint(q,0,O::RANGEVAR_PG17_COMPAT|O::FULL_RELNAME).map(|f| f.hex).unwrap_or_else(|e| e.to_string());
        let n = n.normalize(q.as_bytes());
        println!("{f:.4} {g:.4} {:.4}  {}   ---  {q}", format!("{:016x}",n.fingerprint), n.text);
    }
}
