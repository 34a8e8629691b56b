//! Signing in at other identity providers: untrusted bytes in, a verified identity or a refusal out. Empty until the first provider is built.
