//! Kinds of values that are text: paths, lists of names, addresses.
//!
//! OWNS: reading and describing them. MUST NOT: name any setting, or look whether a
//! path exists: a configuration is checked on other machines too.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde_json::{Value as Json, json};
use toml::de::DeValue;

use super::escape::inline;
use super::reader::{At, Node};
use super::settings::Listen;
use super::table::{Scalar, string_schema};

/// Longest path that the kernel takes, without its NUL.
pub(super) const PATH_BYTES_MAX: usize = 4_095;

/// Longest path of a unix socket, without its NUL.
pub(super) const SOCKET_PATH_BYTES_MAX: usize = 107;

/// A string that `check` accepts; `pattern` says the same to a JSON Schema.
#[derive(Debug)]
pub(super) struct Text {
    pub check: fn(&str) -> Result<(), String>,
    pub pattern: &'static str,
}

impl Text {
    fn read_one(&self, node: &Node<'_>, at: &mut At<'_, '_>) -> Option<String> {
        let DeValue::String(text) = node.get_ref() else {
            at.wrong_type(node, "a string", "expected a string in quotes");
            return None;
        };
        if let Err(expected) = (self.check)(text) {
            let what = format!("cannot be \"{}\"", inline(text));
            at.refuse(node.span(), &what, expected);
            return None;
        }
        Some(text.clone().into_owned())
    }
}

impl Scalar for Text {
    type Value = String;

    fn read(&self, node: &Node<'_>, at: &mut At<'_, '_>) -> Option<String> {
        self.read_one(node, at)
    }

    fn literal(&self, value: &String) -> Json {
        json!(value)
    }

    fn schema(&self) -> Json {
        string_schema(self.pattern)
    }
}

/// A list of different strings; a later file's list replaces an earlier one.
#[derive(Debug)]
pub(super) struct TextList {
    pub item: Text,
    pub items_max: usize,
}

impl Scalar for TextList {
    type Value = Vec<String>;

    fn read(&self, node: &Node<'_>, at: &mut At<'_, '_>) -> Option<Vec<String>> {
        let DeValue::Array(items) = node.get_ref() else {
            at.wrong_type(node, "an array of strings", "expected [\"…\", \"…\"]");
            return None;
        };
        if items.len() > self.items_max {
            let label = format!("expected at most {}, found {}", self.items_max, items.len());
            at.refuse(node.span(), "has too many entries", label);
            return None;
        }
        let mut list: Vec<String> = Vec::with_capacity(items.len());
        let mut whole = true;
        for item in items.iter() {
            match self.item.read_one(item, at) {
                Some(text) if list.contains(&text) => {
                    at.refuse(item.span(), "names this twice", "take one of them out");
                    whole = false;
                }
                Some(text) => list.push(text),
                None => whole = false,
            }
        }
        whole.then_some(list)
    }

    fn literal(&self, value: &Vec<String>) -> Json {
        json!(value)
    }

    fn schema(&self) -> Json {
        json!({
            "type": "array",
            "items": self.item.schema(),
            "maxItems": self.items_max,
            "uniqueItems": true,
        })
    }
}

/// An absolute path.
#[derive(Debug)]
pub(super) struct AbsolutePath {
    pub bytes_max: usize,
}

impl AbsolutePath {
    fn check(&self, path: &str) -> Result<(), (&'static str, String)> {
        if !path.starts_with('/') {
            Err((
                "is not an absolute path",
                "expected a path that begins with /".to_owned(),
            ))
        } else if path.contains('\0') {
            Err(("is not a path", "a path holds no NUL".to_owned()))
        } else if path.len() > self.bytes_max {
            let label = format!(
                "expected at most {} bytes, found {}",
                self.bytes_max,
                path.len()
            );
            Err(("is too long", label))
        } else {
            Ok(())
        }
    }
}

impl Scalar for AbsolutePath {
    type Value = PathBuf;

