//! Taking people in from a file by the form: what is shown first, what is done then, and what is refused.

use purser_core::access::Role;

use super::pages::is_ours;
use super::{after, in_browser};
use crate::on_both;

const LINES: &str = "email,firstName,lastName,roles\r\nann@acme.test,Ann,Lee,AUTHOR\r\nben@acme.test,Ben,Ray,King\r\ncy@acme.test,Cy,Fox,\r\n";

on_both! {
    async fn it_is_shown_first_and_done_when_confirmed(site) {
        let admin = site.as_role(Role::Admin).await;
        let browser = in_browser(&admin);
        is_ours(&browser.visit("/people/import").await);
        let page = browser.submit("/people/import", &[("text", LINES), ("do", "check")]).await;
        assert_eq!(page.status, 200, "{page}");
        is_ours(&page);
        for told in ["Nothing is changed yet.", "<dt>To be added</dt><dd class=\"num\">2</dd>", "<dt>Refused</dt><dd class=\"num\">1</dd>",
            "`King` is not a role", "Import the others", "ann@acme.test,Ann,Lee,AUTHOR"] {
            assert!(page.body.contains(told), "{told} in {page}");
        }
        assert!(!browser.visit("/people").await.body.contains("ann@acme.test"));
        let page = browser.submit("/people/import", &[("text", LINES), ("do", "import")]).await;
        assert!(page.body.contains("<dt>Added</dt><dd class=\"num\">2</dd>") && page.body.contains("The import is done."), "{page}");
        let people = browser.visit("/people").await.body;
        assert!(people.contains("ann@acme.test") && people.contains("cy@acme.test") && !people.contains("ben@acme.test"), "{people}");
        // The same once more changes nothing; other data is refused, or taken if that is wished for.
        let page = browser.submit("/people/import", &[("text", LINES), ("do", "import")]).await.body;
        assert!(page.contains("<dt>Already so</dt><dd class=\"num\">2</dd>"), "{page}");
        let other = LINES.replace("Lee", "Low");
        let page = browser.submit("/people/import", &[("text", &other)]).await.body;
        assert!(page.contains("which an update would change"), "{page}");
        let page = browser.submit("/people/import", &[("text", &other), ("update", "on")]).await.body;
        assert!(page.contains("<dt>To be changed</dt><dd class=\"num\">1</dd>") && page.contains("name=\"update\" value=\"on\""), "{page}");
    }

    async fn what_was_refused_can_be_taken_along(site) {
        let admin = site.as_role(Role::Admin).await;
        let browser = in_browser(&admin);
        let page = browser.submit("/people/import", &[("text", LINES)]).await.body;
        let report = after(&page, "<textarea name=\"report\" hidden aria-hidden=\"true\" tabindex=\"-1\">\n").to_owned();
        assert!(report.starts_with("line,field,reason"), "{report}");
        let reply = browser.submit("/people/import/report", &[("report", "line,field,reason\r\n3,\"roles\",\"no role\"\r\n")]).await;
        assert_eq!(reply.header("content-type"), Some("text/csv; charset=utf-8"));
        assert_eq!(reply.header("content-disposition"), Some("attachment; filename=\"refused-lines.csv\""));
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
        assert!(reply.body.ends_with("\"no role\"\r\n"));
    }

    async fn a_file_that_is_none_is_refused_in_the_form(site) {
        let admin = site.as_role(Role::Admin).await;
        let browser = in_browser(&admin);
        let long = format!("email,firstName,lastName\n{}", "x".repeat(1024 * 1024));
        for (text, reason) in [
            ("", "choose a file, or paste its lines"),
            ("name,mail\r\nAnn,ann@acme.test", "there is no column `name`"),
            (long.as_str(), "is longer than 1 MB"),
        ] {
            let reply = browser.submit("/people/import", &[("text", text)]).await;
            assert_eq!(reply.status, 400, "{reason}");
            is_ours(&reply);
            assert!(reply.body.contains(reason) && reply.body.contains("file-problem"), "{reason}");
        }
        let reply = browser.submit("/people/import", &[("text", &"x".repeat(4 * 1024 * 1024))]).await;
        assert_eq!(reply.status, 413);
    }

    async fn lines_of_json_are_told_from_a_table(site) {
        let user_admin = site.as_role(Role::UserAdmin).await;
        let lines = r#"{"email":"ann@acme.test","firstName":"Ann","lastName":"<b>Lee","roles":["ADMIN"]}"#;
        let page = in_browser(&user_admin).submit("/people/import", &[("text", lines)]).await;
        assert!(page.body.contains("only an Admin makes somebody an Admin"), "{page}");
        assert!(!page.body.contains("<b>Lee"), "{page}");
        assert_eq!(in_browser(&site.as_role(Role::Author).await).submit("/people/import", &[("text", lines)]).await.status, 403);
    }
}
