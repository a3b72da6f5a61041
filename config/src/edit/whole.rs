//! All tables at once, and their order.

use serde_json::{Map, Value};
use toml_edit::{ArrayOfTables, DocumentMut, Item, Table};

use super::{Edit, EditError, LISTS, Place, SINGLES, list_of};

impl Edit {
    /// Makes the file hold what `wanted` does and nothing else, in its order; `wanted` is as
    /// [`Edit::shown`] gives it. Where a secret is given as it is shown, the old one of the same place
    /// stays. Nothing is changed by an error.
    pub fn put_all(&mut self, mut wanted: Map<String, Value>) -> Result<(), EditError> {
        let mut document = self.document.clone();
        for table in SINGLES {
            match wanted.remove(table) {
                Some(Value::Object(wanted)) => self.put_in(&mut document, &Place::One(table), wanted)?,
                None => drop(document.remove(table)),
                Some(other) => return Err(not_tables(table, &other, "an object")),
            }
        }
        for table in LISTS {
            let mut ids = Vec::new();
            for entry in entries(table, wanted.remove(table))? {
                let Some(id) = entry.get("id").and_then(Value::as_str).map(str::to_owned) else {
                    return Err(not_tables(table, &Value::Object(entry), "an id in each"));
                };
                if ids.contains(&id) {
                    return Err(EditError::Twice { table, id });
                }
                // Entries that are there keep their places for now: by those their secrets are known.
                self.put_in(&mut document, &Place::Entry(table, id.clone()), entry)?;
                ids.push(id);
            }
            arrange(&mut document, table, &ids)?;
        }
        if let Some(other) = wanted.keys().next() {
            return Err(EditError::NoTable(other.chars().take(80).collect()));
        }
        self.document = document;
        Ok(())
    }

    /// The entries of a list in another order: `ids` names each of them once.
    pub fn order(&mut self, table: &'static str, ids: &[String]) -> Result<(), EditError> {
        let mut document = self.document.clone();
        let mut before: Vec<String> = match document.contains_key(table) {
            true => list_of(&mut document, table)?.iter().filter_map(id_of).collect(),
            false => Vec::new(),
        };
        for id in ids {
            let at = before.iter().position(|known| known == id);
            let at = at.ok_or_else(|| EditError::NotAll {
                table,
                id: id.chars().take(80).collect(),
            })?;
            before.remove(at);
        }
        if let Some(id) = before.pop() {
            return Err(EditError::NotAll { table, id });
        }
        arrange(&mut document, table, ids)?;
        self.document = document;
        Ok(())
    }
}

fn not_tables(table: &'static str, seen: &Value, expected: &'static str) -> EditError {
    // Never what is in it: that may be a secret.
    let seen = match seen {
        Value::Object(_) => "an object without",
        Value::Array(_) => "a list",
        _ => "neither object nor list",
    };
    EditError::NotTables {
        table,
        seen: seen.to_owned(),
        expected,
    }
}

fn entries(table: &'static str, wanted: Option<Value>) -> Result<Vec<Map<String, Value>>, EditError> {
    let Some(wanted) = wanted else { return Ok(Vec::new()) };
    let Value::Array(entries) = wanted else {
        return Err(not_tables(table, &wanted, "a list of objects"));
    };
    let object = |entry| match entry {
        Value::Object(entry) => Ok(entry),
        other => Err(not_tables(table, &other, "a list of objects")),
    };
    entries.into_iter().map(object).collect()
}

fn id_of(entry: &Table) -> Option<String> {
    entry.get("id").and_then(Item::as_str).map(str::to_owned)
}

/// Keeps the entries of these ids, in this order.
fn arrange(document: &mut DocumentMut, table: &'static str, ids: &[String]) -> Result<(), EditError> {
    if !document.contains_key(table) {
        return Ok(());
    }
    if ids.is_empty() {
        document.remove(table);
        return Ok(());
    }
    let list = list_of(document, table)?;
    let mut old: Vec<Table> = std::mem::take(list).into_iter().collect();
    let kept = old.iter().filter_map(id_of).filter(|id| ids.contains(id));
    let moved = kept.zip(ids).any(|(before, now)| before != *now);
    let first = old.iter().filter_map(Table::position).min();
    let mut new = ArrayOfTables::new();
    for id in ids {
        if let Some(at) = old.iter().position(|entry| id_of(entry).as_ref() == Some(id)) {
            let mut entry = old.remove(at);
            if moved {
                place(&mut entry, first);
            }
            new.push(entry);
        }
    }
    *list = new;
    Ok(())
}

/// Tables are written by their positions, those of the same one as they stand in the document.
fn place(table: &mut Table, position: Option<isize>) {
    table.set_position(position);
    for (_, item) in table.iter_mut() {
        match item {
            Item::Table(inner) => place(inner, position),
            Item::ArrayOfTables(list) => list.iter_mut().for_each(|inner| place(inner, position)),
            Item::None | Item::Value(_) => {}
        }
    }
}
