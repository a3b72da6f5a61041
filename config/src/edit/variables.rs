//! `${NAME}` in the texts of a configuration that moves to another machine.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
};

use toml_edit::{Item, TableLike, Value};

use super::Edit;
use crate::load::expanded;

impl Edit {
    /// The names that its texts use.
    pub fn variables(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        let mut document = self.document.clone();
        each_text(document.as_table_mut(), &mut |text| {
            names.append(&mut names_of(text));
            None
        });
        names
    }

    /// Texts with a name that `goes` become what they stand for. `values`: of all names; a text with one
    /// that is not there stays as it is.
    pub fn write_out(&mut self, goes: &dyn Fn(&str) -> bool, values: &BTreeMap<String, String>) {
        each_text(self.document.as_table_mut(), &mut |text| {
            if !names_of(text).iter().any(|name| goes(name)) {
                return None;
            }
            // As a whole: a piece that ends in `$` may stand before one that begins with `{`.
            let meant = expanded(text, &|name| values.get(name).cloned())?;
            Some(meant.replace("${", "$${"))
        });
    }
}

fn names_of(text: &str) -> BTreeSet<String> {
    let names = RefCell::new(BTreeSet::new());
    let note = |name: &str| {
        names.borrow_mut().insert(name.to_owned());
        Some(String::new())
    };
    // A text that cannot be read has no names that count.
    let _ = expanded(text, &note);
    names.into_inner()
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

    #[test]
    fn names_become_what_they_stood_for_and_the_rest_stays() {
        let text = "a = \"${ONE}\" # one\nb = [\"x${TWO}y$${ONE}\", 'p${ONE}']\n[[c]]\nd = { e = \"${THREE}\" }\n";
        let mut edit = Edit::new(text).unwrap();
        assert_eq!(
            edit.variables().into_iter().collect::<Vec<_>>(),
            ["ONE", "THREE", "TWO"]
        );
        let values = [("ONE", "1\"${x}"), ("TWO", "2")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        edit.write_out(&|name| name != "THREE", &values.into());
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
                    edit.write_out(&|name| name == "A", &[("A".to_owned(), value.clone()), ("B".to_owned(), "b".to_owned())].into());
                    edit.document["t"].as_str().unwrap().to_owned()
                };
                // Nobody knows A any more.
                let later = |name: &str| (name == "B").then(|| "b".to_owned());
                prop_assert_eq!(expanded(&written, &later), Some(meant), "{}", written);
            }
        }
    }
}
