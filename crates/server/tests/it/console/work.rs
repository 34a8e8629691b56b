//! The way of a job through the console's forms, from the first draft to the report.

use purser_core::access::Role;

use super::{after, in_browser, led_to, set_cookies, settings_form};
use crate::on_both;
use crate::site::Asker;

/// A published template with two steps, and a job by it for somebody.
pub(super) async fn a_job(browser: &Asker<'_>, assignee: &str) -> (String, String) {
    let edit =
        led_to(&browser.submit("/templates/new", &[("title", "Replace the filter"), ("assetClass", "Pump")]).await);
    let version = edit.strip_suffix("/edit").unwrap().to_owned();
    let steps = [
        ("do", "save"),
        ("revision", "1"),
        ("count", "2"),
        ("steps.0.title", "Read the gauge"),
        ("steps.0.instructions", "Wait.\r\nLook."),
        ("steps.0.kind", "NUMBER"),
        ("steps.0.required", "on"),
        ("steps.0.unit", "bar"),
        ("steps.0.min", "0"),
        ("steps.0.max", "4"),
        ("steps.0.options", ""),
        ("steps.1.title", "Anything to say?"),
        ("steps.1.instructions", ""),
        ("steps.1.kind", "TEXT"),
        ("steps.1.unit", ""),
        ("steps.1.min", ""),
        ("steps.1.max", ""),
        ("steps.1.options", ""),
    ];
    let page = browser.visit(&edit).await.body;
    let revision = after(&page, "name=\"revision\" value=\"").to_owned();
    let steps = steps.map(|(name, value)| if name == "revision" { (name, revision.as_str()) } else { (name, value) });
    assert_eq!(led_to(&browser.submit(&edit, &steps).await), version);
    for act in ["submit", "approve", "publish"] {
        assert_eq!(led_to(&browser.submit(&format!("{version}/{act}"), &[]).await), version, "{act}");
    }
    let template = version.split("/versions").next().unwrap().to_owned();
    let id = template.strip_prefix("/templates/").unwrap();
    let fields = [("template", id), ("title", ""), ("asset", "Pump 7"), ("priority", "HIGH"), ("assignee", assignee)];
    let job = led_to(&browser.submit("/jobs/new", &fields).await);
    (template, job)
}

