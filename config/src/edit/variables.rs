//! `${NAME}` in the texts of a configuration: secrets that become one, and those that moves to another
//! machine write out.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
};

use super::{Edit, json::each_text};
use crate::{
    load::{expanded, secrets_of},
    secrets::name_of,
};

impl Edit {
    /// The names that its texts use.
    pub fn variables(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        let mut document = self.document.clone();
        each_text(document.as_table_mut(), "", &mut |_, text| {
            names.append(&mut names_of(text));
            None
        });
        names
    }

    /// Secrets that stand in the text itself, and did not in `before`, become `${NAME}`: `keep` is given
    /// the field and the secret, and answers NAME. What people have written there by hand stays.
    pub fn move_secrets(&mut self, before: &Edit, keep: &mut dyn FnMut(&str, &str) -> String) {
        let mut there = BTreeSet::new();
        each_text(before.document.clone().as_table_mut(), "", &mut |at, text| {
            there.insert((name_of(at.field), text.to_owned()));
            None
        });
        let Ok(secrets) = secrets_of(&self.text()) else {
            return;
        };
        each_text(self.document.as_table_mut(), "", &mut |at, text| {
            // By its name: a table that has moved is the same.
            let new = at.is_secret(text, &secrets) && !there.contains(&(name_of(at.field), text.to_owned()));
            let meant = expanded(text, &|_| None).filter(|_| new)?;
            Some(format!("${{{}}}", keep(at.field, &meant)))
        });
    }

    /// Texts with a name that `goes` become what they stand for. `values`: of all names; a text with one
    /// that is not there stays as it is.
    pub fn write_out(&mut self, goes: &dyn Fn(&str) -> bool, values: &BTreeMap<String, String>) {
        each_text(self.document.as_table_mut(), "", &mut |_, text| {
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn secrets_that_were_not_there_move_out() {
        let before = "[email]\npassword = \"by hand\" # mine\n[mqtt]\npassword = \"old\"\n";
        let after = "[mqtt]\npassword = \"n$${w\"\n[email]\npassword = \"by hand\" # mine\n\
                     [[camera]]\nid = \"a\"\nname = \"new\"\nusername = \"u\"\npassword = \"p\"\n\
                     [camera.main]\nurl = \"rtsp://u:p@127.0.0.1/\"\n\
                     [[camera]]\nid = \"b\"\npassword = \"${THEIRS}\"\n";
        let mut edit = Edit::new(after).unwrap();
        let mut kept = Vec::new();
        edit.move_secrets(&Edit::new(before).unwrap(), &mut |field, value| {
            kept.push((name_of(field), value.to_owned()));
            name_of(field)
        });
        let one = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(kept, [one("MQTT_PASSWORD", "n${w"), one("CAMERA_A_PASSWORD", "p")]);
        let text = edit.text();
        assert!(text.contains("password = \"by hand\" # mine"), "{text}");
        assert!(text.contains("password = \"${CAMERA_A_PASSWORD}\""), "{text}");
        assert!(
            text.contains("rtsp://u:p@127.0.0.1/") && text.contains("${THEIRS}"),
            "{text}"
        );
    }

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
