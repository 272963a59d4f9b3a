-- The answers of one wave. Append-only: rows are inserted, never updated or deleted; no foreign keys, no counters.
-- `wave_0` stands for the wave's own schema.
CREATE SCHEMA wave_0;

-- A response was started: its first entry with a code.
CREATE TABLE wave_0.response (
    response_id bigint PRIMARY KEY,
    started_at  timestamptz NOT NULL DEFAULT now(),
    unit_id     integer,                     -- roster.unit at that time
    language    text
);

-- One page turn.
CREATE TABLE wave_0.save (
    response_id bigint NOT NULL,
    stamp       bigint NOT NULL,             -- position in time, µs since 1970
    digest      bigint NOT NULL,             -- XXH3 of page and canonical answers
    received_at timestamptz NOT NULL DEFAULT now(),
    page        text NOT NULL,
    language    text,                        -- in which the page was answered
    answers     jsonb NOT NULL,              -- {question: value} of what changed; null = cleared
    PRIMARY KEY (response_id, stamp, digest)
);

-- The respondent said that they are done; or somebody opened the response again.
CREATE TABLE wave_0.submission (
    response_id bigint NOT NULL,
    stamp       bigint NOT NULL,
    kind        text NOT NULL,               -- submitted, reopened
    received_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (response_id, stamp, kind)
);

-- Rows are only ever added: visibility maps and statistics matter, dead rows do not.
ALTER TABLE wave_0.save SET (autovacuum_vacuum_insert_scale_factor = 0.1, autovacuum_analyze_scale_factor = 0.1);
