//! What opens what, at what cost, and what must open nothing.

use proptest::prelude::*;

use super::*;

const CREME: &str = "Crème brûlée 42";
const CHEAP: Parameters = Parameters { memory_kib: 64, passes: 2, lanes: 1 };

fn desk() -> Workspace {
    Workspace::new(CHEAP).unwrap()
}

fn check(stored: &str, password: &str) -> Verdict {
    Stored::parse(stored).check(&Password::parse(password).unwrap(), &mut desk()).unwrap()
}

fn is_read(stored: &str) -> bool {
    !matches!(Stored::parse(stored).0, Form::Unreadable)
}

/// Made by the reference implementation (the first two are from its own tests), argon2-cffi, passlib and Django.
const RIGHT_BUT_WEAK: &[(&str, &str)] = &[
    ("password", "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"),
    ("password", "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc"),
    (CREME, "$argon2id$v=16$m=64,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$Y5vDqZXiSmjaXN37te5KD4YrXqHHn156fHVOcdsJVJI"),
    (CREME, "$argon2id$m=64,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$Y5vDqZXiSmjaXN37te5KD4YrXqHHn156fHVOcdsJVJI"),
    (CREME, "$argon2i$v=19$m=64,t=3,p=2$6Z2zNsZ4T8mZE4LQWgvh3A$MCDwFnD12/4a8ymFsWKRfL4S5exW8b7Fahxzu3X0L1I"),
    (CREME, "$scrypt$ln=8,r=8,p=1$sxbC+D/HOOf8f4/RWmvNWQ$atas2EwS4Gp8/7qMKTJAVyineOFvBtsMU08z0T5CB/8"),
    (CREME, "$scrypt$ln=6,r=8,p=2$bs0Zw9jb+9+7N8ZYizGm9A$8YStR0+09n7g0wUbuDiLNFekT+oOXvdg4tBUs7BF7cQ"),
    (CREME, "$pbkdf2-sha256$1200$Rqg1prQWYkyplXJubS0FQA$KNgSSLlCcXMMDzvXYud0H44DAd6umz3iIhz8kNo1Vdw"),
    (
        CREME,
        "$pbkdf2-sha512$1200$/99by9kbQyiFcE7Jude6Nw$e0oJZp3vLo.3N89Hy/nhRGl5aw8OdnwdvkyHb3g1H89Q1WUa1NQ0hSQtKuOyo5fXZBADKio4Od1PYFLKauC8/A",
    ),
    (CREME, "$pbkdf2-sha256$i=1200,l=32$MDEyMzQ1Njc4OWFiY2RlZg$aEhawdpz99CSFEvJcklYYi3T4G3G3Tsx1dcUW6E0k5k"),
    (CREME, "$pbkdf2-sha256$i=1200$MDEyMzQ1Njc4OWFiY2RlZg$aEhawdpz99CSFEvJcklYYi3T4G3G3Tsx1dcUW6E0k5k"),
    (CREME, "pbkdf2_sha256$1200$Tpff03i3LzT6$CQfCJkXVRT4rZvNDAD4bnJu+/3ep+kbos2PJMoj7mCE="),
    (CREME, "$2a$04$XxXK2kycP9mnppGZtH6ruedCfQRCI0N.GmnsGzU.e/qg.vsI.fzBe"),
    (CREME, "$2b$04$VhYM78Gp/7NX80cL.qhfm./UCj9ODEJqOFsxGSfhzmgEVWjJMlT3."),
    (CREME, "$2y$04$6ZsYath4xyoIj.TmM0Pwwu5X8A8OZCim7C9vShqyH6/JBcnE0CHYi"),
    ("½ litre", "$2b$04$ZbqHEb2Bv5.W5zd9BRC8JO6JiMwEBLf9at7dEH2Owtg2nQJcH/AsK"),
];

#[test]
fn hashes_of_other_systems_open_to_their_password_and_ask_for_renewal() {
    for (password, stored) in RIGHT_BUT_WEAK {
        assert_eq!(check(stored, password), Verdict::RightButWeak, "{stored}");
    }
}

#[test]
fn hashes_of_other_systems_open_to_no_other_password() {
    for (_, stored) in RIGHT_BUT_WEAK {
        assert_eq!(check(stored, "Creme brulee 42"), Verdict::Wrong, "{stored}");
    }
}

