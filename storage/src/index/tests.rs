#![allow(clippy::unwrap_used)]

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt,
    time::{Duration, Instant},
};

use proptest::prelude::*;
use ulid::Ulid;
use vigie_config::{CameraId, Causes, GapCause, StreamId, StreamName, Utc};

use super::{key::Kind, *};
use crate::{
    rows::{GapRow, MarkRow, SegmentRow},
    uuid::VolumeId,
};

const SECOND: i64 = 1_000_000;

fn stream(n: u8) -> StreamId {
    StreamId::new(CameraId::new(&format!("cam{n}")).unwrap(), StreamName::Main)
}

fn row(n: u8, start: i64, seconds: i64) -> SegmentRow {
    SegmentRow {
        stream: stream(n),
        start: Utc::from_micros(start * SECOND),
        end: Utc::from_micros((start + seconds) * SECOND),
        bytes: 30_000_000 + start as u64,
        causes: Causes::SCHEDULE,
        volume: VolumeId(7),
        run: Ulid::from(99u128),
        number: 3,
        continued: false,
        synchronised: true,
        codec: "avc1.640028".into(),
        units: 1500,
        init_bytes: 900,
        format: 0xabcd,
        audio_format: 0,
    }
}

fn gap(n: u8, start: i64, end: Option<i64>) -> GapRow {
    GapRow {
        stream: stream(n),
        start: Utc::from_micros(start * SECOND),
        end: end.map(|end| Utc::from_micros(end * SECOND)),
        cause: GapCause::Stalled,
    }
}

fn at(seconds: i64) -> Utc {
    Utc::from_micros(seconds * SECOND)
}

fn open() -> (tempfile::TempDir, Index) {
    let folder = tempfile::tempdir().unwrap();
    let (index, opening) = Index::open(&folder.path().join("index"));
    assert_eq!(opening, Opening::Fresh);
    (folder, index)
}

fn reopen(folder: &tempfile::TempDir, index: Index) -> Index {
    drop(index);
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        let (index, opening) = Index::open(&folder.path().join("index"));
        // A thread of sled's may hold the folder a moment longer than the index that was dropped.
        if format!("{opening:?}").contains("WouldBlock") && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(10));
            continue;
        }
        assert_eq!(opening, Opening::Found);
        return index;
    }
}

#[test]
fn what_was_flushed_is_there_after_a_restart_and_nothing_else() {
    let (folder, index) = open();
    index.put_segment(&row(1, 100, 60)).unwrap();
    index.put_gap(&gap(1, 160, None)).unwrap();
    index.set_checkpoint(VolumeId(7), b"mark", index.generation());
    index.flush().unwrap();
    index.put_segment(&row(1, 170, 60)).unwrap();
    index.put_gap(&gap(1, 160, Some(170))).unwrap();
    index.set_checkpoint(VolumeId(7), b"later", index.generation());
    assert_eq!(index.segments(&stream(1), at(0), at(1000)).unwrap().len(), 2);
    let index = reopen(&folder, index);
    assert_eq!(index.segments(&stream(1), at(0), at(1000)).unwrap(), [row(1, 100, 60)]);
    assert_eq!(index.gaps(&stream(1), at(0), at(1000)).unwrap(), [gap(1, 160, None)]);
    assert_eq!(index.checkpoint(VolumeId(7)).unwrap().unwrap(), b"mark");
    assert_eq!(index.checkpoint(VolumeId(8)).unwrap(), None);
    assert_eq!(index.streams().unwrap(), [stream(1)]);
}

