//! Kinds of values that only watches have: lists that may not be empty, tables of labels.
//!
//! OWNS: reading and describing them. MUST NOT: name any setting.

use std::collections::HashSet;

use serde_json::{Map, Value as Json, json};
use toml::de::DeValue;

use crate::config::escape::inline;
use crate::config::reader::{At, Node};
use crate::config::settings::check_label;
use crate::config::table::Scalar;

/// As many as `labels` in `[records]` may have.
const LABELS_MAX: usize = 32;

/// A list of different values that has at least one.
#[derive(Debug)]
pub(super) struct Filled<S> {
    pub item: S,
    pub items_max: usize,
}

impl<S: Scalar> Scalar for Filled<S> {
    type Value = Vec<S::Value>;

    fn read(&self, node: &Node<'_>, at: &mut At<'_, '_>) -> Option<Vec<S::Value>> {
        let DeValue::Array(items) = node.get_ref() else {
            at.wrong_type(node, "an array of strings", "expected [\"…\", \"…\"]");
            return None;
        };
        if items.is_empty() {
            at.refuse(node.span(), "is empty", "name at least one");
            return None;
        }
        if items.len() > self.items_max {
            let label = format!("expected at most {}, found {}", self.items_max, items.len());
            at.refuse(node.span(), "has too many entries", label);
            return None;
        }
        let mut seen = HashSet::new();
        let mut list = Vec::with_capacity(items.len());
        for item in items.iter() {
            if let Some(text) = item.get_ref().as_str()
                && !seen.insert(text)
            {
                at.refuse(item.span(), "names this twice", "take one of them out");
                continue;
            }
            list.extend(self.item.read(item, at));
        }
        (list.len() == items.len()).then_some(list)
    }

    fn literal(&self, value: &Vec<S::Value>) -> Json {
        value.iter().map(|one| self.item.literal(one)).collect()
    }

    fn schema(&self) -> Json {
        json!({
            "type": "array",
            "items": self.item.schema(),
            "minItems": 1,
            "maxItems": self.items_max,
            "uniqueItems": true,
        })
    }
}

/// `{ key = "value" }`, kept as `key:value` like `labels` in `[records]`.
#[derive(Debug)]
pub(super) struct Labels;

impl Scalar for Labels {
    type Value = Vec<String>;

    fn read(&self, node: &Node<'_>, at: &mut At<'_, '_>) -> Option<Vec<String>> {
        let DeValue::Table(table) = node.get_ref() else {
            at.wrong_type(node, "a table of labels", "expected { env = \"prod\" }");
            return None;
        };
        if table.len() > LABELS_MAX {
            let label = format!("expected at most {LABELS_MAX}, found {}", table.len());
            at.refuse(node.span(), "has too many entries", label);
            return None;
        }
        let mut labels = Vec::with_capacity(table.len());
        for (key, value) in table.iter() {
            let Some(text) = value.get_ref().as_str() else {
                at.wrong_type(value, "a table of strings", "expected a string in quotes");
                continue;
            };
            let label = format!("{}:{text}", key.get_ref());
            let fault = match key.get_ref().contains(':') {
                true => Err("expected a key of letters, digits, `_`, `.`, `-`".to_owned()),
                false => check_label(&label),
            };
            match fault {
                Ok(()) => labels.push(label),
                Err(expected) => {
                    let what = format!("cannot have \"{}\"", inline(&label));
                    at.refuse(key.span().start..value.span().end, &what, expected);
                }
            }
        }
        labels.sort_unstable();
        (labels.len() == table.len()).then_some(labels)
    }

    fn literal(&self, value: &Vec<String>) -> Json {
        let pairs = value.iter().filter_map(|label| label.split_once(':'));
        let table: Map<String, Json> = pairs
            .map(|(key, value)| (key.to_owned(), json!(value)))
            .collect();
        Json::Object(table)
    }

    fn schema(&self) -> Json {
        json!({
            "type": "object",
            "propertyNames": { "pattern": "^(?!watch$)[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$" },
            "additionalProperties": { "type": "string", "pattern": r"^[^\u0000-\u001f]{1,128}$" },
            "maxProperties": LABELS_MAX,
        })
    }
}
