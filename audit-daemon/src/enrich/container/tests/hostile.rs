//! Names that nobody should give a container, and bytes that are no names at all.

use super::*;

#[test]
fn odd_names_stay_containers_and_become_printable() {
    let id = |path: &[u8]| recognise(path).map(|found| found.id.into_owned());
    assert_eq!(id(b"/lxc/t\xc3\xa9st"), Some("t\\xc3\\xa9st".into()));
    assert_eq!(
        id(b"/lxc.payload.a\x1b[31m b\n"),
        Some("a\\x1b[31m\\x20b\\x0a".into())
    );
    let long = [b"/lxc/".as_slice(), &[b'n'; 300]].concat();
    assert_eq!(id(&long).unwrap(), "n".repeat(ID_BYTES_MAX));
    let long = [b"/lxc/".as_slice(), &[0xff; 100]].concat();
    assert_eq!(id(&long).unwrap(), "\\xff".repeat(ID_BYTES_MAX / 4));
    // Where the runtime itself forbids it, an odd name is nobody's id.
    assert_eq!(id(b"/default/c\xff1"), None);
    assert_eq!(id(b"/system.slice/runc-\xff.scope"), None);
}

proptest::proptest! {
    /// The invariants of the module, on any bytes.
    #[test]
    fn ids_are_printable_and_bounded(path in hostile_path()) {
        if let Some(found) = recognise(&path) {
            proptest::prop_assert!((1..=ID_BYTES_MAX).contains(&found.id.len()));
            proptest::prop_assert!(found.id.bytes().all(|byte| byte.is_ascii_graphic()));
            proptest::prop_assert!(!found.id.contains('/'));
        }
        if let Some(id) = plain_oci(&path) {
            proptest::prop_assert!(id.bytes().all(|byte| byte.is_ascii_graphic()));
        }
    }
}

/// Random bytes between pieces that steer into the matching code.
fn hostile_path() -> impl proptest::strategy::Strategy<Value = Vec<u8>> {
    use proptest::prelude::*;
    let piece = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..8),
        prop::sample::select(vec![
            "/",
            "docker",
            "-",
            A,
            ".scope",
            "lxc",
            "lxc.payload.",
            "machine-",
            "\\x2d",
            "\\x2f",
            "\\x",
            "default",
            "k8s.io",
            ":",
            "runc-",
            "kubepods",
            "pod",
            POD,
            "user@",
            "7",
            ".service",
            "systemd-nspawn@",
            "ecs",
            TASK,
            ".slice",
            "supervisor",
            "buildkit",
            ".libvirt-lxc",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
    ];
    prop::collection::vec(piece, 0..16).prop_map(|pieces| pieces.concat())
}
