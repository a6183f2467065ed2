//! Which span covers another in time: the innermost ancestor, found in logarithmic time.
//!
//! Each step keeps one long jump towards the root (Myers, "An applicative
//! random-access stack", 1983) with the extremes of what it passes over.

use super::NONE;

/// The spans above each other span that cover it.
#[derive(Debug, Default)]
pub(super) struct Ancestry {
    steps: Vec<Step>,
}

#[derive(Debug, Clone, Copy)]
struct Step {
    covered_by: u32,
    jump: u32,
    /// Steps to the top; zero for what is not in place.
    depth: u32,
    start_ns: u64,
    latest_ns: u64,
    /// The earliest start from here up to the end of the jump.
    passed_start_ns: u64,
    /// The latest end from here up to the end of the jump.
    passed_latest_ns: u64,
}

static NOWHERE: Step = Step {
    covered_by: NONE,
    jump: NONE,
    depth: 0,
    start_ns: 0,
    latest_ns: 0,
    passed_start_ns: 0,
    passed_latest_ns: 0,
};

impl Ancestry {
    /// Makes room for so many spans, none of them in place.
    pub(super) fn clear(&mut self, spans: usize) {
        self.steps.clear();
        self.steps.resize(spans, NOWHERE);
    }

    /// Puts a span below another that covers it, or with [`NONE`] at the top.
    /// What begins in it and ends by `latest_ns` is covered by it.
    pub(super) fn put(&mut self, number: u32, covered_by: u32, start_ns: u64, latest_ns: u64) {
        let below = self.step(covered_by);
        let far = self.step(below.jump);
        let mut step = Step {
            covered_by,
            jump: covered_by,
            depth: below.depth + 1,
            start_ns,
            latest_ns,
            passed_start_ns: start_ns,
            passed_latest_ns: latest_ns,
        };
        if far.depth > 0 && below.depth - far.depth == far.depth - self.step(far.jump).depth {
            step.jump = far.jump;
            step.passed_start_ns = start_ns.min(below.passed_start_ns).min(far.passed_start_ns);
            step.passed_latest_ns = latest_ns.max(below.passed_latest_ns).max(far.passed_latest_ns);
        }
        self.steps[number as usize] = step;
    }

    /// The innermost span from `above` upwards that covers this time; [`NONE`] if none does.
    pub(super) fn innermost(&self, mut above: u32, start_ns: u64, end_ns: u64) -> u32 {
        while above != NONE {
            let step = self.step(above);
            if step.start_ns <= start_ns && end_ns <= step.latest_ns {
                return above;
            }
            let in_vain = step.passed_start_ns > start_ns || step.passed_latest_ns < end_ns;
            above = if in_vain { step.jump } else { step.covered_by };
        }
        NONE
    }

    /// The span that covers this one.
    pub(super) fn covered_by(&self, number: u32) -> u32 {
        self.step(number).covered_by
    }

    /// How many spans of its request cover it, itself included.
    pub(super) fn depth(&self, number: u32) -> u32 {
        self.step(number).depth
    }

    fn step(&self, number: u32) -> &Step {
        self.steps.get(number as usize).unwrap_or(&NOWHERE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn jumping_finds_what_climbing_finds(
            spans in prop::collection::vec((0u64..60, 0u64..60, any::<prop::sample::Index>()), 1..200)
        ) {
            let mut ancestry = Ancestry::default();
            ancestry.clear(spans.len());
            for (number, (start_ns, length_ns, above)) in spans.iter().enumerate() {
                let (start_ns, end_ns) = (*start_ns, start_ns + length_ns);
                let above = if number == 0 { NONE } else { above.index(number) as u32 };
                let mut climbed = above;
                while climbed != NONE {
                    let (start, length, _) = spans[climbed as usize];
                    if start <= start_ns && end_ns <= start + length + 3 {
                        break;
                    }
                    climbed = ancestry.covered_by(climbed);
                }
                prop_assert_eq!(ancestry.innermost(above, start_ns, end_ns), climbed);
                ancestry.put(number as u32, climbed, start_ns, end_ns + 3);
            }
        }
    }

    #[test]
    fn a_chain_of_noise_is_passed_over() {
        let mut ancestry = Ancestry::default();
        ancestry.clear(100_001);
        ancestry.put(0, NONE, 0, 1_000_000);
        for number in 1..100_000 {
            ancestry.put(number, number - 1, u64::from(number), 500_000);
        }
        for _ in 0..100_000 {
            assert_eq!(ancestry.innermost(99_999, 200_000, 600_000), 0);
        }
        assert_eq!(ancestry.innermost(99_999, 50_000, 500_000), 50_000);
    }
}
