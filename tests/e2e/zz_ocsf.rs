//! The last test by name: every record of all tests before it, against the schema.

use audit_tests::ocsf;

#[test]
fn every_record_of_these_tests_is_valid() {
    let kept = ocsf::kept();
    match ocsf::check_all() {
        None => audit_tests::skip!("no validator here (AUDIT_OCSF_PYTHON names none)"),
        Some(Ok(said)) => println!("{kept} files: {said}"),
        Some(Err(problems)) => panic!("{kept} files: {problems}"),
    }
}
