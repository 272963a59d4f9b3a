//! How fast it is. `cargo test --release -p canvass-pglog --test sql -- --ignored --nocapture throughput`

use canvass_pglog::sql::Normalizer;

/// Given ordinary statements, when they are normalised on one core, then megabytes per second of that core's
/// time are printed, the median of five.
#[test]
#[ignore = "measures; needs a release build"]
fn throughput() {
    let corpus = super::corpus::parse(&super::file("corpus.sql.txt"));
    let of = |section: &str| -> Vec<&str> {
        let entries = corpus.iter().filter(|entry| entry.name.starts_with(section));
        entries.map(|entry| entry.sql.as_str()).collect()
    };
    let programs = [
        "pgbench",
        "django",
        "rails",
        "hibernate",
        "sqlalchemy",
        "pg_dump",
        "psql",
        "survey",
    ];
    measure("the corpus, mostly tiny statements, each another", &of(""));
    measure(
        "what programs send, mixed",
        &programs
            .iter()
            .flat_map(|section| of(section))
            .collect::<Vec<_>>(),
    );
    for section in programs {
        measure(section, &of(section));
    }
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

/// Prints the median of five runs, each long enough for the clock.
fn measure(name: &str, statements: &[&str]) {
    let bytes: usize = statements.iter().map(|sql| sql.len()).sum();
    let mut normalizer = Normalizer::default();
    let mut runs: Vec<f64> = (0..5)
        .map(|_| {
            let (start, mut rounds, mut sum) = (cpu_time(), 0, 0_u64);
            while cpu_time() - start < 0.2 {
                for _ in 0..1_000_000 / bytes + 1 {
                    for sql in statements {
                        sum ^= normalizer
                            .normalize(std::hint::black_box(sql.as_bytes()))
                            .fingerprint;
                    }
                    rounds += 1;
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
