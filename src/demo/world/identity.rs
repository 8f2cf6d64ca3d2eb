//! Who there is: domains, projects, users, groups, roles. The same for all regions, and it never changes.

use super::seed::{Kind, uuid, word};

/// A domain; the first is `default`.
#[derive(Clone, Debug)]
pub struct Domain {
    /// `default`, or 32 hex digits.
    pub id: String,
    /// Name.
    pub name: &'static str,
    /// What it is for.
    pub description: &'static str,
}

/// A project.
#[derive(Clone, Debug)]
pub struct Project {
    /// Id.
    pub id: u128,
    /// Name.
    pub name: String,
    /// Index of its domain.
    pub domain: usize,
    /// Whether it may be used.
    pub enabled: bool,
    /// What it is for.
    pub description: String,
    /// Id of the user who owns its instances.
    pub owner: u128,
}

/// A user.
#[derive(Clone, Debug)]
pub struct User {
    /// Id.
    pub id: u128,
    /// Name.
    pub name: String,
    /// Index of the domain.
    pub domain: usize,
    /// Some have one.
    pub email: Option<String>,
    /// Role on the project `admin`.
    pub role: &'static str,
}

/// All of it.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Domains.
    pub domains: Vec<Domain>,
    /// Projects: `admin`, `service`, then those that own instances.
    pub projects: Vec<Project>,
    /// Users: `admin`, `monitoring`, the services', then the owners.
    pub users: Vec<User>,
    /// Groups by id and name.
    pub groups: Vec<(u128, &'static str)>,
    /// Roles by id and name.
    pub roles: Vec<(u128, &'static str)>,
}

/// Projects ahead of those that own instances.
pub(crate) const OWN_PROJECTS: usize = 2;

const ORGANISATIONS: [&str; 8] =
    ["initech", "acme", "globex", "umbrella", "hooli", "stark-industries", "wonka", "cyberdyne"];
const TEAMS: [&str; 6] = ["prod", "staging", "analytics", "shop", "ci", "research"];
const PEOPLE: [&str; 8] = ["alice", "bob", "carol", "chad", "dora", "erin", "frank", "grace"];

impl Identity {
    pub(crate) fn new(seed: u64, projects: usize) -> Self {
        let hex = |value: u128| format!("{value:032x}");
        let domains = vec![
            Domain { id: "default".to_owned(), name: "Default", description: "The default domain" },
            Domain { id: hex(uuid(seed, Kind::Domain, 1)), name: "corp", description: "a second domain" },
        ];
        let user = |number: usize, name: &str, role, person: bool| User {
            id: uuid(seed, Kind::User, number as u64),
            name: name.to_owned(),
            domain: 0,
            email: person.then(|| format!("{name}@{}.example", word(&ORGANISATIONS, number as u64))),
            role,
        };
        let mut users = vec![user(0, "admin", "admin", false), user(1, "monitoring", "reader", false)];
        users.extend(
            ["nova", "placement", "glance", "cinder", "neutron"]
                .iter()
                .enumerate()
                .map(|(number, name)| user(number + 2, name, "service", false)),
        );
        users.extend((0..projects).map(|number| {
            let round = number / PEOPLE.len();
            let person = word(&PEOPLE, number as u64);
            let name = if round == 0 { person.to_owned() } else { format!("{person}{round}") };
            user(number + 7, &name, "member", true)
        }));
        let role_names = ["admin", "manager", "member", "reader", "service"];
        Self {
            projects: all_projects(seed, projects, &users),
            domains,
            users,
            groups: vec![(uuid(seed, Kind::Group, 0), "operators"), (uuid(seed, Kind::Group, 1), "auditors")],
            roles: role_names.iter().enumerate().map(|(n, name)| (uuid(seed, Kind::Role, n as u64), *name)).collect(),
        }
    }

    /// A project by its id.
    pub fn project(&self, id: u128) -> Option<(usize, &Project)> {
        self.projects.iter().enumerate().find(|(_, project)| project.id == id)
    }
}

fn all_projects(seed: u64, count: usize, users: &[User]) -> Vec<Project> {
    let owner = |number: usize| users.get(number).map_or(0, |user| user.id);
    let mut all = vec![
        Project {
            id: uuid(seed, Kind::Project, 0),
            name: "admin".to_owned(),
            domain: 0,
            enabled: true,
            description: "Bootstrap project for initializing the cloud.".to_owned(),
            owner: owner(0),
        },
        Project {
            id: uuid(seed, Kind::Project, 1),
            name: "service".to_owned(),
            domain: 0,
            enabled: true,
            description: String::new(),
            owner: owner(2),
        },
    ];
    all.extend((0..count).map(|number| {
        let organisation = word(&ORGANISATIONS, number as u64);
        let team = word(&TEAMS, (number / ORGANISATIONS.len()) as u64);
        let round = number / (ORGANISATIONS.len() * TEAMS.len());
        let suffix = if round == 0 { String::new() } else { format!("-{round:03}") };
        Project {
            id: uuid(seed, Kind::Project, (number + OWN_PROJECTS) as u64),
            name: format!("{organisation}-{team}{suffix}"),
            domain: usize::from(number % 9 == 8),
            enabled: true,
            description: format!("{team} of {organisation}"),
            owner: owner(number + 7),
        }
    }));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_ids_are_distinct() {
        let identity = Identity::new(3, 200);
        let names: std::collections::HashSet<_> = identity.projects.iter().map(|p| &p.name).collect();
        assert_eq!(names.len(), 202);
        let users: std::collections::HashSet<_> = identity.users.iter().map(|u| &u.name).collect();
        assert_eq!(users.len(), 207);
    }
}
