// postgres.js with its default settings: every query with parameters is prepared under a name, and queries are pipelined.
import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import postgres from 'postgres';
import { check, end, fails, state, states } from './suite.mjs';

const connect = (options = {}) => postgres({ onnotice: () => {}, ...options });

const withSql = (run, options) => async () => {
  const sql = connect(options);
  try {
    await run(sql);
  } finally {
    await sql.end({ timeout: 5 });
  }
};
const one = { max: 1 };

await check('connect', withSql(async (sql) => {
  const [row] = await sql`SELECT current_database()::text AS name`;
  assert.equal(row.name, process.env.PGDATABASE);
}));

await check('query', withSql(async (sql) => {
  assert.equal((await sql`SELECT 'plain' AS t`.simple())[0].t, 'plain');
  const results = await sql`SELECT 1 AS n; SELECT 2 AS n`.simple();
  assert.deepEqual(results.map((r) => r[0].n), [1, 2]);
}));

await check('parameters', withSql(async (sql) => {
  const [row] = await sql`SELECT ${41}::int + 1 AS n, ${"it's ünïcode"}::text || '!' AS t`;
  assert.deepEqual({ ...row }, { n: 42, t: "it's ünïcode!" });
}));

await check('prepared', async () => {
  const clients = [...Array(6)].map(() => connect(one));
  for (let turn = 0; turn < 12; turn++) {
    for (const [i, sql] of clients.entries()) {
      const [row] = await sql.unsafe(`SELECT $1::int * ${i + 1} AS n`, [turn], { prepare: true });
      assert.equal(row.n, turn * (i + 1));
    }
  }
  await Promise.all(clients.map((sql) => sql.end()));
});

await check('prepared, many', withSql(async (sql) => {
  for (let turn = 0; turn < 3; turn++) {
    for (let i = 0; i < 250; i++) {
      const [row] = await sql.unsafe(`SELECT ${i} + $1::int AS n`, [turn], { prepare: true });
      assert.equal(row.n, i + turn);
    }
  }
}, one));

await check('transaction', withSql(async (sql) => {
  await sql.begin(async (tx) => {
    await tx`CREATE TABLE counter (n int NOT NULL)`;
    await tx`INSERT INTO counter VALUES (${0})`;
  });
  assert.equal((await sql`SELECT count(*)::int AS n FROM counter`)[0].n, 1);
}));

await check('rollback', withSql(async (sql) => {
  const failed = sql.begin(async (tx) => {
    await tx`INSERT INTO counter VALUES (${1})`;
    await tx.savepoint((sp) => sp`SELECT 1 / ${0}::int`).catch(() => {});
    await tx`INSERT INTO counter VALUES (${2})`;
    throw new Error('on purpose');
  });
  await assert.rejects(failed, /on purpose/);
  assert.equal((await sql`SELECT count(*)::int AS n FROM counter`)[0].n, 1);
}));

await check('error', withSql(async (sql) => {
  await fails('42P01', sql`SELECT * FROM no_such_table`);
  await fails('22012', sql`SELECT 1 / ${0}::int AS n`);
  assert.equal((await sql`SELECT 1 / ${1}::int AS n`)[0].n, 1);
}, one));

await check('COPY in', withSql(async (sql) => {
  await sql`CREATE TABLE copied (n int, t text)`;
  const rows = Readable.from([...Array(20_000).keys()].map((n) => `${n}\trow ${n}\n`));
  await pipeline(rows, await sql`COPY copied FROM STDIN`.writable());
  assert.equal((await sql`SELECT count(*)::int AS n FROM copied`)[0].n, 20_000);
}));

await check('COPY out', withSql(async (sql) => {
  let bytes = '';
  for await (const chunk of await sql`COPY copied TO STDOUT`.readable()) bytes += chunk;
  assert.equal(bytes.trimEnd().split('\n').length, 20_000);
}));

await check('timeout', withSql(async (sql) => {
  const slow = sql.begin(async (tx) => {
    await tx`SET LOCAL statement_timeout = '50ms'`;
    await tx`SELECT pg_sleep(20)`;
  });
  await fails('57014', slow);
  assert.equal((await sql`SELECT 1 AS n`)[0].n, 1);
}, one));

