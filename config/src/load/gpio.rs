//! The keys of a GPIO line, of inputs and of outputs.

use super::{absolute_path, section::Section};
use crate::{Bias, GpioLine, GpioName, Level};

pub fn line(section: &Section<'_>) -> Option<GpioLine> {
    const CHIP: &str = "the path of a chip such as \"/dev/gpiochip0\"";
    const LINE: &str = "a line: its number such as 17, or its name such as \"GPIO17\"";
    let (has_chip, has_line) = (section.require("chip", CHIP), section.require("line", LINE));
    let chip = section.text("chip", CHIP);
    let chip = chip.and_then(|text| absolute_path(section.walk, &text));
    let name = section.text_or_number("line", LINE);
    if !has_chip || !has_line {
        return None;
    }
    let name = name?;
    let text = name.value.value.trim();
    // The kernel's names have 31 bytes at most.
    let fits = (1..=31).contains(&text.len()) && !text.starts_with('-') && !text.chars().any(char::is_control);
    if !fits {
        name.problem(section.walk, format!("seen {:?}, expected {LINE}", name.value.shown));
        return None;
    }
    let line = match text.parse() {
        Ok(offset) => GpioName::Offset(offset),
        Err(_) => GpioName::Name(text.to_owned()),
    };
    Some(GpioLine { chip: chip?, line })
}

pub fn bias(section: &Section<'_>) -> Option<Bias> {
    let words = [
        ("as_is", Bias::AsIs),
        ("pull_up", Bias::PullUp),
        ("pull_down", Bias::PullDown),
        ("disabled", Bias::Disabled),
    ];
    word(section, "bias", &words, Bias::AsIs)
}

pub fn level(section: &Section<'_>, key: &'static str, standard: Level) -> Option<Level> {
    word(section, key, &[("low", Level::Low), ("high", Level::High)], standard)
}

fn word<T: Copy>(section: &Section<'_>, key: &'static str, words: &[(&str, T)], standard: T) -> Option<T> {
    let names: Vec<String> = words.iter().map(|(name, _)| format!("{name:?}")).collect();
    let expected = format!("one of {}", names.join(", "));
    let Some(text) = section.text(key, &expected) else {
        return (!section.has(key)).then_some(standard);
    };
    let found = words.iter().find(|(name, _)| *name == text.value.value);
    if found.is_none() {
        text.problem(
            section.walk,
            format!("seen {:?}, expected {expected}", text.value.shown),
        );
    }
    found.map(|(_, word)| *word)
}
