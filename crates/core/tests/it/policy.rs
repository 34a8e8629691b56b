//! The permission table.

use insta::assert_snapshot;
use purser_core::access::table;

#[test]
fn the_permission_table_is_as_agreed() {
    assert_snapshot!("permissions", table());
}

#[test]
fn the_page_of_permissions_begins_with_exactly_this_table() {
    let page = include_str!("../../../../docs/permissions.md");
    let from_it_on = page.lines().skip_while(|line| !line.starts_with('|'));
    let rows: Vec<&str> = from_it_on.take_while(|line| line.starts_with('|')).collect();
    assert_eq!(rows.join("\n"), table().trim_end());
}
