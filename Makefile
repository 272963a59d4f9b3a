# Canvass. `make` shows what there is. Everything that is missing is installed by script/setup, which says what it does.

.DEFAULT_GOAL := help
.PHONY: help up test test-rust e2e test-clients check check-long check-sql bench bench-generator bench-pool bench-pool-memory bench-logs rehearse rehearse-headline

help: ## Show this list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-17s %s\n", $$1, $$2}'

up: ## Build, and bring the whole of it up on this machine (Ctrl-C stops it)
	@script/setup run
	cargo build --release --locked --package canvass
	target/release/canvass up $(ARGS)

test: ## Every test: Rust against a real PostgreSQL, then the pages in a real browser
	@script/setup test
	$(MAKE) --no-print-directory test-rust e2e

test-rust:
	cargo test --workspace --locked

e2e:
	cargo build --locked --package canvass
	cd e2e && CANVASS_BIN=$(abspath $(or $(CARGO_TARGET_DIR),target))/debug/canvass npm test

test-clients: ## psql, pgbench and ten client libraries through canvass pool, each with its default settings
	@script/setup test-clients
	cargo build --locked --package canvass
	cargo build --locked --manifest-path e2e/clients/rust/Cargo.toml --target-dir $(or $(CARGO_TARGET_DIR),target)
	CLIENTS_BIN=$(abspath $(or $(CARGO_TARGET_DIR),target))/debug/canvass python3 e2e/clients/run.py

check: ## Formatting, lints as errors, the house rules, licences of what we depend on
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- --deny warnings
	cargo test --locked --package canvass-testkit --test tidy
	@if command -v cargo-deny >/dev/null; then cargo deny --log-level error check bans licenses sources; \
	 else echo "check: cargo-deny is not installed (cargo install cargo-deny --locked): dependencies' licences not checked"; fi

check-long: ## check and test, and what takes long: strict figures under load, many more random cases
	$(MAKE) --no-print-directory check test
	PROPTEST_CASES=20000 cargo test --release --locked --package canvass-survey
	cargo test --release --locked --package canvass --features long --test overload -- --nocapture
	CANVASS_FUZZ_SECONDS=60 cargo test --locked --package canvass-pooler --lib wire::fuzz
	CANVASS_FUZZ_SECONDS=60 cargo test --locked --package canvass-pooler --test fuzz -- --nocapture
	CANVASS_FUZZ_SECONDS=60 cargo test --release --locked --package canvass-pglog --test fuzz --test prefix -- --nocapture
	cargo test --release --locked --package canvass-pglog --test input long -- --ignored

check-sql: ## Ask PostgreSQL's own parser which statements are one (pg_query; ten minutes with its build)
	@script/setup check-sql
	cargo run --release --locked --manifest-path crates/pglog/oracle/Cargo.toml -- --check 20000

bench: ## Page-saves a second, with what they cost (needs wrk; about two minutes)
	@script/setup bench
	bench/saves.sh

bench-generator: ## What the load generator costs beside wrk, and what people who wait cost (two minutes)
	@script/setup bench
	bench/generator.sh

bench-pool: ## canvass pool beside Debian's pgbouncer, in turn: throughput, latency, processor time
	@script/setup bench-pool
	bench/pool.sh

bench-pool-memory: ## canvass pool's memory: 10,000 idle clients, a million logins (15 minutes)
	@script/setup bench-pool
	bench/pool.sh memory churn

bench-logs: ## canvass logs beside Debian's pgbadger on logs that pgbench makes: MB/s, memory (8 minutes)
	@script/setup bench-logs
	bench/logs.sh

rehearse: ## A whole survey day, a million takers an hour, every answer traced (6 minutes)
	@script/setup bench
	bench/rehearse.sh

rehearse-headline: ## The same for 10 minutes, on tables with 10 million saves (16 minutes)
	@script/setup bench
	REHEARSE_WINDOW=600 REHEARSE_PREFILL=10000000 bench/rehearse.sh
