//! People: enrolled in a wave, each with a code and a random response id.

use std::collections::HashMap;

use tokio_postgres::Transaction;

use super::Admin;
use crate::code::{AccessCode, CodeKeys};
use crate::{Error, WaveId};

/// People that one transaction enrols.
const AT_ONCE: usize = 5_000;

/// Somebody to be enrolled.
#[derive(Debug, Clone, Default)]
pub struct NewPerson {
    /// The school's own identifier; a person known by it is enrolled with the code they have.
    pub person: Option<String>,
    /// A name for the code sheet.
    pub name: Option<String>,
    /// student, teacher or parent.
    pub role: Option<String>,
    /// The school.
    pub unit: Option<String>,
}

/// Somebody enrolled, with their code.
#[derive(Debug, Clone)]
pub struct Enrolled {
    /// The school's own identifier.
    pub person: Option<String>,
    /// The name on the roster.
    pub name: Option<String>,
    /// The school on the roster.
    pub unit: Option<String>,
    /// They were on the roster before, and keep their name and school there.
    pub known: bool,
    /// What they type.
    pub code: AccessCode,
}

fn failed(error: tokio_postgres::Error) -> Error {
    Error::statement("enrolling people", &error)
}

/// Remembers which keys this database's codes are made with, or refuses other ones.
///
/// # Errors
/// [`Error::Refused`] when the keys are not those that the codes were made with; [`Error::Statement`].
pub async fn check_fingerprint(client: &tokio_postgres::Client, keys: &CodeKeys) -> Result<(), Error> {
    let failed = |e: tokio_postgres::Error| match e.code() {
        Some(code) if code.code() == "42P01" => Error::NotMigrated,
        _ => Error::statement("comparing the keys", &e),
    };
    let ours = keys.fingerprint();
    let sql = "INSERT INTO canvass.key_fingerprint (fingerprint) VALUES ($1) ON CONFLICT DO NOTHING";
    client.execute(sql, &[&ours.as_slice()]).await.map_err(failed)?;
    let row = client
        .query_one("SELECT fingerprint FROM canvass.key_fingerprint", &[])
        .await
        .map_err(failed)?;
    if row.get::<_, &[u8]>(0) == ours {
        return Ok(());
    }
    Err(Error::Refused(
        "the keys file is not the one that this database's codes were made with: no printed code would work; \
         use the keys file of this database"
            .into(),
    ))
}

impl Admin {
    /// Enrols people in a wave, in order, in transactions of 5,000; `each` gets them as they are committed.
    ///
    /// # Errors
    /// [`Error::Refused`] for a role that there is not; [`Error::Statement`]; what was handed out stays enrolled.
    pub async fn enrol<E: From<Error>>(
        &mut self,
        wave: WaveId,
        keys: &CodeKeys,
        people: &[NewPerson],
        mut each: impl FnMut(Enrolled) -> Result<(), E>,
    ) -> Result<(), E> {
        check_fingerprint(&self.client, keys).await?;
        for people in people.chunks(AT_ONCE) {
            let transaction = self.client.transaction().await.map_err(failed)?;
            let units = units(&transaction, people).await?;
            let respondents = respondents(&transaction, people, &units).await?;
            let ids: Vec<i64> = respondents.iter().map(|listed| listed.id).collect();
            let codes = codes(&transaction, keys, &ids).await?;
            enrolments(&transaction, wave, &ids).await?;
            transaction.commit().await.map_err(failed)?;
            for (person, listed) in people.iter().zip(respondents) {
                let code = codes[&listed.id];
                let Listed {
                    name, unit, known, ..
                } = listed;
                each(Enrolled {
                    person: person.person.clone(),
                    name,
                    unit,
                    known,
                    code,
                })?;
            }
        }
        Ok(())
    }

