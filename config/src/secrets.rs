//! `<state_dir>/secrets.toml`: what those `${NAME}`s stand for that pages and programs have set.
//!
//! Belongs here: the file, and names for new secrets. Does not belong here: which fields are secret
//! ([`crate::load`]), how a text comes to have the name ([`crate::edit::Edit::move_secrets`]).

use std::{
    cell::OnceCell,
    collections::BTreeMap,
    fs::{self, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::PathBuf,
};

use toml_edit::DocumentMut;

use crate::{
    ErrorKind, Kind, edit,
    load::{state_dir, system_variable},
};

const FILE: &str = "secrets.toml";
const HEAD: &str =
    "# Passwords and tokens that were set on the pages. Vigie writes this file; vigie.toml names them.\n";
/// Room for a hundred times what 256 cameras need.
const MOST_BYTES: u64 = 8 << 20;

/// What the file holds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Secrets {
    path: PathBuf,
    known: BTreeMap<String, String>,
}

/// `secrets.toml` cannot be read.
#[derive(Debug, thiserror::Error)]
#[error(
    "{} cannot be read: {source}; mend it, or take it away and set the passwords and tokens again that were set on the pages",
    path.display()
)]
pub struct SecretsError {
    pub path: PathBuf,
    source: io::Error,
}

impl Kind for SecretsError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Unavailable
    }
}

/// What `${NAME}` stands for in a configuration: a systemd credential, else the environment, else a line of
/// `secrets.toml` in the state folder that the text names. Reads disks, `secrets.toml` once and only when a
/// name is to be found nowhere else.
pub struct Variables<'t> {
    text: &'t str,
    secrets: OnceCell<Result<Secrets, SecretsError>>,
}

impl<'t> Variables<'t> {
    pub fn of(text: &'t str) -> Self {
        Self {
            text,
            secrets: OnceCell::new(),
        }
    }

    pub fn get(&self, name: &str) -> Option<String> {
        system_variable(name).or_else(|| {
            let secrets = self.secrets.get_or_init(|| Secrets::of(self.text));
            secrets.as_ref().ok()?.known.get(name).cloned()
        })
    }

    /// Why names were not found that may be there.
    pub fn error(&self) -> Option<&SecretsError> {
        self.secrets.get()?.as_ref().err()
    }
}

/// [`Variables::get`], where it does not matter why a name is unknown.
pub fn variables_of(text: &str) -> impl Fn(&str) -> Option<String> {
    let variables = Variables::of(text);
    move |name| variables.get(name)
}

impl Secrets {
    /// Where those of the configuration `text` are.
    pub fn path_of(text: &str) -> PathBuf {
        state_dir(text).join(FILE)
    }

