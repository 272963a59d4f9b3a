//! How fast it is. `cargo test --release -p canvass-pglog --test sql -- --ignored --nocapture throughput`

use canvass_pglog::sql::Normalizer;

/// Given ordinary statements, when they are normalised on one core, then megabytes per second of that core's
/// time are printed, the median of five.
#[test]
#[ignore = "measures; needs a release build"]
fn throughput() {
    let corpus = super::corpus::parse(&super::file("corpus.sql.txt"));
    let ordinary: Vec<&str> = corpus.iter().map(|entry| entry.sql.as_str()).collect();
    measure("the corpus", &ordinary);
    measure(
        "short",
        &["SELECT abalance FROM pgbench_accounts WHERE aid = 71234;"],
    );
    measure(
        "django",
        &[
            r#"SELECT "survey_response"."id", "survey_response"."code_id", "survey_response"."started_at" FROM "survey_response" INNER JOIN "survey_wave" ON ("survey_response"."wave_id" = "survey_wave"."id") WHERE ("survey_wave"."slug" = 'spring-2024' AND NOT ("survey_response"."state" IN (1, 2, 5))) ORDER BY "survey_response"."started_at" DESC LIMIT 21"#,
        ],
    );
    let list = format!(
        "SELECT * FROM t WHERE id IN ({})",
        (0..5000).map(|n| n.to_string()).collect::<Vec<_>>().join(", ")
    );
    measure("a long list", &[&list]);
    let text = format!(
        "INSERT INTO note (body) VALUES ('{}')",
        "words and words ".repeat(1000)
    );
    measure("a long text", &[&text]);
}

fn measure(name: &str, statements: &[&str]) {
    let bytes: usize = statements.iter().map(|sql| sql.len()).sum();
    let rounds = 60_000_000 / bytes + 1;
    let mut normalizer = Normalizer::default();
    let mut runs: Vec<f64> = (0..5)
        .map(|_| {
            let start = cpu_time();
            let mut sum = 0_u64;
            for _ in 0..rounds {
                for sql in statements {
                    sum = sum.wrapping_add(
                        normalizer
                            .normalize(std::hint::black_box(sql.as_bytes()))
                            .fingerprint,
                    );
                }
            }
            std::hint::black_box(sum);
            (bytes * rounds) as f64 / 1e6 / (cpu_time() - start)
        })
        .collect();
    runs.sort_by(f64::total_cmp);
    println!(
        "{name}: {:.0} MB/s ({} statements, {bytes} bytes)",
        runs[2],
        statements.len()
    );
}

/// Seconds this thread has run for, whatever else the machine does.
fn cpu_time() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e9
}
