//! Every statement is understood by both databases, and those that see every tenant are known.

use insta::assert_snapshot;

use crate::on_both;

on_both! {
    async fn every_statement_can_be_prepared(world) {
        let prepared = world.app.prepare_every_statement().await.unwrap();
        assert_eq!(prepared, purser_core::statements().len());
    }
}

#[test]
fn statements_that_see_every_tenant_are_a_short_list() {
    let system = purser_core::statements().into_iter().filter(|it| it.kind == "system");
    let names: Vec<String> = system.map(|it| format!("{}: {}", it.name, one_line(it.text))).collect();
    assert_snapshot!("system_statements", names.join("\n"));
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
