//! Which settings two configurations do not agree on.
//!
//! OWNS: comparing by the table of settings, so that a key added there is compared here. MUST NOT:
//! name any setting, or know what becomes of a difference.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::settings::Config;
use super::table::{Row, Section as _, Shape};

/// Dotted names of the settings that differ, in the order of their bytes: `log.cap`,
/// `events.exec.record`. Lists of tables are one setting each: `watch`, `mask.rule`.
pub fn differences(old: &Config, new: &Config) -> Vec<String> {
    let (old_values, new_values) = (values(old), values(new));
    // Both have the same keys: those of the table.
    let differ = |key: &&String| old_values.get(*key) != new_values.get(*key);
    let mut keys: Vec<String> = new_values.keys().filter(differ).cloned().collect();
    // What the table cannot write as one value.
    keys.extend((old.watch != new.watch).then(|| "watch".to_owned()));
    keys.extend((old.mask.rule != new.mask.rule).then(|| "mask.rule".to_owned()));
    keys.sort_unstable();
    keys.dedup();
    keys
}

fn values(config: &Config) -> BTreeMap<String, Option<Json>> {
    let mut values = BTreeMap::new();
    gather("", config.rows(), &mut values);
    values
}

fn gather(above: &str, rows: Vec<Row>, values: &mut BTreeMap<String, Option<Json>>) {
    for Row { key, shape, .. } in rows {
        let path = match above {
            "" => key.to_owned(),
            above => format!("{above}.{key}"),
        };
        match shape {
            Shape::Table(rows) => gather(&path, rows, values),
            Shape::Value { value, .. } => {
                values.insert(path, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{MaskRule, Watch};

    #[test]
    fn nothing_differs_from_itself() {
        let config = Config::default();
        assert_eq!(differences(&config, &config), Vec::<String>::new());
    }

    #[test]
    fn each_setting_is_compared_by_its_name() {
        let old = Config::default();
        let mut new = Config::default();
        new.log.dir = "/elsewhere".into();
        new.kernel.ring_bulk *= 2;
        new.records.labels.push("env:prod".to_owned());
        new.watch.push(Watch::default());
        new.mask.rule.push(MaskRule::default());
        let expected = [
            "kernel.ring_bulk",
            "log.dir",
            "mask.rule",
            "records.labels",
            "watch",
        ];
        assert_eq!(differences(&old, &new), expected);
        assert_eq!(differences(&new, &old), expected);
    }

    /// A kind whose values the table cannot write must be compared by hand, above.
    #[test]
    fn only_lists_of_tables_have_no_value_in_the_table() {
        let values = values(&Config::default());
        let without: Vec<&str> = values
            .iter()
            .filter(|(_, value)| value.is_none())
            .map(|(key, _)| key.as_str())
            .collect();
        assert_eq!(without, ["mask.rule", "watch"]);
    }
}
