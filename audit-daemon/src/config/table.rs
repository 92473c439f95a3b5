//! The shape of the table of settings: sections, keys, and the kinds of values.
//!
//! OWNS: the traits that tie a key's reading, writing and description together, and
//! the macro that makes a struct, its defaults and its rows from one declaration.
//! MUST NOT: name any setting.
//!
//! Invariant: a key exists once, in `settings.rs`. The parser, the suggestions, the
//! JSON Schema and `default.toml` are all read from that declaration.

use std::marker::PhantomData;

use serde_json::{Value as Json, json};
use toml::de::DeValue;

use super::reader::{At, Node, apply};

/// A TOML table with a fixed set of keys.
pub(super) trait Section {
    /// Reads `node` into the field of `key`; false if there is no such key.
    fn set(&mut self, key: &str, node: &Node<'_>, at: &mut At<'_, '_>) -> bool;

    /// All keys with what is known of them, the present values as defaults.
    fn rows(&self) -> Vec<Row>;

    /// What a key of this table is called in messages.
    fn noun(&self) -> &'static str;

    /// All keys.
    fn keys(&self) -> Vec<&'static str>;
}

/// What is known of one key.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub key: &'static str,
    /// Its documentation, as the lines of a doc comment.
    pub doc: &'static str,
    pub shape: Shape,
}

/// What a value looks like.
#[derive(Debug, Clone)]
pub(super) enum Shape {
    /// A table with these keys.
    Table(Vec<Row>),
    /// Anything else: its JSON Schema without documentation, and the present value as
    /// TOML and JSON have it, if there is one.
    Value { schema: Json, value: Option<Json> },
}

/// How the values of a key are read, written and described.
pub(super) trait Kind {
    type Value;

    /// Reads `node` into `target`, or says through `at` why not.
    fn apply(&self, target: &mut Self::Value, node: &Node<'_>, at: &mut At<'_, '_>);

    /// What [`Kind::apply`] takes, with `value` as the present one.
    fn shape(&self, value: &Self::Value) -> Shape;
}

/// A kind whose values do not depend on what stood there before.
pub(super) trait Scalar {
    type Value;

    /// The value of `node`, or None once `at` was told why not.
    fn read(&self, node: &Node<'_>, at: &mut At<'_, '_>) -> Option<Self::Value>;

    /// `value` as it stands in TOML.
    fn literal(&self, value: &Self::Value) -> Json;

    /// JSON Schema of what [`Scalar::read`] takes.
    fn schema(&self) -> Json;
}

impl<S: Scalar> Kind for S {
    type Value = S::Value;

    fn apply(&self, target: &mut S::Value, node: &Node<'_>, at: &mut At<'_, '_>) {
        if let Some(value) = self.read(node, at) {
            *target = value;
        }
    }

    fn shape(&self, value: &S::Value) -> Shape {
        Shape::Value {
            schema: self.schema(),
            value: Some(self.literal(value)),
        }
    }
}

/// A section inside another table.
#[derive(Debug)]
pub(super) struct Nested<S>(pub PhantomData<S>);

impl<S: Section> Kind for Nested<S> {
    type Value = S;

    fn apply(&self, target: &mut S, node: &Node<'_>, at: &mut At<'_, '_>) {
        match node.get_ref() {
            DeValue::Table(table) => apply(target, table, &mut at.inside(None)),
            DeValue::Array(items) if items.iter().any(|item| item.get_ref().is_table()) => {
                at.refuse(
                    node.span(),
                    "is a table, not an array of tables",
                    "use single brackets",
                );
            }
            _ => at.wrong_type(node, "a table", "expected a table with its keys"),
        }
    }

    fn shape(&self, value: &S) -> Shape {
        Shape::Table(value.rows())
    }
}

/// Schema of a string that matches `pattern`.
pub(super) fn string_schema(pattern: &str) -> Json {
    json!({ "type": "string", "pattern": pattern })
}

/// Declares a section: a struct, its defaults, and its [`Section`].
///
/// ```text
/// settings! {
///     /// What the section is about.
///     pub struct Log as "key" {
///         /// What the key does.
///         dir: PathBuf = KIND => default,
///     }
/// }
/// ```
macro_rules! settings {
    (
        $(#[doc = $about:literal])+
        pub struct $Name:ident as $noun:literal {
            $( $(#[doc = $doc:literal])+ $key:ident: $Type:ty = $kind:expr => $default:expr, )+
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $Name {
            $( $(#[doc = $doc])+ pub $key: $Type, )+
        }

        impl Default for $Name {
            fn default() -> Self {
                Self { $( $key: $default, )+ }
            }
        }

        impl $crate::config::table::Section for $Name {
            fn set(
                &mut self,
                key: &str,
                node: &$crate::config::reader::Node<'_>,
                at: &mut $crate::config::reader::At<'_, '_>,
            ) -> bool {
                use $crate::config::table::Kind as _;
                match key {
                    $( stringify!($key) => $kind.apply(&mut self.$key, node, at), )+
                    _ => return false,
                }
                true
            }

            fn rows(&self) -> Vec<$crate::config::table::Row> {
                use $crate::config::table::Kind as _;
                vec![ $( $crate::config::table::Row {
                    key: stringify!($key),
                    doc: concat!($($doc, "\n"),+),
                    shape: $kind.shape(&self.$key),
                }, )+ ]
            }

            fn noun(&self) -> &'static str {
                $noun
            }

            fn keys(&self) -> Vec<&'static str> {
                vec![ $( stringify!($key), )+ ]
            }
        }
    };
}

/// Declares an enumeration whose values are words in TOML.
macro_rules! choices {
    (
        $(#[doc = $about:literal])+
        pub enum $Name:ident { $( $(#[doc = $doc:literal])+ $Variant:ident = $word:literal, )+ }
    ) => {
        $(#[doc = $about])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $Name { $( $(#[doc = $doc])+ $Variant, )+ }

        impl $Name {
            /// The word that stands for it in a configuration.
            pub fn as_str(self) -> &'static str {
                match self { $( Self::$Variant => $word, )+ }
            }
        }

        impl $crate::config::scalar::Choice for $Name {
            const ALL: &'static [(&'static str, Self)] = &[ $( ($word, Self::$Variant), )+ ];

            fn word(self) -> &'static str {
                self.as_str()
            }
        }
    };
}

pub(super) use {choices, settings};
