//! Any bytes as a token and as a key set: nothing panics, and what is read has one text only.

#![no_main]

use libfuzzer_sys::fuzz_target;
use purser_federation::jwt::{KeySet, Token};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(keys) = KeySet::read(bytes) {
        assert!(keys.keys().len() + keys.left_out() <= bytes.len());
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(token) = Token::read(text) {
        assert_eq!(text.split('.').count(), 3);
        assert!(Token::read(&format!("{text}=")).is_err());
        let claims = token.unverified();
        let _ = (claims.audiences(), claims.timely(jiff::Timestamp::UNIX_EPOCH), format!("{token:?}"));
    }
});
