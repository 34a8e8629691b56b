//! The permission table.

use insta::assert_snapshot;
use purser_core::access::table;

#[test]
fn the_permission_table_is_as_agreed() {
    assert_snapshot!("permissions", table());
}

#[test]
fn the_page_of_permissions_holds_exactly_this_table() {
    let page = include_str!("../../../../docs/permissions.md");
    let rows: Vec<&str> = page.lines().filter(|line| line.starts_with('|')).collect();
    assert_eq!(rows.join("\n"), table().trim_end());
}
