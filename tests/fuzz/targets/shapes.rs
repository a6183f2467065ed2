//! No text stops the lexer, the parser behind it or the templates, and all agree on ids; a text that
//! is recognised as the like of an earlier one is what the lexer says of it.

#![no_main]

use std::cell::RefCell;

use detectors::evidence::shape::sql::{Dialect, Lexer, Recognizer, shortened, tags};
use detectors::evidence::shape::url::Templates;
use libfuzzer_sys::fuzz_target;

thread_local! {
    static RECOGNIZER: RefCell<Recognizer> =
        RefCell::new(Recognizer::new(Lexer::new(1).with_tenant_schemas(&["tenant_*"])));
}

fuzz_target!(|text: &[u8]| {
    let lexer = Lexer::new(1).with_tenant_schemas(&["tenant_*"]);
    let mut literals = Vec::new();
    for dialect in [Dialect::Postgres, Dialect::MySql, Dialect::SqlServer, Dialect::Generic] {
        let scanned = lexer.scan(text, dialect);
        RECOGNIZER.with_borrow_mut(|known| assert_eq!(known.scan(text, dialect), scanned));
        let shape = lexer.describe(text, dialect);
        assert_eq!(scanned.id, shape.id);
        assert!(shortened(&shape.text, 60).chars().count() <= 60);
        lexer.literals(text, dialect, &mut literals);
        assert!(
            literals.iter().all(|literal| literal.start < literal.end && literal.end as usize <= text.len())
        );
    }
    tags(text).for_each(drop);
    let mut templates = Templates::new(1);
    templates.call(b"GET", text);
    templates.endpoint_by_route(b"GET", text);
    templates.endpoint_by_path(b"GET", text);
    templates.endpoint_by_name(text);
    templates.command(text);
});
