-- Fills a wave as if most of the state had answered in the days before: people, codes, responses, saves, submissions.
-- For rehearsals only: the product itself never writes like this.
--
--   psql "$(cat DIR/secrets/database-url)" -X -v wave=2 -v saves=10000000 -f rehearsals/prefill.sql
--
-- The responses belong to people of their own (`earlier-2-1` …) who are on no people.csv. Response ids are random, and
-- the rows lie as they would have come: a twentieth of the people at once, page after page. The primary key is built
-- when the rows are there, with leaves as full as random inserts leave them.
\set ON_ERROR_STOP on
\set QUIET on
\set pages 30
SELECT 'wave_' || :wave AS schema, ceil(:saves / (20.0 * :pages))::integer AS crowd \gset
SELECT 20 * :crowd AS people, 20 * :crowd * :pages - 1 AS last \gset
SET search_path = :schema, public;
SET synchronous_commit = off;
SET work_mem = '256MB';
SET maintenance_work_mem = '1GB';
SET max_parallel_workers_per_gather = 0;
SET enable_mergejoin = off; -- it would sort the rows

BEGIN;
CREATE TEMPORARY TABLE earlier ON COMMIT DROP AS
  WITH made AS (
    INSERT INTO roster.respondent (person)
      SELECT 'earlier-' || :wave || '-' || n FROM generate_series(1, :people) n
    RETURNING respondent_id)
  SELECT row_number() OVER () - 1 AS n, respondent_id,
         hashint8extended(respondent_id, 1) & 9223372036854775807 AS response_id,
         -- Three days ago and a few seconds apart.
         ((extract(epoch FROM now()) - 3 * 86400) * 1000000)::bigint + row_number() OVER () * 5000 AS first_stamp
  FROM made;
ANALYZE earlier;
INSERT INTO roster.code (code_hash, respondent_id, generation)
  SELECT decode(md5('earlier ' || respondent_id), 'hex'), respondent_id, 1 FROM earlier;
INSERT INTO roster.enrolment (wave_id, respondent_id, response_id) SELECT :wave, respondent_id, response_id FROM earlier;
INSERT INTO response (response_id, started_at, language)
  SELECT response_id, to_timestamp(first_stamp / 1e6::float8), 'en' FROM earlier;

-- 256 ways to answer each page.
CREATE TEMPORARY TABLE variant ON COMMIT DROP AS
  SELECT page, variant, (SELECT jsonb_object_agg('q' || page || '_' || q, (1 + floor(random() * 4))::integer::text)
                         FROM generate_series(1, 5) q WHERE page + variant > 0) AS answers
  FROM generate_series(1, :pages) page, generate_series(0, 255) variant;
ANALYZE variant;

ALTER TABLE save DROP CONSTRAINT save_pkey;
INSERT INTO save (response_id, stamp, digest, received_at, page, language, answers)
  SELECT e.response_id, e.first_stamp + v.page * 2000000, hashint8extended(turn, 2),
         to_timestamp(e.first_stamp / 1e6::float8 + v.page * 2), 'p' || v.page, 'en', v.answers
  FROM (SELECT generate_series(0, :last) AS turn) turns
  JOIN earlier e ON e.n = turn / (:crowd * :pages) * :crowd + turn % :crowd
  JOIN variant v ON v.page = turn % (:crowd * :pages) / :crowd + 1 AND v.variant = hashint8(turn) & 255;
ALTER TABLE save ADD CONSTRAINT save_pkey PRIMARY KEY (response_id, stamp, digest) WITH (fillfactor = 70);
ALTER INDEX save_pkey RESET (fillfactor);

INSERT INTO submission (response_id, stamp, kind, received_at)
  SELECT response_id, first_stamp + (:pages + 1) * 2000000, 'submitted',
         to_timestamp(first_stamp / 1e6::float8 + (:pages + 1) * 2)
  FROM earlier;
COMMIT;

VACUUM (ANALYZE) response;
VACUUM (ANALYZE) save;
VACUUM (ANALYZE) submission;
VACUUM (ANALYZE) roster.respondent;
VACUUM (ANALYZE) roster.code;
VACUUM (ANALYZE) roster.enrolment;
