//! What a client says, one message each, so that a sequence can be printed, shortened and judged by rules.

use crate::support::build;

/// One message of a client, well formed or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Say {
    Query(String),
    Parse {
        name: String,
        sql: String,
        types: Vec<u32>,
    },
    Bind {
        portal: String,
        statement: String,
        values: Vec<Option<String>>,
        results: Vec<u16>,
    },
    DescribeStatement(String),
    DescribePortal(String),
    Execute {
        portal: String,
        rows: u32,
    },
    CloseStatement(String),
    ClosePortal(String),
    Sync,
    Flush,
    CopyData(String),
    CopyDone,
    CopyFail(String),
    FunctionCall {
        oid: u32,
        arguments: Vec<String>,
    },
    /// Any kind with any body, its length right.
    Raw {
        kind: u8,
        body: Vec<u8>,
    },
    /// A length that is not that of the body.
    Lying {
        kind: u8,
        length: u32,
        body: Vec<u8>,
    },
}

impl Say {
    pub fn query(sql: impl Into<String>) -> Self {
        Self::Query(sql.into())
    }

    pub fn parse(name: &str, sql: &str) -> Self {
        Self::Parse {
            name: name.into(),
            sql: sql.into(),
            types: vec![],
        }
    }

    pub fn bind(portal: &str, statement: &str, values: &[&str]) -> Self {
        let values = values.iter().map(|value| Some((*value).to_owned())).collect();
        Self::Bind {
            portal: portal.into(),
            statement: statement.into(),
            values,
            results: vec![],
        }
    }

    pub fn execute(portal: &str, rows: u32) -> Self {
        Self::Execute {
            portal: portal.into(),
            rows,
        }
    }

    pub fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Query(sql) => build::query(sql),
            Self::Parse { name, sql, types } => build::parse(name, sql, types),
            Self::Bind {
                portal,
                statement,
                values,
                results,
            } => {
                let values: Vec<Option<&str>> = values.iter().map(Option::as_deref).collect();
                build::bind_formats(portal, statement, &[], &values, results)
            }
            Self::DescribeStatement(name) => build::describe_statement(name),
            Self::DescribePortal(name) => build::describe_portal(name),
            Self::Execute { portal, rows } => build::execute(portal, *rows),
            Self::CloseStatement(name) => build::close_statement(name),
            Self::ClosePortal(name) => build::close_portal(name),
            Self::Sync => build::sync(),
            Self::Flush => build::flush(),
            Self::CopyData(data) => build::copy_data(data.as_bytes()),
            Self::CopyDone => build::copy_done(),
            Self::CopyFail(reason) => build::copy_fail(reason),
            Self::FunctionCall { oid, arguments } => {
                let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
                build::function_call(*oid, &arguments)
            }
            Self::Raw { kind, body } => build::raw(*kind, body),
            Self::Lying { kind, length, body } => build::lying(*kind, *length, body),
        }
    }

    /// Whether PostgreSQL usually answers it at once: a patient client waits here.
    pub fn is_answered(&self) -> bool {
        matches!(self, Self::Query(_) | Self::Sync | Self::FunctionCall { .. })
    }

    /// One line, long texts cut short.
    pub fn show(&self) -> String {
        let shown = format!("{self:?}");
        match shown.char_indices().nth(160) {
            Some((end, _)) => format!("{}... ({} bytes)", &shown[..end], self.bytes().len()),
            None => shown,
        }
    }
}
