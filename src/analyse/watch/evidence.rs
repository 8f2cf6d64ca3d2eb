//! What a series shows in the exporter beyond its single readings: four tests whose statistics are counted by days.
//!
//! * **Stray**: away from both its usual course and its recent level, for three readings.
//! * **Jump**: moved within the last hour, for two readings: losses at once, and what runs away.
//! * **Relation**: not what its host's CPU says it should be, summed up: slow leaks ([`super::relation`]).
//! * **Still**: varies less than usual, or readings come late.
//!
//! How much is much is [`super::pool`]'s to say. Time does not matter here but for the day: windows are readings.

use super::days::Days;
use super::relation::Relation;
use crate::analyse::anomaly::archive::Archive;

/// One way to look at a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Test {
    Stray,
    Jump,
    Relation,
    Still,
}

/// Number of tests.
pub(super) const TESTS: usize = 4;

impl Test {
    /// All of them, in the order of their numbers.
    pub(super) const ALL: [Self; TESTS] = [Self::Stray, Self::Jump, Self::Relation, Self::Still];

    /// For programs.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Stray => "stray",
            Self::Jump => "jump",
            Self::Relation => "relation",
            Self::Still => "still",
        }
    }

    /// For a human.
    pub(super) const fn describe(self) -> &'static str {
        match self {
            Self::Stray => "away from its usual course and its recent level",
            Self::Jump => "moved within an hour",
            Self::Relation => "not what the CPU of its host makes it otherwise",
            Self::Still => "varies less than usual, or is late",
        }
    }

    /// What limits are multiplied by: largest values of real loads have heavier tails than their days tell.
    pub(super) const fn margin(self) -> f64 {
        match self {
            Self::Stray => 1.5,
            Self::Jump | Self::Still => 1.0,
            Self::Relation => 1.3,
        }
    }

    /// The least that a day's largest value is measured in: deviations have the floor of the series, sums of
    /// deviations in units of their noise have none, and what a reading says of itself counts from a strength of 1 on.
    pub(super) const fn smallest(self, floor: f64) -> f64 {
        match self {
            Self::Stray | Self::Jump => floor,
            Self::Relation => 1.0,
            Self::Still => 1.0 / super::pool::SHORTEST_TAIL,
        }
    }
}

/// What the tests say of a reading.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rare {
    /// Above 1 for news.
    pub(super) score: f64,
    pub(super) direction: i8,
    pub(super) test: Test,
}

/// A reading, as the tests see it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sight {
    pub(super) value: f64,
    /// How far from both what is usual now and the recent level.
    pub(super) way: f64,
    /// How unusual it is that it hardly varies, or is late; 0 where something else is more unusual.
    pub(super) still: f64,
    /// What the host's CPU does, where the series is another of its measurements.
    pub(super) reference: Option<f64>,
    /// Deviations below it do not matter, and this one is.
    pub(super) floor: f64,
    pub(super) small: bool,
    /// Multiplies the score.
    pub(super) sensitivity: f64,
    /// Whether values count up without end: they have no level to jump from.
    pub(super) counter: bool,
}

/// The tests of one series.
#[derive(Clone, Debug, Default)]
pub(super) struct Evidence {
    stray: Lasting<3>,
    jump: Jump,
    relation: Relation,
    /// By test.
    pub(super) days: [Days; TESTS],
}

impl Evidence {
    /// Takes a reading; answers with the strongest test, or none while too few days are known. Strays and
    /// jumps that are small are no news.
    pub(super) fn step(&mut self, now: i64, sight: &Sight) -> Option<Rare> {
        let jump = if sight.counter { 0.0 } else { self.jump.step(sight.value) };
        let relation = sight.reference.map_or(0.0, |cpu| self.relation.step(cpu, sight.value, sight.floor));
        let mut strongest: Option<Rare> = None;
        for ((test, days), statistic) in
            Test::ALL.into_iter().zip(&mut self.days).zip([self.stray.step(sight.way), jump, relation, sight.still])
        {
            let Some(score) = days.step(now, statistic) else { continue };
            let mut score = sight.sensitivity * score;
            if sight.small && matches!(test, Test::Stray | Test::Jump) {
                score = score.min(0.99);
            }
            if strongest.is_none_or(|before| score > before.score) {
                let direction = match test {
                    Test::Still => 0,
                    _ if statistic > 0.0 => 1,
                    _ => -i8::from(statistic < 0.0),
                };
                strongest = Some(Rare { score, direction, test });
            }
        }
        strongest
    }

