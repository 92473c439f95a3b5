//! `[[mask.rule]]`: masking rules of the operator, as they were written.
//!
//! OWNS: their fields, bounds, and the appending of several files' rules.
//! MUST NOT: decide what a rule masks, nor compile a pattern: that is the masking
//! stage, which refuses a rule through [`super::Loaded::refuse`].
//!
//! Invariant: rules keep the order of the files, and no two have the same name.

use serde_json::json;
use toml::de::{DeTable, DeValue};

use super::reader::{At, Node, apply};
use super::table::{Kind, Scalar, Section as _, Shape, settings};
use super::text::{Text, TextList};

/// Each rule is tried on each command line, so their number is a cost.
const RULES_MAX: usize = 256;

/// Options, programs or variables of one rule.
const WORDS_MAX: usize = 64;

/// One of them: longer than any real option or program name.
const WORD_BYTES_MAX: usize = 255;

/// A longer pattern belongs into several rules.
const PATTERN_BYTES_MAX: usize = 4_096;

/// The name goes into each record that the rule touched.
const NAME_BYTES_MAX: usize = 64;

const NAME: Text = Text {
    check: check_name,
    pattern: "^[a-z0-9-]{1,64}$",
};

/// A list of names of rules, at most as many as there can be.
pub(super) const RULE_NAMES: TextList = TextList {
    item: NAME,
    items_max: RULES_MAX,
};

const WORDS: TextList = TextList {
    item: Text {
        check: check_word,
        pattern: "^[^\\u0000]+$",
    },
    items_max: WORDS_MAX,
};
const PATTERN: OptionalText = OptionalText(Text {
    check: check_pattern,
    pattern: ".",
});

settings! {
    /// A rule of the operator for what is a secret.
    pub struct MaskRule as "key" {
        /// The name that marks what this rule masked. Required, and unique.
        name: String = NAME => String::new(),
        /// Options whose value is a secret, as they are typed: "--api-token", "-T".
        options: Vec<String> = WORDS => Vec::new(),
        /// Only in command lines of these programs, by file name without directory; empty: all.
        programs: Vec<String> = WORDS => Vec::new(),
        /// Variables, keys and parameters whose value is a secret; `*` stands for any characters.
        variables: Vec<String> = WORDS => Vec::new(),
        /// A regular expression whose only capture group is the secret, for each argument.
        pattern: Option<String> = PATTERN => None,
    }
}

/// `[[mask.rule]]`, appended over all files.
#[derive(Debug)]
pub(super) struct Rules;

impl Kind for Rules {
    type Value = Vec<MaskRule>;

    fn apply(&self, rules: &mut Vec<MaskRule>, node: &Node<'_>, at: &mut At<'_, '_>) {
        let items = match node.get_ref() {
            DeValue::Array(items) => items,
            DeValue::Table(_) => {
                at.refuse(node.span(), "is an array of tables", "write [[mask.rule]]");
                return;
            }
            _ => return at.wrong_type(node, "an array of tables", "write [[mask.rule]]"),
        };
        for item in items.iter() {
            let DeValue::Table(table) = item.get_ref() else {
                at.wrong_type(item, "an array of tables", "expected a table with a name");
                continue;
            };
            if rules.len() == RULES_MAX {
                at.refuse(
                    item.span(),
                    &format!("stands more than {RULES_MAX} times"),
                    "one too many",
                );
                return;
            }
            rules.push(read_rule(rules, table, item, at));
        }
    }

    fn shape(&self, _rules: &Vec<MaskRule>) -> Shape {
        let mut item = super::schema::of_rows(MaskRule::default().rows());
        item["required"] = json!(["name"]);
        item["anyOf"] = json!([
            { "required": ["options"] }, { "required": ["variables"] }, { "required": ["pattern"] },
        ]);
        let schema = json!({ "type": "array", "items": item, "maxItems": RULES_MAX });
        Shape::Value {
            schema,
            value: None,
        }
    }
}

/// One rule. A faulty one is returned as far as it could be read: its fault is kept
/// and refuses the whole configuration.
fn read_rule(
    earlier: &[MaskRule],
    table: &DeTable<'_>,
    node: &Node<'_>,
    at: &mut At<'_, '_>,
) -> MaskRule {
    let mut rule = MaskRule::default();
    let mut at = at.inside(Some(earlier.len()));
    if let Some(name) = table.get("name").and_then(|name| name.get_ref().as_str()) {
        at.call(name);
    } else if !table.contains_key("name") {
        at.refuse_table(
            node.span(),
            "has no name",
            "add name = \"…\", it marks what was masked",
        );
    }
    at.keep_table_origin(&node.span());
    apply(&mut rule, table, &mut at);
    if !rule.name.is_empty() && earlier.iter().any(|other| other.name == rule.name) {
        at.refuse_table(
            node.span(),
            "stands twice",
            "give each rule a name of its own",
        );
    }
    // A value of the wrong type has its own fault and is not missing.
    let given = |key: &str| match table.get(key).map(|node| node.get_ref()) {
        Some(DeValue::Array(items)) => !items.is_empty(),
        other => other.is_some(),
    };
    if !["options", "variables", "pattern"].into_iter().any(given) {
        at.refuse_table(
            node.span(),
            "masks nothing",
            "add options, variables or a pattern",
        );
    }
    rule
}

/// A string that may be absent.
#[derive(Debug)]
struct OptionalText(Text);

impl Kind for OptionalText {
    type Value = Option<String>;

    fn apply(&self, target: &mut Option<String>, node: &Node<'_>, at: &mut At<'_, '_>) {
        *target = self.0.read(node, at);
    }

    fn shape(&self, value: &Option<String>) -> Shape {
        let value = value.as_ref().map(|text| self.0.literal(text));
        Shape::Value {
            schema: self.0.schema(),
            value,
        }
    }
}

fn check_name(name: &str) -> Result<(), String> {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if (1..=NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(fits) {
        return Ok(());
    }
    Err(format!("expected 1 to {NAME_BYTES_MAX} of a-z, 0-9 and -"))
}

fn check_word(word: &str) -> Result<(), String> {
    if (1..=WORD_BYTES_MAX).contains(&word.len()) && !word.contains('\0') {
        return Ok(());
    }
    Err(format!("expected 1 to {WORD_BYTES_MAX} bytes without NUL"))
}

fn check_pattern(pattern: &str) -> Result<(), String> {
    if (1..=PATTERN_BYTES_MAX).contains(&pattern.len()) {
        return Ok(());
    }
    Err(format!(
        "expected a regular expression of 1 to {PATTERN_BYTES_MAX} bytes"
    ))
}