await check('cancel', withSql(async (sql) => {
  await sql`SELECT 1`;
  const slow = sql`SELECT pg_sleep(20)`.execute();
  const outcome = fails('57014', slow);
  await sleep(200);
  slow.cancel();
  await outcome;
  assert.equal((await sql`SELECT 1 AS n`)[0].n, 1);
}, one));

await check('concurrency', withSql(async (sql) => {
  await Promise.all([...Array(20)].map(async () => {
    for (let n = 0; n < 5; n++) await sql.begin((tx) => tx`UPDATE counter SET n = n + ${1}`);
  }));
  assert.equal((await sql`SELECT n FROM counter`)[0].n, 100);
}, { max: 20 }));

await check('types', withSql(async (sql) => {
  const at = new Date('2026-02-28T01:02:03.456Z');
  const values = { bool: true, int4: 7, int8: '1099511627776', float8: 1.5, numeric: '12345678901234567890.123456789',
    text: 'text ✓', bytea: Buffer.from([0, 255]), timestamptz: at, 'int4[]': [1, 2, 3], jsonb: { a: [1, null] } };
  for (const [type, want] of Object.entries(values)) {
    const [row] = await sql.unsafe(`SELECT $1::${type} AS v`, [want], { prepare: true });
    assert.deepEqual(type === 'int4[]' ? [...row.v] : row.v, want);
  }
}));

await check('large result', withSql(async (sql) => {
  const rows = await sql`SELECT n, repeat(n::text, 20) AS t FROM generate_series(1, 100000) n`;
  assert.equal(rows.length, 100_000);
  assert.deepEqual({ ...rows.at(-1) }, { n: 100_000, t: '100000'.repeat(20) });
  assert.equal((await sql`SELECT repeat('x', 20000000) AS t`)[0].t.length, 20_000_000);
}));

await check('cursor', withSql(async (sql) => {
  let sum = 0;
  await sql`SELECT n FROM generate_series(1, ${1000}::int) n`.cursor(100, (rows) => {
    sum += rows.reduce((s, row) => s + row.n, 0);
  });
  assert.equal(sum, 500_500);
}));

await check('pipeline', withSql(async (sql) => {
  // One connection: all of them are sent before the first reply is there.
  const rows = await Promise.all([...Array(100).keys()].map((n) => sql`SELECT ${n}::int AS n`));
  assert.deepEqual(rows.map(([row]) => row.n), [...Array(100).keys()]);
  const outcomes = await Promise.allSettled([sql`SELECT 1 AS n`, sql`SELECT 1 / ${0}::int AS n`, sql`SELECT 2 AS n`]);
  assert.deepEqual(outcomes.map((o) => o.value?.[0].n ?? o.reason.code), [1, '22012', 2]);
}, one));

async function session() {
  const sql = connect({ max: 1, fetch_types: false });
  return {
    setUp: (text) => sql.begin(async (tx) => {
      await tx.unsafe(text);
      return (await tx`SELECT pg_backend_pid() AS pid`)[0].pid;
    }),
    value: async (text) => Object.values((await sql.unsafe(text))[0] ?? {})[0],
    close: () => sql.end({ timeout: 1 }).catch(() => {}),
  };
}

// sql.listen opens a connection of its own; which server it is on, PostgreSQL knows.
async function listening() {
  const sql = connect();
  const told = [];
  return {
    async listen() {
      await sql.listen('news', (payload) => told.push(payload));
      // When nobody's last statement was LISTEN, it is the server connection that answers this.
      const [row] = await sql`SELECT coalesce((SELECT pid FROM pg_stat_activity
        WHERE query ILIKE 'listen%' AND datname = current_database() ORDER BY state_change DESC LIMIT 1),
        pg_backend_pid()) AS pid`;
      return row.pid;
    },
    async heard() {
      await sql`SELECT pg_notify('news', 'something')`;
      await sleep(500);
      return told.join() === 'something';
    },
    close: () => sql.end({ timeout: 1 }).catch(() => {}),
  };
}

await state('LISTEN', listening, (s) => s.listen(), (s) => s.heard());
await states(session);
end();