    /// Those of the configuration `text`; none where there is no file.
    pub fn of(text: &str) -> Result<Secrets, SecretsError> {
        let path = Secrets::path_of(text);
        let read = match fs::metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(BTreeMap::new()),
            Err(error) => Err(error),
            Ok(found) if found.len() > MOST_BYTES => Err(io::ErrorKind::FileTooLarge.into()),
            Ok(_) => fs::read_to_string(&path).and_then(|text| lines(&text)),
        };
        match read {
            Ok(known) => Ok(Secrets { path, known }),
            Err(source) => Err(SecretsError { path, source }),
        }
    }

    /// Takes the file of the configuration `text` away.
    pub fn forget_all(text: &str) -> io::Result<()> {
        match fs::remove_file(Secrets::path_of(text)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// As in [`Variables::get`].
    pub fn variable(&self, name: &str) -> Option<String> {
        system_variable(name).or_else(|| self.known.get(name).cloned())
    }

    /// Keeps what a field holds; answers its name, a new one for each value, so that older texts keep
    /// theirs.
    pub fn keep(&mut self, field: &str, value: &str) -> String {
        let base = name_of(field);
        let mut name = base.clone();
        for number in 2.. {
            if self.variable(&name).is_none_or(|known| known == value) {
                break;
            }
            name = format!("{base}_{number}");
        }
        self.known.insert(name.clone(), value.to_owned());
        name
    }

    /// Forgets all others.
    pub fn retain(&mut self, used: impl Fn(&str) -> bool) {
        self.known.retain(|name, _| used(name));
    }

    /// Writes the file as a whole, for its owner alone.
    pub fn write(&self) -> io::Result<()> {
        let mut document = DocumentMut::new();
        for (name, value) in &self.known {
            document.insert(name, toml_edit::value(value));
        }
        let new = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&self.path);
        match new {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        edit::replace(&self.path, &format!("{HEAD}{document}"))
    }
}

fn lines(text: &str) -> io::Result<BTreeMap<String, String>> {
    let damaged = || io::Error::new(io::ErrorKind::InvalidData, "expected lines such as NAME = \"text\"");
    let document: DocumentMut = text.parse().map_err(|_| damaged())?;
    let line = |(name, item): (&str, &toml_edit::Item)| Some((name.to_owned(), item.as_str()?.to_owned()));
    document.iter().map(|entry| line(entry).ok_or_else(damaged)).collect()
}

/// `camera[3] "gate".password` → `CAMERA_GATE_PASSWORD`.
pub(crate) fn name_of(field: &str) -> String {
    let mut name = String::new();
    let mut index = false;
    for letter in field.chars() {
        index = (index || letter == '[') && letter != ']';
        if letter.is_ascii_alphanumeric() && !index {
            name.push(letter.to_ascii_uppercase());
        } else if !index && !name.is_empty() && !name.ends_with('_') {
            name.push('_');
        }
    }
    name.truncate(80);
    name.trim_end_matches('_').to_owned()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_field_gives_its_name() {
        for (field, name) in [
            ("camera[3] \"gate\".password", "CAMERA_GATE_PASSWORD"),
            (
                "push[0] \"on-call\".headers.Authorization",
                "PUSH_ON_CALL_HEADERS_AUTHORIZATION",
            ),
            ("email.password", "EMAIL_PASSWORD"),
        ] {
            assert_eq!(name_of(field), name);
        }
    }

    #[test]
    fn what_is_kept_is_read_again_by_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let text = format!("[server]\nstate_dir = {:?}\n", folder.path());
        let mut secrets = Secrets::of(&text).unwrap();
        assert_eq!(secrets.keep("email.password", "a\"b"), "EMAIL_PASSWORD");
        assert_eq!(secrets.keep("email.password", "a\"b"), "EMAIL_PASSWORD");
        assert_eq!(secrets.keep("email.password", "new"), "EMAIL_PASSWORD_2");
        // What the environment has is another's.
        assert_ne!(secrets.keep("path", "x"), "PATH");
        secrets.write().unwrap();
        let mode = fs::metadata(folder.path().join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let variable = variables_of(&text);
        assert_eq!(variable("EMAIL_PASSWORD").as_deref(), Some("a\"b"));
        assert_eq!(variable("EMAIL_PASSWORD_2").as_deref(), Some("new"));
        let mut secrets = Secrets::of(&text).unwrap();
        secrets.retain(|name| name == "EMAIL_PASSWORD_2");
        secrets.write().unwrap();
        assert_eq!(variables_of(&text)("EMAIL_PASSWORD"), None);
        fs::write(folder.path().join(FILE), "EMAIL_PASSWORD_2 = 7\n").unwrap();
        let variables = Variables::of(&text);
        assert!(variables.error().is_none(), "nobody asked");
        assert_eq!(variables.get("EMAIL_PASSWORD_2"), None);
        assert!(
            variables
                .error()
                .unwrap()
                .to_string()
                .contains("expected lines such as")
        );
    }

    proptest! {
        #[test]
        fn any_value_is_read_as_it_was_kept(value in "\\PC{0,20}") {
            let folder = tempfile::tempdir().unwrap();
            let text = format!("server.state_dir = {:?}\n", folder.path());
            let mut secrets = Secrets::of(&text).unwrap();
            let name = secrets.keep("mqtt.password", &value);
            secrets.write().unwrap();
            prop_assert_eq!(variables_of(&text)(&name), Some(value));
        }
    }
}
