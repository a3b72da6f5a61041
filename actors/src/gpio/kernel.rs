//! Lines of this machine, by the kernel's character devices.

use std::{fmt::Display, future::Future, io, path::PathBuf, pin::Pin};

use gpiocdev::{
    Chip, Request,
    line::{EdgeDetection, EdgeKind, Offset, Value},
};
use tokio::io::unix::AsyncFd;
use vigie_config::{Bias, GpioLine, GpioName, Level};

use super::{Driven, Gpio, Watched};

pub(crate) struct Kernel;

impl Gpio for Kernel {
    fn watch(&self, line: &GpioLine, bias: Bias) -> Result<Box<dyn Watched>, String> {
        let offset = find(line)?;
        let mut builder = Request::builder();
        builder.on_chip(&line.chip).with_consumer("vigie").with_line(offset);
        builder.as_input().with_edge_detection(EdgeDetection::BothEdges);
        builder.with_bias(match bias {
            Bias::AsIs => None,
            Bias::PullUp => Some(gpiocdev::line::Bias::PullUp),
            Bias::PullDown => Some(gpiocdev::line::Bias::PullDown),
            Bias::Disabled => Some(gpiocdev::line::Bias::Disabled),
        });
        let request = builder.request().map_err(|error| failed(line, &error))?;
        // Deprecated for descriptors that are closed behind its back; this one it owns.
        #[allow(deprecated)]
        let request = AsyncFd::new(request).map_err(|error| failed(line, &error))?;
        Ok(Box::new(Input {
            line: line.clone(),
            offset,
            request,
        }))
    }

    fn drive(&self, line: &GpioLine, safe: Level) -> Result<Box<dyn Driven>, String> {
        let offset = find(line)?;
        let mut builder = Request::builder();
        builder.on_chip(&line.chip).with_consumer("vigie").with_line(offset);
        builder.as_output(value(safe));
        Ok(Box::new(Output {
            line: line.clone(),
            offset,
            safe,
            request: builder.request().map_err(|error| failed(line, &error))?,
        }))
    }
}

fn failed(line: &GpioLine, error: &dyn Display) -> String {
    format!("{line}: {error}")
}

fn value(level: Level) -> Value {
    match level {
        Level::Low => Value::Inactive,
        Level::High => Value::Active,
    }
}

fn level(value: Value) -> Level {
    match value {
        Value::Inactive => Level::Low,
        Value::Active => Level::High,
    }
}

/// The line's number, if it is there and free.
fn find(line: &GpioLine) -> Result<Offset, String> {
    let path = line.chip.display();
    // Asked first, as it tells best what is wrong.
    if let Err(error) = std::fs::File::options().read(true).write(true).open(&line.chip) {
        return Err(match error.kind() {
            io::ErrorKind::NotFound => format!("{line}: there is no {path}, only {}", those_there()),
            io::ErrorKind::PermissionDenied => {
                format!("{line}: {path} may not be opened: put the user into the group of the device (often gpio)")
            }
            _ => failed(line, &error),
        });
    }
    let chip = Chip::from_path(&line.chip).map_err(|error| failed(line, &error))?;
    let lines = chip.info().map_err(|error| failed(line, &error))?.num_lines;
    let offset = match &line.line {
        GpioName::Offset(offset) if *offset < lines => *offset,
        GpioName::Offset(_) => return Err(format!("{line}: it has {lines} lines, from 0 on")),
        GpioName::Name(name) => {
            let found = chip.find_line_info(name);
            found
                .ok_or_else(|| format!("{line}: none of its {lines} lines is called so"))?
                .offset
        }
    };
    let info = chip.line_info(offset).map_err(|error| failed(line, &error))?;
    match info.used {
        true => Err(format!("{line} is used by {:?}", info.consumer)),
        false => Ok(offset),
    }
}

fn those_there() -> String {
    let chips: Vec<PathBuf> = gpiocdev::chip::chips().unwrap_or_default();
    let names: Vec<String> = chips.iter().map(|chip| chip.display().to_string()).collect();
    match names.is_empty() {
        true => "this machine has no GPIO chips".into(),
        false => names.join(", "),
    }
}

struct Input {
    line: GpioLine,
    offset: Offset,
    request: AsyncFd<Request>,
}

impl Watched for Input {
    fn level(&self) -> Result<Level, String> {
        let value = self.request.get_ref().value(self.offset);
        value.map(level).map_err(|error| failed(&self.line, &error))
    }

    fn edges(&mut self) -> Result<Vec<Level>, String> {
        let request = self.request.get_ref();
        let mut levels = Vec::new();
        let mut read = || -> Result<(), gpiocdev::Error> {
            while request.has_edge_event()? {
                levels.push(match request.read_edge_event()?.kind {
                    EdgeKind::Rising => Level::High,
                    EdgeKind::Falling => Level::Low,
                });
            }
            Ok(())
        };
        read().map_err(|error| failed(&self.line, &error))?;
        Ok(levels)
    }

    fn ready(&mut self) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send + '_>> {
        Box::pin(async move {
            let ready = self.request.readable().await;
            // Cleared before they are read: one that comes meanwhile makes it ready again.
            ready
                .map(|mut ready| ready.clear_ready())
                .map_err(|error| failed(&self.line, &error))
        })
    }
}

struct Output {
    line: GpioLine,
    offset: Offset,
    safe: Level,
    request: Request,
}

impl Driven for Output {
    fn set(&mut self, level: Level) -> Result<(), String> {
        let set = self.request.set_value(self.offset, value(level));
        set.map_err(|error| failed(&self.line, &error))
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if let Err(error) = self.set(self.safe) {
            tracing::error!(error, "a line could not be brought to its safe level");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What every machine has: no such chip, and a file that is none.
    #[test]
    fn a_chip_that_is_none_is_told() {
        let line = |chip: &str| GpioLine {
            chip: chip.into(),
            line: GpioName::Offset(3),
        };
        let missing = Kernel
            .watch(&line("/dev/gpiochip-none"), Bias::AsIs)
            .err()
            .unwrap_or_default();
        assert!(
            missing.starts_with("line 3 of /dev/gpiochip-none: there is no /dev/gpiochip-none, only "),
            "{missing}"
        );
        let none = Kernel.drive(&line("/dev/null"), Level::Low).err().unwrap_or_default();
        assert!(none.starts_with("line 3 of /dev/null: "), "{none}");
    }
}