#[test]
fn a_gap_of_days_is_found_from_within() {
    let (_folder, index) = open();
    let days = 86_400 * 3;
    index.put_gap(&gap(1, 10, Some(20))).unwrap();
    index.put_gap(&gap(1, 50, Some(days))).unwrap();
    index.put_gap(&gap(1, days + 100, None)).unwrap();
    for flushed in [false, true] {
        if flushed {
            index.flush().unwrap();
        }
        assert_eq!(
            index.gaps(&stream(1), at(86_400), at(90_000)).unwrap(),
            [gap(1, 50, Some(days))]
        );
        assert_eq!(index.gaps(&stream(1), at(days), at(days + 50)).unwrap(), []);
        assert_eq!(
            index.gaps(&stream(1), at(days * 2), at(days * 3)).unwrap(),
            [gap(1, days + 100, None)]
        );
        assert_eq!(index.last_gap(&stream(1)).unwrap(), Some(gap(1, days + 100, None)));
    }
}

fn mark(n: u8, start: i64, end: i64, cause: Causes) -> MarkRow {
    MarkRow {
        stream: stream(n),
        start: at(start),
        end: Some(at(end)),
        cause,
    }
}

#[test]
fn marks_that_touch_are_one_row_before_and_after_a_flush() {
    let (folder, mut index) = open();
    index.put_segment(&row(1, 100, 60)).unwrap();
    index.flush().unwrap();
    // As it was before there were marks: nothing is missing.
    index.verify(&stream(1)).unwrap();
    assert_eq!(index.recordings(&stream(1), at(0), at(1000)).unwrap().marks, []);
    index.put_mark(&mark(1, 100, 110, Causes::MOTION)).unwrap();
    index.put_mark(&mark(1, 105, 120, Causes::SENSOR)).unwrap();
    index.put_mark(&mark(2, 3599, 3600, Causes::MOTION)).unwrap();
    index.flush().unwrap();
    index = reopen(&folder, index);
    index.verify(&stream(1)).unwrap();
    index.put_mark(&mark(1, 112, 118, Causes::MOTION)).unwrap();
    index.put_mark(&mark(1, 121, 130, Causes::MOTION)).unwrap();
    index.put_mark(&mark(1, 3600, 3700, Causes::MOTION)).unwrap();
    let rows = [
        mark(1, 100, 118, Causes::MOTION),
        mark(1, 105, 120, Causes::SENSOR),
        mark(1, 121, 130, Causes::MOTION),
        mark(1, 3600, 3700, Causes::MOTION),
    ];
    for flushed in [false, true] {
        if flushed {
            index.flush().unwrap();
        }
        assert_eq!(index.marks(&stream(1), at(0), at(9000)).unwrap(), rows);
        assert_eq!(
            index.recordings(&stream(1), at(118), at(121)).unwrap().marks,
            [rows[1].clone()]
        );
        assert_eq!(index.marks(&stream(1), at(3650), at(3651)).unwrap(), [rows[3].clone()]);
    }
    assert_eq!(index.streams().unwrap(), [stream(1), stream(2)]);
    let truth = Index::in_memory();
    truth.put_segment(&row(1, 100, 60)).unwrap();
    rows.iter().for_each(|row| truth.put_mark(row).unwrap());
    let found = index.differences(&truth).unwrap();
    assert_eq!(
        (found.rows, found.surplus, found.missing, found.different),
        (5, 1, 0, 0)
    );
    index.remove_mark(&mark(2, 3599, 3600, Causes::MOTION)).unwrap();
    index.remove_mark(&mark(1, 105, 120, Causes::MOTION)).unwrap();
    assert!(index.differences(&truth).unwrap().is_empty());
    assert_eq!(index.streams().unwrap(), [stream(1)]);
}

#[test]
fn a_segment_over_the_hour_is_found_in_the_next() {
    let (_folder, index) = open();
    index.put_segment(&row(1, 3590, 60)).unwrap();
    assert_eq!(index.segments(&stream(1), at(3600), at(3610)).unwrap().len(), 1);
    assert_eq!(index.segments(&stream(1), at(3650), at(3660)).unwrap().len(), 0);
    assert_eq!(index.segments(&stream(1), at(3000), at(3590)).unwrap().len(), 0);
}

