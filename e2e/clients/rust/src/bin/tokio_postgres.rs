//! tokio-postgres with its default settings: every query with parameters is prepared under a name, and queries on one
//! connection are pipelined.

use std::future::poll_fn;
use std::pin::pin;
use std::time::{Duration, SystemTime};

use canvass_pool_clients::{Failure, Outcome, Session, Suite, fails, same, variable};
use futures_util::future::{join_all, try_join_all};
use futures_util::{SinkExt, StreamExt};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio_postgres::types::Type;
use tokio_postgres::{AsyncMessage, Client, Config, Error, NoTls};

fn pg(why: Error) -> Failure {
    Failure {
        code: why.code().map(|code| code.code().to_owned()),
        message: why
            .as_db_error()
            .map_or_else(|| why.to_string(), ToString::to_string),
    }
}

/// A client, and the notifications that come to it.
async fn connect() -> Outcome<(Client, UnboundedReceiver<String>)> {
    let (client, mut connection) = Config::new()
        .host(variable("PGHOST"))
        .port(variable("PGPORT").parse().map_err(Failure::new)?)
        .user(variable("PGUSER"))
        .password(variable("PGPASSWORD"))
        .dbname(variable("PGDATABASE"))
        .connect(NoTls)
        .await
        .map_err(pg)?;
    let (told, news) = unbounded_channel();
    tokio::spawn(async move {
        while let Some(Ok(message)) = poll_fn(|cx| connection.poll_message(cx)).await {
            if let AsyncMessage::Notification(note) = message {
                let _ = told.send(note.payload().to_owned());
            }
        }
    });
    Ok((client, news))
}

async fn int(client: &Client, sql: &str, parameter: i32) -> Outcome<i32> {
    Ok(client.query_one(sql, &[&parameter]).await.map_err(pg)?.get(0))
}

async fn connects() -> Outcome {
    let (client, _) = connect().await?;
    let row = client
        .query_one("SELECT current_database()::text", &[])
        .await
        .map_err(pg)?;
    same(row.get(0), variable("PGDATABASE"))
}

async fn query() -> Outcome {
    let (client, _) = connect().await?;
    let messages = client.simple_query("SELECT 1; SELECT 2").await.map_err(pg)?;
    let rows = messages
        .iter()
        .filter_map(|m| match m {
            tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0),
            _ => None,
        })
        .collect::<Vec<_>>();
    same(rows, vec!["1", "2"])
}

async fn parameters() -> Outcome {
    let (client, _) = connect().await?;
    let row = client
        .query_one("SELECT $1::int + 1, $2::text || '!'", &[&41_i32, &"it's ünïcode"])
        .await
        .map_err(pg)?;
    same((row.get(0), row.get(1)), (42, "it's ünïcode!"))
}

async fn prepared() -> Outcome {
    let mut statements = Vec::new();
    for i in 1..=6 {
        // Each prepares under the same name as the others, and something else.
        let (client, _) = connect().await?;
        let statement = client
            .prepare(&format!("SELECT $1::int * {i}"))
            .await
            .map_err(pg)?;
        statements.push((client, statement));
    }
    for turn in 0..12_i32 {
        for (i, (client, statement)) in (1..).zip(&statements) {
            let got: i32 = client.query_one(statement, &[&turn]).await.map_err(pg)?.get(0);
            same(got, turn * i)?;
        }
    }
    Ok(())
}

async fn prepared_many() -> Outcome {
    let (client, _) = connect().await?;
    let mut statements = Vec::new();
    for i in 0..250 {
        let sql = format!("SELECT {i} + $1::int");
        statements.push(client.prepare_typed(&sql, &[Type::INT4]).await.map_err(pg)?);
    }
    for turn in 0..3 {
        for (i, statement) in (0..).zip(&statements) {
            let got: i32 = client.query_one(statement, &[&turn]).await.map_err(pg)?.get(0);
            same(got, i + turn)?;
        }
    }
    Ok(())
}

async fn transaction() -> Outcome {
    let (mut client, _) = connect().await?;
    let transaction = client.transaction().await.map_err(pg)?;
    transaction
        .batch_execute("CREATE TABLE counter (n int NOT NULL)")
        .await
        .map_err(pg)?;
    transaction
        .execute("INSERT INTO counter VALUES ($1)", &[&0_i32])
        .await
        .map_err(pg)?;
    transaction.commit().await.map_err(pg)?;
    same(
        int(&client, "SELECT count(*)::int FROM counter WHERE n = $1", 0).await?,
        1,
    )
}

