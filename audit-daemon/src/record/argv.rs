//! argv as one string that a shell would split back into the same arguments.
//!
//! OWNS: quoting, as Python's `shlex.join` does it: an argument outside
//! `[A-Za-z0-9_@%+=:,./-]+` stands in single quotes, a single quote inside as `'"'"'`.
//! MUST NOT: interpret arguments, or cut them.

use super::text;

/// Appends the arguments in `argv` (each followed by a NUL, the last one's may be missing) as the
/// inside of a JSON string; true if they were UTF-8.
pub fn push_command(out: &mut Vec<u8>, argv: &[u8]) -> bool {
    let mut exact = true;
    let mut rest = argv.strip_suffix(b"\0").unwrap_or(argv);
    loop {
        let safe = safe_length(rest);
        let end = match rest.get(safe) {
            None | Some(0) => safe,
            Some(_) => safe + find_nul(&rest[safe..]),
        };
        let argument = &rest[..end];
        if safe == end && safe > 0 {
            out.extend_from_slice(argument);
        } else {
            exact &= push_quoted(out, argument);
        }
        if end == rest.len() {
            return exact;
        }
        out.push(b' ');
        rest = &rest[end + 1..];
    }
}

/// Bytes before the first that is not safe; four at a time, as most arguments are short words.
fn safe_length(bytes: &[u8]) -> usize {
    let safe = |b: u8| SAFE[usize::from(b)];
    let (fours, _) = bytes.as_chunks::<4>();
    let whole = fours
        .iter()
        .take_while(|b| safe(b[0]) & safe(b[1]) & safe(b[2]) & safe(b[3]));
    let start = 4 * whole.count();
    let rest = bytes[start..].iter().take_while(|&&b| safe(b));
    start + rest.count()
}

fn find_nul(bytes: &[u8]) -> usize {
    bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len())
}

fn push_quoted(out: &mut Vec<u8>, argument: &[u8]) -> bool {
    let mut exact = true;
    out.push(b'\'');
    for (i, piece) in argument.split(|&b| b == b'\'').enumerate() {
        if i > 0 {
            // '"'"' with JSON's escapes.
            out.extend_from_slice(br#"'\"'\"'"#);
        }
        exact &= text::push_bytes(out, piece);
    }
    out.push(b'\'');
    exact
}

/// Bytes that need no quotes in a shell; all of them are plain in JSON.
const SAFE: [bool; 256] = {
    let mut safe = [false; 256];
    let mut b = 0;
    while b < 128 {
        safe[b] = (b as u8).is_ascii_alphanumeric();
        b += 1;
    }
    let others = b"_@%+=:,./-";
    let mut i = 0;
    while i < others.len() {
        safe[others[i] as usize] = true;
        i += 1;
    }
    safe
};

#[cfg(test)]
mod tests {
    use super::*;

    fn command(argv: &[u8]) -> (String, bool) {
        let mut out = Vec::new();
        let exact = push_command(&mut out, argv);
        (String::from_utf8(out).unwrap(), exact)
    }

    #[test]
    fn quotes_as_shlex_join_does() {
        for (argv, want) in [
            (&b"git\0-C\0/srv\0"[..], "git -C /srv"),
            (b"git\0-C\0/srv", "git -C /srv"),
            (b"a b\0", "'a b'"),
            (b"\0", "''"),
            (b"a\0\0", "a ''"),
            (b"\0\0", "'' ''"),
            (b"x\0\0y\0", "x '' y"),
            (b"it's\0", r#"'it'\"'\"'s'"#),
            (b"'\0", r#"''\"'\"''"#),
            (b"a\nb\0c\"d\0", r#"'a\nb' 'c\"d'"#),
            ("é\0".as_bytes(), "'é'"),
            (b"$HOME\0~\0*\0", "'$HOME' '~' '*'"),
            (b"A_z0@%+=:,./-\0", "A_z0@%+=:,./-"),
        ] {
            assert_eq!(command(argv), (want.to_owned(), true), "{argv:?}");
        }
    }

    #[test]
    fn other_bytes_make_an_argument_quoted() {
        assert_eq!(
            command(b"caf\xe9\0x\0"),
            (r"'caf\\xe9' x".to_owned(), false)
        );
    }
}
