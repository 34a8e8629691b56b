//! Work in a demo: templates and jobs in every state, written, judged, published and performed by its people.

use std::net::{IpAddr, Ipv4Addr};

use futures::try_join;
use purser_core::access::{Caller, Role};
use purser_core::app::App;
use purser_core::audit::Visit;
use purser_core::error::Result;
use purser_core::ids::{JobId, TemplateId};
use purser_core::secret::Secret;
use purser_core::session::{Extent, Shown};
use purser_core::signin::Claim;
use purser_core::work::{
    Correcting, Kind, NewJob, NewTemplate, Performing, Priority, Step, Steps, TemplateFilter, VersionState,
};

use super::{CLIENT, email};

/// The people who do it, signed in.
struct Crew<'a> {
    app: &'a App,
    author: Caller,
    approver: Caller,
    publisher: Caller,
    operator: Caller,
}

/// Makes the work, unless a demo that was kept has some.
///
/// # Errors
/// What the system refuses.
pub(super) async fn provide(app: &App, password: &Secret) -> Result<()> {
    let sign_in = |role| signed_in(app, role, password);
    let (author, approver, publisher, operator) =
        try_join!(sign_in(Role::Author), sign_in(Role::Approver), sign_in(Role::Publisher), sign_in(Role::Operator))?;
    let crew = Crew { app, author, approver, publisher, operator };
    if app.templates(&crew.author.grant()?, &TemplateFilter::default()).await?.is_empty() {
        try_join!(crew.gearbox(), crew.pump(), crew.others())?;
    }
    for caller in [&crew.author, &crew.approver, &crew.publisher, &crew.operator] {
        app.sign_out(caller, Extent::This).await?;
    }
    Ok(())
}

async fn signed_in(app: &App, role: Role, password: &Secret) -> Result<Caller> {
    let claim =
        Claim { client: Some(CLIENT.0.to_owned()), email: email(role), password: password.clone(), cookie: None };
    let token = app.sign_in(claim, &visit()).await?.handed.token;
    app.caller(Shown::Bearer(token.reveal()), None, visit()).await
}

fn visit() -> Visit {
    Visit { address: IpAddr::V4(Ipv4Addr::LOCALHOST), agent: "purser demo".into(), request: "".into() }
}