async fn rollback() -> Outcome {
    let (mut client, _) = connect().await?;
    let mut transaction = client.transaction().await.map_err(pg)?;
    let savepoint = transaction.transaction().await.map_err(pg)?;
    savepoint
        .execute("INSERT INTO counter VALUES ($1)", &[&1_i32])
        .await
        .map_err(pg)?;
    savepoint.rollback().await.map_err(pg)?;
    transaction
        .execute("UPDATE counter SET n = $1", &[&5_i32])
        .await
        .map_err(pg)?;
    drop(transaction); // which rolls back
    same(int(&client, "SELECT n FROM counter WHERE n >= $1", 0).await?, 0)
}

async fn error() -> Outcome {
    let (client, _) = connect().await?;
    fails(
        "42P01",
        client.query("SELECT * FROM no_such_table", &[]).await.map_err(pg),
    )?;
    fails("22012", int(&client, "SELECT 1 / $1::int", 0).await)?;
    fails("42601", client.prepare("SELEC 1").await.map_err(pg))?;
    same(int(&client, "SELECT 1 / $1::int", 1).await?, 1)
}

async fn copy_in() -> Outcome {
    let (client, _) = connect().await?;
    client
        .batch_execute("CREATE TABLE copied (n int, t text)")
        .await
        .map_err(pg)?;
    let mut sink = pin!(client.copy_in("COPY copied FROM STDIN").await.map_err(pg)?);
    for n in 0..20_000 {
        let row = format!("{n}\trow {n}\n").into_bytes();
        sink.send(std::io::Cursor::new(row)).await.map_err(pg)?;
    }
    same(sink.finish().await.map_err(pg)?, 20_000)
}

async fn copy_out() -> Outcome {
    let (client, _) = connect().await?;
    let mut rows = pin!(client.copy_out("COPY copied TO STDOUT").await.map_err(pg)?);
    let mut count = 0;
    while let Some(row) = rows.next().await {
        count += row.map_err(pg)?.iter().filter(|byte| **byte == b'\n').count();
    }
    same(count, 20_000)
}

async fn times_out() -> Outcome {
    let (mut client, _) = connect().await?;
    let transaction = client.transaction().await.map_err(pg)?;
    transaction
        .batch_execute("SET LOCAL statement_timeout = '50ms'")
        .await
        .map_err(pg)?;
    fails(
        "57014",
        transaction.query("SELECT pg_sleep(20)", &[]).await.map_err(pg),
    )?;
    transaction.rollback().await.map_err(pg)?;
    same(int(&client, "SELECT $1::int", 1).await?, 1)
}

async fn cancel() -> Outcome {
    let (client, _) = connect().await?;
    let token = client.cancel_token();
    let canceller = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        token.cancel_query(NoTls).await.map_err(pg)
    };
    let (slow, cancelled) = tokio::join!(client.query("SELECT pg_sleep(20)", &[]), canceller);
    cancelled?;
    fails("57014", slow.map_err(pg))?;
    same(int(&client, "SELECT $1::int", 1).await?, 1)
}

async fn concurrency() -> Outcome {
    try_join_all((0..20).map(|_| async {
        let (mut client, _) = connect().await?;
        for _ in 0..5 {
            let transaction = client.transaction().await.map_err(pg)?;
            transaction
                .execute("UPDATE counter SET n = n + $1", &[&1_i32])
                .await
                .map_err(pg)?;
            transaction.commit().await.map_err(pg)?;
        }
        Ok::<_, Failure>(())
    }))
    .await?;
    let (client, _) = connect().await?;
    same(int(&client, "SELECT n FROM counter WHERE n >= $1", 0).await?, 100)
}

