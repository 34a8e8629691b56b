//! The console as people use it: on a phone and on a desk, by day and by night, with script and without.

use std::fmt::Write as _;

use purser_standin::totp;
use serde_json::json;

use crate::chromium::{Browser, Screen};
use crate::deployment::{Deployment, Node, PASSWORD};
use crate::openid;
use crate::providers::ANN;

/// The roles, as the command line knows them; everybody has the address `ROLE@acme.test`.
const ROLES: [&str; 7] = ["Admin", "User-Admin", "Author", "Operator", "Approver", "Publisher", "Viewer"];

/// A deployment with somebody of each role, and its server.
pub(crate) fn staffed() -> (Deployment, Node) {
    let here = Deployment::on_sqlite();
    for role in ROLES {
        here.with_person(name(role), role, &address(role), role);
    }
    let node = here.start();
    (here, node)
}

pub(crate) fn address(role: &str) -> String {
    format!("{}@acme.test", role.to_lowercase())
}

pub(crate) fn name(role: &str) -> &'static str {
    match role {
        "Admin" => "Ada",
        "User-Admin" => "Uma",
        "Author" => "Arthur",
        "Operator" => "Olga",
        "Approver" => "Aaron",
        "Publisher" => "Paula",
        _ => "Victor",
    }
}

/// Where the pictures of every page are kept: what a reviewer of a change looks at. `./test` says where that is.
pub(crate) fn pictures() -> String {
    std::env::var("TEST_PICTURES").unwrap_or_else(|_| format!("{}/console", env!("CARGO_TARGET_TMPDIR")))
}

/// Somebody of a role in front of a screen.
pub(crate) struct Guest<'b> {
    pub(crate) browser: &'b mut Browser,
    pub(crate) node: &'b Node,
}

