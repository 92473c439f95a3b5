//! Judging a value: is it a secret, or a reference, a switch, a placeholder, a plain word?
//!
//! Owns: every heuristic about the bytes of a value, and nothing else.
//! Must not: know names, programs or where the value stands; change anything.
//! Invariant: `<masked>` is a reference, so what was masked once is never masked again.

use super::MASKED;

/// How sure the name before a value makes us that the value is a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Strength {
    /// Any value that looks drawn at random (`KEY=…`).
    Random,
    /// Any value that is not an ordinary word or number (`--auth …`, words in running text).
    Unusual,
    /// Any value that can be a secret at all (`--password …`).
    Any,
}

/// Shortest run of letters and digits in which a mixture is taken as random.
const RANDOM_RUN_BYTES_MIN: usize = 12;
/// Shortest value that may be called unusual: `v2`, `1.x` are not.
const UNUSUAL_BYTES_MIN: usize = 4;

/// Fewest bytes of a password that is made of signs alone.
const SIGNS_BYTES_MIN: usize = 4;

/// Words that switch something on or off, or say that there is no value.
const SWITCHES: &[&str] = &[
    "true",
    "false",
    "yes",
    "no",
    "on",
    "off",
    "none",
    "null",
    "nil",
    "undefined",
    "0",
    "1",
    "enabled",
    "disabled",
    "enable",
    "disable",
    "required",
    "optional",
    "always",
    "never",
    "auto",
    "default",
    "prompt",
    "ask",
    "stdin",
    "string",
    "str",
    "bool",
    "int",
    "interactive",
];

/// Schemes of places where a secret is kept: the text names the place, it is not the secret.
const REFERENCE_SCHEMES: &[&str] = &[
    "file:",
    "env:",
    "fd:",
    "cmd:",
    "exec:",
    "prompt:",
    "keyring:",
    "keychain:",
    "vault:",
    "op://",
    "vault://",
    "ssm:",
    "secret://",
    "secretref:",
    "secretsmanager:",
    "arn:aws",
    "awskms:",
    "gcpkms:",
    "sops:",
    "ref+",
    "bws://",
    "sm://",
    "gcp-sm://",
    "azurekv://",
    "ssm://",
    "k8s://",
    "pkcs11:",
    "projects/",
    "https://",
    "http://",
    "file=",
    "sha256:",
    "sha512:",
    "sha1:",
    "md5:",
];

/// How code in a script gets a value from elsewhere.
const CODE_HEADS: &[&str] = &[
    "os.",
    "process.env",
    "env.",
    "self.",
    "args.",
    "config.",
    "settings.",
    "getenv(",
    "getpass",
    "input(",
    "system.getenv",
    "var.",
    "local.",
    "data.",
    "secrets.",
    "module.",
    "request.",
    "params.",
    "opts.",
    "options.",
    "std::env",
];

/// Heads of regular expressions that stand where a value would.
const PATTERN_HEADS: &[&str] = &[
    ".*", ".+", "[^", "\\S", "\\w", "\\(", "(.", "[A-Z", "[a-z", "[0-9", "\\1", "\\d", "(?",
];

/// Whether a value behind a name of this strength is a secret.
pub(super) fn is_secret(value: &[u8], strength: Strength) -> bool {
    // `!` and `*` lock an account, `'` and `)` are what is left of a cut quote.
    let signs_only = value.len() < SIGNS_BYTES_MIN && !value.iter().any(is_letter_or_digit);
    if signs_only || is_reference(value) {
        return false;
    }
    match strength {
        Strength::Any => !is_switch(value) && !is_package_version(value),
        Strength::Unusual => is_unusual(value),
        Strength::Random => is_random(value),
    }
}

