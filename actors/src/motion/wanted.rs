//! Who wants a camera's motion detected: nobody decodes for nothing.

use std::time::Instant;

use arc_swap::ArcSwap;
use jiff::tz::TimeZone;
use vigie_config::{Camera, Config, EventKind, Rule, Source, Utc};

/// The rules that are about motion. Changes with the configuration.
#[derive(Debug, Default)]
pub struct MotionRules(ArcSwap<Vec<Rule>>);

impl MotionRules {
    pub fn new(config: &Config) -> Self {
        let rules = Self::default();
        rules.update(config);
        rules
    }

    pub fn update(&self, config: &Config) {
        let about = |rule: &&Rule| rule.enabled && rule.on.contains(&EventKind::Motion);
        let rules = config.rules.iter().filter(about).cloned().collect();
        self.0.store(std::sync::Arc::new(rules));
    }

    /// Motion is recorded now, a rule waits for it now, or somebody looks (until `looked_at`).
    pub fn want(&self, camera: &Camera, looked_at: Option<Instant>, now: Instant, utc: Utc, zone: &TimeZone) -> bool {
        if !camera.enabled || !camera.motion.enabled {
            return false;
        }
        let looked_at = looked_at.is_some_and(|until| now < until);
        let recorded = || !camera.record.event_streams.is_empty() && camera.record.motion.is_on(utc, zone);
        let source = || Source::Camera(camera.id.clone());
        let ruled = || {
            let rules = self.0.load();
            let mut rules = rules.iter();
            rules.any(|rule| rule.is_about(EventKind::Motion, &source()) && rule.schedule.is_on(utc, zone))
        };
        looked_at || recorded() || ruled()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn wanted_while_recorded_ruled_or_looked_at() {
        let now = Instant::now();
        let day: Utc = "2026-11-20T12:00:00Z".parse().unwrap();
        let night: Utc = "2026-11-20T23:00:00Z".parse().unwrap();
        let soon = Some(now + Duration::from_secs(1));
        let rule = |more: &str| format!("[[rule]]\nid = \"r\"\non = [\"motion\"]\nrecord = [\"gate\"]\n{more}");
        for (camera, rule, looked_at, expected) in [
            ("", String::new(), None, [false, false]),
            ("", String::new(), soon, [true, true]),
            ("", String::new(), Some(now), [false, false]),
            ("record.mode = \"events\"", String::new(), None, [true, true]),
            ("record.motion = \"nights\"", String::new(), None, [false, true]),
            (
                "record.mode = \"events\"\nmotion.enabled = false",
                rule(""),
                soon,
                [false, false],
            ),
            (
                "record.mode = \"events\"\nenabled = false",
                rule(""),
                soon,
                [false, false],
            ),
            ("", rule(""), None, [true, true]),
            ("", rule("enabled = false"), None, [false, false]),
            ("", rule("schedule = \"nights\""), None, [false, true]),
            ("", rule("from = [\"camera:gate\"]"), None, [true, true]),
            ("", rule("from = [\"camera:yard\"]"), None, [false, false]),
            ("", rule("").replace("motion", "sensor"), None, [false, false]),
        ] {
            let text = format!(
                "[[disk]]\nid = \"d1\"\npath = \"/srv/d1\"\n[[schedule]]\nid = \"nights\"\ndaily = [\"22:00-06:00\"]\n\
                 [[camera]]\nid = \"gate\"\nmain.url = \"test://\"\n{camera}\n\
                 [[camera]]\nid = \"yard\"\nmain.url = \"test://\"\n{rule}"
            );
            let (config, _) = Config::parse(&text, &|_| None).unwrap();
            let rules = MotionRules::new(&config);
            let want = |utc| rules.want(&config.cameras[0], looked_at, now, utc, &TimeZone::UTC);
            assert_eq!([want(day), want(night)], expected, "{text}");
        }
    }
}