#[test]
fn a_damaged_value_costs_its_hour_until_that_is_made_anew() {
    let (folder, index) = open();
    index.put_segment(&row(1, 100, 60)).unwrap();
    index.put_segment(&row(2, 100, 60)).unwrap();
    index.flush().unwrap();
    index.put_segment(&row(1, 5000, 60)).unwrap();
    index.damage(RowKind::Segments, &stream(1), at(0));
    index.flush().unwrap();
    let index = reopen(&folder, index);
    assert_eq!(index.segments(&stream(1), at(0), at(9000)).unwrap(), [row(1, 5000, 60)]);
    let damaged = index.damaged();
    assert_eq!(
        (damaged[0].stream.clone(), damaged[0].hour, damaged[0].what),
        (stream(1), at(0), "the checksum is wrong")
    );
    assert_eq!(damaged.len(), 1);
    let error = index.put_segment(&row(1, 200, 60)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "index of cam1/main, hour of 1970-01-01T00:00:00Z: the checksum is wrong: run `vigie index rebuild`"
    );
    assert_eq!(index.segments(&stream(2), at(0), at(1000)).unwrap(), [row(2, 100, 60)]);
    let truth = Index::in_memory();
    truth.put_segment(&row(1, 100, 60)).unwrap();
    truth.put_segment(&row(2, 100, 60)).unwrap();
    truth.put_segment(&row(1, 5000, 60)).unwrap();
    assert_eq!(index.differences(&truth).unwrap().corrupt, 1);

    index.forget_damaged(&damaged[0]).unwrap();
    assert_eq!(index.damaged(), []);
    index.put_segment(&row(1, 100, 60)).unwrap();
    assert!(index.differences(&truth).unwrap().is_empty());
}

#[test]
fn a_broken_index_is_set_aside_for_a_new_one() {
    let (folder, index) = open();
    for n in 0..200 {
        index.put_segment(&row(n, 100, 60)).unwrap();
    }
    index.flush().unwrap();
    drop(index);
    let dir = folder.path().join("index");
    for damage in [
        |bytes: &mut Vec<u8>| bytes.iter_mut().for_each(|byte| *byte = 0x5a),
        |bytes: &mut Vec<u8>| bytes.fill(0),
    ] {
        for entry in fs::read_dir(&dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                let mut bytes = fs::read(&path).unwrap();
                damage(&mut bytes);
                fs::write(&path, bytes).unwrap();
            }
        }
        let (index, opening) = Index::open(&dir);
        match opening {
            Opening::SetAside { to, .. } => assert!(to.is_dir()),
            // All zeros: sled sees nothing at all, and nothing is believed of it either.
            Opening::Fresh => {}
            other => panic!("{other:?}"),
        }
        assert_eq!(index.streams().unwrap(), []);
        index.put_segment(&row(1, 100, 60)).unwrap();
        index.flush().unwrap();
        assert_eq!(index.segments(&stream(1), at(0), at(1000)).unwrap().len(), 1);
    }
}

#[test]
fn any_damage_to_the_files_is_survived() {
    let (folder, index) = open();
    for n in 0..60 {
        for hour in 0..20 {
            index.put_segment(&row(n, hour * 3600, 60)).unwrap();
        }
        index.flush().unwrap();
    }
    drop(index);
    let dir = folder.path().join("index");
    let whole = fs::read(dir.join("db")).unwrap();
    let step = whole.len() / 40;
    for n in 0..40 {
        let mut bytes = whole.clone();
        let from = n * step;
        match n % 4 {
            0 => bytes.truncate(from),
            1 => bytes[from..from + 64].fill(0xff),
            2 => bytes[from] ^= 0x10,
            _ => bytes[from..from + step].fill(0),
        }
        fs::write(dir.join("db"), bytes).unwrap();
        let (index, opening) = Index::open(&dir);
        assert!(!matches!(opening, Opening::Memory { .. }), "{n}: {opening:?}");
        for camera in 0..60 {
            // An error is fine, a wrong row is not.
            for found in index.segments(&stream(camera), at(0), at(100_000)).unwrap_or_default() {
                assert_eq!(found, row(camera, found.start.as_micros() / SECOND, 60));
            }
        }
        // The first flush may find the damage and set it aside, the second has a new index.
        index.put_segment(&row(200, 100, 60)).unwrap();
        let _ = index.flush();
        index.flush().unwrap();
        assert_eq!(index.segments(&stream(200), at(0), at(1000)).unwrap().len(), 1);
        drop(index);
        fs::remove_dir_all(&dir).unwrap();
        fs::create_dir(&dir).unwrap();
    }
}