/// Whether the value only points to where a secret is, or stands for one that is not there.
pub(super) fn is_reference(value: &[u8]) -> bool {
    // `\$NAME` is one in a script inside double quotes.
    let value = match value {
        [b'\\', rest @ ..] if rest.starts_with(b"$") => rest,
        _ => value,
    };
    value == MASKED
        || value == b"-"
        || is_variable(value)
        || is_placeholder(value)
        || is_path(value)
        || has_head(value, REFERENCE_SCHEMES)
        || has_head(value, CODE_HEADS)
        || has_head(value, PATTERN_HEADS)
        || is_at_file(value)
}

/// A switch such as `true` or `none`, in any case.
pub(super) fn is_switch(value: &[u8]) -> bool {
    SWITCHES
        .iter()
        .any(|word| value.eq_ignore_ascii_case(word.as_bytes()))
}

/// Not an ordinary word or number: digits among letters, mixed case, or signs within.
pub(super) fn is_unusual(value: &[u8]) -> bool {
    let value = value.trim_ascii_end();
    let value = match value.iter().rposition(|byte| !b".,:;!?)'\"".contains(byte)) {
        Some(last) => &value[..=last],
        None => return false,
    };
    if value.len() < UNUSUAL_BYTES_MIN || value.contains(&b'(') || is_version(value) {
        return false;
    }
    let any = |class: fn(&u8) -> bool| value.iter().any(class);
    let digits = any(u8::is_ascii_digit);
    let letters = any(u8::is_ascii_alphabetic);
    let upper_within = value[1..].iter().any(u8::is_ascii_uppercase);
    let lower = any(u8::is_ascii_lowercase);
    let signs = value.iter().any(|byte| b"!@#$%^&*+=~?|".contains(byte));
    signs || (digits && letters) || (upper_within && lower && !is_camel_case(value))
}

/// Drawn at random, by the look of it: a long run of letters and digits, mixed.
///
/// A run may have the signs of base64 and of escaped base64 (`%2B`). With a `/` it may be a path:
/// then it takes both cases.
pub(super) fn is_random(value: &[u8]) -> bool {
    value
        .split(|byte| !(byte.is_ascii_alphanumeric() || b"+/=%".contains(byte)))
        .any(|run| {
            let count = |class: fn(&u8) -> bool| run.iter().filter(|byte| class(byte)).count();
            let cases = || count(u8::is_ascii_uppercase) > 0 && count(u8::is_ascii_lowercase) > 0;
            run.len() >= RANDOM_RUN_BYTES_MIN
                && count(u8::is_ascii_digit) >= 2
                && count(u8::is_ascii_alphabetic) >= 4
                && (!run.contains(&b'/') || cases())
        })
}

/// `$NAME`, `${…}`, `$(…)`, back quotes, `%NAME%`: filled in by somebody else.
///
/// A lower-case name counts only without digits, so that the password `$ecr3t` is still one.
fn is_variable(value: &[u8]) -> bool {
    let Some((&head, rest)) = value.split_first() else {
        return false;
    };
    match head {
        b'$' if rest.starts_with(b"env:") => true,
        b'$' => match rest.first() {
            Some(b'(') => true,
            Some(b'{') => rest.last() == Some(&b'}'),
            Some(b'@' | b'*' | b'#' | b'?') => rest.len() == 1,
            Some(_) => is_variable_name(rest),
            None => true,
        },
        b'`' => true,
        b'%' => match rest {
            [name @ .., b'%'] => !name.is_empty() && name.iter().all(is_word_byte),
            _ => rest == b"s",
        },
        _ => false,
    }
}

fn is_letter_or_digit(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || !byte.is_ascii()
}

fn is_word_byte(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || *byte == b'_'
}

fn is_variable_name(name: &[u8]) -> bool {
    if !name.iter().all(is_word_byte) {
        return false;
    }
    let upper = name.iter().any(u8::is_ascii_uppercase);
    let lower = name.iter().any(u8::is_ascii_lowercase);
    let digits = name.iter().any(u8::is_ascii_digit);
    // `$1` is a positional parameter, `$DB_PASS1` and `$db_pass` are names by custom.
    if name.iter().all(u8::is_ascii_digit) {
        return name.len() <= 2;
    }
    !(lower && (digits || upper)) || name.contains(&b'_') || super::names::is_camel_name(name)
}

