//! "Did you mean …?": the known word nearest to a mistyped one.
//!
//! OWNS: the measure and its threshold. MUST NOT: know where words come from; the
//! caller passes only those that are valid at the place in question.

/// Words longer than this are nobody's typing slip, and the measure is quadratic.
const WORD_BYTES_MAX: usize = 64;

/// The nearest of `candidates`, if it is near enough to be what was meant: at most
/// one slip (insertion, deletion, change, swap of neighbours) in three characters.
/// Of equally near ones that with the same first letter wins, then the first.
pub(super) fn nearest<'c>(
    word: &str,
    candidates: impl IntoIterator<Item = &'c str>,
) -> Option<&'c str> {
    if word.len() > WORD_BYTES_MAX {
        return None;
    }
    let typed = normal(word);
    let slips_max = (typed.chars().count() / 3).max(1);
    let rank = |candidate: &'c str| {
        let meant = normal(candidate);
        let slips = strsim::osa_distance(&typed, &meant);
        let near = slips <= slips_max && slips < typed.chars().count();
        near.then(|| {
            (
                slips,
                meant.chars().next() != typed.chars().next(),
                candidate,
            )
        })
    };
    let ranked = candidates.into_iter().filter_map(rank);
    ranked
        .min_by_key(|(slips, differs, _)| (*slips, *differs))
        .map(|(.., candidate)| candidate)
}

/// Case and the choice of `-` or `_` are no slips.
fn normal(word: &str) -> String {
    word.to_lowercase().replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words_are_found_and_far_ones_are_not() {
        let keys = ["dir", "segment_size", "cap", "commit_interval"];
        let check = |typed, expect| assert_eq!(nearest(typed, keys), expect, "{typed}");
        check("segmnet_size", Some("segment_size"));
        check("Segment-Size", Some("segment_size"));
        check("commit_intervall", Some("commit_interval"));
        check("dri", Some("dir"));
        check("cab", Some("cap"));
        assert_eq!(nearest("GB", ["B", "KiB", "MiB", "GiB"]), Some("GiB"));
        check("x", None);
        check("", None);
        check("retention", None);
        check(&"dir".repeat(30), None);
    }
}
