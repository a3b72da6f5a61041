//! From TOML to JSON and back.

use std::collections::BTreeSet;

use serde_json::{Map, Value};
use toml_edit::{Array, InlineTable, Item, Table, TableLike, Value as Toml};

use super::EditError;
use crate::{load::is_literal, redact_url};

/// What a secret is shown as.
const HIDDEN: &str = "***";

/// A table as an object; `path` is how [`crate::Problem`] writes it.
pub fn of_table(table: &dyn TableLike, path: &str, secrets: &BTreeSet<String>) -> Map<String, Value> {
    let entries = table.iter().map(|(key, item)| {
        let field = field(path, key);
        let shown = match item {
            Item::ArrayOfTables(list) => of_list(list.iter().map(|table| table as &dyn TableLike), &field, secrets),
            Item::Table(table) => Value::Object(of_table(table, &field, secrets)),
            Item::Value(value) => of_value(value, path, &field, secrets),
            Item::None => Value::Null,
        };
        (key.to_owned(), shown)
    });
    entries.collect()
}

fn of_list<'t>(tables: impl Iterator<Item = &'t dyn TableLike>, path: &str, secrets: &BTreeSet<String>) -> Value {
    let entries = tables.enumerate().map(|(index, table)| {
        let id = table.get("id").and_then(Item::as_str);
        Value::Object(of_table(table, &entry_path(path, index, id), secrets))
    });
    Value::Array(entries.collect())
}

fn of_value(value: &Toml, parent: &str, path: &str, secrets: &BTreeSet<String>) -> Value {
    match value {
        Toml::String(text) => shown(text.value(), At { parent, field: path }.is_in(secrets), path).into(),
        Toml::Integer(number) => (*number.value()).into(),
        Toml::Float(number) => (*number.value()).into(),
        Toml::Boolean(bool) => (*bool.value()).into(),
        Toml::Datetime(time) => time.value().to_string().into(),
        Toml::Array(list) if !list.is_empty() && list.iter().all(Toml::is_inline_table) => {
            let tables = list.iter().filter_map(Toml::as_inline_table);
            of_list(tables.map(|table| table as &dyn TableLike), path, secrets)
        }
        Toml::Array(list) => {
            let values = list.iter().enumerate();
            let shown = values.map(|(index, value)| of_value(value, path, &format!("{path}[{index}]"), secrets));
            Value::Array(shown.collect())
        }
        Toml::InlineTable(table) => Value::Object(of_table(table, path, secrets)),
    }
}

/// Puts `***` for each secret that stands in the text itself.
pub fn hide(table: &mut dyn TableLike, secrets: &BTreeSet<String>) {
    each_text(table, "", &mut |at, text| {
        let shown = shown(text, at.is_in(secrets), at.field);
        (shown != text).then_some(shown)
    });
}

/// Gives each text to `change`, which answers what it becomes; `None`: it stays.
pub fn each_text(table: &mut dyn TableLike, path: &str, change: &mut dyn FnMut(At<'_>, &str) -> Option<String>) {
    for (key, item) in table.iter_mut() {
        let field = field(path, &key);
        match item {
            Item::ArrayOfTables(list) => {
                for (index, table) in list.iter_mut().enumerate() {
                    let entry = entry_path(&field, index, table.get("id").and_then(Item::as_str));
                    each_text(table, &entry, change);
                }
            }
            Item::Table(table) => each_text(table, &field, change),
            Item::Value(value) => each_value(value, path, &field, change),
            Item::None => {}
        }
    }
}

fn each_value(value: &mut Toml, parent: &str, path: &str, change: &mut dyn FnMut(At<'_>, &str) -> Option<String>) {
    match value {
        Toml::String(text) => {
            let at = At { parent, field: path };
            if let Some(new) = change(at, text.value()) {
                let decor = value.decor().clone();
                *value = new.into();
                *value.decor_mut() = decor;
            }
        }
        Toml::Array(list) => {
            for (index, value) in list.iter_mut().enumerate() {
                let id = value.as_inline_table().and_then(|table| table.get("id")?.as_str());
                let item = match value.is_inline_table() {
                    true => entry_path(path, index, id),
                    false => format!("{path}[{index}]"),
                };
                each_value(value, path, &item, change);
            }
        }
        Toml::InlineTable(table) => each_text(table, path, change),
        Toml::Integer(_) | Toml::Float(_) | Toml::Boolean(_) | Toml::Datetime(_) => {}
    }
}

/// Where a text stands, as [`crate::Problem`] writes it.
#[derive(Clone, Copy)]
pub struct At<'a> {
    parent: &'a str,
    pub field: &'a str,
}

impl At<'_> {
    /// A list's texts are secret where the list is.
    fn is_in(&self, secrets: &BTreeSet<String>) -> bool {
        secrets.contains(self.field) || secrets.contains(self.parent)
    }

    /// Whether this text is a secret as a whole: no address with one in it.
    pub fn is_secret(&self, text: &str, secrets: &BTreeSet<String>) -> bool {
        self.is_in(secrets) && shown(text, true, self.field) == HIDDEN
    }
}

