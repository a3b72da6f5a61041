//! `${NAME}` in the texts of a configuration that moves to another machine.

use std::collections::{BTreeMap, BTreeSet};

use toml_edit::{Item, TableLike, Value};

use super::Edit;

impl Edit {
    /// The names that its texts use.
    pub fn variables(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        let mut document = self.document.clone();
        each_text(document.as_table_mut(), &mut |text| {
            names.extend(pieces(text).filter_map(|piece| match piece {
                Piece::Name(name) => Some(name.to_owned()),
                Piece::Text(_) => None,
            }));
            None
        });
        names
    }

    /// Writes these values in the places of their names.
    pub fn write_out(&mut self, values: &BTreeMap<String, String>) {
        if values.is_empty() {
            return;
        }
        each_text(self.document.as_table_mut(), &mut |text| {
            let written: String = pieces(text)
                .map(|piece| match piece {
                    Piece::Text(text) => text.to_owned(),
                    Piece::Name(name) => match values.get(name) {
                        // What a variable holds is literal.
                        Some(value) => value.replace("${", "$${"),
                        None => format!("${{{name}}}"),
                    },
                })
                .collect();
            (written != text).then_some(written)
        });
    }
}

enum Piece<'t> {
    /// As it stands, with what stands for a literal `${`.
    Text(&'t str),
    Name(&'t str),
}

fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let mut from = 0;
        while let Some(at) = rest.get(from..).and_then(|part| part.find("${")).map(|at| from + at) {
            let after = at + 2;
            let literal = rest.get(..at).is_some_and(|before| before.ends_with('$'));
            match rest.get(after..).and_then(|part| part.find('}')) {
                Some(end) if !literal => {
                    let whole = rest;
                    if at > 0 {
                        rest = whole.get(at..)?;
                        return whole.get(..at).map(Piece::Text);
                    }
                    rest = whole.get(after + end + 1..)?;
                    return whole.get(after..after + end).map(Piece::Name);
                }
                _ => from = after,
            }
        }
        let last = std::mem::take(&mut rest);
        (!last.is_empty()).then_some(Piece::Text(last))
    })
}

/// `change` answers what a text becomes; `None`: it stays.
fn each_text(table: &mut dyn TableLike, change: &mut dyn FnMut(&str) -> Option<String>) {
    for (_, item) in table.iter_mut() {
        match item {
            Item::Value(value) => each_value(value, change),
            Item::Table(table) => each_text(table, change),
            Item::ArrayOfTables(list) => list.iter_mut().for_each(|table| each_text(table, change)),
            Item::None => {}
        }
    }
}

fn each_value(value: &mut Value, change: &mut dyn FnMut(&str) -> Option<String>) {
    match value {
        Value::String(text) => {
            if let Some(new) = change(text.value()) {
                let decor = value.decor().clone();
                *value = new.into();
                *value.decor_mut() = decor;
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|value| each_value(value, change)),
        Value::InlineTable(table) => each_text(table, change),
        _ => {}
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::load::expanded;

    #[test]
    fn names_become_what_they_stood_for_and_the_rest_stays() {
        let text = "a = \"${ONE}\" # one\nb = [\"x${TWO}y$${ONE}\", 'p${ONE}']\n[[c]]\nd = { e = \"${THREE}\" }\n";
        let mut edit = Edit::new(text).unwrap();
        assert_eq!(
            edit.variables().into_iter().collect::<Vec<_>>(),
            ["ONE", "THREE", "TWO"]
        );
        let values = [("ONE", "1\"${x}"), ("TWO", "2")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        edit.write_out(&values.into());
        let written = edit.text();
        assert!(written.contains("# one") && written.contains("x2y$${ONE}"), "{written}");
        assert!(written.contains("${THREE}"), "{written}");
        assert_eq!(Edit::new(&written).unwrap().variables().len(), 1);
    }

    proptest! {
        /// Written out or looked up: a reader sees the same.
        #[test]
        fn a_text_means_the_same(text in "([a$ {}]|\\$\\{A\\}|\\$\\$\\{|\\$\\{B\\}){0,8}", value in "[a$ {}A]{0,6}") {
            let lookup = |name: &str| match name { "A" => Some(value.clone()), "B" => Some("b".to_owned()), _ => None };
            if let Some(meant) = expanded(&text, &lookup) {
                let written: String = {
                    let mut edit = Edit::new("").unwrap();
                    edit.document.insert("t", toml_edit::value(text.as_str()));
                    edit.write_out(&[("A".to_owned(), value.clone()), ("B".to_owned(), "b".to_owned())].into());
                    edit.document["t"].as_str().unwrap().to_owned()
                };
                prop_assert_eq!(expanded(&written, &|_| None), Some(meant), "{}", written);
            }
        }
    }
}
