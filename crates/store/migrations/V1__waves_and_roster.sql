-- What every wave shares. A wave's answers stand in a schema of its own (wave_schema.sql), made with the wave.

CREATE SCHEMA canvass;
CREATE SCHEMA roster;

-- One immutable published revision of a questionnaire.
CREATE TABLE canvass.version (
    version_id   integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    survey       text NOT NULL,              -- the questionnaire's short name
    version      text NOT NULL               -- first 16 hex digits of SHA-256 over source
                 CONSTRAINT version_unique UNIQUE,
    source       text NOT NULL,              -- the YAML as it was published
    published_at timestamptz NOT NULL DEFAULT now()
);

-- One fielding of a version.
CREATE TABLE canvass.wave (
    wave_id      integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name         text NOT NULL CONSTRAINT wave_name_unique UNIQUE,
    version_id   integer NOT NULL REFERENCES canvass.version,
    opens_at     timestamptz NOT NULL,       -- codes are let in from here
    closes_at    timestamptz NOT NULL,       -- to here; answers stamped later do not count
    late_seconds bigint NOT NULL DEFAULT 604800 -- saves that were under way are accepted this long after closing
                 CONSTRAINT wave_late_period_not_negative CHECK (late_seconds >= 0),
    created_at   timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT wave_closes_after_it_opens CHECK (closes_at > opens_at)
);

-- Tells whether the keys file at hand is the one that this database's codes were made with.
CREATE TABLE canvass.key_fingerprint (
    only_row    boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    fingerprint bytea NOT NULL
);

-- A node of the organisation tree: state > district > school > class.
CREATE TABLE roster.unit (
    unit_id   integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    parent_id integer REFERENCES roster.unit,
    kind      text NOT NULL,
    name      text NOT NULL
);
CREATE UNIQUE INDEX unit_name_unique ON roster.unit (coalesce(parent_id, 0), kind, name);

-- A person. Nothing here says what anyone answered.
CREATE TABLE roster.respondent (
    respondent_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    unit_id       integer REFERENCES roster.unit,
    role          text NOT NULL DEFAULT 'student'
                  CONSTRAINT respondent_role_known CHECK (role IN ('student', 'teacher', 'parent')),
    person        text,                      -- the school's own identifier, as it came in the CSV
    name          text
);
CREATE UNIQUE INDEX respondent_person_unique ON roster.respondent (person);

-- The codes that let a respondent in. A code itself is stored nowhere: it can be derived again from the
-- secret key, the respondent and the generation.
CREATE TABLE roster.code (
    code_hash     bytea PRIMARY KEY,         -- keyed hash, 16 bytes
    respondent_id bigint NOT NULL REFERENCES roster.respondent,
    generation    integer NOT NULL,          -- a lost code is reissued as the next generation
    UNIQUE (respondent_id, generation)
);

-- The only link between a person and a response.
CREATE TABLE roster.enrolment (
    wave_id       integer NOT NULL REFERENCES canvass.wave,
    respondent_id bigint NOT NULL REFERENCES roster.respondent,
    response_id   bigint NOT NULL,           -- random
    PRIMARY KEY (wave_id, respondent_id),
    CONSTRAINT enrolment_response_unique UNIQUE (wave_id, response_id)
);
CREATE INDEX enrolment_respondent ON roster.enrolment (respondent_id);
