//! The pages of system administrators: a realm of its own, under a path and a cookie of its own.

pub(super) mod admins;
pub(super) mod audit;
pub(super) mod domains;
pub(super) mod door;
pub(super) mod health;
pub(super) mod keeper;
pub(super) mod keys;
pub(super) mod license;
pub(super) mod mail;
pub(super) mod people;
pub(super) mod sessions;
pub(super) mod tenant;
pub(super) mod tenants;
