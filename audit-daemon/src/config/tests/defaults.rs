//! `default.toml`, the schema and the parser say the same, because all are made from
//! the table of settings.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde_json::Value as Json;
use toml::de::{DeTable, DeValue};

use super::super::table::{Row, Section as _, Shape};
use super::super::{Config, DEFAULT, json_schema};
use super::{Files, pretty_assert};

/// Columns of a line of `default.toml`.
const COLUMNS_MAX: usize = 90;

const HEADER: &str = "\
# Configuration of audit-daemon: every key, with its default.
#
# Read from /etc/audit-daemon/config.toml, then /etc/audit-daemon/conf.d/*.toml in the
# order of their names. A key of a later file replaces an earlier one, lists too; only
# [[watch]] and [[mask.rule]] add up. Write down only what differs: what is left out keeps
# its default, also after an update. `audit-daemon check` says whether a configuration is
# right, `audit-daemon reload` puts it in force and names what waits for a restart.
";

/// `default.toml` as the table of settings has it.
fn rendered() -> String {
    let mut out = HEADER.to_owned();
    for row in Config::default().rows() {
        section(&mut out, row.key, &row);
    }
    out
}

fn section(out: &mut String, path: &str, row: &Row) {
    out.push('\n');
    comment(out, row.doc);
    let (mut values, mut tables) = (Vec::new(), Vec::new());
    for row in rows_of(row) {
        match &row.shape {
            Shape::Table(_) => tables.push(row),
            Shape::Value { value, .. } => values.push((row, value)),
        }
    }
    for (index, (row, value)) in values.into_iter().enumerate() {
        out.push_str(&if index == 0 {
            format!("[{path}]\n")
        } else {
            "\n".to_owned()
        });
        comment(out, row.doc);
        if let Some(value) = value {
            writeln!(out, "{} = {}", row.key, literal(row.key, value)).unwrap();
        }
    }
    for row in tables {
        section(out, &format!("{path}.{}", row.key), row);
    }
}

fn rows_of(row: &Row) -> &[Row] {
    match &row.shape {
        Shape::Table(rows) => rows,
        Shape::Value { .. } => &[],
    }
}

/// Documentation as comment; example code indented instead of fenced.
fn comment(out: &mut String, doc: &str) {
    let mut code = false;
    for line in doc
        .lines()
        .map(|line| line.strip_prefix(' ').unwrap_or(line))
    {
        if line.starts_with("```") {
            code = !code;
            continue;
        }
        let indent = if code { "    " } else { "" };
        writeln!(out, "{}", format!("# {indent}{line}").trim_end()).unwrap();
    }
}

/// JSON is TOML for strings, integers, booleans and arrays of them.
fn literal(key: &str, value: &Json) -> String {
    let whole = value.to_string();
    let Json::Array(items) = value else {
        return whole;
    };
    if key.len() + whole.len() < COLUMNS_MAX {
        return whole;
    }
    let items: String = items.iter().map(|item| format!("    {item},\n")).collect();
    format!("[\n{items}]")
}

#[test]
fn default_toml_is_what_the_table_says() {
    let rendered = rendered();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/config/default.toml");
        return fs::write(path, &rendered).unwrap();
    }
    pretty_assert(DEFAULT, &rendered);
    for line in DEFAULT.lines() {
        assert!(line.chars().count() <= COLUMNS_MAX, "too long: {line}");
    }
}

#[test]
fn default_toml_changes_nothing() {
    assert_eq!(Files::main(DEFAULT).config(), Config::default());
}

#[test]
fn default_toml_sets_every_key_that_has_a_value() {
    let table = DeTable::parse(DEFAULT).unwrap();
    let (rows, mut keys) = (Config::default().rows(), 0);
    compare(&rows, table.get_ref(), &mut keys);
    assert_eq!(keys, 62, "keys in default.toml");
}

fn compare(rows: &[Row], table: &DeTable<'_>, keys: &mut usize) {
    let has_line = |row: &&Row| !matches!(row.shape, Shape::Value { value: None, .. });
    let expect: Vec<&str> = rows.iter().filter(has_line).map(|row| row.key).collect();
    let mut found: Vec<&str> = table.keys().map(|key| key.get_ref().as_ref()).collect();
    found.sort_by_key(|key| expect.iter().position(|other| other == key));
    assert_eq!(found, expect);
    for row in rows.iter().filter(has_line) {
        match table[row.key].get_ref() {
            DeValue::Table(table) => compare(rows_of(row), table, keys),
            _ => *keys += 1,
        }
    }
}