    /// Everybody enrolled in a wave with their present code, by unit and order of enrolment.
    ///
    /// # Errors
    /// [`Error::Statement`]; [`Error::Refused`] as [`check_fingerprint`].
    pub async fn enrolled(&self, wave: WaveId, keys: &CodeKeys) -> Result<Vec<Enrolled>, Error> {
        check_fingerprint(&self.client, keys).await?;
        let sql = "SELECT respondent_id, max(generation), r.person, r.name, u.name \
                   FROM roster.enrolment JOIN roster.respondent r USING (respondent_id) \
                   JOIN roster.code USING (respondent_id) LEFT JOIN roster.unit u USING (unit_id) \
                   WHERE wave_id = $1 GROUP BY respondent_id, r.person, r.name, u.name ORDER BY u.name, respondent_id";
        let rows = self.client.query(sql, &[&wave.0]).await.map_err(failed)?;
        let enrolled = |row: &tokio_postgres::Row| Enrolled {
            person: row.get(2),
            name: row.get(3),
            unit: row.get(4),
            known: true,
            code: keys.code(row.get(0), row.get(1)),
        };
        Ok(rows.iter().map(enrolled).collect())
    }
}

/// The ids of the people's schools, which are made when there are none of that name.
async fn units(transaction: &Transaction<'_>, people: &[NewPerson]) -> Result<HashMap<String, i32>, Error> {
    let mut names: Vec<&str> = people.iter().filter_map(|p| p.unit.as_deref()).collect();
    names.sort_unstable();
    names.dedup();
    let sql = "INSERT INTO roster.unit (kind, name) SELECT 'school', n FROM unnest($1::text[]) n ON CONFLICT DO NOTHING";
    transaction.execute(sql, &[&names]).await.map_err(failed)?;
    let sql = "SELECT name, unit_id FROM roster.unit \
               WHERE parent_id IS NULL AND kind = 'school' AND name = ANY($1::text[])";
    let rows = transaction.query(sql, &[&names]).await.map_err(failed)?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// Somebody on the roster.
#[derive(Debug, Clone)]
struct Listed {
    id: i64,
    name: Option<String>,
    unit: Option<String>,
    known: bool,
}

/// Each person's place on the roster: the one that their identifier has there, or a new one.
async fn respondents(
    transaction: &Transaction<'_>,
    people: &[NewPerson],
    units: &HashMap<String, i32>,
) -> Result<Vec<Listed>, Error> {
    let mut known = known_people(transaction, people).await?;
    let sequence = "SELECT nextval(pg_get_serial_sequence('roster.respondent', 'respondent_id')) \
                    FROM generate_series(1, $1::integer)";
    let wanted = i32::try_from(people.len()).unwrap_or(i32::MAX);
    let fresh = transaction.query(sequence, &[&wanted]).await.map_err(failed)?;
    let mut fresh = fresh.iter().map(|row| row.get::<_, i64>(0));

    let (mut all, mut new) = (Vec::with_capacity(people.len()), Vec::new());
    for person in people {
        if let Some(listed) = person.person.as_ref().and_then(|p| known.get(p)) {
            all.push(listed.clone());
            continue;
        }
        let id = fresh
            .next()
            .ok_or_else(|| Error::Corrupt("a sequence gave too few numbers".into()))?;
        let listed = Listed {
            id,
            name: person.name.clone(),
            unit: person.unit.clone(),
            known: false,
        };
        if let Some(identifier) = &person.person {
            known.insert(
                identifier.clone(),
                Listed {
                    known: true,
                    ..listed.clone()
                },
            );
        }
        new.push((id, person));
        all.push(listed);
    }
    let columns: (Vec<i64>, Vec<Option<i32>>) = new
        .iter()
        .map(|(id, p)| (*id, p.unit.as_ref().and_then(|u| units.get(u)).copied()))
        .unzip();
    let roles: Vec<&str> = new
        .iter()
        .map(|(_, p)| p.role.as_deref().unwrap_or("student"))
        .collect();
    let persons: Vec<Option<&str>> = new.iter().map(|(_, p)| p.person.as_deref()).collect();
    let names: Vec<Option<&str>> = new.iter().map(|(_, p)| p.name.as_deref()).collect();
    let sql = "INSERT INTO roster.respondent (respondent_id, unit_id, role, person, name) OVERRIDING SYSTEM VALUE \
               SELECT * FROM unnest($1::bigint[], $2::integer[], $3::text[], $4::text[], $5::text[])";
    transaction
        .execute(sql, &[&columns.0, &columns.1, &roles, &persons, &names])
        .await
        .map_err(failed)?;
    Ok(all)
}

/// Those of the people whose identifier is on the roster.
async fn known_people(
    transaction: &Transaction<'_>,
    people: &[NewPerson],
) -> Result<HashMap<String, Listed>, Error> {
    let identifiers: Vec<&str> = people.iter().filter_map(|p| p.person.as_deref()).collect();
    let sql = "SELECT person, respondent_id, r.name, u.name FROM roster.respondent r \
               LEFT JOIN roster.unit u USING (unit_id) WHERE person = ANY($1::text[])";
    let rows = transaction.query(sql, &[&identifiers]).await.map_err(failed)?;
    let listed = |row: &tokio_postgres::Row| {
        (
            row.get(0),
            Listed {
                id: row.get(1),
                name: row.get(2),
                unit: row.get(3),
                known: true,
            },
        )
    };
    Ok(rows.iter().map(listed).collect())
}

/// Each respondent's present code; a first one for those who have none. Should two respondents' codes be alike,
/// the later one goes on to the next generation.
async fn codes(
    transaction: &Transaction<'_>,
    keys: &CodeKeys,
    respondents: &[i64],
) -> Result<HashMap<i64, AccessCode>, Error> {
    let sql = "SELECT respondent_id, max(generation) FROM roster.code \
               WHERE respondent_id = ANY($1::bigint[]) GROUP BY 1";
    let have = transaction.query(sql, &[&respondents]).await.map_err(failed)?;
    let mut codes: HashMap<i64, AccessCode> = have
        .iter()
        .map(|row| (row.get(0), keys.code(row.get(0), row.get(1))))
        .collect();
    let mut without: Vec<i64> = respondents
        .iter()
        .copied()
        .filter(|id| !codes.contains_key(id))
        .collect();
    without.sort_unstable();
    without.dedup();
    let mut generation = 1;
    while !without.is_empty() {
        let fresh: Vec<AccessCode> = without.iter().map(|id| keys.code(*id, generation)).collect();
        let hashes: Vec<Vec<u8>> = fresh.iter().map(|code| keys.hash(code).to_vec()).collect();
        let sql = "INSERT INTO roster.code (code_hash, respondent_id, generation) \
                   SELECT h, r, $3 FROM unnest($1::bytea[], $2::bigint[]) AS new (h, r) \
                   ON CONFLICT (code_hash) DO NOTHING RETURNING respondent_id";
        let made = transaction
            .query(sql, &[&hashes, &without, &generation])
            .await
            .map_err(failed)?;
        let made: std::collections::HashSet<i64> = made.iter().map(|row| row.get(0)).collect();
        codes.extend(
            without
                .iter()
                .copied()
                .zip(fresh)
                .filter(|(id, _)| made.contains(id)),
        );
        without.retain(|id| !made.contains(id));
        generation += 1;
    }
    Ok(codes)
}

/// Gives each respondent a random response id in the wave, unless they have one.
async fn enrolments(transaction: &Transaction<'_>, wave: WaveId, respondents: &[i64]) -> Result<(), Error> {
    let ids = respondents
        .iter()
        .map(|_| random_response_id())
        .collect::<Result<Vec<_>, _>>()?;
    let sql = "INSERT INTO roster.enrolment (wave_id, respondent_id, response_id) \
               SELECT $1, r, i FROM unnest($2::bigint[], $3::bigint[]) AS new (r, i) \
               ON CONFLICT (wave_id, respondent_id) DO NOTHING";
    transaction
        .execute(sql, &[&wave.0, &respondents, &ids])
        .await
        .map_err(failed)?;
    Ok(())
}

/// 63 random bits: among two million responses two are alike once in five million waves, and then the transaction
/// fails on its unique constraint and can be repeated.
fn random_response_id() -> Result<i64, Error> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|e| Error::Corrupt(format!("no random numbers: {e}")))?;
    Ok((i64::from_be_bytes(bytes) & i64::MAX).max(1))
}
