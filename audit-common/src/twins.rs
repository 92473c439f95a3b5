//! Two programs on one function, of which the kernel may skip either, and neither knows which of them runs first.
//!
//! Owns what a mark of theirs means. A mark is what one of both has told of a task, with whose it is. Whoever finds
//! the other's takes it for told and takes the mark away: it was told just now, or when this one was skipped, and
//! then the other will tell once more. Whoever finds one of its own knows that the other was skipped since.
//!
//! So each thing is told once at most, and not at all only as often as each of both was skipped.

/// In a mark: it is the second program's. Tokens do not have this bit.
pub const OF_TWIN: u64 = 1 << 63;

/// A token with whose it is: `whose` is [`OF_TWIN`] or 0.
#[inline(always)]
pub const fn mark(token: u64, whose: u64) -> u64 {
    token & !OF_TWIN | whose
}

/// Has the other one told what this one would leave this mark for?
#[inline(always)]
pub fn is_told(own: u64, found: Option<u64>) -> bool {
    found == Some(own ^ OF_TWIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALLS: u32 = 5;
    const BOTH: [u64; 2] = [0, OF_TWIN];

    /// How often each call is told. Of each, two bits of `skips` say which program is skipped, and one of `tokens` what
    /// it is about.
    fn told(order: [u64; 2], skips: u32, tokens: u32) -> [u32; CALLS as usize] {
        let mut found = None;
        core::array::from_fn(|at| {
            let at = at as u32;
            let token = u64::from(tokens >> at & 1);
            let is_skipped = |whose: u64| skips >> (2 * at) >> (whose >> 63) & 1 != 0;
            let mut times = 0;
            for whose in order.into_iter().filter(|whose| !is_skipped(*whose)) {
                let own = mark(token, whose);
                if is_told(own, found) {
                    found = None;
                } else {
                    found = Some(own);
                    times += 1;
                }
            }
            times
        })
    }

    #[test]
    fn nothing_is_told_twice_and_nothing_hidden_but_by_skips_of_both() {
        let orders = [BOTH, [OF_TWIN, 0]];
        for order in orders {
            for skips in 0..1 << (2 * CALLS) {
                let of =
                    |whose: u32| (0..CALLS).filter(move |at| skips >> (2 * at) >> whose & 1 != 0);
                let both = of(0).count().min(of(1).count());
                for tokens in 0..1 << CALLS {
                    let told = told(order, skips, tokens);
                    assert!(told.iter().all(|times| *times <= 1), "{skips:b} {tokens:b}");
                    let hidden = told.iter().filter(|times| **times == 0).count();
                    assert!(hidden <= both, "{skips:b} {tokens:b}: {told:?}");
                }
            }
        }
    }
}
