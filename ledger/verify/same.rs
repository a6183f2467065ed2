//! Whether two decisions are the same but for the last digits: logarithms of other machines end otherwise.

use measurement::Decision;
use serde_json::Value;

use crate::Unchanged;

/// Numbers that differ by less are the same: a part of a thousand millions, and two.
const PARTS: u64 = 1_000_000_000;

/// Whether runs that say the one may also say the other.
pub(super) fn is_same(found: &Decision, told: &Decision) -> bool {
    found == told || nearly(&value(found), &value(told))
}

/// Whether runs are as far apart as is told; early entries do not tell.
pub(super) fn is_same_noise(found: Option<u32>, told: Option<u32>) -> bool {
    match (found, told) {
        (_, None) => true,
        (Some(found), Some(told)) => found.abs_diff(told) <= 2,
        (None, Some(_)) => false,
    }
}

/// Whether the same version on both sides is as far apart as is told.
pub(super) fn is_same_unchanged(found: Option<&Unchanged>, told: Option<&Unchanged>) -> bool {
    let value = |unchanged| serde_json::to_value(unchanged).unwrap_or_default();
    found == told || nearly(&value(found), &value(told))
}

/// A decision without the words of warnings, which have rounded numbers in them.
fn value(decision: &Decision) -> Value {
    let mut decision = decision.clone();
    decision.warnings.iter_mut().for_each(|warning| warning.text.clear());
    serde_json::to_value(decision).unwrap_or_default()
}

fn nearly(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => match (whole(one), whole(other)) {
            (Some(one), Some(other)) => {
                one.abs_diff(other)
                    <= 2 + u128::from(u64::try_from(one.unsigned_abs()).unwrap_or(u64::MAX) / PARTS)
            }
            _ => one == other,
        },
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| nearly(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(name, one)| other.get(name).is_some_and(|other| nearly(one, other)))
        }
        _ => one == other,
    }
}

fn whole(number: &serde_json::Number) -> Option<i128> {
    number.as_u64().map(i128::from).or_else(|| number.as_i64().map(i128::from))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    #[test]
    fn only_last_digits_may_differ() {
        let told = samples::optimization(60).conclusion.decision;
        let with_effect = |by: i64| {
            let mut found = told.clone();
            found.metrics[0].effect_ppm = found.metrics[0].effect_ppm.map(|effect| effect + by);
            found
        };
        assert!(is_same(&with_effect(2), &told));
        assert!(!is_same(&with_effect(3), &told));
        let mut found = told.clone();
        found.metrics[0].verdict = measurement::Verdict::Equivalent;
        assert!(!is_same(&found, &told));
        found = told.clone();
        found.metrics.pop();
        assert!(!is_same(&found, &told));
    }
}
