#![allow(clippy::unwrap_used)]

use std::{collections::BTreeSet, fs, os::unix::fs::PermissionsExt};

use ulid::Ulid;
use vigie_config::Utc;

use super::{rights::tests::camera, second_factor::tests::shown, *};

const HOUR: Duration = Duration::from_secs(3600);

fn accounts() -> (tempfile::TempDir, Accounts) {
    let folder = tempfile::tempdir().unwrap();
    let accounts = Accounts::open(folder.path());
    (folder, accounts)
}

fn enabled(enabled: bool) -> Change {
    Change {
        enabled: Some(enabled),
        ..Change::default()
    }
}

#[test]
fn a_user_is_added_verified_and_found_again_after_a_restart() {
    let (folder, accounts) = accounts();
    assert!(!accounts.any());
    let ann = accounts
        .operator()
        .add("ann", GroupName::administrator(), None, "correct horse")
        .unwrap();
    assert!(matches!(
        accounts
            .operator()
            .add("ann", GroupName::ordinary(), None, "another one"),
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
    accounts
        .operator()
        .add("ann", GroupName::ordinary(), None, "correct horse")
        .unwrap();
    let token = accounts.create_session("ann", HOUR, Origin::default()).unwrap();
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

/// In a backup, or in a journal that somebody wrote by hand.
#[test]
fn a_hash_that_would_take_for_ever_is_refused_and_never_tried() {
    let (folder, accounts) = accounts();
    for name in ["ann", "bob"] {
        let added = accounts
            .operator()
            .add(name, GroupName::administrator(), None, "correct horse");
        added.unwrap();
    }
    let whole = serde_json::to_string(&accounts.export()).unwrap();
    assert!(accounts.import_changes(&serde_json::from_str(&whole).unwrap()).is_ok());
    let endless = whole.replacen("t=2", "t=4294967295", 1);
    assert_ne!(endless, whole);
    let endless = serde_json::from_str(&endless).unwrap();
    for refused in [accounts.import_changes(&endless).map(drop), accounts.import(&endless)] {
        assert!(
            matches!(&refused, Err(AccountsError::BadHash { name }) if name == "ann"),
            "{refused:?}"
        );
    }
    drop(accounts);
    let journal = folder.path().join("accounts.jsonl");
    let text = fs::read_to_string(&journal).unwrap();
    fs::write(&journal, text.replacen("t=2", "t=4294967295", 1)).unwrap();
    let accounts = Accounts::open(folder.path());
    let right = |name| matches!(accounts.verify(name, "correct horse"), Verdict::Accepted(_));
    assert_eq!((right("ann"), right("bob")), (false, true));
}

#[test]
fn names_and_passwords_have_rules() {
    let (_folder, accounts) = accounts();
    let add = |name: &str, password: &str| {
        accounts
            .operator()
            .add(name, GroupName::ordinary(), None, password)
            .unwrap_err()
            .to_string()
    };
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
    accounts
        .operator()
        .add("ann", GroupName::ordinary(), None, "correct horse")
        .unwrap();
    let token = accounts.create_session("ann", HOUR, Origin::default()).unwrap();
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
    accounts
        .operator()
        .add("ann", GroupName::ordinary(), None, "correct horse")
        .unwrap();
    let token = accounts.create_session("ann", HOUR, Origin::default()).unwrap();
    accounts.operator().change("ann", enabled(false)).unwrap();
    assert_eq!(accounts.verify("ann", "correct horse"), Verdict::Disabled);
    assert_eq!(accounts.verify("ann", "wrong horse"), Verdict::Refused);
    assert_eq!((accounts.ha1("ann"), accounts.session(&token)), (None, None));
    assert!(matches!(
        accounts.create_session("ann", HOUR, Origin::default()),
        Err(AccountsError::Disabled { .. })
    ));
    accounts.operator().change("ann", enabled(true)).unwrap();
    assert!(accounts.ha1("ann").is_some());
    accounts.operator().remove("ann").unwrap();
    assert_eq!(accounts.verify("ann", "correct horse"), Verdict::Refused);
    assert!(!Accounts::open(folder.path()).any());
}

#[test]
fn sessions_survive_a_restart_and_end() {
    let (folder, accounts) = accounts();
    accounts
        .operator()
        .add("ann", GroupName::administrator(), None, "correct horse")
        .unwrap();
    let token = accounts.create_session("ann", HOUR, Origin::default()).unwrap();
    let other = accounts.create_session("ann", HOUR, Origin::default()).unwrap();
    let over = accounts
        .create_session("ann", Duration::ZERO, Origin::default())
        .unwrap();
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
    accounts
        .operator()
        .add("ann", GroupName::ordinary(), None, "correct horse")
        .unwrap();
    let tokens: Vec<_> = (0..600)
        .map(|_| accounts.create_session("ann", HOUR, Origin::default()).unwrap())
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
    accounts
        .operator()
        .add("ann", GroupName::ordinary(), None, "correct horse")
        .unwrap();
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
    assert!(
        accounts
            .operator()
            .add("bob", GroupName::ordinary(), None, "correct horse")
            .is_err()
    );
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn a_folder_that_is_gone_refuses_changes_and_heals() {
    let (folder, accounts) = accounts();
    let state_dir = folder.path().join("state");
    let accounts_elsewhere = Accounts::open(&state_dir);
    assert!(matches!(
        accounts_elsewhere
            .operator()
            .add("ann", GroupName::ordinary(), None, "correct horse"),
        Err(AccountsError::Io { .. })
    ));
    assert!(!accounts_elsewhere.any());
    fs::create_dir(&state_dir).unwrap();
    accounts_elsewhere
        .operator()
        .add("ann", GroupName::ordinary(), None, "correct horse")
        .unwrap();
    assert!(Accounts::open(&state_dir).any());
    drop(accounts);
}

#[test]
fn a_lost_key_costs_digest_until_a_new_password() {
    let (folder, accounts) = accounts();
    accounts
        .operator()
        .add("ann", GroupName::ordinary(), None, "correct horse")
        .unwrap();
    fs::remove_file(folder.path().join("secret.key")).unwrap();
    let again = Accounts::open(folder.path());
    assert!(matches!(again.verify("ann", "correct horse"), Verdict::Accepted(_)));
    assert_eq!(again.ha1("ann"), None);
    again.passwd("ann", "correct horse").unwrap();
    assert!(again.ha1("ann").is_some());
}

#[test]
fn a_journal_of_before_rights_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let (token, hash) = sessions::new_token("").unwrap();
    let created = Utc::now();
    let expires = created + HOUR;
    let entries = [
        r#"{"op":"journal","format":1}"#.to_owned(),
        format!(
            r#"{{"op":"user","name":"ann","group":"administrator","enabled":true,"created":"{created}","password":"x","ha1":"y"}}"#
        ),
        format!(r#"{{"op":"session","hash":"{hash}","user":"ann","created":"{created}","expires":"{expires}"}}"#),
    ];
    let lines = entries.map(|entry| {
        format!(
            "{{\"crc\":\"{:08x}\",\"entry\":{entry}}}\n",
            crc32fast::hash(entry.as_bytes())
        )
    });
    fs::write(folder.path().join("accounts.jsonl"), lines.concat()).unwrap();
    let accounts = Accounts::open(folder.path());
    let session = accounts.session(&token).unwrap();
    assert_eq!((session.user.name.as_str(), session.info.agent), ("ann", None));
    assert_eq!(session.user.rights, Rights::all());
}

fn guards() -> Rights {
    Rights {
        house: [HouseRight::Users, HouseRight::Alarms].into(),
        every_camera: [CameraRight::Live, CameraRight::Playback].into(),
        ..Rights::default()
    }
}

#[test]
fn own_groups_give_rights_and_outlive_a_restart() {
    let (folder, accounts) = accounts();
    let guard: GroupName = "guards".parse().unwrap();
    let operator = accounts.operator();
    assert!(matches!(
        operator.add("ann", guard.clone(), None, "correct horse"),
        Err(AccountsError::NoGroup { .. })
    ));
    operator.put_group(guard.clone(), guards()).unwrap();
    let gate: BTreeSet<_> = [camera("gate")].into();
    operator
        .add("ann", guard.clone(), Some(gate.clone()), "correct horse")
        .unwrap();
    assert!(matches!(
        operator.remove_group(&guard),
        Err(AccountsError::GroupInUse { .. })
    ));
    for built_in in ["administrator", "advanced", "ordinary"] {
        let built_in: GroupName = built_in.parse().unwrap();
        let put = operator.put_group(built_in.clone(), guards());
        assert!(matches!(put, Err(AccountsError::BuiltIn { .. })));
        assert!(matches!(
            operator.remove_group(&built_in),
            Err(AccountsError::BuiltIn { .. })
        ));
    }
    drop(accounts);
    let again = Accounts::open(folder.path());
    let ann = again.get("ann").unwrap();
    assert_eq!(ann.rights, guards().limited_to(&gate));
    assert!(ann.sees(&camera("gate")) && !ann.sees(&camera("hall")));
    assert_eq!(again.groups().len(), 4);
    // A change of the group is one of all who are in it.
    let less = Rights {
        house: [HouseRight::Users].into(),
        ..Rights::default()
    };
    again.operator().put_group(guard, less).unwrap();
    assert!(!again.get("ann").unwrap().sees(&camera("gate")));
}

#[test]
fn nobody_gives_more_than_they_have() {
    let (_folder, accounts) = accounts();
    let operator = accounts.operator();
    let (owner, guard, all) = (GroupName::administrator(), GroupName::ordinary(), None);
    operator
        .add("owner", owner.clone(), all.clone(), "correct horse")
        .unwrap();
    operator
        .add("eve", guard.clone(), all.clone(), "correct horse")
        .unwrap();
    let giver = accounts.giver(guards());
    let refused = |done: Result<(), AccountsError>| assert!(matches!(done, Err(AccountsError::TooMuch)), "{done:?}");
    refused(giver.add("bob", owner.clone(), all.clone(), "correct horse").map(drop));
    refused(
        giver
            .change(
                "eve",
                Change {
                    group: Some(owner.clone()),
                    ..Change::default()
                },
            )
            .map(drop),
    );
    refused(giver.change("owner", enabled(false)).map(drop));
    refused(giver.passwd("owner", "battery staple"));
    refused(giver.remove("owner"));
    let own: GroupName = "own".parse().unwrap();
    refused(giver.put_group(own.clone(), Rights::all()).map(drop));
    operator.put_group(own.clone(), Rights::all()).unwrap();
    refused(giver.put_group(own.clone(), guards()).map(drop));
    refused(giver.remove_group(&own));
    let kept = accounts.giver(guards().limited_to(&[camera("gate")].into()));
    refused(kept.add("bob", guard.clone(), all, "correct horse").map(drop));
    refused(
        kept.add("bob", guard.clone(), Some([camera("hall")].into()), "correct horse")
            .map(drop),
    );
    kept.add("bob", guard.clone(), Some([camera("gate")].into()), "correct horse")
        .unwrap();
    let wider = Change {
        cameras: Some(None),
        ..Change::default()
    };
    refused(kept.change("bob", wider).map(drop));
    let eve = accounts.get("eve").unwrap();
    refused(accounts.add_token(&eve, "mine", Rights::all(), None).map(drop));
}

#[test]
fn somebody_stays_who_may_manage_users() {
    let (_folder, accounts) = accounts();
    let operator = accounts.operator();
    // A house without one needs none.
    operator
        .add("eve", GroupName::ordinary(), None, "correct horse")
        .unwrap();
    operator.change("eve", enabled(false)).unwrap();
    operator
        .add("ann", GroupName::administrator(), None, "correct horse")
        .unwrap();
    let own: GroupName = "own".parse().unwrap();
    operator.put_group(own.clone(), guards()).unwrap();
    operator.add("bob", own.clone(), None, "correct horse").unwrap();
    operator.remove("ann").unwrap();
    let last = |done: Result<(), AccountsError>| assert!(matches!(done, Err(AccountsError::LastManager)), "{done:?}");
    last(operator.remove("bob"));
    last(operator.change("bob", enabled(false)).map(drop));
    last(
        operator
            .change(
                "bob",
                Change {
                    group: Some(GroupName::ordinary()),
                    ..Change::default()
                },
            )
            .map(drop),
    );
    last(operator.put_group(own, Rights::default()).map(drop));
    operator.passwd("bob", "battery staple").unwrap();
}

#[test]
fn a_token_is_worth_what_it_and_its_owner_may_now() {
    let (folder, accounts) = accounts();
    let operator = accounts.operator();
    let ann = operator
        .add("ann", "advanced".parse().unwrap(), None, "correct horse")
        .unwrap();
    let rights = Rights {
        house: [HouseRight::System].into(),
        cameras: [(camera("gate"), [CameraRight::Live, CameraRight::Record].into())].into(),
        ..Rights::default()
    };
    let (made, text) = accounts.add_token(&ann, "home", rights.clone(), None).unwrap();
    assert!(text.starts_with("vigie_"));
    assert!(
        !fs::read_to_string(folder.path().join("accounts.jsonl"))
            .unwrap()
            .contains(&text)
    );
    assert_eq!(made.used, None);
    let id = accounts.shown_token(&text).unwrap();
    assert_eq!(id, made.id);
    assert!(accounts.tokens()[0].used.is_some());
    assert_eq!(accounts.user_of_token(id).unwrap().rights, rights);
    assert_eq!(accounts.session(&text), None, "a token is no session");
    // Less for the owner is less for the token.
    operator
        .change(
            "ann",
            Change {
                group: Some(GroupName::ordinary()),
                ..Change::default()
            },
        )
        .unwrap();
    let user = accounts.user_of_token(id).unwrap();
    assert!(user.may_with(&camera("gate"), CameraRight::Live));
    assert!(!user.may_with(&camera("gate"), CameraRight::Record) && !user.may(HouseRight::System));
    let again = Accounts::open(folder.path());
    assert_eq!(again.shown_token(&text), Some(id));
    again.operator().change("ann", enabled(false)).unwrap();
    assert_eq!(again.user_of_token(id), None);
    again.operator().change("ann", enabled(true)).unwrap();
    assert_eq!(again.shown_token("vigie_rubbish"), None);
    again.end_token(id).unwrap();
    assert_eq!((again.shown_token(&text), again.user_of_token(id)), (None, None));
    assert!(matches!(
        again.end_token(Ulid::generate()),
        Err(AccountsError::NoToken { .. })
    ));
}

#[test]
fn tokens_end_with_their_time_and_their_owner_and_are_bounded() {
    let (_folder, accounts) = accounts();
    let ann = accounts
        .operator()
        .add("ann", GroupName::ordinary(), None, "correct horse")
        .unwrap();
    let token = |expires| accounts.add_token(&ann, "home", Rights::default(), expires);
    assert!(matches!(token(Some(Utc::now())), Err(AccountsError::ExpiredToken)));
    let soon = Duration::from_millis(30);
    let (_, text) = token(Some(Utc::now() + soon)).unwrap();
    std::thread::sleep(soon * 2);
    assert_eq!(accounts.shown_token(&text), None);
    let texts: Vec<String> = std::iter::repeat_with(|| token(None))
        .map_while(Result::ok)
        .map(|made| made.1)
        .collect();
    assert_eq!(texts.len(), 63);
    assert!(matches!(token(None), Err(AccountsError::TooManyTokens { .. })));
    for name in ["", "a\nb", &"x".repeat(81)] {
        let bad = accounts.add_token(&ann, name, Rights::default(), None);
        assert!(matches!(bad, Err(AccountsError::BadTokenName { .. })));
    }
    accounts.operator().remove("ann").unwrap();
    assert_eq!(accounts.shown_token(&texts[0]), None);
    assert_eq!(accounts.tokens(), []);
}

#[test]
fn sessions_are_listed_and_ended_by_an_id_that_is_no_way_in() {
    let (_folder, accounts) = accounts();
    accounts
        .operator()
        .add("ann", GroupName::ordinary(), None, "correct horse")
        .unwrap();
    let origin = Origin {
        stays: true,
        peer: Some("192.0.2.7".into()),
        agent: Some("curl".into()),
    };
    let token = accounts.create_session("ann", HOUR, origin).unwrap();
    let listed = accounts.sessions();
    assert_eq!(
        (listed[0].user.as_str(), listed[0].peer.as_deref()),
        ("ann", Some("192.0.2.7"))
    );
    assert_eq!(accounts.session(&listed[0].id), None);
    accounts.end_session_by_id("unknown");
    accounts.end_session_by_id(&listed[0].id);
    assert_eq!((accounts.session(&token), accounts.sessions()), (None, vec![]));
}

#[test]
fn a_second_factor_is_asked_for_once_it_was_shown_and_no_code_is_good_twice() {
    let (folder, accounts) = accounts();
    let operator = accounts.operator();
    operator
        .add("ann", GroupName::ordinary(), None, "correct horse")
        .unwrap();
    assert!(matches!(
        accounts.confirm_factor("ann", "000000"),
        Err(AccountsError::NotEnrolled)
    ));
    let told = accounts.enrol("ann").unwrap();
    assert!(told.uri.starts_with("otpauth://totp/Vigie:ann?secret=") && told.uri.contains(&told.secret));
    let verdict = || accounts.verify("ann", "correct horse");
    assert!(matches!(verdict(), Verdict::Accepted(_)), "nothing changes yet");
    assert_eq!(accounts.confirm_factor("ann", "rubbish").unwrap(), None);
    let code = shown(&told.secret, Utc::now());
    let recovery = accounts.confirm_factor("ann", &code).unwrap().unwrap();
    assert_eq!(recovery.len(), 10);
    let Verdict::NeedsCode(ann) = verdict() else {
        panic!("a code is asked for");
    };
    assert_eq!((ann.second_factor, accounts.ha1("ann")), (Some(10), None));
    assert_eq!(accounts.verify("ann", "wrong horse"), Verdict::Refused);
    assert_eq!(
        accounts.user_of(&accounts.proof("ann").unwrap()),
        None,
        "the password alone is no way in"
    );
    assert!(!accounts.use_code("ann", &code).unwrap(), "it was used to confirm");
    assert!(!accounts.use_code("ann", "").unwrap());
    // The next step is good from now on.
    let next = shown(&told.secret, Utc::now() + Duration::from_secs(30));
    assert!(accounts.use_code("ann", &next).unwrap());
    assert!(!accounts.use_code("ann", &next).unwrap());
    assert!(accounts.use_code("ann", &recovery[3]).unwrap());
    let text = fs::read_to_string(folder.path().join("accounts.jsonl")).unwrap();
    assert!(!text.contains(&told.secret) && recovery.iter().all(|code| !text.contains(code)));
    let again = Accounts::open(folder.path());
    for used in [&next, &recovery[3]] {
        assert!(!again.use_code("ann", used).unwrap(), "nor after a restart");
    }
    assert!(again.use_code("ann", &recovery[4].to_uppercase()).unwrap());
    assert_eq!(again.get("ann").unwrap().second_factor, Some(8));
    again.drop_factor("ann").unwrap();
    assert!(matches!(again.verify("ann", "correct horse"), Verdict::Accepted(_)));
    assert!(again.ha1("ann").is_some());
}

#[test]
fn who_is_forgotten_gets_in_by_nothing_and_a_new_link_makes_the_first_user() {
    let folder = tempfile::tempdir().unwrap();
    let accounts = Accounts::open(folder.path());
    let old = accounts.setup_link().unwrap();
    let ann = accounts.set_up(&old, "ann", "password of ann").unwrap();
    let session = accounts
        .create_session("ann", Duration::from_secs(60), Origin::default())
        .unwrap();
    let (_, token) = accounts.add_token(&ann, "script", Rights::all(), None).unwrap();
    assert!(matches!(
        accounts.verify("ann", "password of ann"),
        Verdict::Accepted(_)
    ));
    accounts.forget_everybody().unwrap();
    for accounts in [&accounts, &Accounts::open(folder.path())] {
        assert!(matches!(accounts.verify("ann", "password of ann"), Verdict::Refused));
        assert!(accounts.session(&session).is_none() && accounts.shown_token(&token).is_none());
        assert!(accounts.ha1("ann").is_none() && !accounts.any());
    }
    let kept = std::fs::read_to_string(folder.path().join("accounts.jsonl")).unwrap();
    assert!(!kept.contains("ann"), "{kept}");
    let link = accounts.setup_link().unwrap();
    assert!(link != old);
    assert!(accounts.set_up(&old, "eve", "password of eve").is_err());
    accounts.set_up(&link, "ben", "password of ben").unwrap();
}

#[test]
fn the_setup_link_is_good_once() {
    let (folder, accounts) = accounts();
    let link = accounts.setup_link().unwrap();
    assert_eq!(accounts.setup_link(), Some(link.clone()));
    let set_up = |link: &str| accounts.set_up(link, "ann", "correct horse");
    for wrong in ["", "x", &link[1..]] {
        assert!(matches!(set_up(wrong), Err(AccountsError::BadLink)));
    }
    assert!(matches!(
        accounts.set_up(&link, "ann", "short"),
        Err(AccountsError::ShortPassword { .. })
    ));
    assert_ne!(
        Accounts::open(folder.path()).setup_link(),
        Some(link.clone()),
        "another at each start"
    );
    assert_eq!(set_up(&link).unwrap().rights, Rights::all());
    assert!(matches!(set_up(&link), Err(AccountsError::SetUp)));
    assert_eq!(accounts.setup_link(), None);
    let again = Accounts::open(folder.path());
    assert_eq!(again.setup_link(), None);
    assert!(matches!(
        again.set_up("", "bob", "correct horse"),
        Err(AccountsError::SetUp)
    ));
}

#[test]
fn the_addresses_a_user_is_bound_to_outlive_a_restart() {
    let (folder, accounts) = accounts();
    let home: Vec<vigie_config::Whence> = ["10.0.0.0/8", "02:00:5e:10:00:01"]
        .iter()
        .map(|text| text.parse().unwrap())
        .collect();
    let bounds = |addresses| Bounds {
        cameras: None,
        addresses: Some(addresses),
    };
    let operator = accounts.operator();
    let ordinary = GroupName::ordinary;
    let nowhere = operator.add_within("ann", ordinary(), bounds(Vec::new()), "correct horse");
    assert!(matches!(nowhere, Err(AccountsError::BadAddresses { seen: 0 })));
    operator
        .add_within("ann", ordinary(), bounds(home.clone()), "correct horse")
        .unwrap();
    for accounts in [&accounts, &Accounts::open(folder.path())] {
        assert_eq!(accounts.get("ann").unwrap().addresses.as_ref(), Some(&home));
    }
    let anywhere = Change {
        addresses: Some(None),
        ..Change::default()
    };
    assert_eq!(operator.change("ann", anywhere).unwrap().addresses, None);
}

#[test]
fn a_session_ends_for_want_of_input_and_stays_ended() {
    let (folder, accounts) = accounts();
    accounts
        .operator()
        .add("ann", GroupName::ordinary(), None, "correct horse")
        .unwrap();
    assert!(accounts.end_idle().is_empty());
    accounts.end_idle_after(Some(std::time::Duration::ZERO));
    let token = accounts.create_session("ann", HOUR, Origin::default()).unwrap();
    let origin = Origin {
        stays: true,
        ..Origin::default()
    };
    let wall = accounts.create_session("ann", HOUR, origin).unwrap();
    assert_eq!(accounts.has_input(&token), None);
    assert_eq!(accounts.end_idle().len(), 1);
    assert!(accounts.end_idle().is_empty());
    assert!(accounts.session(&wall).unwrap().info.stays);
    drop(accounts);
    let accounts = Accounts::open(folder.path());
    assert_eq!(accounts.session(&token), None);
    assert!(accounts.session(&wall).unwrap().info.stays);
}
