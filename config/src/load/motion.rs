//! The table `[camera.motion]`: how Vigie itself looks for movement.

use std::time::Duration;

use super::section::{Found, Section, Text};
use crate::{Motion, Record};

/// As fine as the detector sees.
const MOST_COLUMNS: usize = 160;
const MOST_ROWS: usize = 160;
const AREA: &str = "a list of rows such as [\"..XX\", \"..XX\"]";

/// `record`: of the same camera.
pub fn read(camera: &Section<'_>, record: &Record) -> Motion {
    let standard = Motion::default();
    let Some(section) = camera.section("motion") else {
        return standard;
    };
    let enabled = section.boolean("enabled");
    let sensitivity = section.whole_number("sensitivity", 0..=100);
    let area = area(&section);
    let hold = section.duration("hold", Duration::from_millis(500)..=Duration::from_secs(600));
    if enabled == Some(false) && record.motion.is_ever() {
        section.warning(
            "enabled",
            "motion is then recorded only as other programs tell it (POST /api/v1/events)",
        );
    }
    section.finish(|key| match key {
        "pre_alarm" | "post_alarm" | "mode" => Some("[camera.record]"),
        _ => None,
    });
    Motion {
        enabled: enabled.unwrap_or(standard.enabled),
        sensitivity: sensitivity
            .and_then(|n| u8::try_from(n).ok())
            .unwrap_or(standard.sensitivity),
        area: area.unwrap_or_default(),
        hold: hold.unwrap_or(standard.hold),
    }
}

/// Rows of equal length of `.` and `X`.
fn area(section: &Section<'_>) -> Option<Vec<Vec<bool>>> {
    let texts = section.texts("area", AREA)?;
    let rows: Option<Vec<Vec<bool>>> = texts.iter().map(|text| row(section, text)).collect();
    let rows = rows?;
    if rows.len() > MOST_ROWS {
        let seen = rows.len();
        section.problem("area", format!("{seen} rows, expected at most {MOST_ROWS}"));
        return None;
    }
    let columns = rows.first().map_or(0, Vec::len);
    if let Some((text, row)) = texts.iter().zip(&rows).find(|(_, row)| row.len() != columns) {
        let seen = row.len();
        text.problem(
            section.walk,
            format!("{seen} marks, expected {columns} as in the first row"),
        );
        return None;
    }
    if !rows.iter().flatten().any(|mark| *mark) {
        section.problem("area", "no X in it; to look for no motion write enabled = false");
        return None;
    }
    Some(rows)
}

fn row(section: &Section<'_>, text: &Found<Text>) -> Option<Vec<bool>> {
    let marks = text.value.value.chars().map(|mark| match mark {
        'X' | 'x' => Some(true),
        '.' => Some(false),
        _ => None,
    });
    let marks: Option<Vec<bool>> = marks.collect();
    match marks {
        Some(marks) if (1..=MOST_COLUMNS).contains(&marks.len()) => return marks.into(),
        Some(marks) => {
            let seen = marks.len();
            text.problem(section.walk, format!("{seen} marks, expected 1 to {MOST_COLUMNS}"));
        }
        None => {
            let shown = &text.value.shown;
            text.problem(
                section.walk,
                format!("seen {shown:?}, expected X where motion counts, . where not"),
            );
        }
    }
    None
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::Duration;

    use crate::Config;

    fn load(motion: &str) -> Result<(crate::Camera, Vec<String>), String> {
        let text = format!(
            "[[disk]]\nid = \"d1\"\npath = \"/srv/d1\"\n[[camera]]\nid = \"gate\"\nmain.url = \"test://\"\n\
             record.motion = \"always\"\n[camera.motion]\n{motion}"
        );
        let (config, warnings) = Config::parse(&text, &|_| None).map_err(|error| error.to_string())?;
        let warnings = warnings.iter().map(ToString::to_string).collect();
        Ok((config.cameras.into_iter().next().unwrap(), warnings))
    }

    #[test]
    fn what_is_not_said_is_the_default() {
        let (camera, warnings) = load("").unwrap();
        assert_eq!(camera.motion, crate::Motion::default());
        assert!(warnings.is_empty(), "{warnings:?}");
    }

    #[test]
    fn every_key_is_read() {
        let text = "enabled = false\nsensitivity = 80\nhold = \"2s\"\narea = [\"..X\", \".xX\"]";
        let (camera, warnings) = load(text).unwrap();
        let motion = camera.motion;
        assert_eq!(
            (motion.enabled, motion.sensitivity, motion.hold),
            (false, 80, Duration::from_secs(2))
        );
        assert_eq!(motion.area, [[false, false, true], [false, true, true]]);
        assert!(warnings[0].contains("POST /api/v1/events"), "{warnings:?}");
    }

    #[test]
    fn faults_say_where_and_what() {
        for (text, expected) in [
            (
                "sensitivity = 101",
                "sensitivity: 101 is out of bounds, expected 0 to 100",
            ),
            (
                "sensitivity = \"high\"",
                "sensitivity: seen a text, expected a whole number",
            ),
            (
                "area = [\"..X\", \"..\"]",
                "area[1]: 2 marks, expected 3 as in the first row",
            ),
            (
                "area = [\"..0\"]",
                "area[0]: seen \"..0\", expected X where motion counts, . where not",
            ),
            ("area = [\"..\"]", "area: no X in it"),
            ("area = []", "area: no X in it"),
            ("area = [\"\"]", "area[0]: 0 marks, expected 1 to 160"),
            ("area = \"X\"", "area: seen a text, expected a list of rows"),
            ("hold = \"1h\"", "hold: \"1h\" is out of bounds, expected 500ms to 10m"),
            (
                "sensitivty = 5",
                "unknown key \"sensitivty\", did you mean \"sensitivity\"?",
            ),
        ] {
            let error = load(text).unwrap_err();
            assert!(
                error.contains(&format!("motion.{expected}")) || error.contains(expected),
                "{text}: {error}"
            );
        }
    }
}
