//! What holds for any bytes: no panic, same number of arguments, masking twice is masking once,
//! linear time, little cost.

use proptest::prelude::*;

use super::tests::{builtin, mask_once};
use super::{Masker, Scratch};

#[test]
fn hostile_repetition_stays_linear() {
    let masker = builtin();
    for unit in [
        "password=",
        "key",
        "://",
        "a://b:",
        "-----BEGIN PRIVATE KEY-----",
        "identified ",
        "\\\"",
        "password ",
        "$(",
        "'",
        "`",
        "token\":\"",
        "mysql ",
        "sudo mysql -p",
        "eyJ.",
        ":AA",
        "a,",
        "PuTTY-User-Key-File",
        "<masked>",
        "--password ",
        "sh -c '",
        "\"",
        "password for ",
        "${",
        "\"$(",
        "\\\\\"",
        "login(\"",
        "insert into t(password,",
        "AKIAIOSFODNN7EXAMPLE ",
        "-u a -p b ",
        "new PDO(\"",
        "PRIVATE KEY----- ",
        "(echo a; ",
        "password -v x ",
        "AUTH x\n",
        "|passwd ",
    ] {
        let text = unit.repeat(65_536 / unit.len());
        let blob = [b"sh\0-c\0", text.as_bytes()].concat();
        let started = std::time::Instant::now();
        mask_once(&masker, &blob);
        mask_once(&masker, text.as_bytes());
        mask_once(&masker, text.replace(' ', "\0").as_bytes());
        // Linear work takes milliseconds here; quadratic work takes many seconds.
        assert!(
            started.elapsed().as_secs() < 3,
            "{unit:?} took {:?}",
            started.elapsed()
        );
    }
}

/// Text in which names, programs, quotes and tokens meet at random.
fn rich_text() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => prop::sample::select(vec![
            "password", "--password", "PASSWORD=", "token", "secret: ", "\"apiKey\":\"", "-p", "-u",
            "mysql ", "curl ", "sh\0-c\0", "sudo ", "docker login ", "echo ", "| chpasswd", "<<<",
            "http://", "user:pw@host", "Authorization: Bearer ", "Cookie: a=b", "eyJhbGciOiJI.eyJzdWIi.x",
            "ghp_0123456789abcdefghij", "-----BEGIN PRIVATE KEY-----", "MIIEpAIBAAK", "-----END ",
            "identified by '", "<masked>", "<mask", "$X", "${", "$(", "`", "'", "\"", "\\\"", "\\",
            "AUTH ", "-u bob ", "AKIAIOSFODNN7EXAMPLE ", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "insert into t(a,password) values(", "bcrypt('", "set_password('", "login(\"", "new PDO(\"",
            "PRIVATE\0KEY-----\0", "(echo ", ") | passwd ", "> .pgpass", "--value ", "redis-cli ", "%",
            ";", "|", "&&", "&", ",", "=", ":", "\n", " ", "\0", "x", "hunter2", "--", "-", "/p:",
            "login ", "PASSWORD 'x'", "htpasswd -b f u ", "KEY=", "?token=", "#", ">", "7z ", "auth ",
        ]).prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..6),
        1 => "[a-zA-Z0-9!@%+/.]{1,16}".prop_map(String::into_bytes),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_masked_once_and_keep_their_arguments(argv in rich_text()) {
        let masker = SHARED.with(std::rc::Rc::clone);
        let nuls = |bytes: &[u8]| bytes.iter().filter(|byte| **byte == 0).count();
        let once = mask_once(&masker, &argv);
        prop_assert_eq!(nuls(&once), nuls(&argv));
        let twice = mask_once(&masker, &once);
        prop_assert_eq!(
            String::from_utf8_lossy(&twice).into_owned(),
            String::from_utf8_lossy(&once).into_owned(),
            "from {:?}", String::from_utf8_lossy(&argv)
        );
    }

    #[test]
    fn arbitrary_bytes_never_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        name in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let masker = SHARED.with(std::rc::Rc::clone);
        let mut scratch = Scratch::default();
        masker.mask_argv(&bytes, &mut scratch);
        masker.mask_env(&name, &bytes, &mut scratch);
        masker.mask_text(&bytes, &mut scratch);
    }

    #[test]
    fn a_secret_behind_a_telling_option_never_stays(
        program in "[a-z]{3,8}", secret in "[A-Za-z0-9#%+~!]{8,22}[0-9][A-Za-z]",
        option in prop::sample::select(vec!["--password", "--db-password", "--token", "--api-key", "-storepass"]),
    ) {
        let masker = SHARED.with(std::rc::Rc::clone);
        for line in [
            format!("{program}x\0{option}\0{secret}\0z"), format!("{program}x\0{option}={secret}"),
            format!("sh\0-c\0{program}x {option} '{secret}' | z"), format!("env\0DB_PASSWORD={secret}\0x"),
        ] {
            let text = String::from_utf8(mask_once(&masker, line.as_bytes())).expect("ASCII");
            prop_assert!(!text.contains(&secret), "{}", text);
        }
    }
}

thread_local! {
    static SHARED: std::rc::Rc<Masker> = std::rc::Rc::new(builtin());
}

/// Prints what masking costs; the bound is wide, for loaded machines and builds without
/// optimisation.
#[test]
fn harmless_lines_cost_little() {
    let masker = builtin();
    let mut scratch = Scratch::default();
    let lines: [&[u8]; 5] = [
        b"/usr/bin/gcc\0-O2\0-Wall\0-Wextra\0-I/usr/include/x\0-o\0build/objects/main.o\0-c\0src/lib/main_window.c",
        b"/usr/lib/systemd/systemd-executor\0--deserialize\0 82\0--log-level\0info\0--log-target\0journal-or-kmsg",
        b"git\0-C\0/srv/app\0log\0--oneline\0-n\0\x35\0--format=%H %an\0origin/main\0--\0src/daemon/collector.rs.in",
        b"curl\0-sSL\0-o\0/tmp/x.tar.gz\0https://example.com/releases/download/v1.2.3/tool-linux-amd64.tgz",
        b"sh\0-c\0test -f /etc/keyboard.conf && cat /etc/keyboard.conf | grep -v comment | sort -u",
    ];
    for line in lines {
        let rounds = 20_000;
        let started = std::time::Instant::now();
        for _ in 0..rounds {
            assert!(
                masker
                    .mask_argv(std::hint::black_box(line), &mut scratch)
                    .is_none()
            );
        }
        let each = started.elapsed() / rounds;
        println!(
            "{:>6} ns for {} bytes: {}",
            each.as_nanos(),
            line.len(),
            String::from_utf8_lossy(line).replace('\0', " ")
        );
        assert!(each.as_micros() < 200);
    }
}
