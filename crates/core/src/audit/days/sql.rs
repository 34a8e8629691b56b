//! The statements of counting sign-ins.

use crate::store::statement::statements;

/// The sign-ins between two ids, oldest first.
macro_rules! sign_ins {
    ($columns:literal, $limit:literal) => {
        concat!(
            "SELECT ",
            $columns,
            " FROM audit WHERE tenant_id = ?1 AND action = 'session.sign-in' AND id > ?2 AND id < ?3 ORDER BY id LIMIT ",
            $limit
        )
    };
}

statements! {
    /// Up to which line is counted, and the counts from a day on.
    tenant KEPT = "SELECT d.day, d.way, d.done, d.refused, c.upto FROM sign_ins_counted c
        LEFT JOIN sign_in_days d ON d.tenant_id = c.tenant_id AND d.day >= ?2 WHERE c.tenant_id = ?1";
    /// The lines between two ids by day and way. What was done says how; what was refused only says where.
    tenant COUNT = concat!(
        "SELECT day, way, count(CASE WHEN outcome = 'done' THEN 1 END), count(CASE WHEN outcome <> 'done' THEN 1 END) FROM (",
        sign_ins!(
            "at / 86400000000 AS day, outcome, CASE WHEN actor_kind = 'provider' THEN 'provider' WHEN outcome <> 'done' THEN ''
                WHEN reason IN ('password', 'passkey', 'invitation') THEN reason ELSE 'provider' END AS way",
            "?4"
        ),
        ") AS lines GROUP BY day, way"
    );
    /// The last line that is counted, if there are more.
    tenant LAST_COUNTED = sign_ins!("id", "1 OFFSET ?4");
    /// How far is counted, if it is still what was counted on from.
    tenant MARK = "INSERT INTO sign_ins_counted (tenant_id, upto) VALUES (?1, ?3)
        ON CONFLICT (tenant_id) DO UPDATE SET upto = excluded.upto WHERE sign_ins_counted.upto = ?2";
    /// Adds what was counted of a day.
    tenant ADD_DAY = "INSERT INTO sign_in_days (tenant_id, day, way, done, refused) VALUES (?1, ?2, ?3, ?4, ?5)
        ON CONFLICT (tenant_id, day, way) DO UPDATE SET done = sign_in_days.done + excluded.done,
            refused = sign_in_days.refused + excluded.refused";
    /// Days that nobody asks for any more.
    tenant DROP_DAYS = "DELETE FROM sign_in_days WHERE tenant_id = ?1 AND day < ?2";
}