impl Guest<'_> {
    #[track_caller]
    pub(crate) fn sign_in(&mut self, role: &str) {
        self.browser.open(&self.node.at("/"));
        self.browser.arrive(&self.node.at("/sign-in"));
        self.browser.fill("email", &address(role));
        self.browser.fill("password", PASSWORD);
        self.browser.click("Sign in");
        assert!(self.browser.arrive(&self.node.at("/")).text.contains("Hello"));
    }

    /// Types e-mail and password in at the door.
    fn enter(&mut self, role: &str) {
        self.open("/sign-in");
        self.browser.fill("email", &address(role));
        self.browser.fill("password", PASSWORD);
        self.browser.click("Sign in");
    }

    /// Sets an app up on the way in, and gives a recovery code.
    fn enrol(&mut self, role: &str, suffix: &str) -> String {
        self.enter(role);
        self.browser.read("Protect your account");
        self.look(&format!("enrol-{suffix}"));
        self.press("Set up an app", "scan this picture");
        self.look(&format!("enrol-app-{suffix}"));
        let secret = self.browser.run("() => document.querySelector('button.copy').dataset.copy", &json!(null));
        let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
        let digits = totp::code(secret.as_str().unwrap(), i64::try_from(now).unwrap());
        self.browser.fill("code", &digits);
        self.press("Go on", "shown this once only");
        self.look(&format!("first-codes-{suffix}"));
        let code = self.browser.run("() => document.querySelector('.codes code').textContent", &json!(null));
        self.press("I have kept them", "Hello");
        code.as_str().unwrap().to_owned()
    }

    /// Looks at one's own second factors, and adds a passkey.
    fn look_after_factors(&mut self, suffix: &str) {
        for (name, path) in [
            ("account-with-all", "/account"),
            ("another-address", "/account/email"),
            ("remove-app", "/account/two-factor/remove-app"),
            ("second-factors", "/account/two-factor"),
        ] {
            self.open(path);
            self.look(&format!("{name}-{suffix}"));
        }
        self.press("Set up another app", "scan this picture");
        self.look(&format!("set-up-app-{suffix}"));
        self.open("/account/two-factor");
        self.press("Add a passkey", "Your browser asks");
        self.look(&format!("add-passkey-{suffix}"));
        self.browser.fill("name", "This computer");
        self.press("Make the passkey", "The passkey is kept.");
        self.look(&format!("second-factors-all-{suffix}"));
        self.press("This computer", "Remove it");
        self.look(&format!("passkey-{suffix}"));
    }

    /// Opens a page of the console, and gives where that led.
    #[track_caller]
    pub(crate) fn open(&mut self, path: &str) -> String {
        self.browser.open(&self.node.at(path));
        self.here()
    }

    /// The path of the page.
    fn here(&mut self) -> String {
        self.browser.see().url.strip_prefix(&self.node.base).unwrap().to_owned()
    }

    /// Presses what says so, and waits until the page says something.
    #[track_caller]
    pub(crate) fn press(&mut self, text: &str, then: &str) {
        self.browser.click_within("main", text);
        self.browser.read(then);
    }

    /// Takes its picture, and finds nothing wrong.
    #[track_caller]
    pub(crate) fn look(&mut self, name: &str) {
        self.browser.picture(name);
        let wrong = self.browser.examine();
        assert!(wrong.is_empty(), "{name}: {wrong:#?}");
    }

    /// Writes a template of two steps, as an author does.
    pub(crate) fn write_template(&mut self, title: &str) -> String {
        self.open("/templates/new");
        self.browser.fill("title", title);
        self.browser.fill("assetClass", "Compressor");
        self.press("Make the template", "Steps of version 1");
        self.browser.fill("steps.0.title", "Switch the machine off");
        self.browser.fill(
            "steps.0.instructions",
            "Turn the main switch to 0, and hang your own lock on it.\nWait for the fan to stop.",
        );
        self.browser.choose("steps.0.kind", "Yes or no");
        self.press("Add a step", "Step 2");
        self.browser.fill("steps.1.title", "Read the pressure");
        self.browser.choose("steps.1.kind", "Number");
        self.press("Add a step", "Step 3");
        self.browser.fill("steps.2.title", "Anything to say?");
        self.press("Save", "The steps are saved.");
        self.here()
    }

    /// Moves a version on by a question and its answer.
    #[track_caller]
    pub(crate) fn move_on(&mut self, version: &str, act: &str, label: &str, then: &str) {
        self.open(&format!("{version}/{act}"));
        self.press(label, then);
    }

    /// Sets up a provider that does not answer, tests it, and names a domain.
    fn connect_provider(&mut self) {
        self.open("/domains");
        self.browser.fill("domain", "example.com");
        self.press("Add", "Now prove that it is yours.");
        self.open("/new-provider/oidc");
        self.browser.fill("oidc.issuer", "http://127.0.0.1:9");
        self.browser.fill("oidc.clientId", "purser");
        self.browser.fill("name", "okta");
        self.browser.fill("groupRoles", "technicians = Captain");
        self.press("Connect it", "is not a role");
        self.browser.fill("groupRoles", "technicians = Operator, Viewer");
        self.press("Connect it", "Now tell the other side");
        self.press("Test it", "The test, step by step");
        let text = self.browser.see().text;
        assert!(text.contains("Failed") && text.contains("What to do"), "{text}");
    }

    /// Begins another version of what is frozen, with a step less, one more, and other words.
    fn rewrite(&mut self, version: &str) -> String {
        self.open(&format!("{version}/edit"));
        self.browser.fill(
            "steps.0.instructions",
            "Turn the main switch to 0, hang your own lock on it, and keep the key with you.\nWait for the fan to stop.",
        );
        self.press("Move step 3 up", "Not saved yet.");
        self.press("Add a step", "Step 4");
        self.browser.fill("steps.3.title", "Sign");
        self.press("Save", "steps");
        self.here()
    }

    /// Pastes three lines, of which one cannot be taken.
    fn look_what_an_import_would_do(&mut self, suffix: &str) {
        self.open("/people/import");
        let lines = "email,firstName,lastName,roles\nann@acme.test,Ann,Lee,Author\nben@acme.test,Ben,Ray,King\ncy@acme.test,Cy,Fox,";
        self.browser.put("file", "people.csv", lines.as_bytes());
        self.press("Look what would happen", "Nothing is changed yet.");
        self.look(&format!("import-checked-{suffix}"));
    }

    /// Asks for what needs a fresh sign-in, until the server has noticed that the database was changed beside it.
    #[track_caller]
    fn ask_until_the_past_is_known(&mut self) {
        crate::deployment::until("the password is asked for again", || {
            self.open("/account/two-factor");
            self.browser.click_within("main", "Set up an app");
            let text = self.browser.see().text;
            text.contains("You signed in a while ago").then_some(())
        });
    }

    pub(crate) fn make_job(&mut self, template: &str, asset: &str, assignee: &str) -> String {
        self.open("/jobs/new");
        self.browser.choose("template", template);
        self.browser.fill("asset", asset);
        if !assignee.is_empty() {
            self.browser.choose("assignee", assignee);
        }
        self.press("Make the job", "The job is made.");
        self.here()
    }
}

