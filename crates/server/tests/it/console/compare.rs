//! What is different between two versions, as the page says it.

use purser_core::access::Role;

use super::pages::is_ours;
use super::{after, in_browser, led_to};
use crate::console::work;
use crate::on_both;

on_both! {
    async fn a_version_is_compared_with_the_one_before_or_another(site) {
        let admin = site.as_role(Role::Admin).await;
        let browser = in_browser(&admin);
        let (template, _) = work::a_job(&browser, "").await;
        let first = format!("{template}/versions/1");
        assert!(!browser.visit(&first).await.body.contains("/compare\""), "there is nothing to compare it with");
        assert!(browser.visit(&format!("{first}/compare")).await.body.contains("There is no other version"));
        let page = browser.visit(&format!("{first}/edit")).await.body;
        let revision = after(&page, "name=\"revision\" value=\"").to_owned();
        let steps = [
            ("do", "save"), ("revision", &*revision), ("count", "3"),
            ("steps.0.title", "Sign"), ("steps.0.kind", "TEXT"),
            ("steps.1.title", "Read the gauge"), ("steps.1.instructions", "Wait long.\r\nLook."), ("steps.1.kind", "NUMBER"),
            ("steps.1.required", "on"), ("steps.1.unit", "psi"), ("steps.1.min", "0"), ("steps.1.max", "4"),
            ("steps.2.title", "<b>Go</b>"), ("steps.2.kind", "TEXT"),
        ];
        let second = led_to(&browser.submit(&format!("{first}/edit"), &steps).await);
        assert!(second.ends_with("/versions/2"), "{second}");
        assert!(browser.visit(&second).await.body.contains("/versions/2/compare\""));
        let page = browser.visit(&format!("{second}/compare")).await;
        is_ours(&page);
        for told in [
            "What changed from version 1 to 2", "2 steps added, 1 step removed, 1 step changed.", "<ins>Sign</ins>",
            "Wait<ins> long</ins>.", "<del>Number in bar, 0 to 4 · must be recorded</del> <ins>Number in psi, 0 to 4 · must be recorded</ins>",
            "<del>Anything to say?</del>", "<ins>&#60;b&#62;Go&#60;/b&#62;</ins>",
        ] {
            assert!(page.body.contains(told), "{told} in {page}");
        }
        // The other way round what was added was removed.
        let page = browser.visit(&format!("{first}/compare?with=2")).await.body;
        assert!(page.contains("<del>Sign</del>") && page.contains("1 step added, 2 steps removed"), "{page}");
        assert!(browser.visit(&format!("{second}/compare?with=2")).await.body.contains("There is no other version"));
        for path in [format!("{second}/compare?with=9"), format!("{second}/compare?with=x"), format!("{template}/versions/9/compare")] {
            assert_eq!(browser.visit(&path).await.status, 404, "{path}");
        }
    }
}
