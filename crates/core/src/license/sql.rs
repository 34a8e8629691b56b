//! The licence's statements. None removes a key: which serial was the newest is never forgotten.

use crate::store::statement::statements;

statements! {
    /// The licence in force: the one with the newest serial.
    system IN_FORCE = "SELECT serial, license_key, installed_at, seen_at FROM licenses ORDER BY serial DESC LIMIT 1";
    /// Touches the deployment's own id, so that changes which must look at licences queue up behind one another.
    system GUARD = "UPDATE deployment SET value = value WHERE name = 'instance'";
    /// A licence newer than every other.
    system INSTALL = "INSERT INTO licenses (serial, license_key, installed_at, seen_at)
        SELECT ?1, ?2, CAST(?3 AS BIGINT), CAST(?3 AS BIGINT)
        WHERE NOT EXISTS (SELECT 1 FROM licenses l WHERE l.serial >= ?1)";
    /// The latest time seen under a licence. It only rises; a newer licence begins anew.
    system SEEN = "UPDATE licenses SET seen_at = ?2 WHERE serial = ?1 AND seen_at < ?2";
    /// Touches the same row if a seat is free of so many. It stands after [`GUARD`], whose rivals' users it must see, and looks at
    /// no more rows than there are seats.
    system SEAT_FREE = "UPDATE deployment SET value = value WHERE name = 'instance'
        AND (SELECT count(*) FROM (SELECT 1 FROM users WHERE status IN ('active', 'invited')
            AND tenant_id NOT IN (SELECT tenant_id FROM tenants WHERE status = 'leaving') LIMIT ?1) AS taken) < ?1";
    /// Seats in use: whoever can sign in or has been invited to, over all tenants.
    system SEATS_USED = "SELECT count(*) FROM users WHERE status IN ('active', 'invited')
        AND tenant_id NOT IN (SELECT tenant_id FROM tenants WHERE status = 'leaving')";
}
