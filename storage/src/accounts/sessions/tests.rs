#![allow(clippy::unwrap_used)]

use super::*;

const DAY: Duration = Duration::from_secs(86_400);

fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(60 * minutes)
}

fn after(start: Moment, time: Duration) -> Moment {
    Moment {
        utc: start.utc + time,
        instant: start.instant + time,
    }
}

/// With one session, which began now.
fn ending_after(idle: Option<Duration>, stays: bool) -> (Sessions, String, Moment) {
    let (mut sessions, start) = (Sessions::default(), Moment::now());
    sessions.idle = idle;
    let origin = Origin {
        stays,
        ..Origin::default()
    };
    let session = StoredSession::new("ab".repeat(32), "ann".into(), start.utc, DAY, origin);
    sessions.insert(session, start);
    (sessions, "ab".repeat(32), start)
}

#[test]
fn a_session_without_input_ends_whatever_its_page_asks() {
    let (mut sessions, hash, start) = ending_after(Some(minutes(30)), false);
    let at = |time: u64| after(start, minutes(time));
    assert!(sessions.get(&hash, at(29), Touch::Request).is_some());
    assert!(
        sessions.get(&hash, at(30), Touch::Request).is_none(),
        "a request is no input"
    );
    assert!(sessions.get(&hash, at(29), Touch::Input).is_some());
    let (_, info) = sessions.get(&hash, at(58), Touch::Look).unwrap();
    assert_eq!((info.seen, info.idle_left), (at(29).utc, Some(minutes(1))));
    assert!(sessions.take_idle(at(58).instant).is_empty());
    assert!(sessions.get(&hash, at(59), Touch::Input).is_none(), "too late");
    // Somebody else signs in before anybody was told.
    sessions.forget_ended(at(59).utc);
    assert_eq!(sessions.take_idle(at(59).instant).len(), 1);
    assert_eq!(sessions.len(), 0);
}

#[test]
fn a_clock_that_is_set_neither_ends_nor_keeps_who_is_there() {
    let (mut sessions, hash, start) = ending_after(Some(minutes(30)), false);
    for (clock, is_ahead) in [(start.utc + DAY / 2, true), (Utc::from_micros(0), false)] {
        let at = |time: u64| Moment {
            utc: clock,
            instant: start.instant + minutes(time),
        };
        let (_, info) = sessions.get(&hash, at(20), Touch::Request).unwrap();
        assert_eq!(info.idle_left, Some(minutes(10)), "ahead: {is_ahead}");
        assert!(
            sessions.get(&hash, at(30), Touch::Request).is_none(),
            "ahead: {is_ahead}"
        );
    }
    assert_eq!(sessions.take_idle(start.instant + minutes(30)).len(), 1);
}

#[test]
fn what_is_switched_on_counts_from_then() {
    let (mut sessions, _, start) = ending_after(None, false);
    let at = |time: u64| start.instant + minutes(time);
    sessions.end_idle_after(Some(minutes(2)), at(10));
    assert!(sessions.take_idle(at(11)).is_empty());
    assert_eq!(sessions.take_idle(at(12)).len(), 1);
}

#[test]
fn a_shorter_time_leaves_pages_time_to_tell_of_input() {
    let (mut sessions, hash, start) = ending_after(Some(minutes(30)), false);
    let at = |seconds: u64| after(start, Duration::from_secs(seconds));
    sessions.end_idle_after(Some(Duration::from_secs(10)), at(25).instant);
    assert!(sessions.get(&hash, at(84), Touch::Request).is_some(), "no time to tell");
    assert!(sessions.get(&hash, at(84), Touch::Input).is_some());
    assert!(sessions.take_idle(at(93).instant).is_empty());
    assert_eq!(sessions.take_idle(at(94).instant).len(), 1);
    // It gives nobody a beginning anew.
    let (mut sessions, _, start) = ending_after(Some(minutes(30)), false);
    sessions.end_idle_after(Some(minutes(20)), start.instant + minutes(15));
    assert_eq!(sessions.take_idle(start.instant + minutes(20)).len(), 1);
}

#[test]
fn a_session_that_stays_needs_no_input() {
    let (mut sessions, hash, start) = ending_after(Some(minutes(2)), true);
    let later = after(start, DAY / 2);
    let (_, info) = sessions.get(&hash, later, Touch::Look).unwrap();
    assert_eq!(info.idle_left, None);
    assert!(sessions.take_idle(later.instant).is_empty());
    sessions.forget_ended(start.utc + DAY);
    assert_eq!(sessions.len(), 0);
}

#[test]
fn what_a_browser_says_of_itself_is_cut_and_harmless() {
    let origin = Origin {
        stays: false,
        peer: None,
        agent: Some(format!("\u{1b}[31m{}", "x".repeat(1000))),
    };
    let session = StoredSession::new(String::new(), String::new(), Utc::now(), Duration::ZERO, origin);
    let agent = session.agent.unwrap();
    assert!(agent.starts_with("[31mx") && agent.len() == LONGEST_AGENT, "{agent}");
}
