//! Signatures in and over XML: only those shapes that SAML allows, only with keys from the settings.
