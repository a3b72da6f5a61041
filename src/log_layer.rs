//! From `tracing` to the lines that are kept in memory.

use std::{collections::BTreeMap, fmt, sync::Arc};

use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{Layer, layer::Context};
use vigie_actors::log::{Level, Log, Told};
use vigie_config::Utc;

pub struct LogLayer(pub Arc<Log>);

impl<S: Subscriber> Layer<S> for LogLayer {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut words = Words::default();
        event.record(&mut words);
        let metadata = event.metadata();
        self.0.tell(Told {
            at: Utc::now(),
            level: match *metadata.level() {
                tracing::Level::ERROR => Level::Error,
                tracing::Level::WARN => Level::Warn,
                tracing::Level::INFO => Level::Info,
                tracing::Level::DEBUG => Level::Debug,
                tracing::Level::TRACE => Level::Trace,
            },
            target: metadata.target().to_owned(),
            text: words.text,
            fields: words.fields,
        });
    }
}

#[derive(Default)]
struct Words {
    text: String,
    fields: BTreeMap<String, String>,
}

impl Visit for Words {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => self.text = value.to_owned(),
            name => drop(self.fields.insert(name.to_owned(), value.to_owned())),
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}
