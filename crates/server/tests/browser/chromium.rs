//! [`Browser`], Debian's Chromium, driven.

use base64::Engine as _;
use serde_json::{Value as Json, json};

use crate::helper::Helper;

/// A browser with one window.
pub(crate) struct Browser(Helper);

/// What is in the window, what the browser keeps, and which way it came.
#[derive(Debug)]
pub(crate) struct Sight {
    pub(crate) url: String,
    pub(crate) text: String,
    pub(crate) cookies: Vec<Json>,
    /// Every address since the one that was opened, and what it answered.
    pub(crate) trail: Vec<Json>,
}

/// What somebody sits in front of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Screen {
    pub(crate) width: u16,
    pub(crate) height: u16,
    pub(crate) dark: bool,
    pub(crate) script: bool,
}

impl Screen {
    pub(crate) const DESKTOP: Self = Self { width: 1280, height: 800, dark: false, script: true };
    pub(crate) const PHONE: Self = Self { width: 360, height: 740, ..Self::DESKTOP };
}

impl Browser {
    /// Starts it. Pictures go to the folder that `TEST_PICTURES` names, if it does.
    pub(crate) fn start() -> Self {
        Self::taking_pictures_to(&std::env::var("TEST_PICTURES").unwrap_or_default())
    }

    /// The same, with a folder for its pictures.
    pub(crate) fn taking_pictures_to(pictures: &str) -> Self {
        let chromium =
            std::env::var("TEST_CHROMIUM").expect("TEST_CHROMIUM names the browser to test with; ./test finds one");
        Self(Helper::start("browser/drive.mjs", &["--chromium", &chromium, "--pictures", pictures]))
    }

    /// Opens an address, and waits until there is a page, wherever that lies.
    #[track_caller]
    pub(crate) fn open(&mut self, url: &str) {
        self.0.tell("open", json!({ "url": url }));
    }

    #[track_caller]
    pub(crate) fn fill(&mut self, name: &str, value: &str) {
        self.0.tell("fill", json!({"name": name, "value": value}));
    }

    /// Presses the button or the link that says so.
    #[track_caller]
    pub(crate) fn click(&mut self, text: &str) {
        self.0.tell("click", json!({ "text": text }));
    }

    /// The same, in the page's own part and not around it.
    #[track_caller]
    pub(crate) fn click_within(&mut self, part: &str, text: &str) {
        self.0.tell("click", json!({"text": text, "within": part}));
    }

    /// Waits until the page says so.
    #[track_caller]
    pub(crate) fn read(&mut self, text: &str) {
        self.0.tell("read", json!({ "text": text }));
    }

    /// Waits until the window has come to an address that begins so.
    #[track_caller]
    pub(crate) fn arrive(&mut self, url: &str) -> Sight {
        self.0.tell("arrive", json!({ "url": url }));
        self.see()
    }

    /// Somebody else sits down, whose browser has no cookies yet.
    pub(crate) fn someone_else(&mut self) {
        self.0.tell("visitor", json!({}));
    }

    /// Somebody else sits down, whose browser runs no script.
    pub(crate) fn someone_without_script(&mut self) {
        self.0.tell("visitor", json!({"script": false}));
    }

    /// Somebody else sits down in front of such a screen. Their browser obeys policies.
    pub(crate) fn someone_at(&mut self, screen: Screen) {
        let Screen { width, height, dark, script } = screen;
        let device = json!({"strict": true, "width": width, "height": height, "dark": dark, "script": script});
        self.0.tell("visitor", device);
    }

    /// Opens another window of the same browser, and looks at that until it is closed.
    pub(crate) fn aside(&mut self) {
        self.0.tell("aside", json!({}));
    }

    /// Closes it again.
    pub(crate) fn back(&mut self) {
        self.0.tell("back", json!({}));
    }

    /// Gives the one who sits there a device that keeps passkeys, and knows its owner.
    pub(crate) fn with_passkeys(&mut self) {
        self.0.tell("passkeys", json!({}));
    }

    /// Chooses a file to be sent along.
    #[track_caller]
    pub(crate) fn put(&mut self, name: &str, file: &str, bytes: &[u8]) {
        let bytes = base64::engine::general_purpose::STANDARD.encode(bytes);
        self.0.tell("put", json!({"name": name, "file": file, "bytes": bytes}));
    }

    /// Chooses what says so from a list.
    #[track_caller]
    pub(crate) fn choose(&mut self, name: &str, text: &str) {
        self.0.tell("choose", json!({"name": name, "text": text}));
    }

    /// Ticks the box, or picks the one of several, that says so.
    #[track_caller]
    pub(crate) fn tick(&mut self, text: &str) {
        self.0.tell("tick", json!({ "text": text }));
    }

    /// What is wrong with the page: for whoever does not see it, for whoever has a narrow screen, by its own policy.
    #[track_caller]
    pub(crate) fn examine(&mut self) -> Vec<String> {
        let wrong = self.0.tell("examine", json!({}))["wrong"].take();
        serde_json::from_value(wrong).unwrap()
    }

    /// Runs a function in the page, as its own scripts could, and gives what comes of it.
    #[track_caller]
    pub(crate) fn run(&mut self, script: &str, argument: &Json) -> Json {
        self.0.tell("run", json!({"script": script, "argument": argument}))["result"].take()
    }

    /// Takes a picture of the page.
    pub(crate) fn picture(&mut self, name: &str) {
        self.0.tell("picture", json!({ "name": name }));
    }

    #[track_caller]
    pub(crate) fn see(&mut self) -> Sight {
        let mut seen = self.0.tell("see", json!({}));
        let text = |it: &Json| it.as_str().unwrap().to_owned();
        let list = |it: &mut Json| it.as_array_mut().map(std::mem::take).unwrap();
        Sight {
            url: text(&seen["url"]),
            text: text(&seen["text"]),
            cookies: list(&mut seen["cookies"]),
            trail: list(&mut seen["trail"]),
        }
    }
}

impl Sight {
    /// The value of one of the browser's cookies.
    pub(crate) fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies.iter().find(|cookie| cookie["name"] == name)?["value"].as_str()
    }
}
