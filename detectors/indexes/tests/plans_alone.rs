//! Plans of MySQL and MariaDB whose statement is not known.

use super::*;

fn of_plan(engine: Engine, sketch: Sketch) -> IndexAdvice {
    advice(engine, "", sketch.whole(|plan| plan.engine = engine).plan())
}

fn ddl(advice: &IndexAdvice) -> Vec<&str> {
    let mut ddl: Vec<&str> = advice.proposals.iter().map(|one| &*one.ddl).collect();
    ddl.sort_unstable();
    ddl
}

#[test]
fn conditions_of_the_plan_are_enough() {
    for (engine, condition, expected) in [
        (
            Engine::MariaDb,
            "o.`status` = 'failed' and o.total < 50",
            "CREATE INDEX idx_o_status_total ON o (status, total)",
        ),
        (
            Engine::MySql,
            "((`shop`.`o`.`customer_id` = 5) and (`shop`.`o`.`kind` = 'x'))",
            "CREATE INDEX idx_o_customer_id_kind ON o (customer_id, kind)",
        ),
        (Engine::MySql, "(o.customer_id = 5)  (cost=1.0)", ""),
        (Engine::MariaDb, "<cache>(o.a) = 5", ""),
        (Engine::MariaDb, "o.a = (subquery#2)", ""),
    ] {
        let plan = told(sketch(), 0, "o", 1e5, 5.0, ("ALL", &[])).text(Key::Filter, condition);
        let advice = of_plan(engine, plan);
        assert_eq!(ddl(&advice).join("; "), expected, "{condition}");
        for proposal in &advice.proposals {
            assert!(
                proposal.notes.iter().any(|note| note.contains("name that the table has in the statement"))
            );
        }
        let said = format!("{advice:?}");
        assert!(!said.contains("failed"), "{said}");
    }
}

#[test]
fn tables_that_an_index_leads_to_are_joined() {
    let plan = told(sketch().bare(0, NodeType::NestedLoop), 1, "c", 2e4, 1.0, ("ALL", &[]));
    let plan = plan.text(Key::Filter, "c.email = 'x@y.z'");
    let plan = told(plan, 1, "o", 5.0, 5.0, ("ref", &["cust_id"])).list(Key::Ref, &["shop.c.id"]);
    let plan = plan.list(Key::UsedKeyParts, &["cust_id"]);
    assert_eq!(ddl(&of_plan(Engine::MariaDb, plan)), ["CREATE INDEX idx_c_email ON c (email)"]);
}

#[test]
fn a_plan_that_tells_no_condition_says_what_would_help() {
    let advice = of_plan(Engine::MariaDb, told(sketch(), 0, "o", 1e5, 5.0, ("ALL", &[])));
    assert_eq!(ddl(&advice), [""; 0]);
    let refusal = advice.statements[0].refusal.as_ref().expect("a reason");
    assert_eq!(refusal.kind, RefusalKind::NotUnderstood);
    assert!(refusal.reason.contains("give both in files of the same name"), "{}", refusal.reason);
}
