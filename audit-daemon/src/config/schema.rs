//! The JSON Schema of the configuration, for editors and fleet tooling.
//!
//! OWNS: turning rows into a schema (draft 2020-12). MUST NOT: name any setting.
//!
//! A schema cannot say everything: bounds of values with units, unique rule names and
//! what two keys must agree on are only checked by the daemon (`audit-daemon check`).

use serde_json::{Map, Value as Json, json};

use super::settings::Config;
use super::table::{Row, Section as _, Shape};

/// The whole schema.
pub fn json_schema() -> Json {
    let mut schema = of_rows(Config::default().rows());
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!("audit-daemon configuration");
    schema
}

/// The schema of a table: its keys and no others.
pub(super) fn of_rows(rows: Vec<Row>) -> Json {
    let mut properties = Map::new();
    for row in rows {
        let mut schema = match row.shape {
            Shape::Table(rows) => of_rows(rows),
            Shape::Value { mut schema, value } => {
                if let Some(value) = value {
                    schema["default"] = value;
                }
                schema
            }
        };
        let lines: Vec<&str> = row.doc.lines().map(str::trim).collect();
        schema["description"] = json!(lines.join("\n").trim());
        properties.insert(row.key.to_owned(), schema);
    }
    json!({ "type": "object", "properties": properties, "additionalProperties": false })
}