#[test]
fn a_newer_format_is_left_untouched() {
    let (folder, index) = open();
    index
        .lock()
        .pending
        .put(key::FORMAT.to_vec(), 3u32.to_le_bytes().to_vec());
    index.flush().unwrap();
    drop(index);
    let (index, opening) = Index::open(&folder.path().join("index"));
    assert!(
        matches!(
            opening,
            Opening::Memory {
                error: IndexError::Newer { seen: 3, .. }
            }
        ),
        "{opening:?}"
    );
    index.put_segment(&row(1, 100, 60)).unwrap();
    assert!(matches!(index.flush(), Err(IndexError::Newer { .. })));
    assert_eq!(index.segments(&stream(1), at(0), at(1000)).unwrap().len(), 1);
    assert!(index.degraded().is_some());
}

#[test]
fn a_folder_that_cannot_be_used_costs_nothing_when_it_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("index");
    let (index, _) = Index::open(&dir);
    index.put_segment(&row(1, 100, 60)).unwrap();
    index.put_gap(&gap(1, 160, Some(200))).unwrap();
    index.put_mark(&mark(1, 100, 110, Causes::MOTION)).unwrap();
    index.flush().unwrap();
    drop(index);
    // A file in its place: works for root too, unlike permissions.
    fs::rename(&dir, folder.path().join("away")).unwrap();
    fs::write(&dir, b"").unwrap();
    let (index, opening) = Index::open(&dir);
    assert!(matches!(opening, Opening::Memory { .. }), "{opening:?}");
    index.put_segment(&row(1, 200, 60)).unwrap();
    index.put_gap(&gap(1, 260, Some(300))).unwrap();
    index.put_mark(&mark(1, 108, 120, Causes::MOTION)).unwrap();
    assert!(index.flush().is_err());
    assert!(index.degraded().is_some());
    assert_eq!(index.segments(&stream(1), at(0), at(1000)).unwrap(), [row(1, 200, 60)]);
    fs::remove_file(&dir).unwrap();
    fs::rename(folder.path().join("away"), &dir).unwrap();
    index.flush().unwrap();
    assert_eq!(index.degraded(), None);
    let index = reopen(&folder, index);
    assert_eq!(
        index.segments(&stream(1), at(0), at(1000)).unwrap(),
        [row(1, 100, 60), row(1, 200, 60)]
    );
    assert_eq!(
        index.gaps(&stream(1), at(0), at(1000)).unwrap(),
        [gap(1, 160, Some(200)), gap(1, 260, Some(300))]
    );
    assert_eq!(
        index.marks(&stream(1), at(0), at(1000)).unwrap(),
        [mark(1, 100, 120, Causes::MOTION)]
    );
    assert!(fs::metadata(dir).unwrap().permissions().mode() != 0);
}

#[test]
fn clearing_leaves_nothing_and_goes_on() {
    let (folder, index) = open();
    index.put_segment(&row(1, 100, 60)).unwrap();
    index.set_checkpoint(VolumeId(7), b"mark", index.generation());
    index.flush().unwrap();
    index.put_segment(&row(2, 100, 60)).unwrap();
    index.clear().unwrap();
    assert_eq!(index.streams().unwrap(), []);
    assert_eq!(index.checkpoint(VolumeId(7)).unwrap(), None);
    index.put_segment(&row(3, 100, 60)).unwrap();
    index.flush().unwrap();
    assert_eq!(reopen(&folder, index).streams().unwrap(), [stream(3)]);
}

