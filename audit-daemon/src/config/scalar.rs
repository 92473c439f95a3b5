//! Kinds of plain values: true or false, integers, words from a list.
//!
//! OWNS: reading and describing them. MUST NOT: name any setting.

use std::marker::PhantomData;

use serde_json::{Value as Json, json};
use toml::de::DeValue;

use super::escape::inline;
use super::nearest::nearest;
use super::reader::{At, Node};
use super::table::Scalar;

/// `true` or `false`.
#[derive(Debug)]
pub(super) struct Flag;

impl Scalar for Flag {
    type Value = bool;

    fn read(&self, node: &Node<'_>, at: &mut At<'_, '_>) -> Option<bool> {
        match node.get_ref() {
            DeValue::Boolean(value) => return Some(*value),
            DeValue::String(word) if matches!(word.as_ref(), "true" | "false") => {
                at.wrong_type(node, "true or false", "write it without quotes");
            }
            _ => at.wrong_type(node, "true or false", "expected true or false"),
        }
        None
    }

    fn literal(&self, value: &bool) -> Json {
        json!(value)
    }

    fn schema(&self) -> Json {
        json!({ "type": "boolean" })
    }
}

/// An integer of a range, its ends included.
#[derive(Debug)]
pub(super) struct Integer {
    pub min: u32,
    pub max: u32,
}

impl Scalar for Integer {
    type Value = u32;

    fn read(&self, node: &Node<'_>, at: &mut At<'_, '_>) -> Option<u32> {
        let Self { min, max } = *self;
        let expected = format!("expected an integer from {min} to {max}");
        let DeValue::Integer(digits) = node.get_ref() else {
            at.wrong_type(node, "an integer", expected);
            return None;
        };
        let value = i128::from_str_radix(digits.as_str(), digits.radix());
        let what = match value {
            Ok(value) if value < min.into() => "is too small",
            Ok(value) => match u32::try_from(value) {
                Ok(value) if value <= max => return Some(value),
                _ => "is too large",
            },
            // Only the length of a literal can make it unreadable.
            Err(_) => "is out of range",
        };
        at.refuse(node.span(), what, expected);
        None
    }

    fn literal(&self, value: &u32) -> Json {
        json!(value)
    }

    fn schema(&self) -> Json {
        json!({ "type": "integer", "minimum": self.min, "maximum": self.max })
    }
}

/// An enumeration made by `choices!`.
pub(super) trait Choice: Copy + 'static {
    const ALL: &'static [(&'static str, Self)];
    fn word(self) -> &'static str;
}

/// A word that stands for one value of an enumeration.
#[derive(Debug)]
pub(super) struct OneOf<C>(pub PhantomData<C>);

impl<C: Choice> Scalar for OneOf<C> {
    type Value = C;

    fn read(&self, node: &Node<'_>, at: &mut At<'_, '_>) -> Option<C> {
        let words = || C::ALL.iter().map(|(word, _)| *word);
        let quoted: Vec<String> = words().map(|word| format!("\"{word}\"")).collect();
        let expected = format!("expected {}", quoted.join(" or "));
        let DeValue::String(text) = node.get_ref() else {
            at.wrong_type(node, "a string", expected);
            return None;
        };
        let found = C::ALL.iter().find(|(word, _)| word == text);
        if found.is_none() {
            let label = match nearest(text, words()) {
                Some(near) => format!("did you mean \"{near}\"?"),
                None => expected,
            };
            at.refuse(
                node.span(),
                &format!("cannot be \"{}\"", inline(text)),
                label,
            );
        }
        found.map(|(_, value)| *value)
    }

    fn literal(&self, value: &C) -> Json {
        json!(value.word())
    }

    fn schema(&self) -> Json {
        let words: Vec<&str> = C::ALL.iter().map(|(word, _)| *word).collect();
        json!({ "enum": words })
    }
}
