//! Measures the rule table against two lists of command lines.
//!
//! `corpus/secret.txt` marks every secret by ⟦…⟧; `corpus/harmless.txt` has none. In both the
//! arguments of a line are separated by ` · `, a new line inside an argument is written ⏎, and `#`
//! begins a comment line.

use super::{MASKED, MaskSettings, Masker, Scratch};

const SECRET: &str = include_str!("corpus/secret.txt");
const HARMLESS: &str = include_str!("corpus/harmless.txt");
/// Share of the secrets of which no byte may stay.
const MASKED_SHARE_MIN: f64 = 0.99;
/// Share of the harmless lines that may change.
const CHANGED_SHARE_MAX: f64 = 0.005;

/// One line: its bytes as argv, and its secrets as ranges of them.
struct Line {
    text: &'static str,
    argv: Vec<u8>,
    secrets: Vec<(usize, usize)>,
}

fn lines(list: &'static str) -> Vec<Line> {
    list.lines()
        .filter(|text| !text.is_empty() && !text.starts_with('#'))
        .map(|text| {
            let plain = text.replace(" · ", "\0").replace('⏎', "\n");
            let mut line = Line {
                text,
                argv: Vec::new(),
                secrets: Vec::new(),
            };
            let mut open = 0;
            for part in plain.split_inclusive(['⟦', '⟧']) {
                let (body, mark) = match part.char_indices().last() {
                    Some((at, mark @ ('⟦' | '⟧'))) => (&part[..at], mark),
                    _ => (part, ' '),
                };
                line.argv.extend_from_slice(body.as_bytes());
                match mark {
                    '⟦' => open = line.argv.len(),
                    '⟧' => line.secrets.push((open, line.argv.len())),
                    _ => {}
                }
            }
            line
        })
        .collect()
}

/// The ranges that were masked, found again by aligning the result with the original.
fn masked_ranges(masker: &Masker, argv: &[u8]) -> Vec<(usize, usize)> {
    let mut scratch = Scratch::default();
    let Some(masked) = masker.mask_argv(argv, &mut scratch) else {
        return Vec::new();
    };
    let mut ranges = Vec::new();
    let (mut from, mut out) = (0, 0);
    for mark in masked.marks() {
        let rest = &masked.bytes()[out..];
        let gap = memchr::memmem::find(rest, MASKED).expect("a mark has its text");
        assert_eq!(
            argv[from..from + gap],
            rest[..gap],
            "text outside the marks stays"
        );
        let start = from + gap;
        from = start + mark.length as usize;
        ranges.push((start, from));
        out += gap + MASKED.len();
    }
    assert_eq!(argv[from..], masked.bytes()[out..]);
    ranges
}

fn shown(argv: &[u8], ranges: &[(usize, usize)]) -> String {
    let mut text = argv.to_vec();
    for (start, end) in ranges.iter().rev() {
        text.splice(start..end, MASKED.iter().copied());
    }
    String::from_utf8_lossy(&text).replace('\0', " · ")
}

#[test]
fn nearly_every_secret_is_masked_and_the_rest_of_the_line_stays() {
    let masker = Masker::new(&MaskSettings::default()).expect("default settings are valid");
    let lines = lines(SECRET);
    let (mut secrets, mut missed, mut overdone) = (0, Vec::new(), Vec::new());
    for line in &lines {
        assert!(
            !line.secrets.is_empty(),
            "no secret marked in: {}",
            line.text
        );
        let ranges = masked_ranges(&masker, &line.argv);
        for secret in &line.secrets {
            secrets += 1;
            if !ranges
                .iter()
                .any(|range| range.0 <= secret.0 && range.1 >= secret.1)
            {
                missed.push(format!("{}\n    {}", line.text, shown(&line.argv, &ranges)));
            }
        }
        if ranges.iter().any(|range| !line.secrets.contains(range)) {
            overdone.push(format!("{}\n    {}", line.text, shown(&line.argv, &ranges)));
        }
    }
    let share = 1.0 - missed.len() as f64 / secrets as f64;
    println!(
        "{} lines, {secrets} secrets: {:.2} % masked",
        lines.len(),
        share * 100.0
    );
    println!("not masked:\n{}", missed.join("\n"));
    println!("masked too much:\n{}", overdone.join("\n"));
    assert!(lines.len() >= 1400, "{} lines with secrets", lines.len());
    assert!(share >= MASKED_SHARE_MIN);
    assert!(overdone.len() as f64 <= lines.len() as f64 * (1.0 - MASKED_SHARE_MIN));
}

#[test]
fn hardly_any_harmless_line_changes() {
    let masker = Masker::new(&MaskSettings::default()).expect("default settings are valid");
    let lines = lines(HARMLESS);
    let changed: Vec<String> = lines
        .iter()
        .map(|line| (line, masked_ranges(&masker, &line.argv)))
        .filter(|(_, ranges)| !ranges.is_empty())
        .map(|(line, ranges)| format!("{}\n    {}", line.text, shown(&line.argv, &ranges)))
        .collect();
    let share = changed.len() as f64 / lines.len() as f64;
    println!(
        "{} harmless lines: {:.2} % changed",
        lines.len(),
        share * 100.0
    );
    println!("{}", changed.join("\n"));
    assert!(lines.len() >= 1300, "{} harmless lines", lines.len());
    assert!(share <= CHANGED_SHARE_MAX);
}

#[test]
fn masking_a_corpus_line_twice_is_masking_it_once() {
    let masker = Masker::new(&MaskSettings::default()).expect("default settings are valid");
    for line in lines(SECRET) {
        let mut scratch = Scratch::default();
        let Some(masked) = masker.mask_argv(&line.argv, &mut scratch) else {
            continue;
        };
        let once = masked.bytes().to_vec();
        let twice = masked_ranges(&masker, &once);
        assert!(twice.is_empty(), "{}\n{}", line.text, shown(&once, &twice));
    }
}
