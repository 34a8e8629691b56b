//! The audit log's statements. None changes a line, and none removes one by itself: see [`REMOVE`].

use crate::store::statement::statements;

/// A reading of lines, each as `Record` takes it: which, in which order. `?3` to `?9` are what `Filter::columns` gives.
macro_rules! lines {
    ($which:literal, $order:literal) => {
        concat!(
            "SELECT id, at, actor_kind, actor, address, request, action, target, outcome, reason, tenant_id FROM audit WHERE ",
            $which,
            " AND (?3 = '' OR action = ?3) AND (?4 = '' OR actor = ?4) AND (?5 = '' OR target = ?5)
          AND (?6 = '' OR outcome = ?6) AND at >= ?7 AND at < ?8
        ORDER BY id ",
            $order,
            " LIMIT ?9"
        )
    };
}

/// The same, newest first, where an index has all that is asked but the time: what does not fit is passed over inside it, and a time
/// is looked up for what does. With an OFFSET PostgreSQL makes no join of that.
macro_rules! lines_by {
    ($which:literal) => {
        concat!(
            "SELECT r.id, r.at, r.actor_kind, r.actor, r.address, r.request, r.action, r.target, r.outcome, r.reason, r.tenant_id
        FROM (SELECT a.id AS line FROM audit a WHERE a.tenant_id = ?1 AND ",
            $which,
            " AND a.id < ?2 AND a.id >= ?10
              AND (?3 = '' OR a.action = ?3) AND (?4 = '' OR a.actor = ?4) AND (?5 = '' OR a.target = ?5)
              AND (?6 = '' OR a.outcome = ?6)
              AND ((CAST(?7 AS BIGINT) = 0 AND CAST(?8 AS BIGINT) = 9223372036854775807)
                   OR EXISTS (SELECT 1 FROM audit o WHERE o.tenant_id = ?1 AND o.id = a.id
                       AND o.at >= CAST(?7 AS BIGINT) AND o.at < CAST(?8 AS BIGINT) LIMIT 1 OFFSET 0))
              ORDER BY a.id DESC LIMIT ?9) l
        CROSS JOIN audit r WHERE r.tenant_id = ?1 AND r.id = l.line ORDER BY r.id DESC"
        )
    };
}

/// Where, before an id, the two hundredth line of some stands.
macro_rules! two_hundredth {
    ($which:literal) => {
        concat!(
            "(SELECT id FROM audit WHERE tenant_id = ?1 AND ",
            $which,
            " AND id < ?2 ORDER BY id DESC LIMIT 1 OFFSET 199)"
        )
    };
}

statements! {
    /// Writes an entry. Its tenant is part of the entry: the admin realm's own have none.
    system ADD = "INSERT INTO audit (tenant_id, id, at, actor_kind, actor, address, request, action, target, outcome, reason)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
    /// A page of one log's lines between two ids, newest first.
    tenant PAGE = lines!("tenant_id = ?1 AND id < ?2 AND id >= ?10", "DESC");
    /// The same about one target.
    tenant PAGE_OF_TARGET = lines_by!("a.target = ?5");
    /// The same by one actor.
    tenant PAGE_OF_ACTOR = lines_by!("a.actor = ?4");
    /// The same of one action.
    tenant PAGE_OF_ACTION = lines_by!("a.action = ?3");
    /// The same of what was not done.
    tenant PAGE_NOT_DONE = lines!("tenant_id = ?1 AND outcome <> 'done' AND outcome = ?6 AND id < ?2 AND id >= ?10", "DESC");
    /// How far the lines about a target, by an actor, of an action, and those not done reach, from an id on.
    tenant REACH = concat!("SELECT ", two_hundredth!("target = ?3"), ", ", two_hundredth!("actor = ?4"), ", ",
        two_hundredth!("action = ?5"), ", ", two_hundredth!("outcome <> 'done' AND outcome = ?6"));
    /// A page over every tenant's log and the admin realm's; `?1` is not looked at.
    system PAGE_OF_ALL = lines!("?1 = '*' AND id < ?2 AND id >= ?10", "DESC");
    /// The next of one log's lines between two ids, oldest first.
    tenant NEXT = lines!("tenant_id = ?1 AND id > ?2 AND id < ?10", "ASC");
    /// The same over every log.
    system NEXT_OF_ALL = lines!("?1 = '*' AND id > ?2 AND id < ?10", "ASC");
    /// Whether there are lines that old.
    system OLDER = "SELECT 1 FROM audit WHERE id < ?1 AND at < ?2 LIMIT 1";
    /// Removes so many lines of a tenant that is gone or leaves, or those of every log that are older than a moment. The databases themselves carry
    /// it out, and refuse any other way.
    system REMOVE = "INSERT INTO audit_removals (log, before, below, most) VALUES (?1, ?2, ?3, ?4)";
    /// Whether a log has more lines than so many.
    system MORE_THAN = "SELECT 1 FROM audit WHERE tenant_id = ?1 ORDER BY id LIMIT 1 OFFSET ?2";
    /// A place to which the log is sent on, if it is new.
    system BEGIN_RELAY = "INSERT INTO audit_relays (place, sent, holder, held_until) VALUES (?1, ?2, '', 0)
        ON CONFLICT (place) DO NOTHING";
    /// How far the log was sent on, by whom, and until when it is that node's turn.
    system RELAY = "SELECT sent, holder, held_until FROM audit_relays WHERE place = ?1";
    /// Takes the turn, unless it is another's.
    system TAKE_TURN = "UPDATE audit_relays SET holder = ?2, held_until = ?3
        WHERE place = ?1 AND (holder = ?2 OR held_until < ?4)";
    /// Sent so far, if it still is this node's turn.
    system SENT = "UPDATE audit_relays SET sent = ?3, held_until = ?4 WHERE place = ?1 AND holder = ?2";
}
