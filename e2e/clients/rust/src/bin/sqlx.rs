//! sqlx with its default settings and its own pool: every query is prepared under a name and kept in a cache of 100.

use std::time::Duration;

use canvass_pool_clients::{Failure, Outcome, Session, Suite, fails, same, variable};
use futures_util::TryStreamExt;
use futures_util::future::try_join_all;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgListener, PgPool, PgPoolOptions};
use sqlx::{Connection, Error, Executor, Row};

fn pg(why: Error) -> Failure {
    Failure {
        code: why
            .as_database_error()
            .and_then(|e| e.code())
            .map(|code| code.into_owned()),
        message: why.to_string(),
    }
}

fn options() -> PgConnectOptions {
    PgConnectOptions::new() // reads PGHOST and the others
}

async fn connect() -> Outcome<PgConnection> {
    PgConnection::connect_with(&options()).await.map_err(pg)
}

async fn pool(connections: u32) -> Outcome<PgPool> {
    PgPoolOptions::new()
        .max_connections(connections)
        .connect_with(options())
        .await
        .map_err(pg)
}

async fn int(connection: &mut PgConnection, sql: &str, parameter: i32) -> Outcome<i32> {
    sqlx::query_scalar(sqlx::AssertSqlSafe(sql.to_owned()))
        .bind(parameter)
        .fetch_one(connection)
        .await
        .map_err(pg)
}

async fn connects() -> Outcome {
    let mut c = connect().await?;
    let name: String = sqlx::query_scalar("SELECT current_database()::text")
        .fetch_one(&mut c)
        .await
        .map_err(pg)?;
    same(name, variable("PGDATABASE"))
}

async fn query() -> Outcome {
    let mut c = connect().await?;
    // A text alone goes as a simple query.
    let rows = c.fetch_all("SELECT 1; SELECT 2").await.map_err(pg)?;
    same(
        rows.iter().map(|row| row.get(0)).collect::<Vec<i32>>(),
        vec![1, 2],
    )
}

async fn parameters() -> Outcome {
    let mut c = connect().await?;
    let got: (i32, String) = sqlx::query_as("SELECT $1 + 1, $2 || '!'")
        .bind(41)
        .bind("it's ünïcode")
        .fetch_one(&mut c)
        .await
        .map_err(pg)?;
    same(got, (42, "it's ünïcode!".to_owned()))
}

async fn prepared() -> Outcome {
    let mut connections = Vec::new();
    for _ in 0..6 {
        connections.push(connect().await?);
    }
    for turn in 0..12 {
        for (i, c) in (1..).zip(&mut connections) {
            // Each prepares under the same name as the others, and something else.
            same(int(c, &format!("SELECT $1 * {i}"), turn).await?, turn * i)?;
        }
    }
    Ok(())
}

async fn prepared_many() -> Outcome {
    let mut c = connect().await?;
    for turn in 0..3 {
        for i in 0..150 {
            // More than the cache holds, so that some are forgotten again.
            same(int(&mut c, &format!("SELECT {i} + $1"), turn).await?, i + turn)?;
        }
    }
    Ok(())
}

async fn transaction() -> Outcome {
    let pool = pool(2).await?;
    let mut transaction = pool.begin().await.map_err(pg)?;
    transaction
        .execute("CREATE TABLE counter (n int NOT NULL)")
        .await
        .map_err(pg)?;
    sqlx::query("INSERT INTO counter VALUES ($1)")
        .bind(0)
        .execute(&mut *transaction)
        .await
        .map_err(pg)?;
    transaction.commit().await.map_err(pg)?;
    let count: i64 = sqlx::query_scalar("SELECT count(*) FROM counter")
        .fetch_one(&pool)
        .await
        .map_err(pg)?;
    same(count, 1)
}

async fn rollback() -> Outcome {
    let pool = pool(2).await?;
    let mut transaction = pool.begin().await.map_err(pg)?;
    sqlx::query("UPDATE counter SET n = $1")
        .bind(5)
        .execute(&mut *transaction)
        .await
        .map_err(pg)?;
    drop(transaction); // which rolls back
    let n: i32 = sqlx::query_scalar("SELECT n FROM counter")
        .fetch_one(&pool)
        .await
        .map_err(pg)?;
    same(n, 0)
}

async fn error() -> Outcome {
    let mut c = connect().await?;
    let missing = sqlx::query("SELECT * FROM no_such_table").execute(&mut c).await;
    fails("42P01", missing.map_err(pg))?;
    fails("22012", int(&mut c, "SELECT 1 / $1", 0).await)?;
    same(int(&mut c, "SELECT 1 / $1", 1).await?, 1)
}

async fn copy_in() -> Outcome {
    let mut c = connect().await?;
    c.execute("CREATE TABLE copied (n int, t text)")
        .await
        .map_err(pg)?;
    let mut copy = c.copy_in_raw("COPY copied FROM STDIN").await.map_err(pg)?;
    for n in 0..20_000 {
        copy.send(format!("{n}\trow {n}\n").into_bytes())
            .await
            .map_err(pg)?;
    }
    same(copy.finish().await.map_err(pg)?, 20_000)
}

async fn copy_out() -> Outcome {
    let mut c = connect().await?;
    let mut rows = c.copy_out_raw("COPY copied TO STDOUT").await.map_err(pg)?;
    let mut count = 0;
    while let Some(row) = rows.try_next().await.map_err(pg)? {
        count += row.iter().filter(|byte| **byte == b'\n').count();
    }
    same(count, 20_000)
}

