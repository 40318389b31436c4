//! Notifications of the desktop, for who has the window open and looks elsewhere.

use crate::shell::Shell;

impl Shell {
    /// Tells the desktop, unless the user looks at the window or wants no notifications. Where there is
    /// nobody to tell, that is no trouble of the user's.
    pub(crate) fn notify(&self, ctx: &egui::Context, what: String, why: String) {
        let looks = ctx.input(|input| input.focused);
        if !looks && self.settings.notifications {
            drop(self.runtime.spawn(async move {
                if let Err(error) = send(&what, &why).await {
                    tracing::debug!(%error, "the desktop takes no notifications");
                }
            }));
        }
    }
}

/// By the freedesktop.org specification, on the session's bus.
#[cfg(target_os = "linux")]
async fn send(what: &str, why: &str) -> Result<(), zbus::Error> {
    use std::collections::HashMap;
    const SERVICE: &str = "org.freedesktop.Notifications";
    let bus = zbus::Connection::session().await?;
    let (actions, hints): ([&str; 0], HashMap<&str, zbus::zvariant::Value<'_>>) = ([], HashMap::new());
    let body = ("Binnacle", 0_u32, "binnacle", what, why, &actions[..], hints, -1_i32);
    let path = "/org/freedesktop/Notifications";
    bus.call_method(Some(SERVICE), path, Some(SERVICE), "Notify", &body).await?;
    Ok(())
}

#[cfg(not(target_os = "linux"))]
async fn send(_what: &str, _why: &str) -> Result<(), String> {
    Err("not built for this system".to_owned())
}
