//! What makes pages bearable: long words that fit, typed text that is not lost, passwords that can be read.

use serde_json::json;

use crate::chromium::{Browser, Screen};
use crate::console::{Guest, address, name, pictures, staffed};
use crate::deployment::Deployment;

/// Names, addresses and titles as long as they may be, in words that have no place to break, in every direction of writing.
#[test]
fn the_longest_words_fit_on_every_screen() {
    let here = Deployment::on_sqlite();
    let long = "W".repeat(60);
    here.with_person(name("Admin"), "Admin", &address("Admin"), "Admin");
    here.with_person(&long, &long, &format!("{}@{}.example", "a".repeat(60), "b".repeat(60)), "Author");
    here.with_person("محمد عبد الله", "الأنصاري", "rtl@acme.test", "Operator");
    here.with_person("Zoë 👩🏽‍🏭🔧", "Müller 🚀", "emoji@acme.test", "Viewer");
    let node = here.start();
    let browser = &mut Browser::taking_pictures_to(&pictures());
    let mut guest = Guest { browser, node: &node };
    guest.browser.someone_at(Screen::DESKTOP);
    guest.sign_in("Admin");
    let title = "Hochdruckkolbenkompressorzylinderkopfdichtung".repeat(2);
    let version = guest.write_template(&title);
    guest.open(&format!("{version}/edit"));
    guest.browser.fill("steps.0.title", &"X".repeat(120));
    guest.browser.fill("steps.0.instructions", &format!("https://example.com/{}", "path".repeat(60)));
    guest.press("Save", "The steps are saved.");
    for (act, label, then) in [
        ("submit", "Submit for review", "Submitted for review."),
        ("approve", "Approve", "Approved."),
        ("publish", "Publish", "Published."),
    ] {
        guest.move_on(&version, act, label, then);
    }
    let job = guest.make_job(&title, &"Y".repeat(100), "Ada Admin");
    guest.press("Start", "The job is started.");
    let pages = [
        ("overview", "/"),
        ("people", "/people"),
        ("person", "/people/2"),
        ("delete-person", "/people/2/delete"),
        ("templates", "/templates"),
        ("version", &version),
        ("editor", &format!("{version}/edit")),
        ("archive", &format!("{version}/archive")),
        ("jobs", "/jobs"),
        ("board", "/jobs/board"),
        ("job", &job),
        ("cancel-job", &format!("{job}/cancel")),
        ("report", &format!("{job}/report")),
        ("audit", "/audit"),
    ];
    for (screen, size) in [(Screen::DESKTOP, "desktop"), (Screen::PHONE, "phone")] {
        guest.browser.someone_at(screen);
        guest.sign_in("Admin");
        for (name, path) in pages {
            guest.open(path);
            guest.look(&format!("long-{name}-{size}-light"));
        }
    }
}

/// The session ended while a form was filled in: whoever signs in beside it sends it as it is.
#[test]
fn what_was_typed_outlasts_the_session() {
    let (_here, node) = staffed();
    let browser = &mut Browser::taking_pictures_to(&pictures());
    let mut guest = Guest { browser, node: &node };
    guest.browser.someone_at(Screen::PHONE);
    guest.sign_in("Author");
    guest.open("/templates/new");
    guest.browser.fill("title", "Replace the \"inlet\" filter");
    guest.browser.fill("assetClass", "Compressor");
    guest.browser.aside();
    guest.open("/");
    guest.browser.click("Sign out");
    guest.browser.read("You are signed out");
    guest.browser.back();
    guest.press("Make the template", "What you typed is not lost");
    guest.look("send-again-phone-light");
    guest.browser.aside();
    guest.sign_in("Author");
    guest.browser.back();
    guest.press("Send it once more", "Steps of version 1");
    assert!(guest.browser.see().text.contains("Replace the \"inlet\" filter"));
}

#[test]
fn a_password_can_be_read_while_it_is_typed() {
    let (_here, node) = staffed();
    let browser = &mut Browser::start();
    let mut guest = Guest { browser, node: &node };
    guest.open("/sign-in");
    let kind = "() => document.querySelector('[name=password]').type";
    assert_eq!(guest.browser.run("() => document.activeElement.name", &json!(null)), "email");
    guest.browser.fill("password", "open sesame");
    guest.browser.click("Show: Password");
    assert_eq!(guest.browser.run(kind, &json!(null)), "text");
    assert!(guest.browser.examine().is_empty());
    guest.browser.click("Hide: Password");
    assert_eq!(guest.browser.run(kind, &json!(null)), "password");
}
