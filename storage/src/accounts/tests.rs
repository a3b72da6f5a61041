#![allow(clippy::unwrap_used)]

use std::{fs, os::unix::fs::PermissionsExt};

use super::*;

const HOUR: Duration = Duration::from_secs(3600);

fn accounts() -> (tempfile::TempDir, Accounts) {
    let folder = tempfile::tempdir().unwrap();
    let accounts = Accounts::open(folder.path());
    (folder, accounts)
}

#[test]
fn a_user_is_added_verified_and_found_again_after_a_restart() {
    let (folder, accounts) = accounts();
    assert!(!accounts.any());
    let ann = accounts.add("ann", Group::Administrator, "correct horse").unwrap();
    assert!(matches!(
        accounts.add("ann", Group::Ordinary, "another one"),
        Err(AccountsError::Exists { .. })
    ));
    for accounts in [accounts, Accounts::open(folder.path())] {
        assert_eq!(accounts.list(), std::slice::from_ref(&ann));
        assert_eq!(accounts.verify("ann", "correct horse"), Verdict::Accepted(ann.clone()));
        assert_eq!(accounts.verify("ann", "correct horse"), Verdict::Accepted(ann.clone()));
        assert_eq!(accounts.verify("ann", "incorrect horse"), Verdict::Refused);
        assert_eq!(accounts.verify("bob", "correct horse"), Verdict::Refused);
        assert_eq!(accounts.ha1("ann"), Some(ha1::ha1("ann", "correct horse")));
    }
}

