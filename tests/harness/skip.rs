//! Saying that a test cannot run here.
//!
//! Owns: the form `SKIP <test>: <reason>`, which `cargo xtask test` holds against
//! tests/skips.toml. Must not: decide whether that is allowed.

/// Prints that the test cannot run here; the caller returns. Use [`skip!`](crate::skip!).
pub fn say(inside: &str, reason: &str) {
    println!("SKIP {}: {reason}", test_name(inside));
}

/// `kernel::exec::a_test::here` is the test `exec::a_test`.
pub(crate) fn test_name(inside: &str) -> &str {
    let inside = inside.strip_suffix("::here").unwrap_or(inside);
    let inside = inside.strip_suffix("::{{closure}}").unwrap_or(inside);
    inside.split_once("::").map_or(inside, |(_, name)| name)
}

/// Ends a test that cannot run here, with the reason: `skip!("no {name} here")`.
#[macro_export]
macro_rules! skip {
    ($($reason:tt)*) => {{
        fn here() {}
        $crate::skip::say(std::any::type_name_of_val(&here), &format!($($reason)*));
        return;
    }};
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_is_named_as_libtest_names_it() {
        assert_eq!(test_name("kernel::exec::a_test::here"), "exec::a_test");
        fn here() {}
        let inside = std::any::type_name_of_val(&here);
        let expected = "skip::tests::a_test_is_named_as_libtest_names_it";
        assert_eq!(test_name(inside), expected);
    }
}
