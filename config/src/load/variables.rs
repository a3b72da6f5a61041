//! `${NAME}` in texts of the configuration: systemd credentials, then environment, and what stands in for
//! a secret that is not known.

use std::{
    env,
    ffi::OsStr,
    fs,
    hash::{BuildHasher, RandomState},
    path::Path,
    sync::LazyLock,
};

/// What is wrong with a `${…}`. Names are no secrets; values are never shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VariableError {
    #[error(
        "variable ${{{0}}} is neither a systemd credential nor in the environment, nor in the state folder's secrets.toml as far as this account may read it"
    )]
    Missing(String),
    #[error("\"${{\" without \"}}\": write $${{ for a literal ${{")]
    Unclosed,
    #[error("${{{0}}}: a variable's name consists of letters, digits, - _ and .; write $${{ for a literal ${{")]
    BadName(String),
}

/// Replaces every `${NAME}` by `lookup(NAME)` and every `$${` by `${`. What a variable holds is
/// not looked at again.
pub fn expand(text: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Result<String, VariableError> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        if let Some(before) = before.strip_suffix('$') {
            out.push_str(before);
            out.push_str("${");
            rest = after;
            continue;
        }
        out.push_str(before);
        let (name, after) = after.split_once('}').ok_or(VariableError::Unclosed)?;
        let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
        if !(1..=255).contains(&name.len()) || !name.bytes().all(fits) || name.starts_with('.') {
            return Err(VariableError::BadName(name.chars().take(40).collect()));
        }
        out.push_str(&lookup(name).ok_or_else(|| VariableError::Missing(name.to_owned()))?);
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

/// For an unknown secret: long enough for any field, the same for the life of the process, and nobody's
/// guess, so that it opens nothing.
pub fn stand_in(name: &str) -> String {
    static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    format!(
        "{:016x}{:016x}",
        KEY.hash_one(name),
        KEY.hash_one((name, "second half"))
    )
}

/// Whether a text has no variable: what it means stands in it.
pub fn is_literal(text: &str) -> bool {
    !matches!(expand(text, &|_| None), Err(VariableError::Missing(_)))
}

/// A variable's value: the file `$CREDENTIALS_DIRECTORY/name` without one trailing newline,
/// else the environment variable `name`.
pub fn system_variable(name: &str) -> Option<String> {
    lookup_in(env::var_os("CREDENTIALS_DIRECTORY").as_deref(), name).or_else(|| env::var(name).ok())
}

fn lookup_in(credentials: Option<&OsStr>, name: &str) -> Option<String> {
    let text = fs::read_to_string(Path::new(credentials?).join(name)).ok()?;
    match text.strip_suffix('\n') {
        Some(line) => Some(line.to_owned()),
        None => Some(text),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn known(name: &str) -> Option<String> {
        match name {
            "GATE" => Some("s3cret".into()),
            "gate-password.txt" => Some("${GATE}".into()),
            _ => None,
        }
    }

    #[test]
    fn replaces_names_and_keeps_literals() {
        for (text, expected) in [
            ("plain $ text", "plain $ text"),
            ("${GATE}", "s3cret"),
            ("a${GATE}b${GATE}", "as3cretbs3cret"),
            ("$${GATE}", "${GATE}"),
            ("$$$${GATE}", "$$${GATE}"),
            ("${gate-password.txt}", "${GATE}"),
            ("é${GATE}é", "és3creté"),
        ] {
            assert_eq!(expand(text, &known).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn says_what_is_wrong() {
        assert_eq!(expand("${NOPE}", &known), Err(VariableError::Missing("NOPE".into())));
        assert_eq!(expand("x${GATE", &known), Err(VariableError::Unclosed));
        for name in ["", "a b", "../x", "a/b", ".hidden"] {
            assert!(
                matches!(expand(&format!("${{{name}}}"), &known), Err(VariableError::BadName(_))),
                "{name}"
            );
        }
    }

    #[test]
    fn a_credential_loses_one_trailing_newline() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("one"), "pass\n").unwrap();
        fs::write(folder.path().join("two"), "pass\n\n").unwrap();
        let at = Some(folder.path().as_os_str());
        assert_eq!(lookup_in(at, "one").as_deref(), Some("pass"));
        assert_eq!(lookup_in(at, "two").as_deref(), Some("pass\n"));
        assert_eq!(lookup_in(at, "three"), None);
        assert_eq!(lookup_in(None, "one"), None);
    }
}
