//! An organisation's own name, colour and logo: who settles them, where they are seen, and how they are sent.

use purser_core::access::Role;

use super::pages::is_ours;
use super::sign_in::{at_the_door, enter};
use super::two_factor::waiting;
use super::{after, in_browser, led_to};
use crate::on_both;
use crate::site::{Asker, PASSWORD, SECOND, Site};
use crate::two_factor::demand;

/// A form with a picture, as browsers send it.
async fn send_logo(browser: &Asker<'_>, picture: &[u8]) -> crate::http::probe::Reply {
    // What is sent in these tests is text: a picture of one colour whose bytes are letters.
    let picture = std::str::from_utf8(picture).unwrap();
    let field =
        |name: &str, value: &str| format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    let file = format!(
        "--b\r\nContent-Disposition: form-data; name=\"logo\"; filename=\"a.webp\"\r\nContent-Type: image/webp\r\n\r\n{picture}\r\n--b--\r\n"
    );
    let form = [field("name", "Acme Works"), field("ownColour", "on"), field("accent", "#FFE600"), file].concat();
    browser.post_form("/settings/look", "multipart/form-data; boundary=b", &form).await
}

/// The least a WebP of 32 × 32 pixels can begin with.
const PICTURE: &[u8] = b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\x1f\0\0\x1f\0\0";

