//! How an organisation's pages look: who settles it, what is kept of it, and what anybody may see.

use purser_core::access::{Caller, Role};
use purser_core::error::{Error, Result};
use purser_core::tenants::{Accent, Logo, LogoWish, Look, TenantStatus};

use crate::on_both;
use crate::world::{World, command_line};

fn logo(height: u8) -> Logo {
    let picture = [b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x20\0\0\0".as_slice(), &[height, 8, 6, 0, 0, 0]].concat();
    Logo::parse(picture).unwrap()
}

async fn dress(world: &World, by: &Caller, accent: Option<&str>, logo: LogoWish) -> Result<()> {
    let accent = accent.map(|it| it.parse::<Accent>().unwrap());
    world.app.dress(&by.grant()?, Look { name: "Acme Works".into(), accent, logo }).await
}

on_both! {
    async fn an_admin_dresses_the_pages_and_nobody_else(world) {
        for role in Role::ALL {
            let caller = world.as_role(role).await;
            let outcome = dress(&world, &caller, Some("#14556b"), LogoWish::Keep).await;
            assert_eq!(outcome.is_ok(), role == Role::Admin, "{role}");
        }
    }

    async fn another_look_is_there_at_once_and_in_the_log_once(world) {
        let admin = world.as_role(Role::Admin).await;
        let acme = admin.tenant().id.clone();
        dress(&world, &admin, Some("#AA0011"), LogoWish::Set(logo(8))).await.unwrap();
        let now = world.app.dressed(&acme).await.unwrap();
        assert_eq!((now.name.as_str(), now.accent.unwrap().to_string()), ("Acme Works", "#aa0011".into()));
        let name = now.logo.clone().unwrap();
        assert_eq!(world.app.logo(&now, &name).await.unwrap(), ("image/png".into(), logo(8).bytes().to_vec()));
        assert!(matches!(world.app.logo(&now, "another.png").await, Err(Error::NotFound)));
        let line = format!("user {} client.updated client:acme done: name, colour, logo", admin.user().id);
        assert_eq!(world.last(&acme, "client.updated").await.unwrap(), line);
        let lines = world.log(&acme).await.len();
        dress(&world, &admin, Some("#aa0011"), LogoWish::Keep).await.unwrap();
        assert_eq!(world.log(&acme).await.len(), lines, "nothing was changed");
        // Another one takes its place, and none takes it away.
        dress(&world, &admin, None, LogoWish::Set(logo(9))).await.unwrap();
        let later = world.app.dressed(&acme).await.unwrap();
        assert!(later.accent.is_none() && later.logo != now.logo);
        assert!(matches!(world.app.logo(&later, &name).await, Err(Error::NotFound)));
        dress(&world, &admin, None, LogoWish::Remove).await.unwrap();
        assert_eq!(world.app.dressed(&acme).await.unwrap().logo, None);
        assert_eq!(world.database.value("SELECT count(*) FROM logos").await, "0");
    }

    async fn what_a_system_administrator_changes_leaves_the_look(world) {
        let admin = world.as_role(Role::Admin).await;
        let acme = admin.tenant().id.clone();
        dress(&world, &admin, Some("#aa0011"), LogoWish::Set(logo(8))).await.unwrap();
        let after = world.settle(&acme, |settings| settings.strict_refresh = true).await;
        assert!(after.accent.is_some() && after.logo.is_some());
        world.switch(&acme, TenantStatus::Disabled).await;
        assert!(matches!(world.app.dressed(&acme).await, Err(Error::NotFound)));
        world.app.delete_tenant(&command_line(), &acme).await.unwrap();
        assert_eq!(world.database.value("SELECT count(*) FROM logos").await, "0");
    }
}