#[test]
fn a_hash_made_here_is_strong_and_opens_to_its_password_only() {
    let mut desk = desk();
    let stored = Stored::make(&Password::parse(CREME).unwrap(), *b"0123456789abcdef", &mut desk).unwrap();
    assert_eq!(
        stored,
        "$argon2id$v=19$m=64,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$/HV/V3wQXEmWsCt3VqrFt8dadiEgbq3BcRwAu/I7iB8"
    );
    assert_eq!(check(&stored, CREME), Verdict::Right);
    assert_eq!(check(&stored, "Creme brulee 42"), Verdict::Wrong);
}

#[test]
fn a_decomposed_spelling_opens_what_the_composed_one_made() {
    let stored = "$argon2id$v=19$m=64,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$/HV/V3wQXEmWsCt3VqrFt8dadiEgbq3BcRwAu/I7iB8";
    assert_eq!(check(stored, "Cre\u{300}me bru\u{302}le\u{301}e 42"), Verdict::Right);
}

#[test]
fn a_hash_made_at_a_lower_cost_asks_for_renewal() {
    let stored =
        Stored::parse("$argon2id$v=19$m=64,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$/HV/V3wQXEmWsCt3VqrFt8dadiEgbq3BcRwAu/I7iB8");
    assert!(!stored.needs_upgrade(&CHEAP));
    assert!(!stored.needs_upgrade(&Parameters { memory_kib: 32, passes: 1, lanes: 1 }));
    assert!(stored.needs_upgrade(&Parameters { memory_kib: 65, ..CHEAP }));
    assert!(stored.needs_upgrade(&Parameters { passes: 3, ..CHEAP }));
}

#[test]
fn bcrypt_does_not_look_past_72_bytes() {
    let stored = "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui";
    let first_72 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    assert_eq!(check(stored, first_72), Verdict::RightButWeak);
    assert_eq!(check(stored, &format!("{first_72}chars after 72 are ignored")), Verdict::RightButWeak);
    assert_eq!(check(stored, &first_72[..71]), Verdict::Wrong);
}

#[test]
fn bcrypt_salts_with_stray_bits_are_read() {
    // The salt's last letter carries four bits that count for nothing: O and N differ in one of them.
    assert_eq!(check("$2b$04$ZbqHEb2Bv5.W5zd9BRC8JO6JiMwEBLf9at7dEH2Owtg2nQJcH/AsK", "½ litre"), Verdict::RightButWeak);
    assert_eq!(check("$2b$04$ZbqHEb2Bv5.W5zd9BRC8JP6JiMwEBLf9at7dEH2Owtg2nQJcH/AsK", "½ litre"), Verdict::RightButWeak);
}

#[test]
fn what_cannot_be_read_opens_to_nothing_and_says_so() {
    let damaged = [
        "",
        "$",
        "password",
        "$argon2id$v=19$m=64,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg",
        "$argon2id$v=19$m=64,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$/HV/V3wQXEmWsCt3VqrFt8dadiEgbq3BcRwAu/I7iB8$",
        "$argon2id$v=18$m=64,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$/HV/V3wQXEmWsCt3VqrFt8dadiEgbq3BcRwAu/I7iB8",
        "$argon2id$v=19$m=64,t=2$MDEyMzQ1Njc4OWFiY2RlZg$/HV/V3wQXEmWsCt3VqrFt8dadiEgbq3BcRwAu/I7iB8",
        "$argon2id$v=19$m=64,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$",
        "$argon2id$v=19$m=64,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$AAAA",
        "$argon2id$v=19$m=64,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$/HV/V3wQXEmWsCt3VqrFt8dadiEgbq3BcRwAu/I7iBé",
        "$2b$04$ZbqHEb2Bv5.W5zd9BRC8JO6JiMwEBLf9at7dEH2Owtg2nQJcH/As",
        "$2b$04$ZbqHEb2Bv5.W5zd9BRC8éO6JiMwEBLf9at7dEH2Owtg2nQJcH/AsK",
        "$2x$04$ZbqHEb2Bv5.W5zd9BRC8JO6JiMwEBLf9at7dEH2Owtg2nQJcH/AsK",
        "$pbkdf2-sha256$1200$Rqg1prQWYkyplXJubS0FQA$",
        "pbkdf2_sha256$1200$Tpff03i3LzT6$",
        "!unusable",
    ];
    for stored in damaged {
        assert_eq!(check(stored, CREME), Verdict::Unreadable, "{stored}");
    }
}