    /// Shows every field to an archive.
    pub(super) fn fields(&mut self, archive: &mut Archive) {
        self.stray.fields(archive);
        self.jump.fields(archive);
        self.relation.fields(archive);
        self.days.iter_mut().for_each(|days| days.fields(archive));
    }
}

/// What the last readings have in common: the least of them if all are on one side, 0 otherwise.
#[derive(Clone, Debug)]
struct Lasting<const READINGS: usize>([f64; READINGS]);

impl<const READINGS: usize> Default for Lasting<READINGS> {
    fn default() -> Self {
        Self([0.0; READINGS])
    }
}

impl<const READINGS: usize> Lasting<READINGS> {
    fn step(&mut self, deviation: f64) -> f64 {
        self.0.rotate_right(1);
        if let Some(latest) = self.0.first_mut() {
            *latest = deviation;
        }
        let least = self.0.iter().copied().fold(f64::INFINITY, f64::min);
        let most = self.0.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if least > 0.0 { least } else { most.min(0.0) }
    }

    fn fields(&mut self, archive: &mut Archive) {
        archive.f64s(&mut self.0);
    }
}

/// Readings before the last that a jump is measured from.
const HOUR: usize = 12;

/// How far a series has moved from the median of the readings of the hour before.
#[derive(Clone, Debug, Default)]
struct Jump {
    /// Oldest first; the last one is not of the hour before yet.
    values: Vec<f64>,
    lasting: Lasting<2>,
}

impl Jump {
    fn step(&mut self, value: f64) -> f64 {
        if !value.is_finite() {
            return 0.0;
        }
        let mut hour: Vec<f64> = self.values.iter().copied().take(HOUR).collect();
        let full = self.values.len() > HOUR;
        if full {
            self.values.remove(0);
        }
        self.values.push(value);
        hour.sort_unstable_by(f64::total_cmp);
        let median = hour.get(HOUR / 2).copied().filter(|_| full);
        self.lasting.step(median.map_or(0.0, |median| value - median))
    }

    fn fields(&mut self, archive: &mut Archive) {
        archive.numbers(&mut self.values, HOUR + 1);
        self.lasting.fields(archive);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sight(value: f64, way: f64) -> Sight {
        Sight { value, way, still: 0.0, reference: None, floor: 0.0, small: false, sensitivity: 1.0, counter: false }
    }

    #[test]
    fn what_lasts_is_the_least_of_the_last_readings_on_one_side() {
        let mut lasting = Lasting::<3>::default();
        let seen = [5.0, 3.0, 4.0, -1.0, -2.0, -3.0].map(|deviation| lasting.step(deviation));
        assert_eq!(seen, [0.0, 0.0, 3.0, 0.0, 0.0, -1.0]);
    }

    #[test]
    fn a_jump_is_measured_from_the_hour_before_and_needs_two_readings() {
        let mut jump = Jump::default();
        (0..20).for_each(|i| assert!(jump.step(10.0 + f64::from(i % 2)).abs() <= 1.0));
        assert!(jump.step(50.0) < 2.0 && jump.step(f64::NAN) == 0.0);
        assert!(jump.step(50.0) > 38.0);
        (0..20).for_each(|_| _ = jump.step(50.0));
        assert_eq!(jump.step(50.0), 0.0, "an hour later it is the level");
    }

    #[test]
    fn the_strongest_test_speaks_and_small_deviations_are_no_news() {
        let mut evidence = Evidence::default();
        (0..3).for_each(|_| assert_eq!(evidence.step(0, &sight(1.0, 2.0)), None, "no day is known"));
        evidence.days.iter_mut().for_each(|days| days.limit(0, Some(1.0)));
        let rare = evidence.step(0, &sight(1.0, 2.0)).unwrap();
        assert_eq!((rare.test, rare.score, rare.direction), (Test::Stray, 2.0, 1));
        let of = |evidence: &mut Evidence, sight: Sight| evidence.step(0, &sight).unwrap().score;
        assert!(of(&mut evidence, Sight { small: true, ..sight(1.0, 2.0) }) < 1.0);
        assert_eq!(of(&mut evidence, Sight { sensitivity: 0.5, ..sight(1.0, 2.0) }), 1.0);
        let counter = Sight { counter: true, ..sight(1e9, 0.0) };
        assert_eq!(evidence.step(0, &counter), None, "a counter has no level, and no limit downwards is known");
    }
}
