//! Any bytes as a paste of plans: taking off what is around them and reading them never panics, and what is read is whole.
#![no_main]

use libfuzzer_sys::fuzz_target;
use whyslow::ingest::plans;

fuzz_target!(|bytes: &[u8]| {
    let Ok(found) = plans::read(bytes) else { return };
    for plan in found.iter().map(|found| &found.plan) {
        assert!(!plan.nodes.is_empty());
        for (number, node) in plan.nodes.iter().enumerate() {
            assert_eq!(node.parent.is_none(), number == 0);
            assert!(node.parent.is_none_or(|parent| (parent as usize) < number));
        }
    }
});
