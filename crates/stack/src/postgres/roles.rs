use tokio_postgres::{Client, NoTls};

use crate::postgres::{Cluster, Role};
use crate::{Error, secrets};

impl Cluster {
    /// Makes the application's role and its database where they are missing.
    pub(super) async fn ensure_application(&self) -> Result<(), Error> {
        let name = self.role_name(Role::Application);
        let password = secrets::read_or_create(&self.dir.secret(&name), &self.user)?;
        let client = self.connect().await.map_err(refused("connect"))?;

        let exists = "SELECT count(*) FROM pg_roles WHERE rolname = $1";
        if count(&client, exists, &name).await? == 0 {
            // The password is hexadecimal and statements are not logged.
            // By default a schema named like the role comes before public as soon as it exists: unqualified names,
            // such as that of a migration tool's own table, would then mean another table than before.
            let create = format!(
                "CREATE ROLE {0} LOGIN PASSWORD '{password}'; ALTER ROLE {0} SET search_path = public",
                ident(&name)
            );
            run(&client, &create, "make the application's role").await?;
        }
        if self.grants_settings() {
            let grant = format!(
                "GRANT SET ON PARAMETER log_min_duration_statement, log_transaction_sample_rate TO {}",
                ident(&name)
            );
            run(
                &client,
                &grant,
                "let the application's role say what is logged of it",
            )
            .await?;
        }
        let exists = "SELECT count(*) FROM pg_database WHERE datname = $1";
        if count(&client, exists, &name).await? == 0 {
            let create = format!("CREATE DATABASE {0} OWNER {0}", ident(&name));
            run(&client, &create, "make the application's database").await?;
        }
        Ok(())
    }

    /// A connection as superuser to the database `postgres`.
    pub(super) async fn connect(&self) -> Result<Client, tokio_postgres::Error> {
        let password = self
            .dir
            .password(&self.role_name(Role::Admin))
            .unwrap_or_default();
        let (client, connection) = tokio_postgres::Config::new()
            .host_path(self.socket_dir())
            .port(self.port())
            .user(self.role_name(Role::Admin))
            .password(password)
            .dbname("postgres")
            .application_name("canvass stack")
            .connect(NoTls)
            .await?;
        // Ends when the client is dropped; its error reaches the client too.
        tokio::spawn(connection);
        Ok(client)
    }
}

async fn count(client: &Client, query: &str, name: &str) -> Result<i64, Error> {
    let row = client
        .query_one(query, &[&name])
        .await
        .map_err(refused("look at its catalogue"))?;
    Ok(row.get(0))
}

async fn run(client: &Client, statement: &str, what: &str) -> Result<(), Error> {
    client.batch_execute(statement).await.map_err(refused(what))
}

fn refused(what: &str) -> impl FnOnce(tokio_postgres::Error) -> Error {
    let what = what.to_owned();
    move |source| Error::Database { what, source }
}

fn ident(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