async fn times_out() -> Outcome {
    let mut c = connect().await?;
    let mut transaction = c.begin().await.map_err(pg)?;
    transaction
        .execute("SET LOCAL statement_timeout = '50ms'")
        .await
        .map_err(pg)?;
    let slow = sqlx::query("SELECT pg_sleep(20)")
        .execute(&mut *transaction)
        .await;
    fails("57014", slow.map_err(pg))?;
    transaction.rollback().await.map_err(pg)?;
    same(int(&mut c, "SELECT $1", 1).await?, 1)
}

async fn concurrency() -> Outcome {
    let pool = pool(20).await?;
    try_join_all((0..20).map(|_| async {
        for _ in 0..5 {
            let mut transaction = pool.begin().await.map_err(pg)?;
            sqlx::query("UPDATE counter SET n = n + $1")
                .bind(1)
                .execute(&mut *transaction)
                .await
                .map_err(pg)?;
            transaction.commit().await.map_err(pg)?;
        }
        Ok::<_, Failure>(())
    }))
    .await?;
    let n: i32 = sqlx::query_scalar("SELECT n FROM counter")
        .fetch_one(&pool)
        .await
        .map_err(pg)?;
    same(n, 100)
}

async fn types() -> Outcome {
    let mut c = connect().await?;
    type Row = (bool, i64, f64, String, Vec<u8>, Vec<i32>, Option<String>);
    let sql = "SELECT $1::bool, $2::int8, $3::float8, $4::text, $5::bytea, $6::int[], $7::text";
    let want: Row = (
        true,
        1 << 40,
        1.5,
        "text ✓".to_owned(),
        vec![0, 255],
        vec![1, 2, 3],
        None,
    );
    let got: Row = sqlx::query_as(sql)
        .bind(want.0)
        .bind(want.1)
        .bind(want.2)
        .bind(want.3.clone())
        .bind(want.4.clone())
        .bind(want.5.clone())
        .bind(want.6.clone())
        .fetch_one(&mut c)
        .await
        .map_err(pg)?;
    same(got, want)
}

async fn large() -> Outcome {
    let mut c = connect().await?;
    let rows: Vec<(i32, String)> =
        sqlx::query_as("SELECT n, repeat(n::text, 20) FROM generate_series(1, 100000) n")
            .fetch_all(&mut c)
            .await
            .map_err(pg)?;
    same(rows.len(), 100_000)?;
    same(&rows[99_999], &(100_000, "100000".repeat(20)))?;
    let long: String = sqlx::query_scalar("SELECT repeat('x', 20000000)")
        .fetch_one(&mut c)
        .await
        .map_err(pg)?;
    same(long.len(), 20_000_000)
}

struct Probe {
    connection: PgConnection,
    listener: Option<PgListener>,
}

impl Session for Probe {
    async fn open() -> Outcome<Self> {
        let connection = connect().await?;
        Ok(Self {
            connection,
            listener: None,
        })
    }

    async fn set_up(&mut self, sql: &str) -> Outcome<i32> {
        if sql.starts_with("LISTEN") {
            return self.listen().await;
        }
        let mut transaction = self.connection.begin().await.map_err(pg)?;
        transaction
            .execute(sqlx::AssertSqlSafe(sql.to_owned()))
            .await
            .map_err(pg)?;
        let pid = sqlx::query_scalar("SELECT pg_backend_pid()")
            .fetch_one(&mut *transaction)
            .await
            .map_err(pg)?;
        transaction.commit().await.map_err(pg)?;
        Ok(pid)
    }

    async fn value(&mut self, sql: &str) -> Outcome<String> {
        sqlx::query_scalar(sqlx::AssertSqlSafe(sql.to_owned()))
            .fetch_one(&mut self.connection)
            .await
            .map_err(pg)
    }

    async fn heard(&mut self) -> Outcome<bool> {
        let mut other = connect().await?;
        other.execute("NOTIFY news, 'something'").await.map_err(pg)?;
        let Some(listener) = &mut self.listener else {
            return Err(Failure::new("nobody listens"));
        };
        match tokio::time::timeout(Duration::from_millis(500), listener.recv()).await {
            Ok(note) => Ok(note.map_err(pg)?.payload() == "something"),
            Err(_) => Ok(false),
        }
    }
}

impl Probe {
    /// PgListener has a connection of its own; which server it is on, PostgreSQL knows.
    async fn listen(&mut self) -> Outcome<i32> {
        let mut listener = PgListener::connect_with(&pool(2).await?).await.map_err(pg)?;
        listener.listen("news").await.map_err(pg)?;
        self.listener = Some(listener);
        sqlx::query_scalar(
            // When nobody's last statement was LISTEN, it is the server connection that answers this.
            "SELECT coalesce((SELECT pid FROM pg_stat_activity WHERE query ILIKE 'listen%'
               AND datname = current_database() ORDER BY state_change DESC LIMIT 1), pg_backend_pid())",
        )
        .fetch_one(&mut self.connection)
        .await
        .map_err(pg)
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut suite = Suite::new();
    suite.check("connect", connects()).await;
    suite.check("query", query()).await;
    suite.check("parameters", parameters()).await;
    suite.check("prepared", prepared()).await;
    suite.check("prepared, many", prepared_many()).await;
    suite.check("transaction", transaction()).await;
    suite.check("rollback", rollback()).await;
    suite.check("error", error()).await;
    suite.check("COPY in", copy_in()).await;
    suite.check("COPY out", copy_out()).await;
    suite.check("timeout", times_out()).await;
    suite.skip("cancel", "sqlx has no call for it");
    suite.check("concurrency", concurrency()).await;
    suite.check("types", types()).await;
    suite.check("large result", large()).await;
    suite.skip("cursor", "sqlx has none");
    suite.skip("pipeline", "sqlx waits for each reply");
    suite.states::<Probe>().await;
    suite.end()
}
