//! Walking a TOML document: every fault is noted with its line and field, none ends the walk.
//!
//! A [`Section`] is one table. Reading a key notes it as known; [`Section::finish`] reports the
//! keys that nobody read. A reader that answers `None` for a key that is there has reported why.

use std::{
    cell::{Cell, RefCell},
    ops::{Range, RangeInclusive},
    time::Duration,
};

use toml_edit::{Item, TableLike, Value};

pub use super::walk::{Found, Text, Walk};
use super::{
    suggest::nearest,
    variables::{expand, stand_in},
};
use crate::{format_duration, parse_duration, parse_size};

/// An element of a list of tables, if it is one, and where it stands.
type Entry<'s> = (Option<&'s dyn TableLike>, Option<Range<usize>>);

/// One table of the document.
pub struct Section<'s> {
    pub walk: &'s Walk<'s>,
    pub path: String,
    pub line: usize,
    table: &'s dyn TableLike,
    known: RefCell<Vec<&'static str>>,
    /// Which keys belong here cannot be told.
    kindless: Cell<bool>,
}

impl<'s> Section<'s> {
    pub fn new(walk: &'s Walk<'s>, table: &'s dyn TableLike, path: String, line: usize) -> Self {
        Self {
            walk,
            path,
            line,
            table,
            known: RefCell::default(),
            kindless: Cell::default(),
        }
    }

    /// The field path of a key of this table.
    pub fn field(&self, key: &str) -> String {
        match self.path.as_str() {
            "" => key.to_owned(),
            path => format!("{path}.{key}"),
        }
    }

    /// The line of a key, or of the table where the key is absent.
    pub fn line_of(&self, key: &str) -> usize {
        let span = self
            .table
            .get_key_value(key)
            .and_then(|(key, item)| key.span().or_else(|| item.span()));
        span.map_or(self.line, |span| self.walk.line(span.start))
    }

    pub fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// Notes a fault at a key, or at the table where the key is absent.
    pub fn problem(&self, key: &str, text: impl Into<String>) {
        self.walk.problem(self.line_of(key), self.field(key), text);
    }

    pub fn warning(&self, key: &str, text: impl Into<String>) {
        self.walk.warning(self.line_of(key), self.field(key), text);
    }

