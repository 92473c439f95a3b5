//! Arbitrary arguments through the masking stage: they stay as many, and a second masking finds
//! nothing more.
#![no_main]

use std::sync::OnceLock;

use audit_daemon::mask::{MaskSettings, Masked, Masker, Scratch};
use audit_fuzz::seeds;
use libfuzzer_sys::fuzz_target;

const SEEDS: &[&[u8]] = &[
    b"mysql\0-u\0root\0-phunter2\0shop\0",
    b"curl\0-H\0Authorization: Bearer abcdefghijklmnopqrstuvwxyz\0https://u:p@h/x?token=1\0",
    b"sh\0-c\0export AWS_SECRET_ACCESS_KEY=abcd; psql \"password='a b'\" <<< x\0",
    b"openssl\0-passin\0pass:x\0-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\0",
    b"DB_PW=hunter2\0--token\0ghp_0123456789abcdefghijklmnopqrstuvwxyz\0",
];

fuzz_target!(init: seeds::plant(SEEDS.iter().copied()), |data: &[u8]| {
    static MASKER: OnceLock<Masker> = OnceLock::new();
    let masker = MASKER.get_or_init(|| {
        let settings = MaskSettings { enabled: true, rules: Vec::new(), disabled_rules: Vec::new() };
        Masker::new(&settings).expect("the built-in rules")
    });
    let (mut first, mut second) = (Scratch::default(), Scratch::default());
    if let Some(masked) = masker.mask_argv(data, &mut first) {
        hold(data, &masked);
        assert!(masker.mask_argv(masked.bytes(), &mut second).is_none(), "found more: {masked:?}");
    }
    if let Some(masked) = masker.mask_text(data, &mut first) {
        hold(data, &masked);
    }
    let at = data.iter().position(|byte| *byte == b'=').unwrap_or(data.len());
    let (name, value) = data.split_at(at);
    if let Some(masked) = masker.mask_env(name, value, &mut first) {
        hold(value, &masked);
    }
});

fn hold(before: &[u8], masked: &Masked<'_>) {
    let arguments = |bytes: &[u8]| bytes.iter().filter(|byte| **byte == 0).count();
    assert_eq!(
        arguments(before),
        arguments(masked.bytes()),
        "arguments came or went"
    );
    assert!(masked.marks().len() > 0);
    let secret: usize = masked.marks().map(|mark| mark.length as usize).sum();
    assert!(secret <= before.len());
    let marks = masked.marks().len() * b"<masked>".len();
    assert_eq!(before.len() - secret + marks, masked.bytes().len());
}
