//! Changes to the text of a configuration that a program asks for. Everything else of the file stays as
//! it is, comments included.
//!
//! Belongs here: from TOML to JSON and back, secrets hidden. Does not belong here: what is valid
//! ([`crate::Config::parse`] says so of the new text).

mod file;
mod json;
#[cfg(test)]
mod tests;
mod variables;
mod whole;

use std::{collections::BTreeSet, fmt};

pub use file::replace;
use serde_json::{Map, Value};
use toml_edit::{ArrayOfTables, DocumentMut, Item, Table};

use crate::{Problems, load::secrets_of};

/// The tables that are there any number of times, each with an `id`.
pub const LISTS: [&str; 8] = [
    "schedule",
    "disk",
    "camera",
    "input",
    "output",
    "recipient",
    "push",
    "rule",
];
/// The tables that are there once.
pub const SINGLES: [&str; 5] = ["server", "mqtt", "snapshots", "buzzer", "email"];

/// A table of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    One(&'static str),
    Entry(&'static str, String),
}

impl Place {
    /// `None`: there is no such table.
    pub fn new(table: &str, id: Option<&str>) -> Option<Place> {
        let known = |names: &[&'static str]| names.iter().copied().find(|name| *name == table);
        match id {
            None => known(&SINGLES).map(Place::One),
            Some(id) => known(&LISTS).map(|name| Place::Entry(name, id.to_owned())),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::One(table) => f.write_str(table),
            Place::Entry(table, id) => write!(f, "{table} {:?}", id.chars().take(64).collect::<String>()),
        }
    }
}

/// Why a change cannot be written down.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    #[error("{path}: {seen} has no place in TOML, expected a text, a number, true or false, a list or an object")]
    Unwritable { path: String, seen: &'static str },
    #[error("{path}: *** stands for what is there already, but nothing is")]
    NoSecret { path: String },
    #[error("id: seen {seen}, expected {expected:?} as in the address, or none")]
    OtherId { seen: String, expected: String },
    #[error("{0}: there is no such table")]
    NoTable(String),
    #[error("{table}: seen {seen}, expected {expected}")]
    NotTables {
        table: &'static str,
        seen: String,
        expected: &'static str,
    },
    #[error("{table} {id:?} is named twice")]
    Twice { table: &'static str, id: String },
    #[error("{table} {id:?}: expected every one of them once, and no other")]
    NotAll { table: &'static str, id: String },
    #[error("{table} is written in a form that cannot be edited: write one [[{table}]] for each")]
    Form { table: &'static str },
}

/// The text of a configuration, taken apart.
#[derive(Clone)]
pub struct Edit {
    document: DocumentMut,
    /// Fields that hold a secret in the text itself, as [`crate::Problem`] writes them.
    secrets: BTreeSet<String>,
}

impl Edit {
    /// Takes any TOML, valid as a configuration or not.
    pub fn new(text: &str) -> Result<Edit, Problems> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let secrets = secrets_of(text)?;
        let document = text.parse().unwrap_or_default();
        Ok(Edit { document, secrets })
    }

    /// The new text.
    pub fn text(&self) -> String {
        self.document.to_string()
    }

    /// Everything, as it stands in the file: one key for each table, with an object or a list of
    /// objects. Secrets are `***`; `${NAME}` stays as it is.
    pub fn shown(&self) -> Map<String, Value> {
        json::of_table(self.document.as_table(), "", &self.secrets)
    }

    /// One table, as in [`Edit::shown`].
    pub fn get(&self, place: &Place) -> Option<Value> {
        let mut all = self.shown();
        match place {
            Place::One(table) => all.remove(*table),
            Place::Entry(table, id) => {
                let Some(Value::Array(entries)) = all.remove(*table) else {
                    return None;
                };
                entries.into_iter().find(|entry| entry["id"] == id.as_str())
            }
        }
    }

    /// Writes a table: what it holds afterwards is `wanted` and nothing else. Where a secret is given as
    /// it is shown, the old one stays. Nothing is changed by an error.
    pub fn put(&mut self, place: &Place, wanted: Map<String, Value>) -> Result<(), EditError> {
        let mut document = self.document.clone();
        self.put_in(&mut document, place, wanted)?;
        self.document = document;
        Ok(())
    }

    fn put_in(
        &self,
        document: &mut DocumentMut,
        place: &Place,
        mut wanted: Map<String, Value>,
    ) -> Result<(), EditError> {
        let (table, path) = match place {
            Place::One(name) => {
                let item = document.as_table_mut().entry(name).or_insert_with(json::new_table);
                (
                    json::as_table(item).ok_or(EditError::Form { table: name })?,
                    (*name).to_owned(),
                )
            }
            Place::Entry(name, id) => {
                let given = wanted.insert("id".into(), id.as_str().into());
                if let Some(other) = given.filter(|given| given != id.as_str()) {
                    return Err(EditError::OtherId {
                        seen: other.to_string().chars().take(80).collect(),
                        expected: id.clone(),
                    });
                }
                let list = list_of(document, name)?;
                let index = position(list, id).unwrap_or_else(|| {
                    let mut new = Table::new();
                    new.insert("id", toml_edit::value(id.as_str()));
                    list.push(new);
                    list.len() - 1
                });
                let path = json::entry_path(name, index, Some(id));
                (list.get_mut(index).ok_or(EditError::Form { table: name })?, path)
            }
        };
        json::merge(table, &wanted, &path, &self.secrets)
    }

    /// The text without its secrets, to be shown: they are `***`, `${NAME}` stays.
    pub fn hidden_text(&self) -> String {
        let mut document = self.document.clone();
        json::hide(document.as_table_mut(), &self.secrets);
        document.to_string()
    }

    /// Takes a table away. Answers whether it was there.
    pub fn remove(&mut self, place: &Place) -> Result<bool, EditError> {
        match place {
            Place::One(table) => Ok(self.document.remove(table).is_some()),
            Place::Entry(table, id) => {
                if !self.document.contains_key(table) {
                    return Ok(false);
                }
                let list = list_of(&mut self.document, table)?;
                let index = position(list, id);
                index.map(|index| list.remove(index));
                if list.is_empty() {
                    self.document.remove(table);
                }
                Ok(index.is_some())
            }
        }
    }
}

fn list_of<'d>(document: &'d mut DocumentMut, table: &'static str) -> Result<&'d mut ArrayOfTables, EditError> {
    let new = || Item::ArrayOfTables(ArrayOfTables::new());
    let item = document.as_table_mut().entry(table).or_insert_with(new);
    if item.is_value() {
        // A list of inline tables means the same.
        *item = match std::mem::take(item).into_array_of_tables() {
            Ok(list) => Item::ArrayOfTables(list),
            Err(other) => other,
        };
    }
    item.as_array_of_tables_mut().ok_or(EditError::Form { table })
}

fn position(list: &ArrayOfTables, id: &str) -> Option<usize> {
    list.iter()
        .position(|entry| entry.get("id").and_then(Item::as_str) == Some(id))
}
