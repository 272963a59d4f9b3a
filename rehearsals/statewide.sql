-- What the database holds of the people on people.csv, in the columns that statewide.toml's `acknowledge` writes: for
-- `canvass rehearse reconcile`, which says what was lost, doubled or changed.
--
--   psql "$(cat DIR/secrets/database-url)" -X --csv -v wave=2 -f rehearsals/statewide.sql > held.csv
--
-- Answers are written as they were sent: jsonb keeps keys of one length in their order, and only puts blanks in between.
\set ON_ERROR_STOP on
\set QUIET on
SELECT 'wave_' || :wave AS schema \gset

SELECT 'save' AS fact, r.person AS pupil, s.stamp, s.page,
       replace(replace(s.answers::text, '": ', '":'), ', "', ',"') AS answers
FROM :schema.save s
JOIN roster.enrolment e ON e.wave_id = :wave AND e.response_id = s.response_id
JOIN roster.respondent r USING (respondent_id)
WHERE r.person LIKE 'pupil-%'
UNION ALL
SELECT 'submission', r.person, s.stamp, '', ''
FROM :schema.submission s
JOIN roster.enrolment e ON e.wave_id = :wave AND e.response_id = s.response_id
JOIN roster.respondent r USING (respondent_id)
WHERE r.person LIKE 'pupil-%';