#[test]
fn differences_are_counted_and_named() {
    let (_folder, index) = open();
    let truth = Index::in_memory();
    for (index, starts) in [(&index, [100, 200, 300]), (&truth, [200, 300, 400])] {
        for start in starts {
            index.put_segment(&row(1, start, 60)).unwrap();
        }
    }
    truth.put_gap(&gap(2, 5, None)).unwrap();
    assert!(index.differences(&index).unwrap().is_empty());
    index
        .put_segment(&SegmentRow {
            bytes: 1,
            ..row(1, 300, 60)
        })
        .unwrap();
    let found = index.differences(&truth).unwrap();
    assert_eq!(
        (found.rows, found.missing, found.surplus, found.different, found.corrupt),
        (4, 2, 1, 1, 0)
    );
    assert_eq!(found.examples.len(), 4);
}

#[derive(Debug, Clone)]
enum Step {
    Put(SegmentRow),
    Remove(u8, i64, u128),
    PutGap(u8, i64, Option<i64>),
    RemoveGap(u8, i64),
    Flush,
    Reopen,
}

fn any_row() -> impl Strategy<Value = SegmentRow> {
    let numbers = (
        0u8..3,
        0i64..20_000,
        0i64..400,
        any::<u64>(),
        any::<u32>(),
        any::<u32>(),
    );
    (
        numbers,
        (
            0u8..32,
            0u128..3,
            0u128..3,
            any::<bool>(),
            any::<bool>(),
            "[a-z0-9.,]{0,20}",
            0u32..3,
        ),
    )
        .prop_map(
            |(
                (n, start, seconds, bytes, number, units),
                (causes, volume, run, continued, synchronised, codec, format),
            )| SegmentRow {
                bytes,
                number,
                units,
                continued,
                synchronised,
                codec: codec.into(),
                causes: Causes::from_bits(causes),
                volume: VolumeId(volume),
                run: Ulid::from(run),
                init_bytes: units / 2,
                format,
                audio_format: format * 7,
                ..row(n, start, seconds)
            },
        )
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => any_row().prop_map(Step::Put),
        2 => (0u8..3, 0i64..20_000, 0u128..3).prop_map(|(n, start, volume)| Step::Remove(n, start, volume)),
        4 => (0u8..3, 0i64..200, any::<bool>()).prop_map(|(n, slot, open)| {
            // Rows of one stream never overlap: slots of 100 s; only a last one is open.
            Step::PutGap(n, slot * 100, (!open).then_some(slot * 100 + 50))
        }),
        1 => (0u8..3, 0i64..200).prop_map(|(n, slot)| Step::RemoveGap(n, slot * 100)),
        1 => Just(Step::Flush),
        1 => Just(Step::Reopen),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn it_answers_as_a_sorted_map_does(steps in proptest::collection::vec(step(), 1..60), queries in proptest::collection::vec((0u8..3, 0i64..21_000, 0i64..9_000), 6)) {
        let (folder, mut index) = open();
        let mut segments: BTreeMap<(StreamId, Utc, VolumeId), SegmentRow> = BTreeMap::new();
        let mut gaps: BTreeMap<(StreamId, Utc), GapRow> = BTreeMap::new();
        for step in steps {
            match step {
                Step::Put(row) => {
                    index.put_segment(&row).unwrap();
                    segments.insert((row.stream.clone(), row.start, row.volume), row);
                }
                Step::Remove(n, start, volume) => {
                    // Of what there is, the nearest: otherwise hardly anything would be removed.
                    let key = segments.range((stream(n), at(start), VolumeId(volume))..).next().map(|(key, _)| key.clone());
                    if let Some(key) = key {
                        index.remove_segment(&key.0, key.1, key.2).unwrap();
                        segments.remove(&key);
                    }
                }
                Step::PutGap(n, start, end) => {
                    let row = gap(n, start, end);
                    index.put_gap(&row).unwrap();
                    gaps.insert((row.stream.clone(), row.start), row);
                }
                Step::RemoveGap(n, start) => {
                    index.remove_gap(&stream(n), at(start)).unwrap();
                    gaps.remove(&(stream(n), at(start)));
                }
                Step::Flush => index.flush().unwrap(),
                Step::Reopen => {
                    index.flush().unwrap();
                    index = reopen(&folder, index);
                }
            }
        }
        // An open gap is the last of its stream.
        for n in 0..3 {
            let of_stream: Vec<_> = gaps.values().filter(|row| row.stream == stream(n)).cloned().collect();
            for row in of_stream.iter().rev().skip(1).filter(|row| row.end.is_none()) {
                let closed = GapRow { end: Some(row.start + std::time::Duration::from_secs(50)), ..row.clone() };
                index.put_gap(&closed).unwrap();
                gaps.insert((closed.stream.clone(), closed.start), closed);
            }
        }
        for (n, from, length) in queries {
            let (from, to) = (at(from), at(from + length));
            let expected: Vec<_> = segments
                .values()
                .filter(|row| row.stream == stream(n) && row.start < to && (row.end > from || row.start >= from))
                .cloned()
                .collect();
            prop_assert_eq!(index.segments(&stream(n), from, to).unwrap(), expected.clone());
            let both = index.recordings(&stream(n), from, to).unwrap();
            prop_assert_eq!(both.segments, expected);
            let expected: Vec<_> = gaps
                .values()
                .filter(|row| row.stream == stream(n) && row.start < to && (row.start >= from || row.end.is_none_or(|end| end > from)))
                .cloned()
                .collect();
            prop_assert_eq!(index.gaps(&stream(n), from, to).unwrap(), expected.clone());
            prop_assert_eq!(both.gaps, expected);
            let last = segments.values().rfind(|row| row.stream == stream(n)).cloned();
            prop_assert_eq!(index.last_segment(&stream(n)).unwrap(), last);
        }
        let mut streams: Vec<_> = segments.keys().map(|key| key.0.clone()).chain(gaps.keys().map(|key| key.0.clone())).collect();
        streams.sort();
        streams.dedup();
        prop_assert_eq!(index.streams().unwrap(), streams);
    }

    #[test]
    fn packed_rows_are_read_without_harm(mut value: Vec<u8>, flip in any::<proptest::sample::Index>()) {
        let key = key::bucket(Kind::Segments, &stream(1), 0);
        let rows: Vec<_> = (0..5).map(|n| row(1, n * 60, 60)).collect();
        let mut good = packed::pack_segments(&key, 0, &rows);
        prop_assert_eq!(packed::unpack_segments(&key, &stream(1), 0, &good).unwrap(), rows);
        let at = flip.index(good.len());
        good[at] ^= 0x20;
        prop_assert!(packed::unpack_segments(&key, &stream(1), 0, &good).is_err());
        // With a right checksum any body gets as far as the rows.
        value.insert(0, 1);
        let crc = packed::checksum(&key, &value);
        value.extend(crc.to_le_bytes());
        let _ = packed::unpack_segments(&key, &stream(1), 0, &value);
        let _ = spans::unpack::<GapRow>(&key, &stream(1), 0, &value);
        let _ = spans::unpack::<MarkRow>(&key, &stream(1), 0, &value);
    }
}

#[test]
fn an_ordinary_row_takes_few_bytes() {
    let key = key::bucket(Kind::Segments, &stream(1), 0);
    let rows: Vec<_> = (0..60)
        .map(|n| {
            let jitter = i64::from(n % 7) * 1_337;
            SegmentRow {
                start: Utc::from_micros(i64::from(n) * 60 * SECOND + jitter),
                end: Utc::from_micros(i64::from(n + 1) * 60 * SECOND + i64::from((n + 1) % 7) * 1_337),
                bytes: 30_000_000 + u64::from(n * 7919 % 1_000_003) * 2,
                number: n,
                ..row(1, 0, 60)
            }
        })
        .collect();
    let bytes = packed::pack_segments(&key, 0, &rows).len();
    assert!(bytes < 60 * 16, "{bytes} bytes for 60 rows");
}
