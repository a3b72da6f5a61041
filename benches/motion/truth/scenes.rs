//! Synthetic scenes with a known truth, to tune and judge motion detection: what must not count
//! as movement (noise, rain, lamps, sun, flicker) and walkers of several sizes and speeds.
//!
//! Every picture follows from the scene's seed and the frame number alone, in any order.

use std::f32::consts::TAU;

/// Picture width in pixels.
pub const WIDTH: usize = 640;
/// Picture height in pixels.
pub const HEIGHT: usize = 360;
/// Frames per second.
pub const FPS: u32 = 10;
/// Bytes of one I420 picture.
pub const PICTURE: usize = WIDTH * HEIGHT * 3 / 2;

/// One scene: what is drawn, and the truth that follows from it.
pub struct Scene {
    /// Kind of the scene; the same in both sets.
    pub name: &'static str,
    /// Seed of everything random in it.
    pub seed: u64,
    /// Length in frames.
    pub frames: u32,
    /// First and last frame (both included) of each movement, the whole picture as zone: while a figure is visible
    /// by more than a third of its width. Gaps of less than 1 s are merged.
    pub moving: Vec<(u32, u32)>,
    /// The static background, an I420 picture.
    backdrop: Vec<u8>,
    /// Sensor noise, standard deviation in luma steps, new each frame; chroma has half of it.
    noise: f32,
    passes: Vec<Pass>,
    lights: Vec<Light>,
    /// Vertical streaks of rain, 1 px wide and 8 to 20 px long, new in each frame: share of the 1x40 px cells that
    /// have one, how much of the background it covers (0..1), and its luma.
    rain: Option<[f32; 3]>,
}

/// What the brightness of a column (pixels) is multiplied with at a frame.
type Light = Box<dyn Fn(f32, f32) -> f32 + Send + Sync>;

/// The static background.
struct Look {
    /// Luma of the sky at the top and of the ground at the bottom, before texture.
    tones: [f32; 2],
    /// Where the ground begins, in pixels from the top.
    horizon: f32,
    /// Number of houses.
    houses: u64,
    /// Height of the texture, in luma steps to either side.
    rough: f32,
    /// How strong colours are: 0 is grey.
    tint: f32,
}

/// A figure going once, straight and level, across what can be seen between two posts.
#[derive(Clone, Copy)]
struct Pass {
    /// Frame at which it begins to come into sight.
    begin: u32,
    /// Pixels per second; negative from right to left.
    speed: f32,
    /// Width and height in pixels.
    size: [f32; 2],
    /// Where the feet are, in pixels from the top.
    feet: f32,
    /// Luma of the clothes, before the light of the scene.
    tone: f32,
    /// First and last column it can be seen in; dark posts stand outside of them.
    gate: (f32, f32),
}

/// The scenes to choose settings with.
pub fn tuning() -> Vec<Scene> {
    let day = look([190.0, 110.0], 0.42, 5, 9.0, 1.0);
    let dusk = look([90.0, 70.0], 0.38, 6, 7.0, 0.5);
    let night = look([28.0, 44.0], 0.45, 4, 5.0, 0.2);
    let walker = pass(60, 60.0, [40.0, 100.0], 300.0, 55.0);
    let other = pass(240, -60.0, [40.0, 100.0], 325.0, 165.0);
    let walkers = [walker, other, walker.again(430)];
    let slow = pass(70, 10.0, [18.0, 45.0], 230.0, 60.0).between(250.0, 400.0);
    let small = pass(60, 16.0, [6.0, 10.0], 190.0, 52.0).between(330.0, 500.0);
    vec![
        Scene::still("nothing", 101, 60, &day),
        Scene::still("nothing_night", 102, 60, &night).noise(6.0),
        Scene::still("rain", 103, 50, &day).rain(0.10, 0.35, 215.0),
        Scene::still("lights", 104, 50, &dusk)
            .lamp(80, 170, 1, 0.35)
            .lamp(250, 330, 3, 0.60)
            .lamp(400, 460, 2, -0.25),
        Scene::still("lights_half", 105, 50, &dusk)
            .half_lamp([90, 210, 2], 0.50, 320.0, 80.0)
            .half_lamp([300, 420, 1], 0.25, 320.0, 80.0),
        Scene::still("sun", 106, 60, &day)
            .wave(0.15, 40.0)
            .cloud(0.30, 140.0, 40.0, 500.0),
        Scene::still("flicker", 107, 50, &day).wave(0.03, 1.0 / 1.3),
        Scene::still("slow_walker", 108, 60, &day).walks(&[slow, slow.back(340)]),
        Scene::still("small_far", 109, 55, &day).walks(&[small, small.back(220), small.again(390)]),
        Scene::still("walker", 110, 60, &day).walks(&walkers),
        Scene::still("walker_in_rain", 111, 60, &day)
            .walks(&walkers)
            .rain(0.10, 0.35, 215.0),
        Scene::still("walker_and_lights", 112, 58, &dusk)
            .walks(&[walker.again(190), walker.back(360)])
            .lamp(100, 530, 2, 0.40),
    ]
}

