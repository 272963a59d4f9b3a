//! A result of the console: columns, rows, the command's tag.

use std::borrow::Cow;
use std::sync::Arc;

use crate::wire::row::{self, Type};

/// A column's name and type.
pub type Column = (&'static str, Type);

/// One value as text; `None` is NULL.
#[derive(Debug)]
pub struct Cell(pub Option<Cow<'static, str>>);

/// Rows in the making, as messages.
#[derive(Debug)]
pub struct Table {
    columns: usize,
    messages: Vec<u8>,
}

impl Table {
    /// No rows.
    pub fn new(columns: &[Column]) -> Self {
        let mut messages = Vec::new();
        row::put_description(columns, &mut messages);
        Self {
            columns: columns.len(),
            messages,
        }
    }

    /// Appends a row.
    pub fn row<const N: usize>(&mut self, cells: [Cell; N]) {
        debug_assert_eq!(N, self.columns, "a cell for every column");
        row::put_row(cells.iter().map(|cell| cell.0.as_deref()), &mut self.messages);
    }

    /// RowDescription and DataRows.
    pub fn into_messages(self) -> Vec<u8> {
        self.messages
    }
}

/// Makes the cells of a row out of values of any kind.
macro_rules! cells {
    ($($value:expr),* $(,)?) => {
        [$($crate::admin::table::Cell::from($value)),*]
    };
}
pub(super) use cells;

macro_rules! numbers {
    ($($kind:ty),*) => { $(
        impl From<$kind> for Cell {
            fn from(value: $kind) -> Self {
                Self(Some(value.to_string().into()))
            }
        }
    )* };
}
numbers!(u16, u32, u64, usize, i32, u128);

impl From<bool> for Cell {
    fn from(value: bool) -> Self {
        Self(Some(if value { "1" } else { "0" }.into()))
    }
}

impl From<&'static str> for Cell {
    fn from(value: &'static str) -> Self {
        Self(Some(value.into()))
    }
}

impl From<String> for Cell {
    fn from(value: String) -> Self {
        Self(Some(value.into()))
    }
}

impl From<&String> for Cell {
    fn from(value: &String) -> Self {
        Self(Some(value.clone().into()))
    }
}

impl From<&Arc<str>> for Cell {
    fn from(value: &Arc<str>) -> Self {
        Self(Some(value.to_string().into()))
    }
}

impl<T: Into<Self>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self(None), Into::into)
    }
}
