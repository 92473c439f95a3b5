//! The tables once more by the 32-bit entry: numbers and registers are others, the records are not.

use audit_tests::Setup;

use super::{
    ATTRIBUTES, OPERATIONS, ROOTS, TREES, Table, Unmounted, cases_delete, cases_made, cases_make,
    cases_mode, cases_mount, cases_move, cases_times, check_all, may_mount, watch_all,
};
use crate::by_32_bit::{NARROW, OLD, are_there, narrow, seen};
use crate::watched::Places;

/// Ends the test where there are no such calls.
macro_rules! by_32_bit {
    () => {
        if !are_there() {
            audit_tests::skip!("there are no 32-bit calls");
        }
    };
}

fn run(step: &str, operations: &[&str], tables: &[Table]) {
    let setup = Setup::on_kept_programs();
    let (mut all, mut cases) = (Vec::new(), Vec::new());
    for (number, table) in tables.iter().enumerate() {
        let places = Places::make_below(&setup, &number.to_string());
        cases.extend(table(&places));
        all.push(places);
    }
    for case in &mut cases {
        case.act = narrow(step, std::mem::take(&mut case.act));
    }
    check_all(seen(setup), &watch_all(&all, operations), &cases);
}

#[test]
fn what_is_removed_made_and_moved() {
    by_32_bit!();
    let tables: [Table; 9] = [
        cases_delete::names,
        cases_delete::failures,
        cases_make::directories,
        cases_make::nodes,
        cases_make::links,
        cases_make::symbolic_links,
        cases_made::by_umask,
        cases_move::names,
        cases_move::failures,
    ];
    run(NARROW, &OPERATIONS, &tables);
}

#[test]
fn sizes_modes_and_owners() {
    by_32_bit!();
    let tables: [Table; 4] = [
        cases_mode::sizes,
        cases_mode::owners,
        cases_mode::modes,
        cases_mode::failures,
    ];
    run(NARROW, &OPERATIONS, &tables);
    run(OLD, &OPERATIONS, &tables[..2]);
}

#[test]
fn attributes() {
    by_32_bit!();
    run(NARROW, &OPERATIONS, &ATTRIBUTES);
}

#[test]
fn times() {
    by_32_bit!();
    let tables: [Table; 2] = [cases_times::set, cases_times::by_descriptor];
    run(NARROW, &["times"], &tables);
    run(OLD, &["times"], &tables);
}

#[test]
fn roots() {
    by_32_bit!();
    run(NARROW, &OPERATIONS, &ROOTS);
}

#[test]
fn trees() {
    by_32_bit!();
    if let Err(error) = may_mount(&Places::make(&Setup::new())) {
        audit_tests::skip!("cannot mount here: {error}");
    }
    run(NARROW, &OPERATIONS, &TREES);
}

#[test]
fn mounts() {
    let setup = Setup::new();
    let places = Places::make(&setup);
    if let Err(error) = may_mount(&places) {
        audit_tests::skip!("cannot mount here: {error}");
    }
    by_32_bit!();
    let point = places.made_dir("mnt");
    let _unmounted = Unmounted(&point);
    let mut cases = cases_mount::all(&places, &point);
    for case in &mut cases {
        case.act = narrow(NARROW, std::mem::take(&mut case.act));
    }
    check_all(seen(setup), &places.watch(&OPERATIONS), &cases);
}