/// The scenes to judge with: the same kinds, everything else different.
pub fn held_out() -> Vec<Scene> {
    let day = look([165.0, 135.0], 0.34, 7, 12.0, 0.7);
    let dusk = look([70.0, 84.0], 0.45, 4, 8.0, 0.4);
    let night = look([20.0, 36.0], 0.40, 5, 6.0, 0.1);
    let walker = pass(75, -52.0, [36.0, 92.0], 280.0, 70.0);
    let other = pass(260, 70.0, [36.0, 92.0], 335.0, 195.0);
    let walkers = [walker, other, walker.again(440)];
    let dark = pass(180, 64.0, [42.0, 104.0], 310.0, 34.0);
    let slow = pass(80, -7.0, [18.0, 45.0], 205.0, 165.0).between(120.0, 225.0);
    let small = pass(70, -22.0, [6.0, 10.0], 186.0, 108.0).between(90.0, 320.0);
    vec![
        Scene::still("nothing", 201, 60, &day),
        Scene::still("nothing_night", 202, 55, &night).noise(6.5),
        Scene::still("rain", 203, 55, &dusk).rain(0.14, 0.28, 200.0),
        Scene::still("lights", 204, 55, &dusk)
            .lamp(70, 190, 2, 0.45)
            .lamp(270, 360, 1, -0.35)
            .lamp(430, 510, 3, 0.28),
        Scene::still("lights_half", 205, 52, &dusk)
            .half_lamp([110, 260, 1], 0.40, 250.0, 120.0)
            .half_lamp([340, 430, 3], -0.30, 400.0, 60.0),
        Scene::still("sun", 206, 55, &day)
            .wave(0.10, 40.0)
            .cloud(0.38, 200.0, -55.0, 420.0),
        Scene::still("flicker", 207, 55, &dusk).wave(0.03, 1.0 / 1.9),
        Scene::still("slow_walker", 208, 60, &day).walks(&[slow, slow.back(350)]),
        Scene::still("small_far", 209, 57, &dusk).walks(&[small, small.back(230), small.again(410)]),
        Scene::still("walker", 210, 60, &day).walks(&walkers),
        Scene::still("walker_in_rain", 211, 60, &day)
            .walks(&walkers)
            .rain(0.14, 0.28, 200.0),
        Scene::still("walker_and_lights", 212, 60, &dusk)
            .walks(&[dark, dark.back(370)])
            .half_lamp([90, 540, 1], 0.30, 430.0, 150.0),
    ]
}

/// The gate of a figure that is seen all over the picture.
const WHOLE: (f32, f32) = (0.0, WIDTH as f32);

impl Scene {
    /// Draws one picture: 640x360, I420, planes without padding. Of a buffer shorter than
    /// [`PICTURE`] bytes as much as it holds is drawn.
    pub fn draw(&self, frame: u32, i420: &mut [u8]) {
        let light = |x: usize| self.lights.iter().map(|light| light(frame as f32, x as f32)).product();
        let light: Vec<f32> = (0..WIDTH).map(light).collect();
        let mut dice = Dice(mix(self.seed ^ (u64::from(frame) << 32)));
        let mut row = vec![0.0_f32; WIDTH];
        let (lines, chroma) = i420.split_at_mut((WIDTH * HEIGHT).min(i420.len()));
        for (y, (line, still)) in lines.chunks_mut(WIDTH).zip(self.backdrop.chunks(WIDTH)).enumerate() {
            for ((pixel, &still), light) in row.iter_mut().zip(still).zip(&light) {
                *pixel = f32::from(still) * light;
            }
            for pass in &self.passes {
                pass.draw(self.seed, frame, y as f32, &light, &mut row);
            }
            if let Some(rain) = self.rain {
                draw_rain(rain, self.seed ^ u64::from(frame), y as u64, &mut row);
            }
            for (out, pixel) in line.iter_mut().zip(&row) {
                *out = (pixel + self.noise * dice.normal() + 0.5) as u8;
            }
        }
        let still = self.backdrop.iter().skip(WIDTH * HEIGHT);
        for (out, &still) in chroma.iter_mut().zip(still) {
            *out = (f32::from(still) + self.noise / 2.0 * dice.normal() + 0.5) as u8;
        }
    }

