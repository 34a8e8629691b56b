//! The window and the steps: which code is good when.

use proptest::prelude::*;
use purser_standin::totp::code;

use super::*;

fn app(secret: [u8; 20]) -> (Totp, String) {
    let totp = Builder::new().with_secret(secret.to_vec()).build().unwrap();
    (totp, totp_rs::Secret::from(secret).to_base32())
}

proptest! {
    /// A code is good from one step before its own to one after, and names its own step, so that it is told apart from the next.
    #[test]
    fn a_code_is_good_in_its_step_and_one_before_and_after(
        secret: [u8; 20],
        now in 0_i64..4_000_000_000,
        away in -5_i64..=5,
    ) {
        let (totp, base32) = app(secret);
        let present = now / STEP;
        prop_assume!(present + away > 0);
        let step = present + away;
        let codes: Vec<String> = (-SKEW..=SKEW).map(|near| code(&base32, (present + near) * STEP)).collect();
        let shown = code(&base32, step * STEP);
        let found = step_of(&totp, &shown, Timestamp::from_seconds(now));
        if away.abs() <= SKEW {
            // Two steps may have the same code once in a million times.
            let first = codes.iter().position(|it| *it == shown).map(|at| present - SKEW + i64::try_from(at).unwrap());
            prop_assert_eq!(found, first);
        } else if !codes.contains(&shown) {
            prop_assert_eq!(found, None);
        }
    }

    /// However often codes come, and in whatever order: the steps accepted only rise.
    #[test]
    fn accepted_steps_only_rise(secret: [u8; 20], tries in prop::collection::vec((0_i64..600, -2_i64..=2), 1..40)) {
        let (totp, base32) = app(secret);
        let (mut last, mut now) = (0, 1_800_000_000);
        let mut accepted = Vec::new();
        for (later, away) in tries {
            now += later;
            let shown = code(&base32, now + away * STEP);
            if let Some(step) = step_of(&totp, &shown, Timestamp::from_seconds(now)).filter(|step| *step > last) {
                last = step;
                accepted.push(step);
            }
        }
        prop_assert!(accepted.is_sorted_by(|one, next| one < next));
    }

    #[test]
    fn nothing_but_six_digits_is_a_code(text in "\\PC{0,12}") {
        prop_assume!(text.len() != 6 || !text.bytes().all(|byte| byte.is_ascii_digit()));
        let (totp, _) = app([7; 20]);
        prop_assert_eq!(step_of(&totp, &text, Timestamp::from_seconds(1_800_000_000)), None);
    }
}
