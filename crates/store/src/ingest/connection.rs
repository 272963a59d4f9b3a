//! The writer's connection: prepares, sends a batch as one transaction, waits for its COMMIT.

use std::collections::HashMap;

use futures_util::future::{join_all, join3};
use tokio_postgres::{Client, Statement};

use super::batch::Group;
use super::fact::Table;
use super::failure::Failure;
use super::statements::{Columns, sql};
use crate::{Database, Error, WaveId};

/// Most groups in one transaction. `join_all` polls up to 30 futures in their order, and that order is the order on
/// the wire: COMMIT must stand last.
pub(super) const MOST_GROUPS: usize = 30;

pub(super) struct Connection {
    client: Client,
    prepared: HashMap<(WaveId, Table), Statement>,
}

impl Connection {
    pub(super) async fn open(database: &Database) -> Result<Self, Error> {
        Ok(Self {
            client: database.connect().await?,
            prepared: HashMap::new(),
        })
    }

    /// Writes the groups in one transaction. `Ok` means: its COMMIT came back.
    pub(super) async fn commit(&mut self, groups: &[Group<'_>]) -> Result<(), Failure> {
        for (wave, table, _) in groups {
            self.prepare(*wave, *table).await?;
        }
        let columns: Vec<Columns<'_>> = groups
            .iter()
            .map(|(_, table, rows)| Columns::of(*table, rows))
            .collect();
        let (client, prepared) = (&self.client, &self.prepared);
        let inserts = groups.iter().zip(&columns).map(|((wave, table, _), columns)| {
            let statement = &prepared[&(*wave, *table)];
            async move { client.execute(statement, &columns.parameters()).await }
        });
        if let [_] = groups {
            // One statement is a transaction by itself.
            for insert in inserts {
                insert.await.map_err(|e| Failure::of(&e))?;
            }
            return Ok(());
        }
        // Pipelined: all of it is sent before the first reply is awaited. After a failed INSERT the COMMIT is a
        // ROLLBACK and says so without an error, so the INSERTs' results are looked at first.
        let (begun, inserted, committed) = join3(
            client.batch_execute("BEGIN"),
            join_all(inserts),
            client.batch_execute("COMMIT"),
        )
        .await;
        begun.map_err(|e| Failure::of(&e))?;
        for result in inserted {
            result.map_err(|e| Failure::of(&e))?;
        }
        committed.map_err(|e| Failure::of(&e))
    }

    /// Forgets what was prepared: it is prepared again when it is needed.
    pub(super) fn forget_statements(&mut self) {
        self.prepared.clear();
    }

    async fn prepare(&mut self, wave: WaveId, table: Table) -> Result<(), Failure> {
        if !self.prepared.contains_key(&(wave, table)) {
            let statement = self
                .client
                .prepare(&sql(wave, table))
                .await
                .map_err(|e| Failure::of(&e))?;
            self.prepared.insert((wave, table), statement);
        }
        Ok(())
    }
}
