//! Samples of acts in situations, and one held against another.
//!
//! Owns the comparison: the least of one side against the least of the other, with the ratio of the
//! medians and the span of the rounds beside it. A round is one turn of every situation, so that a
//! ratio within one round is of samples that were taken right after each other.

use std::{collections::BTreeMap, time::Duration};

use anyhow::Result;

use crate::{
    acts::{Act, least_and_median},
    finding::Finding,
};

/// A situation, and what was done in it.
pub type Key = (&'static str, &'static str);

/// For each key its rounds.
#[derive(Default)]
pub struct Samples(BTreeMap<Key, Vec<Vec<f64>>>);

impl Samples {
    /// One round of these acts in this situation.
    pub fn take(&mut self, situation: &'static str, acts: &[Act], time: Duration) -> Result<()> {
        for act in acts {
            self.add((situation, act.name), act.sample(time)?);
        }
        Ok(())
    }

    pub fn add(&mut self, key: Key, round: Vec<f64>) {
        self.0.entry(key).or_default().push(round);
    }

    /// The least value, and what it is to the least of `base`; of `base` itself only the value.
    pub fn finding(&self, key: Key, base: Key) -> Option<Finding> {
        let (least, median) = self.least_and_median(key)?;
        let (situation, act) = key;
        let finding = Finding::new(act, situation, least, "ns");
        if key == base {
            return Some(finding);
        }
        let (least_base, median_base) = self.least_and_median(base)?;
        Some(Finding {
            base: Some(least_base),
            ratio: Some(least / least_base),
            ratio_median: Some(median / median_base),
            ..finding
        })
    }

    /// The smallest and the largest ratio that one round alone would have given.
    pub fn span(&self, key: Key, base: Key) -> Option<(f64, f64)> {
        let least = |round: &Vec<f64>| round.iter().copied().fold(f64::INFINITY, f64::min);
        let rounds = self.0.get(&key)?.iter().zip(self.0.get(&base)?);
        let mut ratios = rounds.map(|(of, base)| least(of) / least(base));
        let first = ratios.next()?;
        Some(ratios.fold((first, first), |(low, high), ratio| {
            (low.min(ratio), high.max(ratio))
        }))
    }

    fn least_and_median(&self, key: Key) -> Option<(f64, f64)> {
        let mut all: Vec<f64> = self.0.get(&key)?.concat();
        Some(least_and_median(&mut all))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFF: Key = ("off", "act");
    const ON: Key = ("on", "act");

    fn samples() -> Samples {
        let mut samples = Samples::default();
        for round in [vec![10.0, 12.0], vec![20.0, 30.0]] {
            samples.add(OFF, round);
        }
        for round in [vec![15.0, 18.0], vec![20.0, 24.0]] {
            samples.add(ON, round);
        }
        samples
    }

    #[test]
    fn least_is_held_against_least_and_median_against_median() {
        let samples = samples();
        let finding = samples.finding(ON, OFF).unwrap();
        assert_eq!((finding.value, finding.base), (15.0, Some(10.0)));
        assert_eq!(
            (finding.ratio, finding.ratio_median),
            (Some(1.5), Some(1.0))
        );
        let base = samples.finding(OFF, OFF).unwrap();
        assert_eq!((base.value, base.ratio), (10.0, None));
        assert!(samples.finding(("on", "other"), OFF).is_none());
    }

    #[test]
    fn the_span_is_of_ratios_within_one_round() {
        assert_eq!(samples().span(ON, OFF), Some((1.0, 1.5)));
        assert_eq!(samples().span(ON, ("off", "other")), None);
    }
}