on_both! {
    async fn a_job_is_performed_corrected_and_reported(site) {
        let admin = site.as_role(Role::Admin).await;
        let browser = in_browser(&admin);
        let (_, job) = a_job(&browser, &admin.user.id.to_string()).await;
        assert_eq!(led_to(&browser.submit(&format!("{job}/start"), &[]).await), job);
        let form = browser.visit(&job).await.body;
        let key = after(&form, "name=\"key\" value=\"").to_owned();
        assert!(!form.contains("inputmode"), "a telephone may have no minus or no point: {form}");
        let step = |value| [("step", "1"), ("key", &*key), ("value", value), ("note", "By eye"), ("do", "complete")];
        let reply = browser.submit(&format!("{job}/step"), &step("9")).await;
        assert!(reply.status == 400 && reply.body.contains("above the highest value allowed"), "{reply}");
        assert!(reply.body.contains("value=\"9\"") && reply.body.contains("By eye"), "{reply}");
        let reply = browser.submit(&format!("{job}/step"), &step("")).await;
        assert!(reply.status == 400 && reply.body.contains("the step requires a record"), "{reply}");
        let next = format!("{job}#step-2");
        assert_eq!(led_to(&browser.submit(&format!("{job}/step"), &step("3.5")).await), next);
        // Whoever reloads after a lost answer has not done it twice.
        assert_eq!(led_to(&browser.submit(&format!("{job}/step"), &step("3.5")).await), next);
        let page = browser.visit(&job).await.body;
        assert_eq!(page.matches("3.5 bar").count(), 1, "{page}");
        // The same form with something else in it was filled in when the job stood elsewhere.
        assert_eq!(browser.submit(&format!("{job}/step"), &step("2")).await.status, 409);
        assert_eq!(browser.visit(&format!("{job}/report")).await.status, 409);
        let key = after(&page, "name=\"key\" value=\"").to_owned();
        let last = [("step", "2"), ("key", &*key), ("value", ""), ("note", ""), ("do", "complete")];
        let done = browser.submit(&format!("{job}/step"), &last).await;
        assert_eq!((led_to(&done), set_cookies(&done)[0].starts_with("said=job-done;")), (job.clone(), true));
        let correction = [("key", "console-correct-1"), ("value", "3.4"), ("note", "Glasses")];
        assert_eq!(led_to(&browser.submit(&format!("{job}/records/1"), &correction).await), job);
        let report = browser.visit(&format!("{job}/report")).await.body;
        assert!(report.contains(&format!("<a href=\"{job}\">Back to the job</a>")), "{report}");
        // As the API gives it, it is kept by itself, and leads nowhere.
        let alone = admin.get(&format!("/api/client{job}/report")).await.body;
        assert!(!alone.contains("Back to the job") && !alone.contains("<script"), "{alone}");
        for told in ["Replace the filter", "Pump 7", "3.5 bar", "3.4 bar", "Corrected later", "Glasses", "Job completed"] {
            assert!(report.contains(told), "{told} in {report}");
        }
    }

    async fn only_the_assignee_is_shown_the_form_and_may_send_it(site) {
        let (admin, operator) = (site.as_role(Role::Admin).await, site.as_role(Role::Operator).await);
        let (_, job) = a_job(&in_browser(&admin), &operator.user.id.to_string()).await;
        assert!(!in_browser(&admin).visit(&job).await.body.contains("/start\""));
        assert_eq!(in_browser(&admin).submit(&format!("{job}/start"), &[]).await.status, 403);
        assert_eq!(led_to(&in_browser(&operator).submit(&format!("{job}/start"), &[]).await), job);
        assert!(!in_browser(&admin).visit(&job).await.body.contains("name=\"key\""));
        assert!(in_browser(&operator).visit(&job).await.body.contains("name=\"key\""));
        let step = [("step", "1"), ("value", "1"), ("do", "complete")];
        assert_eq!(in_browser(&admin).submit(&format!("{job}/step"), &step).await.status, 403);
    }

    async fn steps_are_moved_without_script_and_stored_only_when_saved(site) {
        let author = site.as_role(Role::Author).await;
        let browser = in_browser(&author);
        let edit = led_to(&browser.submit("/templates/new", &[("title", "T"), ("assetClass", "")]).await);
        let version = edit.strip_suffix("/edit").unwrap();
        let typed = |wish| [("do", wish), ("revision", "1"), ("count", "2"), ("steps.0.title", "first"), ("steps.0.kind", "TEXT"),
            ("steps.1.title", "second"), ("steps.1.kind", "CHOICE"), ("steps.1.options", "a\r\nb")];
        let page = browser.submit(&edit, &typed("down.0")).await;
        assert_eq!(page.status, 200, "{page}");
        let (second, first) = (page.body.find("value=\"second\"").unwrap(), page.body.find("value=\"first\"").unwrap());
        assert!(second < first && page.body.contains("name=\"count\" value=\"2\""), "{page}");
        assert!(!browser.visit(version).await.body.contains("second"));
        let page = browser.submit(&edit, &typed("add")).await.body;
        assert!(page.contains("name=\"count\" value=\"3\"") && page.contains("steps.2.title"), "{page}");
        let mut bad = typed("save");
        bad[7] = ("steps.1.options", "a\r\na");
        let page = browser.submit(&edit, &bad).await;
        assert!(page.status == 400 && page.body.contains("steps.1.options-problem"), "{page}");
        assert_eq!(led_to(&browser.submit(&edit, &typed("save")).await), version);
        assert!(browser.visit(version).await.body.contains("One of: a, b"));
        // Somebody else saved in between.
        assert_eq!(browser.submit(&edit, &typed("save")).await.status, 409);
    }

    async fn nobody_is_offered_to_approve_or_publish_their_own_where_duties_are_separate(site) {
        let (admin, other) = (site.as_role(Role::Admin).await, site.as_role(Role::Admin).await);
        let (writer, reader) = (in_browser(&admin), in_browser(&other));
        let edit = led_to(&writer.submit("/templates/new", &[("title", "T"), ("assetClass", "")]).await);
        let version = edit.strip_suffix("/edit").unwrap();
        let steps = [("do", "save"), ("revision", "1"), ("count", "1"), ("steps.0.title", "first"), ("steps.0.kind", "TEXT")];
        writer.submit(&edit, &steps).await;
        writer.submit(&format!("{version}/submit"), &[]).await;
        let offered = async |browser: &Asker<'_>, act: &str| browser.visit(version).await.body.contains(&format!("/{act}\""));
        assert!(offered(&writer, "approve").await);
        assert_eq!(led_to(&writer.submit("/settings", &settings_form(&[("separationOfDuties", "on")])).await), "/settings");
        assert!(!offered(&writer, "approve").await && offered(&writer, "reject").await && offered(&reader, "approve").await);
        assert_eq!(writer.submit(&format!("{version}/approve"), &[]).await.status, 403);
        assert_eq!(led_to(&reader.submit(&format!("{version}/approve"), &[]).await), version);
        assert!(offered(&writer, "publish").await && !offered(&reader, "publish").await);
    }

    async fn whom_a_job_is_given_to_is_found_among_many(site) {
        let admin = site.as_role(Role::Admin).await;
        let browser = in_browser(&admin);
        let head = "email,firstName,lastName,roles,status\r\n".to_owned();
        let many: Vec<_> = (0..120).map(|it| format!("p{it}@acme.test,Pat,Number{it},Operator,ACTIVE\r\n")).collect();
        let viewers = "vic@acme.test,Vic,Viewer,Viewer,ACTIVE\r\n";
        let page = browser.submit("/people/import", &[("text", &(head + &many.concat() + viewers)), ("do", "import")]).await;
        assert!(page.body.contains("<dd class=\"num\">121</dd>"), "{page}");
        let (template, job) = a_job(&browser, &admin.user.id.to_string()).await;
        let page = browser.visit(&job).await.body;
        assert!(page.contains("name=\"find\"") && !page.contains("Number119<") && !page.contains("Vic Viewer<"), "{page}");
        let page = browser.visit(&format!("{job}?find=number119")).await.body;
        assert!(page.contains("Pat Number119<") && !page.contains("Number118<"), "{page}");
        // Whoever has it stays to be chosen.
        assert!(page.contains(&format!("<option value=\"{}\" selected>", admin.user.id)), "{page}");
        let id = template.strip_prefix("/templates/").unwrap();
        let page = browser.submit("/jobs/new", &[("template", id), ("asset", "Pump 9"), ("find", "p119@"), ("do", "find")]).await;
        assert!(page.status == 200 && page.body.contains("Pat Number119<") && page.body.contains("value=\"Pump 9\""), "{page}");
    }

    async fn what_the_state_or_the_roles_do_not_allow_is_not_shown(site) {
        let admin = site.as_role(Role::Admin).await;
        let (template, _) = a_job(&in_browser(&admin), "").await;
        let version = led_to(&in_browser(&admin).visit(&template).await);
        let shown = async |role| {
            let member = site.as_role(role).await;
            let page = in_browser(&member).visit(&version).await.body;
            ["/submit\"", "/approve\"", "/publish\"", "/archive\"", "/edit\"", "/jobs/new?", "/delete\"", "/copy?"]
                .into_iter().filter(|act| page.contains(act)).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(shown(Role::Viewer).await, "");
        assert_eq!(shown(Role::Author).await, "/edit\" /copy?");
        assert_eq!(shown(Role::Publisher).await, "/archive\"");
        assert_eq!(shown(Role::Operator).await, "/jobs/new?");
        assert_eq!(shown(Role::Approver).await, "");
        assert_eq!(shown(Role::Admin).await, "/archive\" /edit\" /jobs/new? /copy?");
    }
}
