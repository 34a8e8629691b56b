-- Whether the provider's word for the account's address counted when the link was made or last used: 1 or 0. Links of before are
-- taken as unproven until they are used again.
ALTER TABLE external_identities ADD COLUMN vouched BIGINT NOT NULL DEFAULT 0;
