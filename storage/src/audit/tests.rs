#![allow(clippy::unwrap_used)]

use std::fs;

use proptest::prelude::*;

use super::*;

fn all(audit: &Audit) -> Vec<Entry> {
    let query = Query {
        limit: 10_000,
        ..Query::default()
    };
    audit.query(&query).unwrap().entries
}

#[test]
fn what_is_told_is_there_after_a_restart_newest_first_and_in_pages() {
    let folder = tempfile::tempdir().unwrap();
    let audit = Audit::open(folder.path());
    assert!(!folder.path().join("audit").exists());
    for n in 0..7 {
        let user = if n % 2 == 0 { "ann" } else { "bob" };
        let kind = if n < 3 { Kind::Watched } else { Kind::Users };
        let gate = CameraId::new("gate").unwrap();
        audit.tell(
            Entry::new(kind, n.to_string())
                .by(user)
                .from(Some("192.0.2.7"))
                .of(gate),
        );
        // Ids of one millisecond have no order.
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    drop(audit);
    let audit = Audit::open(folder.path());
    let texts = |entries: &[Entry]| {
        entries
            .iter()
            .map(|entry| entry.text.clone())
            .collect::<Vec<_>>()
            .concat()
    };
    assert_eq!(texts(&all(&audit)), "6543210");
    assert_eq!(all(&audit)[0].peer.as_deref(), Some("192.0.2.7"));
    let asked = |query: Query| texts(&audit.query(&Query { limit: 100, ..query }).unwrap().entries);
    let of_ann = Query {
        user: Some("ann".into()),
        ..Query::default()
    };
    assert_eq!(asked(of_ann), "6420");
    let watched = Query {
        kinds: vec![Kind::Watched],
        ..Query::default()
    };
    assert_eq!(asked(watched), "210");
    let third = all(&audit)[4].at;
    assert_eq!(
        asked(Query {
            from: Some(third),
            ..Query::default()
        }),
        "65432"
    );
    assert_eq!(
        asked(Query {
            to: Some(third),
            ..Query::default()
        }),
        "10"
    );
    let (mut seen, mut before) = (String::new(), None);
    loop {
        let page = audit
            .query(&Query {
                before,
                limit: 3,
                ..Query::default()
            })
            .unwrap();
        seen += &texts(&page.entries);
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    assert_eq!(seen, "6543210");
}

#[test]
fn a_torn_or_damaged_line_costs_itself_alone() {
    let folder = tempfile::tempdir().unwrap();
    let audit = Audit::open(folder.path());
    audit.tell(Entry::new(Kind::Users, "one"));
    drop(audit);
    let file = fs::read_dir(folder.path().join("audit"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let whole = fs::read(&file).unwrap();
    fs::write(&file, [&whole[..], b"rubbish\n", &whole[..whole.len() - 5]].concat()).unwrap();
    let audit = Audit::open(folder.path());
    audit.tell(Entry::new(Kind::Users, "two"));
    drop(audit);
    let audit = Audit::open(folder.path());
    assert_eq!(all(&audit).len(), 2);
}

#[test]
fn a_disk_that_does_not_take_it_holds_up_nobody_and_is_said() {
    let folder = tempfile::tempdir().unwrap();
    // A file where the folder should be.
    fs::write(folder.path().join("audit"), "").unwrap();
    let audit = Audit::open(folder.path());
    let begin = std::time::Instant::now();
    for n in 0..10_000 {
        audit.tell(Entry::new(Kind::Users, n.to_string()));
    }
    assert!(begin.elapsed() < std::time::Duration::from_secs(2));
    while audit.lost.load(Ordering::Relaxed) == 0 {
        std::thread::yield_now();
    }
    fs::remove_file(folder.path().join("audit")).unwrap();
    let said = |audit: &Audit| all(audit).iter().any(|entry| entry.kind == Kind::Audit);
    while !said(&audit) {
        audit.tell(Entry::new(Kind::Users, "again"));
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

proptest! {
    #[test]
    fn what_is_left_is_young_and_small_enough(
        sizes in proptest::collection::vec(0u64..100, 0..40), oldest in 0usize..40, most in 0u64..2000,
    ) {
        let days: Vec<(String, u64)> = sizes.iter().enumerate().map(|(n, size)| (format!("2026-{:02}-{:02}", n / 20 + 1, n % 20 + 1), *size)).collect();
        let oldest = format!("2026-{:02}-{:02}", oldest / 20 + 1, oldest % 20 + 1);
        let gone = files::surplus(&days, &oldest, most);
        let left = &days[gone.len()..];
        prop_assert_eq!(&gone, &days[..gone.len()].iter().map(|(day, _)| day.clone()).collect::<Vec<_>>());
        let total: u64 = left.iter().map(|(_, size)| size).sum();
        prop_assert!(left.len() <= 1 || total <= most && left[0].0 >= oldest);
        // And nothing goes without need.
        if let Some(last) = gone.last() {
            let with: u64 = total + days[gone.len() - 1].1;
            prop_assert!(*last < oldest || with > most);
        }
        prop_assert!(days.is_empty() || !left.is_empty());
    }
}
