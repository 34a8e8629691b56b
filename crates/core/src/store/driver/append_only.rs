//! What keeps the audit log append-only in either database, besides the program's having no statement that says otherwise.
//!
//! The one way for lines to leave is a row in `audit_removals`: the database itself then removes lines of a tenant that is gone or leaves, or
//! those older than a moment, and the row with them. On PostgreSQL the role that owns the log has no privilege to change or remove lines;
//! the function that removes gives it to itself for that one statement.

/// For SQLite.
pub(super) const SQLITE: &str = "
CREATE TRIGGER IF NOT EXISTS audit_is_not_changed BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit log is only added to'); END;

DROP TRIGGER IF EXISTS audit_is_kept;
CREATE TRIGGER IF NOT EXISTS audit_line_is_kept BEFORE DELETE ON audit
WHEN NOT EXISTS (SELECT 1 FROM audit_removals r
    WHERE (r.log = '*' AND OLD.at < r.before)
       OR (r.log <> '' AND r.log = OLD.tenant_id
           AND NOT EXISTS (SELECT 1 FROM tenants t WHERE t.tenant_id = r.log AND t.status <> 'leaving')))
BEGIN SELECT RAISE(ABORT, 'the audit log is only added to'); END;

DROP TRIGGER IF EXISTS audit_removal;
CREATE TRIGGER IF NOT EXISTS audit_removal_of_some AFTER INSERT ON audit_removals
BEGIN
    DELETE FROM audit WHERE NEW.log <> '' AND tenant_id = NEW.log
        AND id IN (SELECT id FROM audit WHERE tenant_id = NEW.log ORDER BY id LIMIT NEW.most)
        AND NOT EXISTS (SELECT 1 FROM tenants t WHERE t.tenant_id = NEW.log AND t.status <> 'leaving');
    DELETE FROM audit WHERE NEW.log = '*' AND (tenant_id, id) IN (
        SELECT tenant_id, id FROM audit WHERE id < NEW.below AND at < NEW.before ORDER BY id LIMIT NEW.most);
    DELETE FROM audit_removals WHERE log = NEW.log;
END;
";

/// For PostgreSQL; `SCHEMA` is the schema's name. The functions act as their owner, in its schema, and see every tenant while they do.
pub(super) const POSTGRES: &str = r"
CREATE OR REPLACE FUNCTION audit_is_kept() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = SCHEMA, pg_temp AS $$
BEGIN
    IF TG_OP = 'DELETE' AND EXISTS (SELECT 1 FROM audit_removals r
        WHERE (r.log = '*' AND OLD.at < r.before)
           OR (r.log <> '' AND r.log = OLD.tenant_id
               AND NOT EXISTS (SELECT 1 FROM tenants t WHERE t.tenant_id = r.log AND t.status <> 'leaving')))
    THEN RETURN OLD; END IF;
    RAISE EXCEPTION 'the audit log is only added to' USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE OR REPLACE FUNCTION audit_removal() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = SCHEMA, pg_temp AS $$
DECLARE
    scope text := coalesce(current_setting('purser.tenant', true), '');
BEGIN
    PERFORM set_config('purser.tenant', '*', true);
    IF (NEW.log = '*' AND EXISTS (SELECT 1 FROM audit WHERE id < NEW.below AND at < NEW.before))
        OR (NEW.log <> '' AND EXISTS (SELECT 1 FROM audit WHERE tenant_id = NEW.log)
            AND NOT EXISTS (SELECT 1 FROM tenants WHERE tenant_id = NEW.log AND status <> 'leaving'))
    THEN
        -- One at a time: privileges are a row that two cannot change at once.
        PERFORM pg_advisory_xact_lock(hashtext('purser audit ' || current_schema()));
        GRANT DELETE ON audit TO CURRENT_USER;
        DELETE FROM audit WHERE NEW.log <> '*' AND tenant_id = NEW.log
            AND id IN (SELECT id FROM audit WHERE tenant_id = NEW.log ORDER BY id LIMIT NEW.most);
        DELETE FROM audit WHERE NEW.log = '*' AND (tenant_id, id) IN (
            SELECT tenant_id, id FROM audit WHERE id < NEW.below AND at < NEW.before ORDER BY id LIMIT NEW.most);
        REVOKE DELETE ON audit FROM CURRENT_USER;
    END IF;
    DELETE FROM audit_removals WHERE log = NEW.log;
    PERFORM set_config('purser.tenant', scope, true);
    RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER audit_is_kept BEFORE UPDATE OR DELETE ON audit FOR EACH ROW EXECUTE FUNCTION audit_is_kept();
CREATE OR REPLACE TRIGGER audit_is_not_emptied BEFORE TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION audit_is_kept();
CREATE OR REPLACE TRIGGER audit_removal AFTER INSERT ON audit_removals FOR EACH ROW EXECUTE FUNCTION audit_removal();
REVOKE UPDATE, DELETE, TRUNCATE ON audit FROM PUBLIC, CURRENT_USER;
";