/// The keys of a schema and of rows are the same, all the way down.
fn same_keys(schema: &Json, rows: &[Row], path: &str) {
    let properties = schema["properties"].as_object().unwrap();
    let mut expect: Vec<&str> = rows.iter().map(|row| row.key).collect();
    let mut found: Vec<&str> = properties.keys().map(String::as_str).collect();
    expect.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, expect, "keys of [{path}]");
    assert_eq!(
        schema["additionalProperties"],
        Json::Bool(false),
        "[{path}]"
    );
    for row in rows {
        let property = &properties[row.key];
        assert!(
            property["description"]
                .as_str()
                .is_some_and(|text| !text.is_empty())
        );
        let path = format!("{path}.{}", row.key);
        match &row.shape {
            Shape::Table(rows) => same_keys(property, rows, &path),
            Shape::Value { value, .. } => {
                assert_eq!(property.get("default"), value.as_ref(), "{path}");
            }
        }
    }
}

#[test]
fn the_schema_has_the_keys_and_defaults_of_the_table() {
    let schema = json_schema();
    assert_eq!(
        schema["$schema"],
        "https://json-schema.org/draft/2020-12/schema"
    );
    same_keys(&schema, &Config::default().rows(), "");
    let rule = &schema["properties"]["mask"]["properties"]["rule"]["items"];
    same_keys(rule, &super::super::MaskRule::default().rows(), "mask.rule");
    let watch = &schema["properties"]["watch"]["items"];
    same_keys(watch, &super::super::Watch::default().rows(), "watch");
}

/// The bodies of all blocks fenced as `toml`, with what stands before each line taken off.
fn toml_blocks(text: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut open: Option<String> = None;
    for line in text.lines() {
        match (&mut open, line.trim()) {
            (None, "```toml") => open = Some(String::new()),
            (Some(_), "```") => blocks.extend(open.take()),
            (Some(block), _) => {
                block.push_str(line);
                block.push('\n');
            }
            (None, _) => {}
        }
    }
    assert!(open.is_none(), "a block is not closed");
    blocks
}

#[test]
fn every_example_in_the_documentation_is_right() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let docs = fs::read_dir(root.join("docs")).into_iter().flatten();
    let pages = docs
        .map(|entry| entry.unwrap().path())
        .chain([root.join("README.md")]);
    for page in pages.filter(|page| page.extension().is_some_and(|ext| ext == "md")) {
        let Ok(text) = fs::read_to_string(&page) else {
            continue;
        };
        for block in toml_blocks(&text) {
            let loaded = Files::main(&block).load();
            assert!(
                loaded.is_ok(),
                "{}:\n{block}\n{}",
                page.display(),
                loaded.unwrap_err()
            );
        }
    }
}

#[test]
fn the_examples_inside_default_toml_are_right() {
    let example: String = DEFAULT
        .lines()
        .filter_map(|line| line.strip_prefix("#     "))
        .map(|line| format!("{line}\n"))
        .collect();
    let config = Files::main(&example).config();
    assert_eq!(config.mask.rule.len(), 1);
    let rule = &config.mask.rule[0];
    assert_eq!(rule.name, "acme-token");
    assert_eq!(rule.options, ["--acme-token", "-T"]);
    assert_eq!(rule.programs, ["acme", "acmectl"]);
    assert_eq!(rule.variables, ["ACME_*_TOKEN"]);
    assert_eq!(rule.pattern.as_deref(), Some("acme_([0-9a-f]{32})"));
    assert_eq!(config.watch.len(), 1);
    assert_eq!(config.watch[0].name, "payroll");
}

#[test]
fn blocks_are_found_in_a_page() {
    let page = "a\n```toml\n[log]\ndir = \"/l\"\n```\n```sh\nls\n```\n```toml\n```\n";
    assert_eq!(toml_blocks(page), ["[log]\ndir = \"/l\"\n", ""]);
}
