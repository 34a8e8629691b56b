//! The overview: what it counts, for whom, and at which price.

use purser_core::access::Role;

use super::in_browser;
use crate::console::work;
use crate::on_both;

on_both! {
    async fn each_role_sees_the_figures_that_are_its_own(site) {
        let admin = site.as_role(Role::Admin).await;
        work::a_job(&in_browser(&admin), "").await;
        let shown = async |role| {
            let page = in_browser(&site.as_role(role).await).visit("/").await.body;
            let titles = ["Your open jobs", ">Open jobs<", ">People</h2>", ">Licence<", ">Sign-ins<", "Your jobs"];
            titles.into_iter().filter(|title| page.contains(title)).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(shown(Role::Admin).await, "Your open jobs >Open jobs< >People</h2> >Sign-ins< Your jobs");
        assert_eq!(shown(Role::UserAdmin).await, ">Open jobs< >People</h2> >Sign-ins<");
        assert_eq!(shown(Role::Operator).await, "Your open jobs >Open jobs< Your jobs");
        for role in [Role::Author, Role::Approver, Role::Publisher, Role::Viewer] {
            assert_eq!(shown(role).await, ">Open jobs<", "{role}");
        }
    }

    async fn whoever_has_no_role_yet_is_told_so(site) {
        site.tenant("acme").await;
        let user = site.user("acme", &[]).await;
        let nobody = site.sign_in(&user).await;
        let page = in_browser(&nobody).visit("/").await;
        assert!(page.status == 200 && page.body.contains("You have no role here yet"), "{page}");
        assert!(!page.body.contains("/templates") && !page.body.contains("/jobs"), "{page}");
    }

    async fn the_chart_says_in_words_what_it_shows(site) {
        let admin = site.as_role(Role::Admin).await;
        let wrong = site.anyone().sign_in(&admin.user.email, "not the password at all").await;
        assert_eq!(wrong.status, 401);
        let page = in_browser(&admin).visit("/").await.body;
        assert!(page.contains("aria-label=\"1 sign-ins and 1 refusals in 14 days. Most on 15 January: 1.\""), "{page}");
        assert!(page.contains("<title>Fri 15 Jan: Password 1, Refused 1</title>"), "{page}");
        assert!(page.contains("<th scope=\"row\">Fri 15 Jan</th>"), "{page}");
        assert_eq!(page.matches("<th scope=\"row\">").count(), 14);
        let month = in_browser(&admin).visit("/?days=30").await.body;
        assert_eq!(month.matches("<th scope=\"row\">").count(), 30);
        // What is asked for strangely is the usual.
        assert_eq!(in_browser(&admin).visit("/?days=1000000").await.body.matches("<th scope=\"row\">").count(), 14);
    }

    async fn the_fullest_overview_asks_the_store_a_handful_of_things(site) {
        let admin = site.as_role(Role::Admin).await;
        in_browser(&admin).visit("/").await;
        let before = site.app.figures().statements_read;
        assert_eq!(in_browser(&admin).visit("/").await.status, 200);
        let read = site.app.figures().statements_read - before;
        // Own jobs, three piles of templates, two of counting sign-ins, jobs, people.
        assert!(read <= 8, "{read} statements");
    }
}
