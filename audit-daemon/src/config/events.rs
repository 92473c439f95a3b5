//! `[events.<name>]`: for each event whether it is recorded and must be had.
//!
//! OWNS: the table of event names with their defaults. MUST NOT: know how an event is
//! hooked; the hook table finds its row's settings here by name.

use std::marker::PhantomData;

use super::reader::{At, Node};
use super::scalar::{Flag, OneOf};
use super::table::{Kind as _, Nested, Row, Section, choices};

choices! {
    /// What happens where the kernel does not offer an event.
    pub enum Required {
        /// The daemon does not start.
        Always = "always",
        /// The daemon starts, and records that it does not see the event.
        IfAvailable = "if-available",
    }
}

/// One row of the table: an event and its defaults.
struct EventDefaults {
    name: &'static str,
    about: &'static str,
    /// None where there is nothing to record: the event only feeds a table.
    record: Option<bool>,
    required: Required,
}

const EVENTS: &[EventDefaults] = &[
    EventDefaults {
        name: "exec",
        about: " A program was started.\n",
        record: Some(true),
        required: Required::Always,
    },
    EventDefaults {
        name: "exec_failed",
        about: " A program could not be started: denied, missing, not executable.\n",
        record: Some(true),
        required: Required::IfAvailable,
    },
    EventDefaults {
        name: "fork",
        about: " A process was made. The process table needs it, recorded or not.\n",
        record: Some(false),
        required: Required::Always,
    },
    EventDefaults {
        name: "exit",
        about: " A process ended. The process table needs it, recorded or not.\n",
        record: Some(false),
        required: Required::Always,
    },
    EventDefaults {
        name: "file",
        about: " A watched file was touched: see [[watch]].\n",
        record: Some(true),
        required: Required::IfAvailable,
    },
    EventDefaults {
        name: "network",
        about: " A socket was connected, bound, listened on, or sent to a new peer: see [network].\n",
        record: Some(true),
        required: Required::IfAvailable,
    },
    EventDefaults {
        name: "privilege",
        about: " What a process may do was changed, or it reached into another process or the kernel:\n see [privilege].\n",
        record: Some(true),
        required: Required::IfAvailable,
    },
    EventDefaults {
        name: "cgroup",
        about: " A control group was made or removed. Containers are told apart by it.\n",
        record: None,
        required: Required::IfAvailable,
    },
];

/// The settings of one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its name in configurations, hooks and records.
    pub name: &'static str,
    /// Write a record for each? Never true for an event that only feeds a table.
    pub record: bool,
    /// What if the kernel does not offer it?
    pub required: Required,
    about: &'static str,
    recordable: bool,
}

/// The settings of all events, in the order of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Events(Vec<Event>);

impl Events {
    /// The settings of the event called `name`.
    pub fn get(&self, name: &str) -> Option<&Event> {
        self.0.iter().find(|event| event.name == name)
    }

    pub fn is_recorded(&self, name: &str) -> bool {
        self.get(name).is_some_and(|event| event.record)
    }

    #[cfg(test)]
    pub fn record_none(&mut self) {
        self.0.iter_mut().for_each(|event| event.record = false);
    }

    /// All events.
    pub fn iter(&self) -> impl Iterator<Item = &Event> {
        self.0.iter()
    }
}

impl Default for Events {
    fn default() -> Self {
        let event = |defaults: &EventDefaults| Event {
            name: defaults.name,
            record: defaults.record.unwrap_or(false),
            required: defaults.required,
            about: defaults.about,
            recordable: defaults.record.is_some(),
        };
        Self(EVENTS.iter().map(event).collect())
    }
}

impl Section for Events {
    fn set(&mut self, key: &str, node: &Node<'_>, at: &mut At<'_, '_>) -> bool {
        let Some(event) = self.0.iter_mut().find(|event| event.name == key) else {
            return false;
        };
        Nested(PhantomData).apply(event, node, at);
        true
    }

    fn rows(&self) -> Vec<Row> {
        let row = |event: &Event| Row {
            key: event.name,
            doc: event.about,
            shape: Nested(PhantomData).shape(event),
        };
        self.0.iter().map(row).collect()
    }

    fn noun(&self) -> &'static str {
        "event"
    }

    fn keys(&self) -> Vec<&'static str> {
        self.0.iter().map(|event| event.name).collect()
    }
}

impl Section for Event {
    fn set(&mut self, key: &str, node: &Node<'_>, at: &mut At<'_, '_>) -> bool {
        match key {
            "record" if self.recordable => Flag.apply(&mut self.record, node, at),
            "required" => OneOf(PhantomData).apply(&mut self.required, node, at),
            _ => return false,
        }
        true
    }

    fn rows(&self) -> Vec<Row> {
        let record = Row {
            key: "record",
            doc: " Write a record for each.\n",
            shape: Flag.shape(&self.record),
        };
        let required = Row {
            key: "required",
            doc: " \"always\" or \"if-available\".\n",
            shape: OneOf(PhantomData).shape(&self.required),
        };
        if self.recordable {
            vec![record, required]
        } else {
            vec![required]
        }
    }

    fn noun(&self) -> &'static str {
        "key"
    }

    fn keys(&self) -> Vec<&'static str> {
        if self.recordable {
            vec!["record", "required"]
        } else {
            vec!["required"]
        }
    }
}
