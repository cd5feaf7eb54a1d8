//! Values that go into a database and come out of it: what SQLite and PostgreSQL have in common.

use crate::{domain::time::Timestamp, store::StoreError};
use std::borrow::Cow;
use uuid::Uuid;

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell<'a> {
    /// Nothing.
    Null,
    /// An integer; truth is 1 or 0.
    Int(i64),
    /// A fraction.
    Real(f64),
    /// Text.
    Text(Cow<'a, str>),
    /// Bytes.
    Blob(Cow<'a, [u8]>),
}

/// What a column holds, where the database must be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Integers.
    Int,
    /// Text.
    Text,
    /// Bytes.
    Blob,
}

/// Parameters of a statement: `cells![id, name, now]`.
macro_rules! cells {
    ($($value:expr),* $(,)?) => { [$($crate::hq::db::Cell::from($value)),*] };
}
pub(in crate::hq) use cells;

macro_rules! from {
    ($($from:ty, $value:ident => $cell:expr;)*) => {$(
        impl<'a> From<$from> for Cell<'a> {
            fn from($value: $from) -> Self {
                $cell
            }
        }
    )*};
}

from! {
    i64, n => Cell::Int(n);
    i32, n => Cell::Int(n.into());
    u16, n => Cell::Int(n.into());
    u32, n => Cell::Int(n.into());
    // Counters never come near; a false one must not turn negative.
    u64, n => Cell::Int(i64::try_from(n).unwrap_or(i64::MAX));
    bool, b => Cell::Int(b.into());
    f64, x => Cell::Real(x);
    String, t => Cell::Text(Cow::Owned(t));
    &'a str, t => Cell::Text(Cow::Borrowed(t));
    &'a String, t => Cell::Text(Cow::Borrowed(t));
    Vec<u8>, b => Cell::Blob(Cow::Owned(b));
    &'a [u8], b => Cell::Blob(Cow::Borrowed(b));
    Timestamp, t => Cell::Int(t.as_millis());
    Uuid, id => Cell::Blob(Cow::Owned(id.into_bytes().to_vec()));
}

impl<const N: usize> From<[u8; N]> for Cell<'_> {
    fn from(bytes: [u8; N]) -> Self {
        Self::Blob(Cow::Owned(bytes.to_vec()))
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Cell<'a> {
    fn from(bytes: &'a [u8; N]) -> Self {
        Self::Blob(Cow::Borrowed(bytes))
    }
}

impl<'a, T: Into<Cell<'a>>> From<Option<T>> for Cell<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// What can be read out of a cell.
pub trait FromCell: Sized {
    /// The value; none when the cell holds something else.
    fn from_cell(cell: Cell<'static>) -> Option<Self>;
}

macro_rules! integers {
    ($($to:ty),*) => {$(
        impl FromCell for $to {
            fn from_cell(cell: Cell<'static>) -> Option<Self> {
                match cell {
                    Cell::Int(n) => n.try_into().ok(),
                    _ => None,
                }
            }
        }
    )*};
}
integers!(i64, i32, u16, u32, u64, usize);

impl FromCell for bool {
    fn from_cell(cell: Cell<'static>) -> Option<Self> {
        match cell {
            Cell::Int(n) => Some(n != 0),
            _ => None,
        }
    }
}

impl FromCell for f64 {
    fn from_cell(cell: Cell<'static>) -> Option<Self> {
        match cell {
            Cell::Real(x) => Some(x),
            _ => None,
        }
    }
}

impl FromCell for String {
    fn from_cell(cell: Cell<'static>) -> Option<Self> {
        match cell {
            Cell::Text(t) => Some(t.into_owned()),
            _ => None,
        }
    }
}

impl FromCell for Vec<u8> {
    fn from_cell(cell: Cell<'static>) -> Option<Self> {
        match cell {
            Cell::Blob(b) => Some(b.into_owned()),
            _ => None,
        }
    }
}

impl<const N: usize> FromCell for [u8; N] {
    fn from_cell(cell: Cell<'static>) -> Option<Self> {
        match cell {
            Cell::Blob(b) => b.as_ref().try_into().ok(),
            _ => None,
        }
    }
}

impl FromCell for Uuid {
    fn from_cell(cell: Cell<'static>) -> Option<Self> {
        <[u8; 16]>::from_cell(cell).map(Self::from_bytes)
    }
}

impl FromCell for Timestamp {
    fn from_cell(cell: Cell<'static>) -> Option<Self> {
        i64::from_cell(cell).map(Self::from_millis)
    }
}

impl<T: FromCell> FromCell for Option<T> {
    fn from_cell(cell: Cell<'static>) -> Option<Self> {
        match cell {
            Cell::Null => Some(None),
            cell => T::from_cell(cell).map(Some),
        }
    }
}

/// One row of an answer.
#[derive(Clone, Debug)]
pub struct Row(pub(super) Vec<Cell<'static>>);

impl Row {
    /// The value in column `index`, counted from 0.
    ///
    /// # Errors
    /// When the row has no such column or it holds something else.
    pub fn get<T: FromCell>(&self, index: usize) -> Result<T, StoreError> {
        self.0
            .get(index)
            .cloned()
            .and_then(T::from_cell)
            .ok_or_else(|| {
                StoreError::Damaged(format!(
                    "column {index} of an answer of headquarters' database ({:?})",
                    self.0.get(index)
                ))
            })
    }
}