/// One organisation's work as it comes, each act by the one whose it is: the author without script, the operator on a phone.
#[test]
fn a_template_comes_into_use_and_a_job_is_done_by_it() {
    let (_here, node) = staffed();
    let browser = &mut Browser::taking_pictures_to(&pictures());
    let mut guest = Guest { browser, node: &node };
    guest.browser.someone_at(Screen { script: false, ..Screen::DESKTOP });
    guest.sign_in("Author");
    let version = guest.write_template("Replace the inlet filter");
    guest.press("Edit the steps", "Steps of version 1");
    guest.press("Move step 3 up", "Not saved yet.");
    guest.press("Save", "The steps are saved.");
    let text = guest.browser.see().text;
    assert!(text.find("Anything to say?") < text.find("Read the pressure"), "{text}");
    guest.press("Submit for review", "frozen until");
    guest.press("Submit for review", "Submitted for review.");

    guest.browser.someone_at(Screen::DESKTOP);
    guest.sign_in("Approver");
    guest.press("Replace the inlet filter", "Switch the machine off");
    guest.press("Approve", "It can be published then.");
    guest.browser.fill("comment", "Well written.");
    guest.press("Approve", "Approved. It can be published now.");

    guest.browser.someone_at(Screen::PHONE);
    guest.sign_in("Publisher");
    guest.press("Replace the inlet filter", "Well written.");
    guest.press("Publish", "New jobs are made from it");
    guest.press("Publish", "Published. New jobs are made from this version.");
    assert_eq!(guest.here(), version);

    guest.browser.someone_at(Screen::PHONE);
    guest.sign_in("Operator");
    let job = guest.make_job("Replace the inlet filter", "Compressor 3, hall B", "Olga Operator");
    guest.press("Start", "The job is started.");
    guest.look("perform-phone-light");
    guest.browser.tick("Yes");
    guest.press("Step done", "1 of 3 steps done");
    guest.browser.fill("value", "Bearing is noisy.");
    guest.press("Only record", "Recorded.");
    guest.press("Step done", "2 of 3 steps done");
    guest.browser.fill("value", "a lot");
    guest.press("Step done", "not a number");
    guest.look("perform-wrong-phone-light");
    guest.browser.fill("value", "0.1");
    guest.press("Step done", "3 of 3 steps done");
    guest.open(&format!("{job}/records/1"));
    guest.look("correct-phone-light");
    guest.open(&format!("{job}/report"));
    guest.look("report-phone-light");
    let text = guest.browser.see().text;
    assert!(text.contains("0.1") && text.contains("Bearing is noisy.") && text.contains("Job completed"), "{text}");

    guest.browser.someone_at(Screen::DESKTOP);
    guest.sign_in("Viewer");
    guest.open(&format!("{job}/report"));
    guest.look("report-desktop-light");
}