    fn item(&self, key: &'static str) -> Option<&'s Item> {
        self.known.borrow_mut().push(key);
        self.table.get(key)
    }

    /// Reports a key that must be there and is not. Answers whether it is.
    pub fn require(&self, key: &'static str, expected: &str) -> bool {
        let there = self.has(key);
        if !there {
            self.problem(key, format!("missing, expected {expected}"));
        }
        there
    }

    /// A text, its variables replaced. `expected` completes "expected …".
    pub fn text(&self, key: &'static str, expected: &str) -> Option<Found<Text>> {
        let item = self.item(key)?;
        let Some(raw) = item.as_str() else {
            self.problem(key, format!("seen {}, expected {expected}", describe(item)));
            return None;
        };
        self.expanded(raw, self.field(key), self.line_of(key))
    }

    fn expanded(&self, raw: &str, path: String, line: usize) -> Option<Found<Text>> {
        let unknown = RefCell::new(Vec::new());
        let lookup = |name: &str| {
            (self.walk.lookup)(name).or_else(|| {
                let spared = (self.walk.spared)(name);
                spared.then(|| {
                    unknown.borrow_mut().push(name.to_owned());
                    stand_in(name)
                })
            })
        };
        let expanded = expand(raw, &lookup);
        for name in unknown.into_inner() {
            self.walk.unknown(line, &path, name);
        }
        match expanded {
            Ok(value) => Some(Found {
                value: Text {
                    value,
                    shown: raw.to_owned(),
                },
                line,
                path,
            }),
            Err(error) => {
                self.walk.problem(line, path, error.to_string());
                None
            }
        }
    }

    /// A text, or a whole number as one.
    pub fn text_or_number(&self, key: &'static str, expected: &str) -> Option<Found<Text>> {
        match self.table.get(key).and_then(Item::as_integer) {
            Some(_) => {
                let shown = self.item(key)?.as_integer()?.to_string();
                Some(Found {
                    value: Text {
                        value: shown.clone(),
                        shown,
                    },
                    line: self.line_of(key),
                    path: self.field(key),
                })
            }
            None => self.text(key, expected),
        }
    }

    pub fn boolean(&self, key: &'static str) -> Option<bool> {
        let item = self.item(key)?;
        if item.as_bool().is_none() {
            self.problem(key, format!("seen {}, expected true or false", describe(item)));
        }
        item.as_bool()
    }

    /// A whole number within bounds.
    pub fn whole_number(&self, key: &'static str, bounds: RangeInclusive<i64>) -> Option<i64> {
        let item = self.item(key)?;
        let number = item.as_integer();
        match number {
            None => self.problem(key, format!("seen {}, expected a whole number", describe(item))),
            Some(seen) if !bounds.contains(&seen) => {
                let (least, most) = bounds.into_inner();
                self.problem(key, format!("{seen} is out of bounds, expected {least} to {most}"));
                return None;
            }
            Some(_) => {}
        }
        number
    }

    /// A duration within bounds.
    pub fn duration(&self, key: &'static str, bounds: RangeInclusive<Duration>) -> Option<Duration> {
        let expected = "a duration such as \"500ms\", \"5s\", \"10m\", \"12h\" or \"30d\"";
        let text = self.text(key, expected)?;
        match parse_duration(&text.value.value) {
            Err(error) => text.problem(self.walk, format!("{:?} is not a duration: {error}", text.value.shown)),
            Ok(duration) if bounds.contains(&duration) => return Some(duration),
            Ok(_) => {
                let (least, most) = (format_duration(*bounds.start()), format_duration(*bounds.end()));
                text.problem(
                    self.walk,
                    format!("{:?} is out of bounds, expected {least} to {most}", text.value.shown),
                );
            }
        }
        None
    }

    /// A size in bytes.
    pub fn size(&self, key: &'static str) -> Option<u64> {
        let text = self.text(key, "a size such as \"5 GiB\" or \"500 GB\"")?;
        match parse_size(&text.value.value) {
            Ok(bytes) => Some(bytes),
            Err(error) => {
                text.problem(self.walk, format!("{:?} is not a size: {error}", text.value.shown));
                None
            }
        }
    }

    /// A list of texts.
    pub fn texts(&self, key: &'static str, expected: &str) -> Option<Vec<Found<Text>>> {
        let item = self.item(key)?;
        let Some(array) = item.as_array() else {
            self.problem(key, format!("seen {}, expected {expected}", describe(item)));
            return None;
        };
        let mut texts = Vec::new();
        for (index, value) in array.iter().enumerate() {
            let path = format!("{}[{index}]", self.field(key));
            let line = value
                .span()
                .map_or_else(|| self.line_of(key), |span| self.walk.line(span.start));
            match value.as_str() {
                Some(raw) => texts.extend(self.expanded(raw, path, line)),
                None => self
                    .walk
                    .problem(line, path, format!("seen {}, expected a text", value_kind(value))),
            }
        }
        (texts.len() == array.len()).then_some(texts)
    }

    /// A text, or a list of them.
    pub fn text_or_texts(&self, key: &'static str, expected: &str) -> Option<Vec<Found<Text>>> {
        match self.table.get(key).and_then(Item::as_array) {
            Some(_) => self.texts(key, expected),
            None => Some(vec![self.text(key, expected)?]),
        }
    }

    /// The keys of the table `[path.key]`, whatever they are called, each with its text.
    pub fn pairs(&self, key: &'static str) -> Vec<(String, Found<Text>)> {
        let Some(section) = self.section(key) else {
            return Vec::new();
        };
        let read = |(name, item): (&str, &Item)| match item.as_str() {
            Some(raw) => {
                let text = section.expanded(raw, section.path.clone(), section.line_of(name))?;
                Some((name.to_owned(), text))
            }
            None => {
                self.problem(key, format!("{name:?}: seen {}, expected a text", describe(item)));
                None
            }
        };
        section.table.iter().filter_map(read).collect()
    }

    /// The table `[path.key]`.
    pub fn section(&self, key: &'static str) -> Option<Section<'s>> {
        let item = self.item(key)?;
        match item.as_table_like() {
            Some(table) => Some(Section::new(self.walk, table, self.field(key), self.line_of(key))),
            None => {
                let header = self.field(key);
                self.problem(key, format!("seen {}, expected a table [{header}]", describe(item)));
                None
            }
        }
    }

    /// The tables `[[key]]` (also written as a list of inline tables), each with its `id` in its
    /// path as far as it has one.
    pub fn sections(&self, key: &'static str) -> Vec<Section<'s>> {
        let Some(item) = self.item(key) else {
            return Vec::new();
        };
        let tables: Vec<Entry<'s>> = match item {
            Item::ArrayOfTables(tables) => tables
                .iter()
                .map(|table| (Some(table as &dyn TableLike), table.span()))
                .collect(),
            Item::Value(Value::Array(values)) => values
                .iter()
                .map(|value| {
                    (
                        value.as_inline_table().map(|table| table as &dyn TableLike),
                        value.span(),
                    )
                })
                .collect(),
            _ => {
                self.problem(key, format!("seen {}, expected one [[{key}]] for each", describe(item)));
                return Vec::new();
            }
        };
        let mut sections = Vec::new();
        for (index, (table, span)) in tables.into_iter().enumerate() {
            let line = span.map_or_else(|| self.line_of(key), |span| self.walk.line(span.start));
            let path = self.field(&format!("{key}[{index}]"));
            let Some(table) = table else {
                self.walk
                    .problem(line, path, format!("expected a table, one [[{key}]] for each"));
                continue;
            };
            let path = match table.get("id").and_then(Item::as_str) {
                Some(id) => format!("{path} {:?}", id.chars().take(64).collect::<String>()),
                None => path,
            };
            sections.push(Section::new(self.walk, table, path, line));
        }
        sections
    }

    /// Whether a list of tables has one with this id, sound or not.
    pub fn has_entry(&self, key: &str, id: &str) -> bool {
        let is_it = |table: &dyn TableLike| table.get("id").and_then(Item::as_str) == Some(id);
        match self.table.get(key) {
            Some(Item::ArrayOfTables(tables)) => tables.iter().any(|table| is_it(table)),
            Some(Item::Value(Value::Array(values))) => {
                let mut tables = values.iter().filter_map(Value::as_inline_table);
                tables.any(|table| is_it(table))
            }
            _ => false,
        }
    }

    /// The key `kind`, on which depends what the others are: `read` answers `None` for one that is no
    /// kind. Without a kind no key is reported as unknown.
    pub fn kind<T>(&self, expected: &str, read: impl FnOnce(&str) -> Option<Option<T>>) -> Option<T> {
        self.require("kind", expected);
        let text = self.text("kind", expected);
        let answer = text.as_ref().map(|text| read(&text.value.value));
        self.kindless.set(answer.as_ref().is_none_or(Option::is_none));
        if let (Some(text), Some(None)) = (&text, &answer) {
            let problem = format!("seen {:?}, expected {expected}", text.value.shown);
            text.problem(self.walk, problem);
        }
        answer??
    }

    /// Reports every key that was not read. `elsewhere` may say where a key belongs.
    pub fn finish(self, elsewhere: impl Fn(&str) -> Option<&'static str>) {
        if self.kindless.get() {
            return;
        }
        let known = self.known.borrow();
        for (key, _) in self.table.iter().filter(|(key, _)| !known.contains(key)) {
            let shown: String = key.chars().take(64).collect();
            let hint = match (elsewhere(key), nearest(key, known.iter().copied())) {
                (Some(place), _) => format!(", it belongs in {place}"),
                (None, Some(word)) => format!(", did you mean {word:?}?"),
                (None, None) => format!(", expected one of {}", known.join(", ")),
            };
            self.walk.problem(
                self.line_of(key),
                self.field(&shown),
                format!("unknown key {shown:?}{hint}"),
            );
        }
    }
}

/// What an item is, without its content: that may be a secret.
fn describe(item: &Item) -> &'static str {
    match item {
        Item::None => "nothing",
        Item::Value(value) => value_kind(value),
        Item::Table(_) => "a table",
        Item::ArrayOfTables(_) => "a list of tables",
    }
}

fn value_kind(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "a text",
        Value::Integer(_) => "a whole number",
        Value::Float(_) => "a number",
        Value::Boolean(_) => "true or false",
        Value::Datetime(_) => "a date",
        Value::Array(_) => "a list",
        Value::InlineTable(_) => "a table",
    }
}