on_both! {
    async fn pages_are_dressed_as_an_admin_settles(site) {
        let admin = site.as_role(Role::Admin).await;
        let browser = in_browser(&admin);
        is_ours(&browser.visit("/settings/look").await);
        assert_eq!(led_to(&send_logo(&browser, PICTURE).await), "/settings/look");
        for page in [site.anyone().visit("/sign-in?client=acme").await, site.anyone().visit("/signed-out?client=acme").await,
            browser.visit("/").await, browser.visit("/settings/look").await] {
            is_ours(&page);
            let sheet = after(&page.body, "<link rel=\"stylesheet\" href=\"/assets/brand/");
            let logo = after(&page.body, "<img class=\"logo\" src=\"");
            assert!(sheet.starts_with("acme.") && logo.starts_with("/assets/brand/acme."), "{sheet} {logo}");
            let sheet = site.anyone().get(&format!("/assets/brand/{sheet}")).await;
            let logo = site.anyone().get(logo).await;
            assert_eq!((sheet.status, sheet.header("content-type")), (200, Some("text/css; charset=utf-8")));
            assert_eq!((logo.status, logo.header("content-type")), (200, Some("image/webp")));
            for reply in [&sheet, &logo] {
                assert_eq!(reply.header("cache-control"), Some("public, max-age=31536000, immutable"));
                assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
                assert_eq!(reply.header("content-security-policy"), Some("default-src 'none'; sandbox"));
            }
            // Yellow letters on white nobody could read.
            assert!(sheet.body.contains("--accent:#") && !sheet.body.starts_with("@media screen{:root{--accent:#ffe600"), "{sheet}");
        }
        let name = site.anyone().visit("/sign-in?client=acme").await.body;
        assert!(name.contains("Acme Works"), "{name}");
        // Nobody else's pages.
        site.tenant("other").await;
        assert!(!site.anyone().visit("/sign-in?client=other").await.body.contains("/assets/brand/"));
        // And back.
        let fields = [("name", "Acme"), ("removeLogo", "on")];
        assert_eq!(led_to(&browser.submit("/settings/look", &fields).await), "/settings/look");
        assert!(!browser.visit("/").await.body.contains("/assets/brand/"));
    }

    async fn the_pages_of_letters_and_of_the_second_step_are_dressed_too(site) {
        let site = site.with_mail().await;
        let admin = site.as_role(Role::Admin).await;
        send_logo(&in_browser(&admin), PICTURE).await;
        let user = site.user("acme", &[Role::Viewer]).await;
        let door = at_the_door(&site);
        let asked = door.submit("/forgot", &[("email", &*user.email), ("client", "acme")]).await;
        let reset = site.letter_to(&user.email).await.token();
        let short = door.submit("/reset", &[("token", &*reset), ("password", "short")]).await;
        let mut pages = vec![site.anyone().visit("/forgot?client=acme").await, asked,
            site.anyone().visit(&format!("/reset?token={reset}")).await, short];
        let address = site.address_link(&admin, "other@acme.test").await;
        pages.push(site.anyone().visit(&format!("/confirm-email?token={address}")).await);
        pages.push(door.submit("/confirm-email", &[("token", &*address)]).await);
        // A refusal wears what the reader knows.
        pages.push(in_browser(&admin).visit("/people/999999").await);
        demand(&site, "1h").await;
        site.wait(SECOND * 3600);
        let browser = waiting(&site, &enter(&site, &user.email, PASSWORD, &[]).await);
        pages.push(browser.visit("/two-factor").await);
        pages.push(browser.submit("/two-factor/app", &[]).await);
        pages.push(browser.submit("/two-factor/confirm", &[("code", "000000")]).await);
        for page in pages {
            assert!(page.body.contains("href=\"/assets/brand/acme.") && page.body.contains("src=\"/assets/brand/acme."), "{page}");
            assert!(page.status == 404 || page.body.contains("<span class=\"whose\">Acme Works</span>"), "{page}");
        }
        // Of a tenant that there is not, the page says no more than the sign-in page does.
        let nobodys = site.anyone().visit("/forgot?client=nobody").await;
        assert!(nobodys.status == 200 && !nobodys.body.contains("class=\"whose\"") && !nobodys.body.contains("/brand/"), "{nobodys}");
    }

    async fn what_is_wrong_is_said_in_the_form(site) {
        let admin = site.as_role(Role::Admin).await;
        let browser = in_browser(&admin);
        let reply = send_logo(&browser, b"<svg onload='x'></svg>").await;
        assert!(reply.status == 400 && reply.body.contains("is no PNG, WebP or JPEG"), "{reply}");
        for (name, value) in [("accent", "red"), ("name", "")] {
            let mut fields = vec![("name", "Acme"), ("ownColour", "on"), ("accent", "#000000")];
            fields.retain(|(it, _)| *it != name);
            fields.push((name, value));
            let reply = browser.submit("/settings/look", &fields).await;
            assert!(reply.status == 400 && reply.body.contains(&format!("{name}-problem")), "{name}: {reply}");
        }
        assert!(!browser.visit("/").await.body.contains("/assets/brand/"));
    }

    async fn there_is_nothing_under_other_names(site) {
        let admin = site.as_role(Role::Admin).await;
        send_logo(&in_browser(&admin), PICTURE).await;
        site.tenant("other").await;
        let page = in_browser(&admin).visit("/").await.body;
        let logo = after(&page, "<img class=\"logo\" src=\"/assets/brand/acme.").to_owned();
        for name in [format!("other.{logo}"), format!("nobody.{logo}"), "acme.0000000000000000.css".into(), "acme".into(),
            "acme.".into(), format!("ACME.{logo}"), format!("acme.x{logo}")] {
            assert_eq!(site.anyone().get(&format!("/assets/brand/{name}")).await.refusal().0, 404, "{name}");
        }
    }
}

fn packed(text: &str) -> usize {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::Write::write_all(&mut packer, text.as_bytes()).unwrap();
    packer.finish().unwrap().len()
}

/// With the largest logo that is taken, and as browsers fetch it: packed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_page_stays_small_with_a_logo() {
    let site = Site::on_sqlite().await;
    let admin = site.as_role(Role::Admin).await;
    let picture = [PICTURE, &vec![b'x'; 24 * 1024 - PICTURE.len()]].concat();
    assert_eq!(led_to(&send_logo(&in_browser(&admin), &picture).await), "/settings/look");
    let page = site.anyone().visit("/sign-in?client=acme").await.body;
    let mut sum = page.len();
    for path in page.split('"').filter(|it| it.starts_with("/assets/")) {
        let body = site.anyone().get(path).await.body;
        sum += if path.contains("/brand/") && !path.contains("css") { body.len() } else { packed(&body) };
    }
    assert!(sum <= 60_000, "{sum} bytes");
    assert!(send_logo(&in_browser(&admin), &[&*picture, b"x"].concat()).await.status == 400);
}
