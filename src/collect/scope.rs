//! Whose objects a list is asked for, and whose a token gets to see.
//!
//! Cinder, Glance and Manila answer 200 to a token that may not see other projects, with what it may see, whatever
//! `all_tenants` says. So what a list holds is judged by the token's roles, never by a status.

use super::Cx;
use super::health::Visibility;
use crate::model::id::Id;
use crate::openstack::client::{Request, Session};
use crate::openstack::error::Error;

/// What a service's lists show to this token.
#[derive(Clone, Debug)]
pub(super) struct Scope {
    visibility: Visibility,
    /// The project that the configuration names, if any.
    project: Option<Id>,
}

impl Scope {
    /// By the token's roles, and the configuration's restriction. It is noted in the report.
    pub(super) async fn of(cx: &Cx) -> Result<Self, Error> {
        let session = cx.client.cloud().session().await?;
        let scope = Self::new(&session, cx.settings.scope.project_id.as_deref());
        cx.report.set_visibility(scope.visibility);
        Ok(scope)
    }

    fn new(session: &Session, project: Option<&str>) -> Self {
        let admin = session.is_admin();
        let own = session.project_id.as_deref();
        let visibility = match project {
            _ if admin => Visibility::All,
            Some(wanted) if own != Some(wanted) => Visibility::None,
            // A token without a project is answered 200 with nothing.
            _ if own.is_none() => Visibility::None,
            _ => Visibility::Project,
        };
        Self { visibility, project: project.map(Id::new) }
    }

    /// Asks for all projects, or for the one that the configuration names.
    pub(super) fn all_tenants<'a>(&self, request: Request<'a>) -> Request<'a> {
        self.own(request.query("all_tenants", "1"))
    }

    /// Asks for what the token itself may see, or for the project that the configuration names.
    pub(super) fn own<'a>(&self, request: Request<'a>) -> Request<'a> {
        match &self.project {
            Some(project) => request.query("project_id", project.to_string()),
            None => request,
        }
    }

    /// Whether an object is asked for: without the right to all projects the filter is ignored as `all_tenants` is.
    pub(super) fn wants(&self, project: &Id) -> bool {
        self.project.as_ref().is_none_or(|wanted| wanted == project)
    }

    /// Whether a list of this many objects says nothing about the cloud: an empty one may be so for want of rights only.
    pub(super) fn hides(&self, items: usize) -> bool {
        match self.visibility {
            Visibility::All => false,
            Visibility::Domain | Visibility::Project => items == 0 && self.project.is_none(),
            Visibility::None => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::clock::Timestamp;

    fn scope(role: &str, own: Option<&str>, wanted: Option<&str>) -> Scope {
        Scope::new(&session(role, own, own.is_none()), wanted)
    }

    fn session(role: &str, own: Option<&str>, system: bool) -> Session {
        Session {
            expires: Timestamp::default(),
            roles: vec![role.to_owned()],
            project_id: own.map(str::to_owned),
            project_name: None,
            user_id: String::new(),
            system,
            regions: Vec::new(),
            services: Vec::new(),
        }
    }

    #[test]
    fn an_administrator_of_a_domain_sees_nothing() {
        let scope = Scope::new(&session("admin", None, false), None);
        assert_eq!((scope.hides(0), scope.hides(3), scope.visibility), (true, true, Visibility::None));
    }

    #[test]
    fn an_empty_list_is_a_zero_only_to_those_who_would_see_more() {
        for (role, own, wanted, empty_hides, visibility) in [
            ("admin", Some("a"), None, false, Visibility::All),
            ("Admin", None, None, false, Visibility::All),
            ("reader", Some("a"), None, true, Visibility::Project),
            ("reader", Some("a"), Some("a"), false, Visibility::Project),
            ("reader", Some("a"), Some("b"), true, Visibility::None),
            ("reader", None, None, true, Visibility::None),
            ("admin", Some("a"), Some("b"), false, Visibility::All),
        ] {
            let scope = scope(role, own, wanted);
            assert_eq!((scope.hides(0), scope.visibility), (empty_hides, visibility), "{role} {own:?} {wanted:?}");
        }
        assert!(!scope("reader", Some("a"), None).hides(3), "own objects are worth a sample");
    }

    #[test]
    fn a_named_project_is_asked_for_and_checked() {
        let all = scope("admin", Some("a"), None);
        let request = all.all_tenants(Request::new("volumes"));
        assert_eq!(request.query, [("all_tenants", "1".into())]);
        let one = scope("admin", Some("a"), Some("b"));
        let request = one.all_tenants(Request::new("volumes"));
        assert_eq!(request.query, [("all_tenants", "1".into()), ("project_id", "b".into())]);
        assert!(one.wants(&Id::new("b")) && !one.wants(&Id::new("a")) && all.wants(&Id::new("a")));
    }
}