/// `<password>`, `{{ token }}`, `{token}`, `[secret]`, `****`, `…`: stands for a value.
fn is_placeholder(value: &[u8]) -> bool {
    let enclosed = |open: u8, close: u8| {
        value.len() >= 2
            && value[0] == open
            && value[value.len() - 1] == close
            && value[1..value.len() - 1]
                .iter()
                .all(|byte| byte.is_ascii_alphanumeric() || b" _-.{}$|'\"[]%".contains(byte))
    };
    let made_of = |bytes: &[u8]| value.iter().all(|byte| bytes.contains(byte));
    made_of(b"*")
        || value.starts_with(b"***")
        || (value.len() > 2 && made_of(b"."))
        || value == "…".as_bytes()
        || enclosed(b'<', b'>') && !is_random(value)
        || value.starts_with(b"{{")
        || value.starts_with(b"%(")
        || value.starts_with(b"#{")
        || enclosed(b'{', b'}') && !is_random(value)
        || enclosed(b'[', b']') && !is_random(value)
}

/// A path of ordinary names. A base64 text that begins with `/` is none: it is too random.
fn is_path(value: &[u8]) -> bool {
    let head = [&b"/"[..], b"./", b"../", b"~/"]
        .iter()
        .any(|head| value.starts_with(head));
    let drive = value.len() > 3 && value[0].is_ascii_alphabetic() && value[1..].starts_with(b":\\");
    let clean = value.iter().all(|byte| {
        byte.is_ascii_alphanumeric() || b"/._-~${}* :\\,@+()[]".contains(byte) || !byte.is_ascii()
    });
    (head || drive) && clean && !value.split(|byte| *byte == b'/').any(is_key_like)
}

/// Mixed case and digits in one long run, as no directory is called.
fn is_key_like(segment: &[u8]) -> bool {
    is_random(segment)
        && segment.iter().any(u8::is_ascii_uppercase)
        && segment.iter().any(u8::is_ascii_lowercase)
}

/// curl, httpie and kubectl read the value from a file when it begins with `@`.
fn is_at_file(value: &[u8]) -> bool {
    value.len() > 1
        && value[0] == b'@'
        && (value[1] == b'-' || is_path(&value[1..]) || is_file_name(&value[1..]))
}

/// `token.txt`: a name with a short suffix of letters.
fn is_file_name(value: &[u8]) -> bool {
    match value.iter().rposition(|byte| *byte == b'.') {
        Some(dot) => {
            let suffix = &value[dot + 1..];
            dot > 0 && (2..=5).contains(&suffix.len()) && suffix.iter().all(u8::is_ascii_lowercase)
        }
        None => false,
    }
}

fn is_version(value: &[u8]) -> bool {
    let number = value.strip_prefix(b"v").unwrap_or(value);
    number
        .iter()
        .all(|byte| byte.is_ascii_digit() || *byte == b'.')
}

/// `1.09-1`: `apt-get install sshpass=1.09-1` sets no password.
fn is_package_version(value: &[u8]) -> bool {
    value[0].is_ascii_digit()
        && value.contains(&b'.')
        && value.contains(&b'-')
        && value
            .iter()
            .all(|byte| byte.is_ascii_digit() || b".:~+-".contains(byte))
}

/// `refreshFlow`, `OAuthClient`: words run together, no digits.
fn is_camel_case(value: &[u8]) -> bool {
    value.iter().all(|byte| byte.is_ascii_alphabetic()) && super::names::is_camel_name(value)
}

fn has_head(value: &[u8], heads: &[&str]) -> bool {
    heads.iter().any(|head| {
        value.len() >= head.len() && value[..head.len()].eq_ignore_ascii_case(head.as_bytes())
    })
}