    /// A scene in which nothing happens but sensor noise.
    fn still(name: &'static str, seed: u64, seconds: u32, look: &Look) -> Self {
        Self {
            name,
            seed,
            frames: seconds * FPS,
            moving: Vec::new(),
            backdrop: look.draw(seed),
            noise: 2.0,
            passes: Vec::new(),
            lights: Vec::new(),
            rain: None,
        }
    }

    fn noise(self, noise: f32) -> Self {
        Self { noise, ..self }
    }

    fn rain(self, density: f32, opacity: f32, tone: f32) -> Self {
        let rain = Some([density, opacity, tone]);
        Self { rain, ..self }
    }

    fn shine(mut self, light: impl Fn(f32, f32) -> f32 + Send + Sync + 'static) -> Self {
        self.lights.push(Box::new(light));
        self
    }

    /// A lamp goes on and off, beginning at these frames and taking `ramp` frames each time. `gain` is a fraction
    /// of the unlit brightness; below 0 the lamp was on before.
    fn lamp(self, on: u32, off: u32, ramp: u32, gain: f32) -> Self {
        self.half_lamp([on, off, ramp], gain, 2.0 * WIDTH as f32, 1.0)
    }

    /// The same, only left of a column and with an edge of that width; pixels.
    fn half_lamp(self, [on, off, ramp]: [u32; 3], gain: f32, column: f32, width: f32) -> Self {
        let since = move |frame: f32, begin: u32| ((frame - begin as f32) / ramp as f32).clamp(0.0, 1.0);
        let lit = move |frame| since(frame, on) - since(frame, off);
        self.shine(move |frame, x| 1.0 + gain * lit(frame) * smooth((column - x) / width + 0.5))
    }

    /// The whole brightness goes up and down by the fraction `depth`, a whole wave in `period` seconds: the sun's
    /// drift, or lamps beating with the shutter.
    fn wave(self, depth: f32, period: f32) -> Self {
        self.shine(move |frame, _| 1.0 + depth * (TAU * frame / FPS as f32 / period).sin())
    }

    /// After 6 s a cloud's shadow comes, darker by the fraction `depth`, and goes: `edge` pixels of soft edge,
    /// `speed` in pixels per second (negative from right to left), `size` pixels wide with one edge.
    fn cloud(self, depth: f32, edge: f32, speed: f32, size: f32) -> Self {
        self.shine(move |frame, x| {
            let way = if speed > 0.0 { x } else { WIDTH as f32 - x };
            let behind = speed.abs() * (frame / FPS as f32 - 6.0) - way;
            1.0 - depth * (smooth(behind / edge) - smooth((behind - size) / edge))
        })
    }

    /// Adds the figures, puts up the posts of their gates, and derives the truth from them.
    fn walks(mut self, passes: &[Pass]) -> Self {
        self.passes = passes.to_vec();
        for (from, to) in passes.iter().map(|pass| pass.gate).filter(|&gate| gate != WHOLE) {
            let post = |x: usize| (from - 24.0..from).contains(&(x as f32)) || (to..to + 24.0).contains(&(x as f32));
            for line in self.backdrop.chunks_mut(WIDTH).take(HEIGHT) {
                for (x, pixel) in line.iter_mut().enumerate().filter(|&(x, _)| post(x)) {
                    *pixel = 38 + (mix(self.seed ^ x as u64) % 9) as u8;
                }
            }
        }
        for frame in (0..self.frames).filter(|&frame| passes.iter().any(|pass| pass.counts(frame))) {
            match self.moving.last_mut() {
                Some((_, last)) if frame - *last <= FPS => *last = frame,
                _ => self.moving.push((frame, frame)),
            }
        }
        self
    }
}

