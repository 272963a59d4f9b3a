#[path = "../../src/sql/mod.rs"]
mod sql;
use std::io::Read;
fn main() {
    let mut s = String::new();
    std::io::stdin().read_to_string(&mut s).unwrap();
    let mut n = sql::Normalizer::default();
    for q in s.lines() {
        if q.trim().is_empty() { println!(); continue }
        let f = pg_query::fingerprint(q).map(|f| f.hex).unwrap_or_else(|e| e.to_string());
        println!("{f}  {}", n.normalize(q.as_bytes()).text);
    }
}
