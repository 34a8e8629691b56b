-- When an account last showed two factors from an address: only then are guesses at its codes from there counted apart.
ALTER TABLE known_addresses ADD COLUMN both_at BIGINT;