/// A background; `horizon` as a fraction of the height.
fn look(tones: [f32; 2], horizon: f32, houses: u64, rough: f32, tint: f32) -> Look {
    let horizon = horizon * HEIGHT as f32;
    Look {
        tones,
        horizon,
        houses,
        rough,
        tint,
    }
}

impl Look {
    /// An I420 picture.
    fn draw(&self, seed: u64) -> Vec<u8> {
        let ([sky, ground], horizon) = (self.tones, self.horizon);
        // Left and right edge, top, tone.
        let house = |n: u64| {
            let mut dice = Dice(mix(seed ^ (n << 8) ^ 0xB01D));
            let left = (n as f32 + dice.unit() * 0.6 - 0.2) * WIDTH as f32 / self.houses as f32;
            let (width, top) = (60.0 + 80.0 * dice.unit(), horizon * (0.15 + 0.6 * dice.unit()));
            [left, left + width, top, ground * (0.55 + 0.8 * dice.unit())]
        };
        let houses: Vec<[f32; 4]> = (0..self.houses).map(house).collect();
        let wall = |x: f32, y: f32| {
            let within = |b: &&[f32; 4]| (b[0]..b[1]).contains(&x) && (b[2]..horizon + 12.0).contains(&y);
            let &[left, _, top, tone] = houses.iter().rev().find(within)?;
            let window = (5.0..12.0).contains(&((x - left) % 16.0)) && (6.0..16.0).contains(&((y - top) % 22.0));
            Some(if window { 0.6 * tone } else { tone })
        };
        let luma = |x: f32, y: f32| {
            let (open, rough) = match y - horizon {
                down if down < 0.0 => (sky * (1.0 - 0.2 * y / horizon), 0.25),
                down => (ground * (0.8 + 0.2 * down / (HEIGHT as f32 - horizon)), 1.0),
            };
            let (tone, rough) = wall(x, y).map_or((open, rough), |tone| (tone, 1.0));
            let texture: f32 = [1.0, 5.0, 33.0].iter().map(|&cell| grain(seed, x, y, cell)).sum();
            (tone + rough * self.rough * texture / 1.5) as u8
        };
        // Reddish walls, bluish sky, greenish ground.
        let tint = |x: f32, y: f32| match (wall(x, y), y < horizon) {
            (Some(_), _) => [-5.0, 9.0],
            (None, true) => [12.0, -5.0],
            (None, false) => [-9.0, -7.0],
        };
        let plane = |step: usize, value: &dyn Fn(f32, f32) -> u8| -> Vec<u8> {
            let line = |y| (0..WIDTH).step_by(step).map(move |x| value(x as f32, y as f32));
            (0..HEIGHT).step_by(step).flat_map(line).collect()
        };
        let u = |x, y| (128.0 + self.tint * tint(x, y)[0]) as u8;
        let v = |x, y| (128.0 + self.tint * tint(x, y)[1]) as u8;
        [plane(1, &luma), plane(2, &u), plane(2, &v)].concat()
    }
}

/// A figure seen all over the picture.
fn pass(begin: u32, speed: f32, size: [f32; 2], feet: f32, tone: f32) -> Pass {
    let gate = WHOLE;
    Pass {
        begin,
        speed,
        size,
        feet,
        tone,
        gate,
    }
}

impl Pass {
    fn between(self, left: f32, right: f32) -> Self {
        let gate = (left, right);
        Self { gate, ..self }
    }

    /// The same pass later.
    fn again(self, begin: u32) -> Self {
        Self { begin, ..self }
    }

    /// The same way in the other direction.
    fn back(self, begin: u32) -> Self {
        let speed = -self.speed;
        Self { begin, speed, ..self }
    }

    /// Left edge of the figure at a frame, and how far it has walked; pixels.
    fn place(&self, frame: u32) -> Option<(f32, f32)> {
        let walked = self.speed.abs() * frame.checked_sub(self.begin)? as f32 / FPS as f32;
        let ahead = self.gate.0 - self.size[0] + walked;
        Some((if self.speed > 0.0 { ahead } else { self.gate.1 - walked }, walked))
    }