async fn types() -> Outcome {
    let (client, _) = connect().await?;
    let at = SystemTime::UNIX_EPOCH + Duration::from_micros(1_772_240_523_456_789);
    let row = client
        .query_one(
            "SELECT $1::bool, $2::int8, $3::float8, $4::text, $5::bytea, $6::int[], $7::timestamptz, $8::text",
            &[
                &true,
                &(1_i64 << 40),
                &1.5_f64,
                &"text ✓",
                &&b"\x00\xff"[..],
                &vec![1, 2, 3],
                &at,
                &None::<&str>,
            ],
        )
        .await
        .map_err(pg)?;
    same((row.get(0), row.get(1), row.get(2)), (true, 1_i64 << 40, 1.5))?;
    same((row.get(3), row.get(4)), ("text ✓", &b"\x00\xff"[..]))?;
    same(row.get::<_, Vec<i32>>(5), vec![1, 2, 3])?;
    same(row.get(6), at)?;
    same(row.get(7), None::<&str>)?;
    // A type that the client has to ask PostgreSQL for, with statements of its own.
    client
        .batch_execute("CREATE TYPE colour AS ENUM ('red', 'green')")
        .await
        .map_err(pg)?;
    let row = client
        .query_one(
            "SELECT 'green'::colour = any (enum_range(NULL::colour)), 'red'::colour",
            &[],
        )
        .await
        .map_err(pg)?;
    same(row.columns()[1].type_().name(), "colour")
}

async fn large() -> Outcome {
    let (client, _) = connect().await?;
    let sql = "SELECT n, repeat(n::text, 20) FROM generate_series(1, 100000) n";
    let rows = client.query(sql, &[]).await.map_err(pg)?;
    same(rows.len(), 100_000)?;
    same(rows[99_999].get::<_, String>(1), "100000".repeat(20))?;
    let row = client
        .query_one("SELECT repeat('x', 20000000)", &[])
        .await
        .map_err(pg)?;
    same(row.get::<_, &str>(0).len(), 20_000_000)
}

async fn cursor() -> Outcome {
    let (mut client, _) = connect().await?;
    let transaction = client.transaction().await.map_err(pg)?;
    let portal = transaction
        .bind("SELECT n FROM generate_series(1, $1) n", &[&1000_i32])
        .await
        .map_err(pg)?;
    let mut sum = 0;
    loop {
        let rows = transaction.query_portal(&portal, 100).await.map_err(pg)?;
        if rows.is_empty() {
            break;
        }
        sum += rows.iter().map(|row| row.get::<_, i32>(0)).sum::<i32>();
    }
    transaction.commit().await.map_err(pg)?;
    same(sum, 500_500)
}

async fn pipeline() -> Outcome {
    let (client, _) = connect().await?;
    let statement = client.prepare("SELECT $1::int").await.map_err(pg)?;
    let numbers: Vec<i32> = (0..100).collect();
    let queries = join_all(numbers.iter().map(async |n| {
        let row = client.query_one(&statement, &[n]).await.map_err(pg)?;
        Ok::<i32, Failure>(row.get(0))
    }));
    let got = queries.await.into_iter().collect::<Outcome<Vec<_>>>()?;
    same(got, numbers)?;
    // An error in the middle is that query's alone.
    let (before, broken, after) = tokio::join!(
        int(&client, "SELECT $1::int", 1),
        int(&client, "SELECT 1 / $1::int", 0),
        int(&client, "SELECT $1::int", 2)
    );
    fails("22012", broken)?;
    same((before?, after?), (1, 2))
}

struct Probe {
    client: Client,
    news: UnboundedReceiver<String>,
}

impl Session for Probe {
    async fn open() -> Outcome<Self> {
        let (client, news) = connect().await?;
        Ok(Self { client, news })
    }

    async fn set_up(&mut self, sql: &str) -> Outcome<i32> {
        let transaction = self.client.transaction().await.map_err(pg)?;
        transaction.batch_execute(sql).await.map_err(pg)?;
        let row = transaction
            .query_one("SELECT pg_backend_pid()", &[])
            .await
            .map_err(pg)?;
        transaction.commit().await.map_err(pg)?;
        Ok(row.get(0))
    }

    async fn value(&mut self, sql: &str) -> Outcome<String> {
        Ok(self.client.query_one(sql, &[]).await.map_err(pg)?.get(0))
    }

    async fn heard(&mut self) -> Outcome<bool> {
        let (other, _) = connect().await?;
        other
            .batch_execute("NOTIFY news, 'something'")
            .await
            .map_err(pg)?;
        self.client.batch_execute("SELECT 1").await.map_err(pg)?;
        let told = tokio::time::timeout(Duration::from_millis(500), self.news.recv()).await;
        Ok(told.ok().flatten().as_deref() == Some("something"))
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
    suite.check("cancel", cancel()).await;
    suite.check("concurrency", concurrency()).await;
    suite.check("types", types()).await;
    suite.check("large result", large()).await;
    suite.check("cursor", cursor()).await;
    suite.check("pipeline", pipeline()).await;
    suite.states::<Probe>().await;
    suite.end()
}