/// A text without its secret; an address keeps what is none in it. What is wrong in some other way was
/// not told to be a secret: then its name says so.
fn shown(text: &str, secret: bool, path: &str) -> String {
    let named = || ["password", "token", "secret"].iter().any(|name| path.ends_with(name)) && is_literal(text);
    let redacted = redact_url(text);
    match redacted == text || !text.contains("://") {
        true if secret || named() => HIDDEN.to_owned(),
        true => text.to_owned(),
        false => redacted,
    }
}

fn field(path: &str, key: &str) -> String {
    match path {
        "" => key.to_owned(),
        path => format!("{path}.{key}"),
    }
}

/// How problems name one of a list of tables.
pub fn entry_path(list: &str, index: usize, id: Option<&str>) -> String {
    match id {
        Some(id) => format!("{list}[{index}] {:?}", id.chars().take(64).collect::<String>()),
        None => format!("{list}[{index}]"),
    }
}

pub fn new_table() -> Item {
    Item::Table(Table::new())
}

/// A table to be changed; an inline one becomes one with a header.
pub fn as_table(item: &mut Item) -> Option<&mut Table> {
    if item.is_inline_table() {
        *item = match std::mem::take(item).into_table() {
            Ok(table) => Item::Table(table),
            Err(other) => other,
        };
    }
    item.as_table_mut()
}

/// Makes `table` hold what `wanted` does. What is equal keeps its place, its form and its comments.
pub fn merge(
    table: &mut Table,
    wanted: &Map<String, Value>,
    path: &str,
    secrets: &BTreeSet<String>,
) -> Result<(), EditError> {
    let shown = of_table(table, path, secrets);
    let gone: Vec<String> = shown.keys().filter(|key| !wanted.contains_key(*key)).cloned().collect();
    for key in gone {
        table.remove(&key);
    }
    for (key, value) in wanted.iter().filter(|(key, value)| shown.get(*key) != Some(*value)) {
        let field = field(path, key);
        let old = table.get_mut(key);
        match (value, old) {
            (Value::Object(inner), Some(old)) if old.is_table_like() => {
                let form = || EditError::Unwritable {
                    path: field.clone(),
                    seen: "an object",
                };
                merge(as_table(old).ok_or_else(form)?, inner, &field, secrets)?;
            }
            (Value::Object(inner), _) => {
                let mut new = Table::new();
                merge(&mut new, inner, &field, secrets)?;
                table.insert(key, Item::Table(new));
            }
            (value, Some(Item::Value(old))) => {
                let decor = old.decor().clone();
                *old = toml(value, &field)?;
                *old.decor_mut() = decor;
            }
            (value, _) => {
                table.insert(key, Item::Value(toml(value, &field)?));
            }
        }
    }
    Ok(())
}

fn toml(value: &Value, path: &str) -> Result<Toml, EditError> {
    let unwritable = |seen| EditError::Unwritable {
        path: path.to_owned(),
        seen,
    };
    Ok(match value {
        Value::Null => return Err(unwritable("null")),
        Value::String(text) if text.contains(HIDDEN) => return Err(EditError::NoSecret { path: path.to_owned() }),
        Value::String(text) => text.as_str().into(),
        Value::Bool(bool) => (*bool).into(),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => whole.into(),
            (None, Some(number)) => number.into(),
            (None, None) => return Err(unwritable("a number of this size")),
        },
        Value::Array(values) => {
            let mut list = Array::new();
            for (index, value) in values.iter().enumerate() {
                list.push(toml(value, &format!("{path}[{index}]"))?);
            }
            list.into()
        }
        Value::Object(entries) => {
            let mut table = InlineTable::new();
            for (key, value) in entries {
                table.insert(key, toml(value, &field(path, key))?);
            }
            table.into()
        }
    })
}
