-- What the database holds of the people on people.csv, in the columns that statewide.toml's `acknowledge` writes: for
-- `canvass rehearse reconcile`, which says what was lost, doubled or changed.
--
--   psql "$(cat DIR/secrets/database-url)" -X --csv -v wave=2 -f rehearsals/statewide.sql > held.csv
--   canvass rehearse reconcile --acknowledged acks.ndjson --csv held.csv --key fact,pupil,stamp,page --no-extra
--   canvass rehearse reconcile --acknowledged acks.ndjson --csv held.csv --key fact,pupil,stamp,page \
--     --step "script / save" --compare answers
--
-- The first says that every save and every submission is there once, the second that answers are as they were sent
-- (what a plain form sent is not known: there the persona chose).
\set ON_ERROR_STOP on
\set QUIET on
SELECT 'wave_' || :wave AS schema \gset

SELECT 'save' AS fact, r.person AS pupil, s.stamp, s.page, s.answers
FROM :schema.save s
JOIN roster.enrolment e ON e.wave_id = :wave AND e.response_id = s.response_id
JOIN roster.respondent r USING (respondent_id)
WHERE r.person LIKE 'pupil-%'
UNION ALL
SELECT 'submission', r.person, NULL, NULL, NULL
FROM :schema.submission s
JOIN roster.enrolment e ON e.wave_id = :wave AND e.response_id = s.response_id
JOIN roster.respondent r USING (respondent_id)
WHERE r.person LIKE 'pupil-%';
