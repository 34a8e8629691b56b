//! The permission table.

use insta::assert_snapshot;
use purser_core::access::table;

#[test]
fn the_permission_table_is_as_agreed() {
    assert_snapshot!("permissions", table());
}