/// Every page as the one who sees most: nothing is wrong with any of them, on no screen.
#[test]
fn every_page_is_for_everybody_on_every_screen() {
    let (here, node) = staffed();
    here.with_verified_domain("acme.test");
    here.with_a_month_of_sign_ins();
    let browser = &mut Browser::taking_pictures_to(&pictures());
    let mut guest = Guest { browser, node: &node };
    guest.browser.someone_at(Screen::DESKTOP);
    guest.sign_in("Admin");
    let version = guest.write_template("Replace the inlet filter");
    guest.move_on(&version, "submit", "Submit for review", "Submitted for review.");
    guest.move_on(&version, "approve", "Approve", "Approved.");
    guest.move_on(&version, "publish", "Publish", "Published.");
    let draft = guest.write_template("Check the fire extinguisher");
    let job = guest.make_job("Replace the inlet filter", "Compressor 3, hall B", "Ada Admin");
    guest.make_job("Replace the inlet filter", "Compressor 1, hall B", "Olga Operator");
    guest.make_job("Replace the inlet filter", "Compressor 2, hall B", "");
    let second = guest.rewrite(&version);
    guest.connect_provider();
    guest.look("provider-tested-desktop-light");
    let person = "/people/2";
    let pages = [
        ("overview", "/"),
        ("overview-month", "/?days=30"),
        ("account", "/account"),
        ("sign-out-everywhere", "/account/sign-out-everywhere"),
        ("people", "/people"),
        ("nobody-found", "/people?search=nobody-is-called-so"),
        ("add-person", "/people/new"),
        ("import-people", "/people/import"),
        ("person", person),
        ("delete-person", &format!("{person}/delete")),
        ("ways-to-sign-in", "/providers"),
        ("provider", "/providers/okta"),
        ("edit-provider", "/providers/okta/edit"),
        ("delete-provider", "/providers/okta/delete"),
        ("connect-openid", "/new-provider/oidc"),
        ("connect-saml", "/new-provider/saml"),
        ("connect-microsoft", "/new-provider/microsoft"),
        ("domains", "/domains"),
        ("settings", "/settings"),
        ("look", "/settings/look"),
        ("audit", "/audit"),
        ("templates", "/templates"),
        ("new-template", "/templates/new"),
        ("version", &version),
        ("compare", &format!("{second}/compare")),
        ("draft", &draft),
        ("editor", &format!("{draft}/edit")),
        ("submit", &format!("{draft}/submit")),
        ("jobs", "/jobs"),
        ("board", "/jobs/board"),
        ("new-job", "/jobs/new"),
        ("job", &job),
        ("cancel-job", &format!("{job}/cancel")),
        ("not-there", "/people/999999"),
    ];
    for (screen, size) in [(Screen::DESKTOP, "desktop"), (Screen::PHONE, "phone")] {
        for (dark, light) in [(false, "light"), (true, "dark")] {
            guest.browser.someone_at(Screen { dark, ..screen });
            for (name, path) in [
                ("sign-in", "/sign-in"),
                ("no-such-organisation", "/sign-in?client=nobody"),
                ("signed-out", "/signed-out"),
            ] {
                guest.open(path);
                guest.look(&format!("{name}-{size}-{light}"));
            }
            guest.sign_in("Admin");
            for (name, path) in pages {
                guest.open(path);
                guest.look(&format!("{name}-{size}-{light}"));
            }
            guest.look_what_an_import_would_do(&format!("{size}-{light}"));
        }
    }
}

/// An organisation with a colour and a logo of its own: everything can be read in it, by day and by night.
#[test]
fn an_organisations_own_look_is_for_everybody_on_every_screen() {
    let (_here, node) = staffed();
    let browser = &mut Browser::taking_pictures_to(&pictures());
    let mut guest = Guest { browser, node: &node };
    guest.browser.someone_at(Screen::DESKTOP);
    guest.sign_in("Admin");
    guest.open("/settings/look");
    guest.browser.fill("name", "Acme Compressor Works");
    guest.browser.tick("A colour of your own");
    guest.browser.fill("accent", "#b3261e");
    guest.browser.put("logo", "letter.txt", b"This is no picture.");
    guest.press("Save", "is no PNG, WebP or JPEG");
    guest.look("look-wrong-desktop-light");
    guest.browser.put("logo", "logo.png", include_bytes!("logo.png"));
    guest.press("Save", "This is how your pages look from now on.");
    for (screen, size) in [(Screen::DESKTOP, "desktop"), (Screen::PHONE, "phone")] {
        for (dark, light) in [(false, "light"), (true, "dark")] {
            guest.browser.someone_at(Screen { dark, ..screen });
            guest.open("/sign-in");
            guest.look(&format!("own-sign-in-{size}-{light}"));
            guest.sign_in("Admin");
            for (name, path) in [("own-overview", "/"), ("own-people", "/people/new"), ("own-look", "/settings/look")] {
                guest.open(path);
                guest.look(&format!("{name}-{size}-{light}"));
            }
        }
    }
}

