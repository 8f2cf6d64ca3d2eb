//! Whose objects a list is asked for, and whose a token gets to see.

use crate::collect::Cx;
use crate::collect::health::Visibility;
use crate::openstack::client::Request;
use crate::openstack::error::Error;

/// Asks for all projects, or for the one that the configuration names.
pub(super) fn scoped<'a>(cx: &'a Cx, path: &'a str) -> Request<'a> {
    let request = Request::new(path).query("all_tenants", "1");
    match &cx.settings.scope.project_id {
        Some(project) => request.query("project_id", project.as_str()),
        None => request,
    }
}

/// What the lists show to this token. Cinder ties all projects to its administrators in code, whatever the policy says.
pub(super) async fn sees(cx: &Cx) -> Result<Visibility, Error> {
    let session = cx.client.cloud().session().await?;
    Ok(if session.roles.iter().any(|role| role.eq_ignore_ascii_case("admin")) {
        Visibility::All
    } else if session.project_id.is_some() {
        Visibility::Project
    } else {
        // A token without a project is answered 200 with nothing.
        Visibility::None
    })
}