#[test]
fn neither_the_password_nor_its_digest_is_on_disk() {
    let (folder, accounts) = accounts();
    accounts.add("ann", Group::Ordinary, "correct horse").unwrap();
    let token = accounts.create_session("ann", HOUR).unwrap();
    let text = fs::read_to_string(folder.path().join("accounts.jsonl")).unwrap();
    for secret in ["correct horse", &ha1::ha1("ann", "correct horse"), &token] {
        assert!(!text.contains(secret));
    }
    for file in ["accounts.jsonl", "secret.key"] {
        assert_eq!(
            fs::metadata(folder.path().join(file)).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }
}

#[test]
fn names_and_passwords_have_rules() {
    let (_folder, accounts) = accounts();
    let add = |name: &str, password: &str| accounts.add(name, Group::Ordinary, password).unwrap_err().to_string();
    for name in ["", "a:b", "a b", "é", "a\"b", &"x".repeat(65)] {
        assert!(add(name, "long enough").contains("is not a user name"), "{name:?}");
    }
    assert_eq!(add("ann", "short"), "the password has 5 characters: use at least 8");
    assert!(add("ann", "with\na line break").contains("control character"));
    assert!(add("ann", &"x".repeat(1025)).contains("at most 1024"));
    assert!(!accounts.any());
}

#[test]
fn a_new_password_replaces_the_old_one_at_once() {
    let (_folder, accounts) = accounts();
    accounts.add("ann", Group::Ordinary, "correct horse").unwrap();
    let token = accounts.create_session("ann", HOUR).unwrap();
    assert!(matches!(accounts.verify("ann", "correct horse"), Verdict::Accepted(_)));
    accounts.passwd("ann", "battery staple").unwrap();
    assert_eq!(accounts.verify("ann", "correct horse"), Verdict::Refused);
    assert!(matches!(accounts.verify("ann", "battery staple"), Verdict::Accepted(_)));
    assert_eq!(accounts.ha1("ann"), Some(ha1::ha1("ann", "battery staple")));
    assert_eq!(accounts.session(&token), None);
    assert!(matches!(
        accounts.passwd("bob", "battery staple"),
        Err(AccountsError::NoUser { .. })
    ));
}

#[test]
fn a_removed_or_disabled_user_has_no_way_in() {
    let (folder, accounts) = accounts();
    accounts.add("ann", Group::Ordinary, "correct horse").unwrap();
    let token = accounts.create_session("ann", HOUR).unwrap();
    accounts.set_enabled("ann", false).unwrap();
    assert_eq!(accounts.verify("ann", "correct horse"), Verdict::Disabled);
    assert_eq!(accounts.verify("ann", "wrong horse"), Verdict::Refused);
    assert_eq!((accounts.ha1("ann"), accounts.session(&token)), (None, None));
    assert!(matches!(
        accounts.create_session("ann", HOUR),
        Err(AccountsError::Disabled { .. })
    ));
    accounts.set_enabled("ann", true).unwrap();
    assert!(accounts.ha1("ann").is_some());
    accounts.remove("ann").unwrap();
    assert_eq!(accounts.verify("ann", "correct horse"), Verdict::Refused);
    assert!(!Accounts::open(folder.path()).any());
}

#[test]
fn sessions_survive_a_restart_and_end() {
    let (folder, accounts) = accounts();
    accounts.add("ann", Group::Administrator, "correct horse").unwrap();
    let token = accounts.create_session("ann", HOUR).unwrap();
    let other = accounts.create_session("ann", HOUR).unwrap();
    let over = accounts.create_session("ann", Duration::ZERO).unwrap();
    assert_ne!(token, other);
    let again = Accounts::open(folder.path());
    assert_eq!(again.session(&token).unwrap().user.name, "ann");
    assert_eq!((again.session(&over), again.session("rubbish")), (None, None));
    again.end_session(&token);
    again.end_session("rubbish");
    let last = Accounts::open(folder.path());
    assert_eq!(last.session(&token), None);
    assert!(last.session(&other).is_some());
}

#[test]
fn sessions_of_one_user_are_bounded_and_the_journal_stays_small() {
    let (folder, accounts) = accounts();
    accounts.add("ann", Group::Ordinary, "correct horse").unwrap();
    let tokens: Vec<_> = (0..600)
        .map(|_| accounts.create_session("ann", HOUR).unwrap())
        .collect();
    let good = tokens.iter().filter(|token| accounts.session(token).is_some()).count();
    assert_eq!(good, 64);
    assert!(accounts.session(tokens.last().unwrap()).is_some());
    let lines = fs::read_to_string(folder.path().join("accounts.jsonl"))
        .unwrap()
        .lines()
        .count();
    assert!(lines < 500, "{lines} lines");
    let again = Accounts::open(folder.path());
    assert_eq!(tokens.iter().filter(|token| again.session(token).is_some()).count(), 64);
}

#[test]
fn a_journal_from_a_newer_vigie_is_not_touched() {
    let (folder, accounts) = accounts();
    accounts.add("ann", Group::Ordinary, "correct horse").unwrap();
    let path = folder.path().join("accounts.jsonl");
    let mut text = fs::read_to_string(&path).unwrap();
    let entry = r#"{"op":"journal","format":2}"#;
    text.push_str(&format!(
        "{{\"crc\":\"{:08x}\",\"entry\":{entry}}}\n",
        crc32fast::hash(entry.as_bytes())
    ));
    fs::write(&path, &text).unwrap();
    let accounts = Accounts::open(folder.path());
    assert!(matches!(accounts.fault(), Some(AccountsError::Newer { .. })));
    assert_eq!(accounts.verify("ann", "correct horse"), Verdict::Refused);
    assert!(accounts.add("bob", Group::Ordinary, "correct horse").is_err());
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn a_folder_that_is_gone_refuses_changes_and_heals() {
    let (folder, accounts) = accounts();
    let state_dir = folder.path().join("state");
    let accounts_elsewhere = Accounts::open(&state_dir);
    assert!(matches!(
        accounts_elsewhere.add("ann", Group::Ordinary, "correct horse"),
        Err(AccountsError::Io { .. })
    ));
    assert!(!accounts_elsewhere.any());
    fs::create_dir(&state_dir).unwrap();
    accounts_elsewhere.add("ann", Group::Ordinary, "correct horse").unwrap();
    assert!(Accounts::open(&state_dir).any());
    drop(accounts);
}

#[test]
fn a_lost_key_costs_digest_until_a_new_password() {
    let (folder, accounts) = accounts();
    accounts.add("ann", Group::Ordinary, "correct horse").unwrap();
    fs::remove_file(folder.path().join("secret.key")).unwrap();
    let again = Accounts::open(folder.path());
    assert!(matches!(again.verify("ann", "correct horse"), Verdict::Accepted(_)));
    assert_eq!(again.ha1("ann"), None);
    again.passwd("ann", "correct horse").unwrap();
    assert!(again.ha1("ann").is_some());
}
