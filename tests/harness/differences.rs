//! What is expected to be different here, by the daemon's own table of it.
//!
//! Owns: the question, and the form `DIFFERS <test>: <name>` that the runner of the tests reads. Must
//! not: excuse anything that the table does not have.

use crate::{home, kernel_version, skip};

/// Whether this difference holds here; if so, says that this test meets it. Use
/// [`differs!`](crate::differs!).
#[track_caller]
pub fn met(inside: &str, name: &str) -> bool {
    let rows = audit_daemon::differences::all();
    let row = rows.iter().find(|row| row.name == name);
    let row = row.unwrap_or_else(|| panic!("no difference is named {name}"));
    let holds = row.is_for(kernel_version(), home::mechanism_in_use());
    if holds {
        println!("DIFFERS {}: {name}", skip::test_name(inside));
    }
    holds
}

/// Whether something differs here that the table names, and says so if it does:
/// `if differs!("programs-go-with-the-daemon") { … }`.
#[macro_export]
macro_rules! differs {
    ($name:expr) => {{
        fn here() {}
        $crate::differences::met(std::any::type_name_of_val(&here), $name)
    }};
}
