//! Any bytes as metadata: read or refused, nothing panics. What is read can be asked and examined.

#![no_main]

use libfuzzer_sys::fuzz_target;
use purser_federation::saml::{ServiceProvider, examine, metadata, request};

fuzz_target!(|bytes: &[u8]| {
    let now = "2026-11-21T12:00:00Z".parse().expect("a moment");
    let Ok(them) = metadata::read(bytes, now) else { return };
    let us = ServiceProvider {
        entity_id: "https://purser.test/saml".into(),
        acs: "https://purser.test/acs".into(),
        slo: None,
        key: None,
    };
    assert!(!examine(&us, &them, now).is_empty());
    let _ = request::begin(&us, &them, "_r1", "state", now);
});
