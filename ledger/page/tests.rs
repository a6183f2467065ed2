use super::*;
use crate::{EntryId, Waiver, read, samples, written};

fn entry(what: &What) -> Entry {
    let written = written("Ada <a@b>", "2026-11-29T03:31:45Z", &[], what).unwrap();
    read(&written.bytes).unwrap()
}

#[test]
fn the_page_says_what_was_claimed_and_how_it_was_found() {
    let mut optimization = samples::optimization(60);
    optimization.before.findings = vec![FindingNote {
        id: "n-plus-one-3f9a".into(),
        endpoint: "GET /orders".into(),
        subject: "SELECT ?".into(),
    }];
    let page = page(&entry(&What::Optimization(Box::new(optimization))));
    for told in [
        "status: improved",
        "# load customers with the orders",
        "**Improved**: `GET /orders p50` 148 ms → ",
        "% proven) in 5 and 5 runs.",
        "Target `GET /orders p99<150ms`: missed before, met after.",
        "> **Do not undo:** one query for each order would come back",
        "- `src/orders.rs` 10–14",
        "- `n-plus-one-3f9a` at GET /orders: `SELECT ?`",
        "- `statements(\"GET /orders\") <= 4`",
        ".svg)",
    ] {
        assert!(page.contains(told), "{told} is not in:\n{page}");
    }
}

#[test]
fn a_capped_verdict_says_what_differs() {
    let mut optimization = samples::optimization(60);
    optimization.after.environment.as_mut().unwrap().kernel = "6.6".to_owned();
    optimization.conclusion = optimization.concluded_again();
    let page = page(&entry(&What::Optimization(Box::new(optimization))));
    assert!(page.contains("**Inconclusive**"), "{page}");
    assert!(page.contains("(code; kernel: 6.1 before, 6.6 after)"), "{page}");
}

#[test]
fn texts_do_not_become_markup() {
    let mut optimization = samples::optimization(60);
    optimization.plan.title = "a|b <script> `x` \u{1b}[31m\n# head".to_owned();
    let what = What::Optimization(Box::new(optimization));
    let title = page(&entry(&what)).lines().find(|line| line.starts_with("# ")).unwrap().to_owned();
    assert_eq!(title, "# a\\|b \\<script> \\`x\\` \u{fffd}\\[31m \\# head");
    let of: EntryId = entry(&what).id;
    let waiver = Waiver {
        of,
        guard: "shape(\"q1:`0\") absent".parse().unwrap(),
        reason: "*soon*".to_owned(),
        until: "2027-01-01".to_owned(),
    };
    assert!(page(&entry(&What::Waiver(waiver))).ends_with("\n\n`shape(\"q1:'0\") absent`: \\*soon\\*\n"));
}

#[test]
fn the_picture_has_both_sides_and_each_run() {
    let mut optimization = samples::optimization(60);
    optimization.plan.subject = "GET /orders".to_owned();
    let svg = picture::picture(&optimization).unwrap();
    assert_eq!(svg.matches("<path class=").count(), 2);
    assert_eq!(svg.matches("r=\"4\"").count(), 2 * 5 + 2);
    assert!(!svg.contains("NaN") && !svg.contains("inf"));
    if let Some(path) = std::env::var_os("WHYSLOW_TEST_PICTURE") {
        std::fs::write(path, svg).unwrap();
    }
}
