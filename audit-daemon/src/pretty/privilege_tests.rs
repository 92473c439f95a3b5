//! Acts on privileges, on oneself and on the kernel.

use super::tests::{OK, line_of, record};

#[test]
fn acts_on_the_kernel_and_on_oneself_say_what_was_asked() {
    let golden = |name: &str| {
        let path = format!("../tests/golden/record/{name}.json");
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
        let line = line_of(200, std::fs::read_to_string(path).unwrap().trim_end());
        let (_, act) = line.split_once("  ok     ").unwrap();
        act.split_once("from ").unwrap().0.trim_end().to_owned()
    };
    assert_eq!(
        golden("priv-perf-all"),
        "perf_all perf_event PERF_TYPE_TRACEPOINT 0x138, cpu 3  (perf)"
    );
    assert_eq!(
        golden("priv-personality"),
        "personality ADDR_NO_RANDOMIZE, was 0 setpriv pid 4203"
    );
    assert_eq!(golden("priv-swapon"), "swapon swapon /dev/vda2  (swapon)");
    assert_eq!(
        golden("priv-perf-open"),
        "perf_open PERF_TYPE_HARDWARE 0x0 bash pid 4087  (perf)"
    );
    assert_eq!(golden("priv-no-new-privs"), "no_new_privs setpriv pid 4203");
    // The record as the daemon writes it: the actor is the same process.
    let actor = r#","actor":{"process":{"pid":7,"path":"/bin/x"}},"process":{"pid":7,"name":"x"}"#;
    let line = line_of(80, &record("priv.no_new_privs", OK, actor));
    assert!(line.contains("no_new_privs x pid 7"), "{line}");
    let line = line_of(80, &record("priv.setuid", OK, actor));
    assert!(line.contains("setuid no change of ids"), "{line}");
}