/// Somebody who was invited comes by the letter; and later, at what touches the safety of the account, is asked for the password again.
#[test]
fn somebody_is_invited_by_letter_and_comes_aboard() {
    let mut here = Deployment::on_sqlite();
    let (main, address_of_node) = here.with_mail();
    here.with_person(name("Admin"), "Admin", &address("Admin"), "Admin");
    let mut node = here.start_at(&address_of_node);
    node.base = main;
    let browser = &mut Browser::taking_pictures_to(&pictures());
    let mut guest = Guest { browser, node: &node };
    let screens = [(Screen::DESKTOP, "desktop"), (Screen::PHONE, "phone")].into_iter();
    for (screen, size, dark) in screens.flat_map(|(screen, size)| [(screen, size, false), (screen, size, true)]) {
        let suffix = format!("{size}-{}", if dark { "dark" } else { "light" });
        guest.browser.someone_at(Screen { dark, ..screen });
        guest.sign_in("Admin");
        guest.open("/people/new");
        let address = format!("nina-{suffix}@acme.test");
        for (field, text) in [("firstName", "Nina"), ("lastName", "New"), ("email", &address)] {
            guest.browser.fill(field, text);
        }
        guest.press("Add", "an invitation is on its way");
        guest.look(&format!("invited-{suffix}"));
        guest.browser.someone_at(Screen { dark, ..screen });
        let link = here.link_in_letter("invitation", &address);
        guest.browser.open(&link);
        guest.browser.read("You are invited as");
        guest.look(&format!("invitation-{suffix}"));
        guest.browser.fill("password", PASSWORD);
        guest.press("Come aboard", "Hello Nina");
        // An hour later.
        here.beside("UPDATE sessions SET created_at = created_at - 3600000000");
        guest.open("/account/two-factor");
        guest.ask_until_the_past_is_known();
        guest.look(&format!("password-again-{suffix}"));
        guest.browser.fill("password", "not the password at all");
        guest.press("Go on", "That is not right.");
        guest.browser.fill("password", PASSWORD);
        guest.press("Go on", "scan this picture");
        // The same link a second time.
        guest.browser.someone_at(Screen { dark, ..screen });
        guest.browser.open(&link);
        guest.browser.read("It was used already");
    }
}

/// The pages before the door and around it, with mail and passkeys: somebody who must have a second factor sets it up on the way in,
/// signs in with it, and adds a passkey that does without.
#[test]
fn somebody_comes_by_letter_and_with_both_factors_on_every_screen() {
    let mut here = Deployment::on_sqlite();
    let (main, address_of_node) = here.with_mail();
    for role in ROLES {
        here.with_person(name(role), role, &address(role), role);
    }
    let mut node = here.start_at(&address_of_node);
    node.base = main;
    let browser = &mut Browser::taking_pictures_to(&pictures());
    let mut guest = Guest { browser, node: &node };
    guest.browser.someone_at(Screen::DESKTOP);
    guest.sign_in("Admin");
    guest.open("/settings");
    guest.browser.fill("twoFactorGrace", "1s");
    guest.browser.tick("Everybody must have one");
    guest.press("Save", "It holds from now on.");
    let screens = [(Screen::DESKTOP, "desktop"), (Screen::PHONE, "phone")].into_iter();
    let all = screens.flat_map(|(screen, size)| [(screen, size, false), (screen, size, true)]);
    for ((screen, size, dark), role) in all.zip(["Author", "Operator", "Approver", "Viewer"]) {
        let suffix = format!("{size}-{}", if dark { "dark" } else { "light" });
        guest.browser.someone_at(Screen { dark, ..screen });
        guest.browser.with_passkeys();
        for (name, path) in
            [("sign-in-with-all", "/sign-in"), ("forgot", "/forgot"), ("dead-link", "/invitation?token=x")]
        {
            guest.open(path);
            guest.look(&format!("{name}-{suffix}"));
        }
        guest.open("/forgot?client=acme");
        guest.browser.fill("email", &address(role));
        guest.press("Send me a link", "Look into your mailbox");
        guest.look(&format!("forgotten-{suffix}"));
        guest.browser.open(&here.link_in_letter("password-reset", &address(role)));
        guest.browser.read("Choose another password");
        guest.look(&format!("reset-{suffix}"));
        let code = guest.enrol(role, &suffix);
        guest.browser.someone_at(Screen { dark, ..screen });
        guest.browser.with_passkeys();
        guest.enter(role);
        guest.browser.read("One more step");
        guest.look(&format!("two-factor-{suffix}"));
        guest.browser.fill("code", &code);
        guest.press("Sign in", "Hello");
        guest.look_after_factors(&suffix);
        let other = format!("other-{}", address(role));
        guest.open("/account/email");
        guest.browser.fill("email", &other);
        guest.browser.fill("password", PASSWORD);
        guest.press("Send the link", "A link is on its way to the new address.");
        guest.browser.open(&here.link_in_letter("address-confirmation", &other));
        guest.browser.read("Is this your new address?");
        guest.look(&format!("confirm-email-{suffix}"));
        guest.open("/account/two-factor");
        guest.browser.click("Sign out");
        guest.browser.read("You are signed out");
        guest.open("/sign-in");
        guest.press("Use a passkey", "Hello");
    }
}

