//! `[network]`: addresses that are not told, folding, and what is wrong with them.

use std::time::Duration;

use super::super::network::{ANY_PORT, Ignored};
use super::Files;

#[test]
fn the_section_is_read() {
    let text = r#"
[network]
loopback = true
unix = true
ignore = ["10.20.0.0/16:443", "[fd00::]/8", "192.0.2.7:8000-8080", "[2001:db8::1]"]
fold = { after = 3, window = "10 s" }
close = true
pending_after = "2 s"
"#;
    let network = Files::main(text).config().network;
    assert!(network.loopback && network.unix && network.close);
    assert_eq!(
        (network.fold.after, network.fold.window),
        (3, Duration::from_secs(10))
    );
    assert_eq!(network.pending_after, Duration::from_secs(2));
    let read: Vec<_> = network
        .ignore
        .iter()
        .map(|rule| (rule.address.to_string(), rule.bits, rule.ports))
        .collect();
    let expected = [
        ("10.20.0.0", 16, (443, 443)),
        ("fd00::", 8, ANY_PORT),
        ("192.0.2.7", 32, (8000, 8080)),
        ("2001:db8::1", 128, ANY_PORT),
    ];
    let expected = expected.map(|(address, bits, ports)| (address.to_owned(), bits, ports));
    assert_eq!(read, expected);
}

#[test]
fn a_rule_reads_as_it_is_written() {
    for text in [
        "0.0.0.0/0",
        "10.20.0.0/16:443",
        "192.0.2.7/32:8000-8080",
        "[::]/0",
        "[fd00::]/8:53",
    ] {
        assert_eq!(Ignored::parse(text).unwrap().to_string(), text);
    }
}

/// A rule, what is wrong with it, and what would be right.
#[rustfmt::skip]
const WRONG: [(&str, &str, &str); 8] = [
        ("10.20.0.1/16", "has bits behind its prefix", "did you mean \"10.20.0.0/16\"?"),
        ("[fd00::1]/8:5", "has bits behind its prefix", "did you mean \"[fd00::]/8:5\"?"),
        ("10.20.0.0/33", "has no prefix that can be", "expected a prefix of /0 to /32"),
        ("10.20.0.0/", "has no prefix that can be", "expected a prefix of /0 to /32"),
        ("[fd00::]/129", "has no prefix that can be", "expected a prefix of /0 to /128"),
        ("[fd00::]x", "has no prefix that can be", "expected a prefix of /0 to /128"),
        ("10.0.0.0/8:9-8", "has a range of ports that ends before it begins", "did you mean 8-9?"),
        ("fd00::/8", "has no brackets", "write an IPv6 address in brackets, such as \"[fd00::]/8\""),
];

#[test]
fn what_is_no_address_says_what_would_be_one() {
    for (text, what, label) in WRONG {
        let wrong = Ignored::parse(text).unwrap_err();
        assert_eq!((wrong.0, wrong.1.as_str()), (what, label), "{text}");
    }
    for text in [
        "10.0.0.0/8:",
        "10.0.0.0/8:x",
        "10.0.0.0/8:65536",
        "10.0.0.0/8:1-2-3",
        "10.0.0.0/8:-1",
    ] {
        assert_eq!(
            Ignored::parse(text).unwrap_err().0,
            "has no port that can be",
            "{text}"
        );
    }
    for text in [
        "",
        "example.org",
        "10.20.0",
        "10.20.0.0.0/8",
        "[fd00::/8",
        "[10.0.0.1]",
    ] {
        assert_eq!(
            Ignored::parse(text).unwrap_err().0,
            "is no address",
            "{text}"
        );
    }
}

#[test]
fn a_rule_that_stands_twice_is_refused() {
    let text = "[network]\nignore = [\"10.0.0.0/8:443\", \"10.0.0.0/8:443-443\"]\n";
    let errors = Files::main(text).errors();
    assert!(errors.contains("names this twice"), "{errors}");
}