#[test]
fn costs_that_would_stall_a_thread_are_not_taken() {
    let argon = |costs: &str| is_read(&format!("$argon2id$v=19${costs}$MDEyMzQ1Njc4OWFiY2RlZg$/HV/V3wQXEmWsCt3VqrFtw"));
    assert!(argon("m=262144,t=10,p=16"));
    assert!(!argon("m=262145,t=1,p=1"));
    assert!(!argon("m=64,t=11,p=1"));
    assert!(!argon("m=1024,t=1,p=17"));
    assert!(!argon("m=4294967295,t=4294967295,p=1"));
    assert!(!argon("m=0,t=0,p=0"));

    let bcrypt = |cost: &str| is_read(&format!("$2b${cost}$ZbqHEb2Bv5.W5zd9BRC8JO6JiMwEBLf9at7dEH2Owtg2nQJcH/AsK"));
    assert!(bcrypt("15"));
    assert!(!bcrypt("16"));
    assert!(!bcrypt("31"));
    assert!(!bcrypt("03"));

    let scrypt = |costs: &str| is_read(&format!("$scrypt${costs}$sxbC$atas2EwS4Gp8/7qMKTJAVyineOFvBtsMU08z0T5CB/8"));
    assert!(scrypt("ln=17,r=8,p=2"));
    assert!(!scrypt("ln=17,r=8,p=3"));
    assert!(!scrypt("ln=18,r=1,p=1"));
    assert!(!scrypt("ln=4294967295,r=4294967295,p=4294967295"));
    assert!(!scrypt("ln=1,r=4294967295,p=1"));
    assert!(!scrypt("ln=10,r=0,p=1"));
    assert!(!scrypt("ln=10,r=8,p=0"));

    let pbkdf2 =
        |costs: &str| is_read(&format!("$pbkdf2-sha256${costs}$sxbC$atas2EwS4Gp8/7qMKTJAVyineOFvBtsMU08z0T5CB/8"));
    assert!(pbkdf2("2000000"));
    assert!(!pbkdf2("2000001"));
    assert!(!pbkdf2("i=2000001,l=32"));
    assert!(!pbkdf2("i=1200,l=20"));
    assert!(!pbkdf2("0"));
}

#[test]
fn nobody_costs_what_somebody_costs() {
    let password = Password::parse(CREME).unwrap();
    let stored = Stored::make(&password, *b"0123456789abcdef", &mut desk()).unwrap();
    let spent = |stored: Stored| {
        let mut desk = desk();
        (stored.check(&password, &mut desk).unwrap(), desk.filled)
    };
    assert_eq!(spent(Stored::parse(&stored)), (Verdict::Right, 128));
    assert_eq!(spent(Stored::nobody()), (Verdict::Wrong, 128));
    assert_eq!(spent(Stored::parse("damaged")), (Verdict::Unreadable, 128));
}

#[test]
fn a_used_workspace_gives_the_same_hash_as_a_fresh_one() {
    let mut used = desk();
    for (password, stored) in RIGHT_BUT_WEAK {
        Stored::parse(stored).check(&Password::parse(password).unwrap(), &mut used).unwrap();
    }
    let make = |desk: &mut Workspace| Stored::make(&Password::parse(CREME).unwrap(), [9; 16], desk).unwrap();
    assert_eq!(make(&mut used), make(&mut desk()));
}

#[test]
fn a_cost_out_of_bounds_is_no_setting() {
    for bad in [
        Parameters { memory_kib: 262_145, ..CHEAP },
        Parameters { passes: 0, ..CHEAP },
        Parameters { lanes: 9, ..CHEAP },
    ] {
        assert!(Workspace::new(bad).is_err(), "{bad:?}");
    }
    assert!(Workspace::new(Parameters::default()).is_ok());
}

#[test]
fn a_stored_hash_does_not_print() {
    for (_, stored) in RIGHT_BUT_WEAK {
        let printed = format!("{:?}", Stored::parse(stored));
        assert!(printed.len() < 20, "{printed}");
    }
}

proptest! {
    #[test]
    fn any_text_is_read_without_a_panic(text in "\\PC{0,80}") {
        Stored::parse(&text);
    }

    #[test]
    fn any_change_to_a_hash_is_read_without_a_panic(which in 0..RIGHT_BUT_WEAK.len(), at in 0_usize..120, c in any::<char>()) {
        let mut text: Vec<char> = RIGHT_BUT_WEAK[which].1.chars().collect();
        let at = at % text.len();
        text[at] = c;
        Stored::parse(&text.into_iter().collect::<String>());
    }
}