/// What somebody may not do is not even shown.
#[test]
fn everybody_finds_their_own_ways_only() {
    let (_here, node) = staffed();
    let browser = &mut Browser::start();
    let mut guest = Guest { browser, node: &node };
    let mut seen = String::new();
    for role in ROLES {
        guest.browser.someone_at(Screen::DESKTOP);
        guest.sign_in(role);
        let links = "() => [...document.querySelectorAll('nav.main a')].map(it => it.textContent).join(', ')";
        let links = guest.browser.run(links, &json!(null));
        writeln!(seen, "{role}: {}", links.as_str().unwrap()).unwrap();
    }
    insta::assert_snapshot!(seen, @r"
    Admin: Overview, Jobs, Templates, People, Sign-in, Domains, Settings, Audit log
    User-Admin: Overview, Jobs, Templates, People, Audit log
    Author: Overview, Jobs, Templates, People
    Operator: Overview, Jobs, Templates, People
    Approver: Overview, Jobs, Templates, People
    Publisher: Overview, Jobs, Templates, People
    Viewer: Overview, Jobs, Templates, People
    ");
}

#[test]
fn steps_move_at_once_where_there_is_script_and_are_stored_when_saved() {
    let (_here, node) = staffed();
    let browser = &mut Browser::start();
    let mut guest = Guest { browser, node: &node };
    guest.browser.someone_at(Screen::DESKTOP);
    guest.sign_in("Author");
    let version = guest.write_template("T");
    guest.open(&format!("{version}/edit"));
    guest.press("Move step 3 up", "Not saved yet.");
    guest.press("Move step 2 up", "Not saved yet.");
    guest.browser.click("Remove step 3");
    assert!(guest.here().ends_with("/edit"), "no round trip");
    guest.press("Save", "The steps are saved.");
    let text = guest.browser.see().text;
    assert!(text.find("Anything to say?") < text.find("Switch the machine off"), "{text}");
    assert!(!text.contains("Read the pressure"), "{text}");
    assert!(guest.browser.examine().is_empty());
}

/// The provider's word is the first factor only, where a second one is asked for.
#[test]
fn whoever_comes_from_a_provider_is_asked_for_a_second_factor_too() {
    let here = Deployment::on_sqlite();
    here.with_person(name("Admin"), "Admin", &address("Admin"), "Admin");
    // Somebody who was there before: the time to set one up begins when it is asked for.
    here.with_user("ann@acme.test", "Viewer");
    here.with_verified_domain("acme.test");
    let (node, provider) = openid::set_up(&here, &[]);
    let browser = &mut Browser::taking_pictures_to(&pictures());
    let mut guest = Guest { browser, node: &node };
    guest.browser.someone_at(Screen::DESKTOP);
    guest.sign_in("Admin");
    guest.open("/settings");
    guest.browser.fill("twoFactorGrace", "1s");
    guest.browser.tick("Everybody must have one");
    guest.press("Save", "It holds from now on.");
    let screens = [(Screen::DESKTOP, "desktop"), (Screen::PHONE, "phone")].into_iter();
    for (screen, size, dark) in screens.flat_map(|(screen, size)| [(screen, size, false), (screen, size, true)]) {
        guest.browser.someone_at(Screen { dark, ..screen });
        guest.open("/templates");
        guest.browser.click("acme-openid");
        guest.browser.fill("login", ANN);
        guest.browser.fill("password", provider.password());
        guest.browser.click("Sign in");
        guest.browser.arrive(&node.at("/two-factor"));
        guest.browser.read("Protect your account");
        guest.look(&format!("two-factor-after-provider-{size}-{}", if dark { "dark" } else { "light" }));
    }
}

#[test]
fn somebody_comes_in_by_the_providers_button_and_goes_out_there_too() {
    let here = Deployment::on_sqlite();
    let (node, provider) = openid::set_up(&here, &["--create-users", "--default-role", "Viewer"]);
    let browser = &mut Browser::start();
    browser.open(&node.at("/templates"));
    browser.arrive(&node.at("/sign-in"));
    browser.click("acme-openid");
    browser.fill("login", ANN);
    browser.fill("password", provider.password());
    browser.click("Sign in");
    assert!(browser.arrive(&node.at("/templates")).text.contains("There are no templates yet."));
    browser.click("Sign out");
    browser.click("Sign out there too");
    browser.click("Yes, sign me out");
    browser.arrive(&node.at("/sign-in"));
}