    fn read(&self, node: &Node<'_>, at: &mut At<'_, '_>) -> Option<PathBuf> {
        let DeValue::String(path) = node.get_ref() else {
            at.wrong_type(node, "a path", "expected a path in quotes");
            return None;
        };
        match self.check(path) {
            Ok(()) => Some(PathBuf::from(path.as_ref())),
            Err((what, label)) => {
                at.refuse(node.span(), what, label);
                None
            }
        }
    }

    fn literal(&self, value: &PathBuf) -> Json {
        // Made from a string, so nothing is lost.
        json!(value.to_string_lossy())
    }

    fn schema(&self) -> Json {
        json!({ "type": "string", "pattern": "^/", "maxLength": self.bytes_max })
    }
}

/// Where to listen without authentication: nowhere, a unix socket, loopback.
#[derive(Debug)]
pub(super) struct LocalListen;

/// What may stand for a [`Listen`].
const LISTEN_EXPECTED: &str =
    "expected \"off\", \"unix:/path\", \"127.0.0.1:port\" or \"[::1]:port\"";

impl LocalListen {
    fn parse(text: &str) -> Result<Listen, (&'static str, String)> {
        if text == "off" {
            return Ok(Listen::Off);
        }
        if let Some(path) = text.strip_prefix("unix:") {
            AbsolutePath {
                bytes_max: SOCKET_PATH_BYTES_MAX,
            }
            .check(path)?;
            return Ok(Listen::Unix(path.into()));
        }
        let Ok(address) = text.parse::<SocketAddr>() else {
            return Err(("is no address to listen on", LISTEN_EXPECTED.to_owned()));
        };
        if !address.ip().is_loopback() {
            let label = "nothing protects it: listen on loopback and let a proxy authenticate";
            return Err(("would be open to the network", label.to_owned()));
        }
        if address.port() == 0 {
            return Err(("has no port", "expected a port from 1 to 65535".to_owned()));
        }
        Ok(Listen::Tcp(address))
    }
}

impl Scalar for LocalListen {
    type Value = Listen;

    fn read(&self, node: &Node<'_>, at: &mut At<'_, '_>) -> Option<Listen> {
        let DeValue::String(text) = node.get_ref() else {
            at.wrong_type(node, "an address", LISTEN_EXPECTED);
            return None;
        };
        match Self::parse(text) {
            Ok(listen) => Some(listen),
            Err((what, label)) => {
                at.refuse(node.span(), what, label);
                None
            }
        }
    }

    fn literal(&self, value: &Listen) -> Json {
        match value {
            Listen::Off => json!("off"),
            Listen::Unix(path) => json!(format!("unix:{}", path.to_string_lossy())),
            Listen::Tcp(address) => json!(address.to_string()),
        }
    }

    fn schema(&self) -> Json {
        string_schema(r"^(off|unix:/.*|127\.[0-9.]+:[0-9]+|\[[0:]*1\]:[0-9]+)$")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stays_on_this_machine_is_listened_on() {
        let tcp = |text: &str| text.parse().map(Listen::Tcp).ok();
        for (text, expect) in [
            ("off", Some(Listen::Off)),
            ("unix:/run/m.sock", Some(Listen::Unix("/run/m.sock".into()))),
            ("127.0.0.1:9465", tcp("127.0.0.1:9465")),
            ("127.8.0.1:1", tcp("127.8.0.1:1")),
            ("[::1]:9465", tcp("[::1]:9465")),
            ("unix:run/m.sock", None),
            ("unix:", None),
            ("0.0.0.0:9465", None),
            ("192.0.2.1:9465", None),
            ("[::]:9465", None),
            ("[::ffff:127.0.0.1]:9465", None),
            ("localhost:9465", None),
            ("127.0.0.1:0", None),
            ("127.0.0.1", None),
            ("9465", None),
            ("OFF", None),
            ("", None),
        ] {
            assert_eq!(LocalListen::parse(text).ok(), expect, "{text}");
        }
    }

    #[test]
    fn a_socket_path_fits_its_address() {
        let longest = format!("unix:/{}", "s".repeat(SOCKET_PATH_BYTES_MAX - 1));
        assert!(LocalListen::parse(&longest).is_ok());
        assert!(LocalListen::parse(&format!("{longest}s")).is_err());
    }
}
