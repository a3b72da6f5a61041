//! One line of a GPIO chip.
//!
//! Belongs here: the validated values. Does not belong here: asking the kernel for it.

use std::{fmt, path::PathBuf};

/// Prints as `line 17 of /dev/gpiochip0`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GpioLine {
    pub chip: PathBuf,
    pub line: GpioName,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GpioName {
    Offset(u32),
    /// As the device tree calls it.
    Name(String),
}

impl fmt::Display for GpioLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let chip = self.chip.display();
        match &self.line {
            GpioName::Offset(offset) => write!(f, "line {offset} of {chip}"),
            GpioName::Name(name) => write!(f, "line {name:?} of {chip}"),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    Low,
    High,
}

/// The chip's own resistor at a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bias {
    /// As the system set it up.
    AsIs,
    PullUp,
    PullDown,
    Disabled,
}
