//! Any sequence of entries, days and openings compared with a simple model; any damage.

use std::{collections::BTreeMap, fs};

use proptest::{prelude::*, sample::Index};

use super::*;

const DAY_US: i64 = 86_400_000_000;
const CAMERAS: [&str; 3] = ["gate", "hall", "yard"];
const STATES: [ActionState; 3] = [ActionState::Planned, ActionState::Done, ActionState::Failed];
/// So few that files have to be read.
const LIMITS: fn() -> EventLogLimits = || EventLogLimits {
    recent: 4,
    file_bytes: 2000,
    ..EventLogLimits::default()
};

#[derive(Debug, Clone)]
enum Act {
    /// So long ago (µs), for so long; not over; with actions.
    Begin(i64, Option<i64>, u16),
    End(Index, i64),
    Outcome(Index, u16, usize),
}

#[derive(Debug, Clone)]
enum Step {
    Append(Vec<Act>),
    Clock(i64),
    Reopen,
}

fn act() -> impl Strategy<Value = Act> {
    let ago = prop_oneof![8 => Just(0i64), 2 => 0..2_000_000i64, 1 => -DAY_US..9 * DAY_US];
    let end = prop_oneof![2 => Just(None), 2 => Just(Some(0)), 1 => (0..2 * DAY_US).prop_map(Some)];
    prop_oneof![
        4 => (ago, end, 0u16..3).prop_map(|(ago, end, actions)| Act::Begin(ago, end, actions)),
        3 => (any::<Index>(), -DAY_US / 2..1_000_000).prop_map(|(which, later)| Act::End(which, later)),
        2 => (any::<Index>(), 0u16..3, 0usize..3).prop_map(|(which, number, state)| Act::Outcome(which, number, state)),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let clock = prop_oneof![3 => 0..DAY_US / 3, 3 => 0..2 * DAY_US, 1 => -4 * DAY_US..4 * DAY_US];
    prop_oneof![
        5 => proptest::collection::vec(act(), 1..6).prop_map(Step::Append),
        3 => clock.prop_map(Step::Clock),
        1 => Just(Step::Reopen),
    ]
}

#[derive(Default)]
struct Model {
    entries: Vec<Entry>,
    events: BTreeMap<Ulid, EventRecord>,
    /// How many files were begun since it was over.
    carried: BTreeMap<Ulid, u32>,
    day: Option<i64>,
}

impl Model {
    fn entry(&self, act: &Act, number: u64, now: Utc) -> Option<Entry> {
        let pick = |which: &Index| {
            let ids: Vec<Ulid> = self.events.keys().copied().collect();
            (!ids.is_empty()).then(|| *which.get(&ids))
        };
        Some(match act {
            Act::Begin(ago, end, actions) => {
                let start = now.plus_micros(-ago);
                let mut event = motion(start, number);
                // Made when it is told.
                event.id = id(now, number);
                event.end = end.map(|long| start.plus_micros(long));
                event.source = Source::Camera(camera(CAMERAS[number as usize % 3]));
                event.actions = (0..*actions).map(planned).collect();
                Entry::Begun(event)
            }
            Act::End(which, later) => ended(pick(which)?, now.plus_micros(*later)),
            Act::Outcome(which, number, state) => outcome(pick(which)?, *number, STATES[*state], now),
        })
    }

    fn begin_file(&mut self, now: Utc) {
        let day = now.as_micros().div_euclid(DAY_US);
        if self.day != Some(day) {
            self.day = Some(day);
            for event in self
                .events
                .values()
                .filter(|event| event.end.is_some() && !event.is_settled())
            {
                *self.carried.entry(event.id).or_default() += 1;
            }
        }
    }

    fn apply(&mut self, entry: Entry) {
        match entry.clone() {
            Entry::Begun(event) => drop(self.events.insert(event.id, event)),
            Entry::Ended { id, at } => {
                let event = self.events.get_mut(&id).unwrap();
                let end = at.max(event.start);
                event.end.get_or_insert(end);
            }
            Entry::Outcome {
                id,
                number,
                state,
                at,
                detail,
            } => {
                let event = self.events.get_mut(&id).unwrap();
                let left_alone = self.carried.get(&id).is_some_and(|times| *times > 7);
                let action = event.actions.iter_mut().find(|action| action.number == number);
                if let Some(action) = action.filter(|action| action.state == ActionState::Planned && !left_alone) {
                    (action.state, action.at, action.detail) = (state, Some(at), detail);
                }
            }
        }
        self.entries.push(entry);
    }

    /// Newest first.
    fn ask(&self, query: &Query) -> Vec<EventRecord> {
        let (from, to) = (query.from.unwrap_or(Utc::MIN), query.to.unwrap_or(Utc::MAX));
        let touches = |event: &EventRecord| match event.end {
            Some(end) if end == event.start => from <= end && end < to,
            Some(end) => event.start < to && end > from,
            None => event.start < to,
        };
        let cameras = |event: &EventRecord| {
            query.cameras.is_empty() || query.cameras.iter().any(|camera| event.source.camera() == Some(camera))
        };
        let mut found: Vec<EventRecord> = self.events.values().cloned().collect();
        found.retain(|event| touches(event) && cameras(event));
        found.sort_by_key(|event| std::cmp::Reverse((event.start, event.id)));
        found
    }

    fn check(&self, log: &EventLog, queries: &[(Index, i64, i64)]) {
        let since = log.since(Position(0)).unwrap();
        assert!(since.iter().map(|(_, entry)| entry).eq(&self.entries));
        assert!(
            since
                .iter()
                .map(|(position, _)| position.0)
                .eq(1..=self.entries.len() as u64)
        );
        let mut open: Vec<EventRecord> = self
            .events
            .values()
            .filter(|event| event.end.is_none())
            .cloned()
            .collect();
        open.sort_by_key(|event| (event.start, event.id));
        assert_eq!(log.open_events().unwrap(), open);
        for event in self.events.values() {
            assert_eq!(log.get(event.id).unwrap().as_ref(), Some(event));
        }
        assert_eq!(log.query(&all()).unwrap().events, self.ask(&all()));
        let starts: Vec<Utc> = self.events.values().map(|event| event.start).collect();
        for (which, before, long) in queries.iter().filter(|_| !starts.is_empty()) {
            let from = which.get(&starts).plus_micros(-before);
            let mut query = between(from, from.plus_micros(*long));
            assert_eq!(log.query(&query).unwrap().events, self.ask(&query), "{query:?}");
            query.limit = 2;
            query.cameras = vec![camera("gate"), camera("yard")];
            let (mut paged, expected) = (Vec::new(), self.ask(&query));
            loop {
                let page = log.query(&query).unwrap();
                paged.extend(page.events);
                query.before = page.next;
                if page.next.is_none() || paged.len() > expected.len() {
                    break;
                }
            }
            assert_eq!(paged, expected, "{query:?}");
        }
    }
}

fn run(house: &House, steps: &[Step], queries: &[(Index, i64, i64)]) -> (Model, Utc) {
    let (mut model, mut now) = (Model::default(), time("09:00:00"));
    let open = |now| EventLog::open_at(&house.folder(), LIMITS(), now).0;
    let mut log = open(now);
    for step in steps {
        match step {
            Step::Append(acts) => {
                let mut batch = Vec::new();
                for act in acts {
                    let number = (model.entries.len() + batch.len()) as u64;
                    batch.extend(model.entry(act, number, now));
                }
                if !batch.is_empty() {
                    log.append_at(now, &batch).unwrap();
                    model.begin_file(now);
                    batch.into_iter().for_each(|entry| model.apply(entry));
                }
            }
            Step::Clock(later) => now = now.plus_micros(*later),
            Step::Reopen => {
                model.check(&log, &queries[..1]);
                log = open(now);
                model.check(&log, &queries[..1]);
            }
        }
    }
    model.check(&log, queries);
    model.check(&open(now), queries);
    (model, now)
}

fn queries() -> impl Strategy<Value = Vec<(Index, i64, i64)>> {
    let long = prop_oneof![Just(1i64), 0..DAY_US, 0..4 * DAY_US];
    proptest::collection::vec((any::<Index>(), -DAY_US..DAY_US, long), 3..6)
}

#[derive(Debug, Clone)]
enum Harm {
    Cut,
    Turn(u8),
    Rubbish(Vec<u8>),
}

fn harm() -> impl Strategy<Value = Harm> {
    prop_oneof![
        2 => Just(Harm::Cut),
        2 => (0u8..8).prop_map(Harm::Turn),
        1 => proptest::collection::vec(any::<u8>(), 1..200).prop_map(Harm::Rubbish),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if shown() { 4000 } else { 48 }))]

    #[test]
    fn the_log_is_what_was_appended(steps in proptest::collection::vec(step(), 1..40), queries in queries()) {
        run(&House::new(), &steps, &queries);
    }

    #[test]
    fn damage_costs_the_lines_it_hits(
        steps in proptest::collection::vec(step(), 1..20),
        queries in queries(),
        (which, place, harm) in (any::<Index>(), any::<Index>(), harm()),
    ) {
        let house = House::new();
        let (model, now) = run(&house, &steps, &queries);
        prop_assume!(!model.entries.is_empty());
        let files = house.files();
        let path = which.get(&files);
        let mut bytes = fs::read(path).unwrap();
        let at = place.index(bytes.len());
        // Entries whose lines begin or end there; behind a cut all of the file.
        let (mut end, mut hit) = (0, Vec::new());
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            let begin = end;
            end += line.len();
            let value: serde_json::Value = serde_json::from_slice(line).unwrap();
            let number = value["entry"].as_object().unwrap().values().next().unwrap()["seq"].as_u64();
            let lost = match harm {
                Harm::Cut => end > at,
                Harm::Turn(_) => begin <= at + 1 && at < end,
                Harm::Rubbish(_) => false,
            };
            hit.extend(number.filter(|_| lost));
        }
        match harm {
            Harm::Cut => bytes.truncate(at),
            Harm::Turn(bit) => bytes[at] ^= 1 << bit,
            Harm::Rubbish(rubbish) => bytes.extend(rubbish),
        }
        fs::write(path, bytes).unwrap();
        let mut found: Vec<(Position, Entry)> = Vec::new();
        for round in 0..3 {
            let (log, _) = EventLog::open_at(&house.folder(), LIMITS(), now);
            let since = log.since(Position(0)).unwrap();
            if round == 0 {
                for (number, entry) in (1..).zip(&model.entries) {
                    let there = since.iter().find(|(position, _)| position.0 == number);
                    prop_assert!(hit.contains(&number) || there.is_some(), "{} is lost", number);
                    prop_assert!(there.is_none_or(|(_, found)| found == entry));
                }
                prop_assert!(since.len() <= model.entries.len());
                prop_assert!(since.windows(2).all(|pair| pair[0].0 < pair[1].0));
            } else {
                prop_assert_eq!(&since, &found);
            }
            found = since;
            for event in log.query(&all()).unwrap().events {
                prop_assert!(model.events.contains_key(&event.id) || event.id.random() >= 9999);
            }
            let entry = Entry::Begun(moment(now, 9999 + round));
            log.append_at(now, std::slice::from_ref(&entry)).unwrap();
            found.push((log.position(), entry));
        }
    }
}