    /// Whether more than a third of the figure's width is in sight.
    fn counts(&self, frame: u32) -> bool {
        self.place(frame).is_some_and(|(left, _)| {
            (left + self.size[0]).min(self.gate.1) - left.max(self.gate.0) > self.size[0] / 3.0
        })
    }

    /// Draws what falls on line `y`; four samples per pixel keep slow steps smooth.
    fn draw(&self, seed: u64, frame: u32, y: f32, light: &[f32], row: &mut [f32]) {
        let [width, height] = self.size;
        let Some((left, walked)) = self.place(frame) else {
            return;
        };
        let v = (y - self.feet + height) / height;
        if !(0.0..1.0).contains(&v) {
            return;
        }
        let seen = left.max(self.gate.0)..(left + width).min(self.gate.1);
        let columns = row.iter_mut().zip(light).enumerate();
        for (x, (pixel, light)) in columns.skip(seen.start as usize).take(width as usize + 2) {
            let (at, behind) = ([0.125, 0.375, 0.625, 0.875].map(|part| x as f32 + part), *pixel);
            let at = at.iter().filter(|at| seen.contains(at));
            for tone in at.filter_map(|at| self.tone_at(seed, (at - left) / width, v, walked / height)) {
                *pixel += 0.25 * (tone * light - behind);
            }
        }
    }

    /// Luma of the figure at a place in its box (0..1), none where the background is seen;
    /// `walked` in body heights.
    fn tone_at(&self, seed: u64, u: f32, v: f32, walked: f32) -> Option<f32> {
        let off = u - 0.5;
        if v < 0.18 {
            let head = (off / 0.22).powi(2) + ((v - 0.09) / 0.09).powi(2) < 1.0;
            return head.then_some(0.6 * self.tone + 30.0);
        }
        if v < 0.56 {
            let patch = (((u * 5.0) as u64) << 8) | (v * 24.0) as u64;
            let cloth = (mix(seed ^ patch) % 31) as f32 - 15.0;
            return (off.abs() < 0.40).then_some(self.tone + cloth);
        }
        let stride = 0.30 * (TAU * 1.2 * walked).sin() * (v - 0.56) / 0.44;
        let leg = (off - stride).abs().min((off + stride).abs()) < 0.16;
        leg.then_some(0.8 * self.tone)
    }
}

fn draw_rain([density, opacity, tone]: [f32; 3], seed: u64, y: u64, row: &mut [f32]) {
    for (x, pixel) in row.iter_mut().enumerate() {
        // The cells of a column begin anywhere, or the streaks would stand in rows.
        let column = mix(mix(seed) ^ x as u64);
        let y = y + column % 40;
        let mut dice = Dice(mix(column ^ (y / 40)));
        if dice.unit() < density {
            let (length, start) = (8.0 + 12.0 * dice.unit(), 20.0 * dice.unit());
            if (start..start + length).contains(&((y % 40) as f32)) {
                *pixel += opacity * (tone - *pixel);
            }
        }
    }
}

/// A small generator (SplitMix64).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
    }

    /// Even in 0..1.
    fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1_u64 << 24) as f32
    }

    /// Normal enough, mean 0 and deviation 1: four even numbers added.
    fn normal(&mut self) -> f32 {
        let bits = self.next();
        let sum: u64 = [0, 16, 32, 48].iter().map(|shift| (bits >> shift) & 0xFFFF).sum();
        (sum as f32 - 131_070.0) / 37_837.0
    }
}

/// Scatters the bits of a number over all of it.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Static texture from -1 to 1: random at each corner of a grid, even in between; `cell` in pixels.
fn grain(seed: u64, x: f32, y: f32, cell: f32) -> f32 {
    let (u, v) = (x / cell, y / cell);
    let corner = |dx: u64, dy: u64| {
        let place = ((u as u64 + dx) << 32) | ((v as u64 + dy) << 8) | cell as u64;
        Dice(mix(seed) ^ mix(place)).unit() * 2.0 - 1.0
    };
    let along = |dy| corner(0, dy) + (corner(1, dy) - corner(0, dy)) * u.fract();
    along(0) + (along(1) - along(0)) * v.fract()
}

/// From 0 to 1 with soft ends.
fn smooth(t: f32) -> f32 {
    let t = t.clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}