impl Crew<'_> {
    /// Assembly: one job done and corrected, one under way.
    async fn gearbox(&self) -> Result<()> {
        let steps = vec![
            step("Clean the housing", "Remove burrs and wipe all faces with solvent.", Kind::YesNo),
            step("Press in the bearings", "Warm the housing to 80 °C first.", number("°C", 75.0, 90.0)),
            step("Mount the shaft", "Turn it by hand: it must run without catching.", Kind::YesNo),
            step("Tighten the cover", "Crosswise, in three rounds.", number("Nm", 22.0, 28.0)),
            step("Photograph the type plate", "", Kind::Photo),
        ];
        let id = self.template("Assemble the GX-200 gearbox", "Gearboxes", steps, VersionState::Published).await?;
        let done = self.job(id, "GX-200 no. 1107", Priority::High).await?;
        self.begin(done).await?;
        for (step, value) in [(1, "YES"), (2, "82"), (3, "YES"), (4, "25.2"), (5, "photos/gx-1107-plate.jpg")] {
            self.complete(done, step, value).await?;
        }
        let correcting = Correcting {
            record: 4,
            value: "25.5".into(),
            note: "Read again with the calibrated wrench".into(),
            idempotency_key: None,
        };
        self.app.correct_record(&self.operator.grant()?, done, correcting).await?;
        let begun = self.job(id, "GX-200 no. 1108", Priority::Medium).await?;
        self.begin(begun).await?;
        self.complete(begun, 1, "YES").await?;
        self.complete(begun, 2, "80").await
    }

    /// Inspection: published, with the next version being written; jobs waiting and given up.
    async fn pump(&self) -> Result<()> {
        let steps = pump_steps();
        let id = self.template("Inspect a centrifugal pump", "Pumps", steps, VersionState::Published).await?;
        let mut next = pump_steps();
        next.push(step("Check the coupling guard", "", choice(&["in place", "missing"])));
        self.app.edit_version(&self.author.grant()?, id, 1, None, &Steps::parse(next)?).await?;
        let new = |asset: &str, priority, assignee| NewJob {
            template: id,
            title: None,
            asset: asset.into(),
            priority,
            assignee,
        };
        let by = self.operator.grant()?;
        self.app.create_job(&by, new("P-4711", Priority::High, Some(self.operator.user().id))).await?;
        self.app.create_job(&by, new("P-4712", Priority::Medium, None)).await?;
        let lost = self.app.create_job(&by, new("P-0815", Priority::Low, None)).await?;
        self.app.cancel_job(&by, lost.id, "The pump was scrapped").await.map(drop)
    }

    /// One in each state that is left.
    async fn others(&self) -> Result<()> {
        let states = [
            ("Replace the coolant filter", "Machine tools", VersionState::InReview),
            ("Check the torque of flange bolts", "Pipes", VersionState::Approved),
            ("Start up the packaging line", "Lines", VersionState::Draft),
            ("Calibrate a pressure gauge", "Gauges", VersionState::Archived),
        ];
        for (title, class, state) in states {
            let steps = vec![
                step("Lock and tag out", "Stop, isolate, prove that it is dead.", Kind::YesNo),
                step(title, "Follow the maker's manual.", Kind::Text),
            ];
            self.template(title, class, steps, state).await?;
        }
        Ok(())
    }

    async fn template(&self, title: &str, class: &str, steps: Vec<Step>, state: VersionState) -> Result<TemplateId> {
        let new = NewTemplate::parse(title, class, Steps::parse(steps)?)?;
        let (app, id) = (self.app, self.app.create_template(&self.author.grant()?, new).await?.id);
        let mut reached = VersionState::Draft;
        while reached != state {
            reached = match reached {
                VersionState::Draft => app.submit_version(&self.author.grant()?, id, 1).await?,
                VersionState::InReview => app.approve_version(&self.approver.grant()?, id, 1, "Clear and safe").await?,
                VersionState::Approved => app.publish_version(&self.publisher.grant()?, id, 1).await?,
                _ => app.archive_version(&self.publisher.grant()?, id, 1).await?,
            }
            .state;
        }
        Ok(id)
    }

    async fn job(&self, template: TemplateId, asset: &str, priority: Priority) -> Result<JobId> {
        let assignee = Some(self.operator.user().id);
        let new = NewJob { template, title: None, asset: asset.into(), priority, assignee };
        self.app.create_job(&self.operator.grant()?, new).await.map(|job| job.id)
    }

    async fn begin(&self, id: JobId) -> Result<()> {
        self.app.start_job(&self.operator.grant()?, id).await.map(drop)
    }

    async fn complete(&self, id: JobId, step: i64, value: &str) -> Result<()> {
        let asked = Performing { step, value: Some(value.into()), ..Performing::default() };
        self.app.complete_step(&self.operator.grant()?, id, asked).await.map(drop)
    }
}

fn pump_steps() -> Vec<Step> {
    vec![
        step("Look for leaks", "Seal, flanges, drain.", choice(&["dry", "weeping", "leaking"])),
        step("Read the discharge pressure", "At the gauge behind the pump.", number("bar", 2.0, 6.0)),
        step("Feel for vibration", "Hand on the bearing housing.", Kind::YesNo),
        step("Note anything unusual", "", Kind::Text),
    ]
}

fn step(title: &str, instructions: &str, kind: Kind) -> Step {
    let record_required = !matches!(kind, Kind::Text);
    Step { title: title.into(), instructions: instructions.into(), record_required, kind }
}

fn number(unit: &str, min: f64, max: f64) -> Kind {
    Kind::Number { unit: unit.into(), min: Some(min), max: Some(max) }
}

fn choice(options: &[&str]) -> Kind {
    Kind::Choice { options: options.iter().map(|&option| option.into()).collect() }
}
