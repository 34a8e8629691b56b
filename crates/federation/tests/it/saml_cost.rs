//! What the worst documents cost. Run by hand, in release: `cargo test -p purser-federation --release --test it -- --ignored --nocapture cost`.

use std::fmt::Write as _;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use purser_federation::saml::{Accept, IdentityProvider, metadata, response};

use purser_standin::saml::{Dialect, Draft};

use crate::saml::{ASKED, draft, facts, honest, idp, now, reason, sp};

const SIZE: usize = 500 << 10;

/// Pieces until the document is as long as documents may be.
fn filled(piece: impl Fn(usize) -> String) -> String {
    let mut text = String::new();
    let mut n = 0;
    while text.len() < SIZE {
        text.push_str(&piece(n));
        n += 1;
    }
    text
}

fn worst() -> Vec<(&'static str, String)> {
    let inside = |junk: &str| {
        draft()
            .sign_both(&honest())
            .map(|xml| xml.replacen("<saml:Subject>", &format!("{junk}<saml:Subject>"), 1))
            .xml()
    };
    let limited = |n: usize, piece: &str| piece.repeat(n);
    let deep: String = (0..20)
        .map(|it| {
            let declared = (0..30).fold(String::new(), |mut all, n| {
                let _ = write!(all, " xmlns:p{it}x{n}='u'");
                all
            });
            format!("<x{declared}>")
        })
        .collect();
    let prefixed = format!("<x xmlns:p='{}'>{}</x>", "u".repeat(500), limited(9_000, "<p:a/>"));
    let attributes = format!(
        "<x {}>{}</x>",
        (0..30).fold(String::new(), |mut all, n| {
            let _ = write!(all, " xmlns:p{n}='{}{n}'", "u".repeat(500));
            all
        }),
        limited(
            600,
            &format!(
                "<a {}/>",
                (0..30).fold(String::new(), |mut all, n| {
                    let _ = write!(all, " p{n}:a=''");
                    all
                })
            )
        )
    );
    vec![
        ("an honest one", draft().sign_both(&honest()).xml()),
        ("a big honest one", {
            let mut facts = facts();
            facts.attributes.push((
                "groups".into(),
                (0..4_000).map(|it| format!("CN=group{it},OU=groups,DC=customer,DC=test")).collect(),
            ));
            Draft::new(&facts, &Dialect::KEYCLOAK).sign_both(&honest()).xml()
        }),
        ("a long text", inside(&format!("<x>{}</x>", filled(|_| "lorem ipsum ".into())))),
        ("characters by number", inside(&format!("<x>{}</x>", filled(|_| "&#60;".into())))),
        ("carriage returns", inside(&format!("<x>{}</x>", filled(|_| "\r".into())))),
        ("a long attribute", inside(&format!("<x a='{}'/>", filled(|_| "&#34;".into())))),
        ("a giant comment", inside(&format!("<!--{}-->", filled(|_| "x".into())))),
        ("elements beyond the limit", inside(&filled(|_| "<x/>".into()))),
        ("elements up to the limit", inside(&limited(9_900, "<xxxxxxxxxxxxxxx></xxxxxxxxxxxxxxx>"))),
        ("as many empty ones", inside(&limited(19_800, "<x/>"))),
        (
            "identifiers",
            inside(&(0..19_000).fold(String::new(), |mut all, n| {
                let _ = write!(all, "<x ID='i{n}'/>");
                all
            })),
        ),
        ("attributes beyond the limit", inside(&format!("<x {}/>", filled(|n| format!("a{n}='' "))))),
        (
            "attributes up to the limit",
            inside(&(0..99).fold(String::new(), |mut all, _| {
                let _ = write!(
                    all,
                    "<x {}/>",
                    (0..190).fold(String::new(), |mut all, n| {
                        let _ = write!(all, "attribute{n}='' ");
                        all
                    })
                );
                all
            })),
        ),
        ("namespaces in depth", inside(&format!("{deep}{}{}", limited(18_000, "<x/>"), "</x>".repeat(20)))),
        ("namespaces in depth, used", inside(&format!("{deep}{}{}", limited(18_000, "<p0x0:x/>"), "</x>".repeat(20)))),
        ("a namespace repeated", inside(&prefixed)),
        ("namespaces repeated", inside(&attributes)),
        ("depth beyond the limit", inside(&format!("{}{}", "<x>".repeat(9_000), "</x>".repeat(9_000)))),
        (
            "many signatures",
            inside(&limited(5_000, "<dsig:Signature xmlns:dsig='http://www.w3.org/2000/09/xmldsig#'/>")),
        ),
        (
            "a huge SignedInfo",
            draft()
                .sign_both(&honest())
                .map(|xml| xml.replace("<dsig:Reference", &format!("{}<dsig:Reference", limited(9_000, "<x/>"))))
                .xml(),
        ),
        (
            "a long digest",
            draft()
                .sign_both(&honest())
                .map(|xml| {
                    xml.replace(
                        "<dsig:DigestValue>",
                        &format!("<dsig:DigestValue>{}", filled(|_| "A A ".into()).split_off(SIZE / 2 + (8 << 10))),
                    )
                })
                .xml(),
        ),
        ("a long audience", inside(&filled(|_| "a=b ".into()))),
    ]
}

#[test]
#[ignore = "prints figures, for whoever changes the limits"]
#[expect(clippy::print_stdout, reason = "it tells")]
fn cost_of_the_worst_documents() {
    let lenient = IdentityProvider { accept: Accept::AssertionOnly, ..idp() };
    for (name, xml) in worst() {
        let posted = STANDARD.encode(&xml);
        let before = memory();
        let begin = processor_time();
        let found = reason(response::verify(&posted, &sp(), &lenient, Some(ASKED), now()));
        let took = processor_time().saturating_sub(begin);
        let begin = processor_time();
        let _ = response::peek(&posted);
        let glance = processor_time().saturating_sub(begin);
        println!(
            "{:>7} KiB {took:>12.1?} {glance:>12.1?} +{:>6} KiB  {name}: {found}",
            xml.len() >> 10,
            memory().1 - before.0
        );
    }
    println!("the most memory of all this: {} KiB", memory().1);
    let metadata_of = format!("<x>{}</x>", "<y a='b'/>".repeat(39_000));
    let begin = processor_time();
    let found = metadata::read(metadata_of.as_bytes(), now());
    println!(
        "{:>7} KiB {:>12.1?} metadata: {:?}",
        metadata_of.len() >> 10,
        processor_time().saturating_sub(begin),
        found.err()
    );
}

/// How long this thread has been working: other programs' work is not counted.
fn processor_time() -> Duration {
    let spent = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(spent.split(' ').next().and_then(|it| it.parse().ok()).unwrap_or_default())
}

/// The memory of this process in KiB: now, and the most since the last time this was asked.
fn memory() -> (u64, u64) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let find = |name: &str| {
        let line = status.lines().find_map(|it| it.strip_prefix(name)).unwrap_or("0 kB");
        line.trim().trim_end_matches(" kB").parse().unwrap_or_default()
    };
    let found = (find("VmRSS:"), find("VmHWM:"));
    // 5 resets the high-water mark (proc(5)).
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    found
}
