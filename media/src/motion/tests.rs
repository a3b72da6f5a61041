#![allow(clippy::unwrap_used)]

use std::time::Duration;

use proptest::prelude::*;

use super::{Area, Change, Detector, Luma, Sensitivity, Watch};

const WIDTH: usize = 320;
const HEIGHT: usize = 180;

/// A picture that does not move: a slope of brightness with bars.
fn still() -> Vec<u8> {
    let pixel = |x: usize, y: usize| 60 + (x / 4) as u8 + if (x / 20 + y / 20).is_multiple_of(2) { 30 } else { 0 };
    (0..HEIGHT).flat_map(|y| (0..WIDTH).map(move |x| pixel(x, y))).collect()
}

/// A grey block of so many pixels, its left upper corner there.
fn draw(picture: &mut [u8], left: i32, top: i32, side: i32) {
    for y in top.max(0)..(top + side).min(HEIGHT as i32) {
        for x in left.max(0)..(left + side).min(WIDTH as i32) {
            picture[y as usize * WIDTH + x as usize] = 20;
        }
    }
}

fn at(frame: u32) -> Duration {
    Duration::from_millis(100) * frame
}

/// What a watch says of pictures that `paint` draws over a still one.
fn watch(frames: u32, area: Area, hold: u64, mut paint: impl FnMut(u32, &mut [u8])) -> Vec<(u32, Change)> {
    let mut detector = Detector::new(Sensitivity::new(50));
    let mut watch = Watch::new(area, Duration::from_millis(hold));
    let still = still();
    let mut changes = Vec::new();
    for frame in 0..frames {
        let mut data = still.clone();
        paint(frame, &mut data);
        let picture = Luma {
            width: WIDTH,
            height: HEIGHT,
            stride: WIDTH,
            data: &data,
        };
        detector.see(&picture, at(frame));
        changes.extend(watch.see(&detector, at(frame)).map(|change| (frame, change)));
    }
    changes
}

/// A block that goes from left to right from the 20th picture on.
fn walk(frame: u32, picture: &mut [u8]) {
    draw(picture, (frame as i32 - 20) * 6 - 30, 80, 30);
}

#[test]
fn nothing_moves_in_a_still_picture() {
    assert_eq!(watch(100, Area::whole(), 1000, |_, _| {}), []);
}

#[test]
fn noise_is_no_movement() {
    let mut seed = 1u32;
    let changes = watch(150, Area::whole(), 1000, |_, picture| {
        for pixel in picture {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *pixel = pixel.wrapping_add((seed >> 28) as u8).wrapping_sub(8);
        }
    });
    assert_eq!(changes, []);
}

#[test]
fn a_lamp_is_no_movement() {
    let changes = watch(150, Area::whole(), 1000, |frame, picture| {
        if (50..100).contains(&frame) {
            picture.iter_mut().for_each(|pixel| *pixel += *pixel / 3);
        }
    });
    assert_eq!(changes, []);
}

#[test]
fn a_block_that_goes_by_begins_and_ends() {
    let changes = watch(150, Area::whole(), 1000, walk);
    let [(told, Change::Began { at: begin }), (ended, Change::Ended { at: end })] = changes[..] else {
        panic!("{changes:?}")
    };
    assert!((20..=25).contains(&told), "{changes:?}");
    assert!((at(20)..=at(23)).contains(&begin), "{changes:?}");
    // It is out of sight from the 79th picture on.
    assert!((at(73)..=at(82)).contains(&end), "{changes:?}");
    assert_eq!(at(ended), end + Duration::from_secs(1));
}

#[test]
fn the_hold_time_joins_what_is_close() {
    let twice = |frame: u32, picture: &mut [u8]| {
        walk(frame, picture);
        walk(frame.saturating_sub(75), picture);
    };
    assert_eq!(watch(250, Area::whole(), 5000, twice).len(), 2);
    assert_eq!(watch(250, Area::whole(), 500, twice).len(), 4);
}

#[test]
fn only_the_area_counts() {
    let (yes, no) = (vec![true; 4], vec![false; 4]);
    let upper = Area::of_rows(&[yes.clone(), no.clone(), no.clone()]);
    let middle = Area::of_rows(&[no.clone(), yes, no]);
    assert_eq!(watch(150, upper, 1000, walk), []);
    assert_eq!(watch(150, middle, 1000, walk).len(), 2);
}

#[test]
fn what_stands_still_is_no_movement() {
    let changes = watch(300, Area::whole(), 1000, |frame, picture| {
        let left = (frame as i32 - 20).clamp(0, 20) * 6 - 30;
        draw(picture, left, 80, 30);
    });
    let [(_, Change::Began { .. }), (_, Change::Ended { at: end })] = changes[..] else {
        panic!("{changes:?}")
    };
    assert!(end <= at(40) + Duration::from_secs(3), "{changes:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Of any size, with any stride, cut short or not.
    #[test]
    fn no_picture_is_too_odd(
        width in 0usize..400, height in 0usize..300, more in 0usize..9, missing in 0usize..2000, seed: u8, other in 0usize..50,
    ) {
        let mut detector = Detector::new(Sensitivity::new(seed));
        let mut watch = Watch::new(Area::of_rows(&[vec![true, false, true]]), Duration::ZERO);
        for frame in 0..6u32 {
            let width = if frame < 3 { width } else { width + other };
            let stride = width + more;
            let data: Vec<u8> = (0..(stride * height).saturating_sub(missing)).map(|i| (i as u8).wrapping_mul(seed)).collect();
            let picture = Luma { width, height, stride, data: &data };
            // The clock may even go back.
            let at = Duration::from_millis(u64::from(seed)) * (frame ^ 1);
            detector.see(&picture, at);
            watch.see(&detector, at);
            prop_assert!(watch.share() <= 1.0);
        }
    }

    /// A block of any size and speed that stands out is seen, once, near its time.
    #[test]
    fn a_moving_block_is_found(side in 16i32..60, speed in 2i32..14, top in 0i32..120) {
        let begin = 20;
        let changes = watch(100, Area::whole(), 1000, |frame, picture| {
            draw(picture, (frame as i32 - begin) * speed - side, top, side);
        });
        let began = match changes.first() {
            Some((_, Change::Began { at })) => *at,
            _ => return Err(TestCaseError::fail("not seen")),
        };
        prop_assert!(began >= at(20) && began <= at(20) + Duration::from_millis(800), "{:?}", changes);
    }
}
