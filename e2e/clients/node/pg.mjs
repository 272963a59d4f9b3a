// node-postgres (pg) with its default settings. A query with a name is prepared; others use the unnamed statement.
import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import Cursor from 'pg-cursor';
import { check, end, fails, skip, state, states } from './suite.mjs';

async function connect() {
  const client = new pg.Client();
  client.on('error', () => {}); // a refusal ends the connection; the query says so
  await client.connect();
  return client;
}

const withClient = (run) => async () => {
  const client = await connect();
  try {
    await run(client);
  } finally {
    await client.end();
  }
};

const value = async (client, ...query) => Object.values((await client.query(...query)).rows[0])[0];

await check('connect', withClient(async (c) => {
  assert.equal(await value(c, 'SELECT current_database()::text'), process.env.PGDATABASE);
}));

await check('query', withClient(async (c) => {
  assert.equal(await value(c, "SELECT 'plain'"), 'plain');
  const results = await c.query('SELECT 1 AS n; SELECT 2 AS n');
  assert.deepEqual(results.map((r) => r.rows[0].n), [1, 2]);
}));

await check('parameters', withClient(async (c) => {
  const { rows } = await c.query("SELECT $1::int + 1 AS n, $2::text || '!' AS t", [41, "it's ünïcode"]);
  assert.deepEqual(rows, [{ n: 42, t: "it's ünïcode!" }]);
}));

await check('prepared', async () => {
  const clients = await Promise.all([...Array(6)].map(connect));
  for (let turn = 0; turn < 12; turn++) {
    for (const [i, c] of clients.entries()) {
      // Each prepares under the same name as the others, and something else.
      const got = await value(c, { name: 'one', text: `SELECT $1::int * ${i + 1}`, values: [turn] });
      assert.equal(got, turn * (i + 1));
    }
  }
  await Promise.all(clients.map((c) => c.end()));
});

await check('prepared, many', withClient(async (c) => {
  for (let turn = 0; turn < 3; turn++) {
    for (let i = 0; i < 250; i++) {
      assert.equal(await value(c, { name: `many ${i}`, text: `SELECT ${i} + $1::int`, values: [turn] }), i + turn);
    }
  }
}));

await check('transaction', withClient(async (c) => {
  await c.query('BEGIN');
  await c.query('CREATE TABLE counter (n int NOT NULL)');
  await c.query('INSERT INTO counter VALUES ($1)', [0]);
  await c.query('COMMIT');
  assert.equal(await value(c, 'SELECT count(*)::int FROM counter'), 1);
}));

await check('rollback', withClient(async (c) => {
  await c.query('BEGIN');
  await c.query('INSERT INTO counter VALUES ($1)', [1]);
  await c.query('ROLLBACK');
  assert.equal(await value(c, 'SELECT count(*)::int FROM counter'), 1);
}));

await check('error', withClient(async (c) => {
  await fails('42P01', c.query('SELECT * FROM no_such_table'));
  await fails('22012', c.query('SELECT 1 / $1::int', [0]));
  await fails('22012', c.query({ name: 'zero', text: 'SELECT 1 / $1::int', values: [0] }));
  assert.equal(await value(c, { name: 'zero', text: 'SELECT 1 / $1::int', values: [1] }), 1);
}));

await check('COPY in', withClient(async (c) => {
  await c.query('CREATE TABLE copied (n int, t text)');
  const rows = Readable.from([...Array(20_000).keys()].map((n) => `${n}\trow ${n}\n`));
  await pipeline(rows, c.query(copyFrom('COPY copied FROM STDIN')));
  assert.equal(await value(c, 'SELECT count(*)::int FROM copied'), 20_000);
}));

await check('COPY out', withClient(async (c) => {
  let bytes = '';
  for await (const chunk of c.query(copyTo('COPY copied TO STDOUT'))) bytes += chunk;
  assert.equal(bytes.trimEnd().split('\n').length, 20_000);
}));

await check('timeout', withClient(async (c) => {
  await c.query('BEGIN');
  await c.query("SET LOCAL statement_timeout = '50ms'");
  await fails('57014', c.query('SELECT pg_sleep(20)'));
  await c.query('ROLLBACK');
  assert.equal(await value(c, 'SELECT 1'), 1);
}));

skip('cancel', 'pg has no call for it');

await check('concurrency', async () => {
  const pool = new pg.Pool({ max: 20 });
  await Promise.all([...Array(20)].map(async () => {
    for (let n = 0; n < 5; n++) {
      const c = await pool.connect();
      await c.query('BEGIN');
      await c.query('UPDATE counter SET n = n + $1', [1]);
      await c.query('COMMIT');
      c.release();
    }
  }));
  assert.equal(await value(pool, 'SELECT n FROM counter'), 100);
  await pool.end();
});

await check('types', withClient(async (c) => {
  const at = new Date('2026-02-28T01:02:03.456Z');
  const values = { bool: true, int4: 7, int8: '1099511627776', float8: 1.5, numeric: '12345678901234567890.123456789',
    text: 'text ✓', bytea: Buffer.from([0, 255]), timestamptz: at, 'int4[]': [1, 2, 3], jsonb: { a: [1, null] } };
  for (const [type, want] of Object.entries(values)) {
    assert.deepEqual(await value(c, `SELECT $1::${type}`, [want]), want);
    assert.equal(await value(c, `SELECT $1::${type}`, [null]), null);
  }
}));

await check('large result', withClient(async (c) => {
  const { rows } = await c.query('SELECT n, repeat(n::text, 20) AS t FROM generate_series(1, 100000) n');
  assert.equal(rows.length, 100_000);
  assert.deepEqual(rows.at(-1), { n: 100_000, t: '100000'.repeat(20) });
  assert.equal((await value(c, "SELECT repeat('x', 20000000)")).length, 20_000_000);
}));

await check('cursor', withClient(async (c) => {
  await c.query('BEGIN');
  const cursor = c.query(new Cursor('SELECT n FROM generate_series(1, $1) n', [1000]));
  let sum = 0;
  for (let rows = await cursor.read(100); rows.length; rows = await cursor.read(100)) {
    sum += rows.reduce((s, row) => s + row.n, 0);
  }
  await cursor.close();
  await c.query('COMMIT');
  assert.equal(sum, 500_500);
}));

skip('pipeline', 'pg waits for each reply');

async function session() {
  const client = await connect();
  const told = [];
  client.on('notification', (news) => told.push(news.payload));
  return {
    async setUp(sql) {
      await client.query('BEGIN');
      await client.query(sql);
      const pid = await value(client, 'SELECT pg_backend_pid()');
      await client.query('COMMIT');
      return pid;
    },
    value: (sql) => value(client, sql),
    async heard() {
      const other = await connect();
      await other.query("NOTIFY news, 'something'");
      await other.end();
      await client.query('SELECT 1');
      await sleep(500);
      return told.join() === 'something';
    },
    close: () => client.end().catch(() => {}),
  };
}

await state('LISTEN', session, (s) => s.setUp('LISTEN news'), (s) => s.heard());
await states(session);
end();
