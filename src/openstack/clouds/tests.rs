//! Files in a temporary folder, environments made up.

use std::fs;

use secrecy::ExposeSecret;

use super::*;

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn sources(folder: &tempfile::TempDir, env: &[(&str, &str)]) -> Sources {
    let mut env: BTreeMap<String, String> = env.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
    env.insert("HOME".into(), folder.path().display().to_string());
    Sources { clouds_file: Some(folder.path().join("clouds.yaml")), env }
}

fn read(text: &str) -> Clouds {
    let folder = folder(&[("clouds.yaml", text)]);
    Clouds::read(&sources(&folder, &[])).unwrap()
}

fn one(text: &str) -> CloudConfig {
    let clouds = read(text);
    assert!(clouds.faults.is_empty(), "{:?}", clouds.faults);
    clouds.usable.into_iter().next().unwrap()
}

/// A cloud `c` whose `auth` holds these lines.
fn auth(lines: &str) -> String {
    format!("clouds:\n  c:\n    auth: {{auth_url: 'http://k', {lines}}}\n")
}

fn password(cloud: &CloudConfig) -> &str {
    match &cloud.credentials {
        Credentials::Password { password, .. } => password.expose_secret(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn user_project_and_their_domains() {
    let name = |name: &str, domain| Named::Name { name: name.into(), domain: Some(domain) };
    let default = || Domain::Id("default".into());
    for (lines, user, scope) in [
        ("username: u, project_name: p", name("u", default()), Scope::Project(name("p", default()))),
        (
            "username: u, user_domain_name: ud, project_name: p, project_domain_id: pd",
            name("u", Domain::Name("ud".into())),
            Scope::Project(name("p", Domain::Id("pd".into()))),
        ),
        ("username: u, domain_name: d", name("u", Domain::Name("d".into())), Scope::Domain(Domain::Name("d".into()))),
        ("user_id: 12, project_id: 007", Named::Id("12".into()), Scope::Project(Named::Id("007".into()))),
        ("username: u, tenant_name: t", name("u", default()), Scope::Project(name("t", default()))),
        ("username: u, system_scope: all", name("u", default()), Scope::System),
        ("username: u, project_name: p, trust_id: t", name("u", default()), Scope::Trust("t".into())),
        ("username: u", name("u", default()), Scope::Unscoped),
    ] {
        let cloud = one(&auth(&format!("{lines}, password: 0123")));
        assert_eq!(password(&cloud), "0123");
        let Credentials::Password { user: found, .. } = &cloud.credentials else { panic!("{lines}") };
        assert_eq!((found, &cloud.scope), (&user, &scope), "{lines}");
    }
}

#[test]
fn other_methods_named_or_implied() {
    for (lines, extra) in [
        ("token: t", ""),
        ("token: t, password: x, username: u", "    auth_type: v3token\n"),
        ("token: t, project_id: p", "    auth_type: token\n"),
    ] {
        let cloud = one(&format!("{}{extra}", auth(lines)));
        assert!(matches!(&cloud.credentials, Credentials::Token(t) if t.expose_secret() == "t"), "{lines}");
    }
    for (lines, extra) in [
        ("application_credential_id: i, application_credential_secret: s", ""),
        ("application_credential_id: i, application_credential_secret: s", "    auth_type: v3applicationcredential\n"),
    ] {
        let cloud = one(&format!("{}{extra}", auth(lines)));
        let Credentials::ApplicationCredential { credential, secret } = &cloud.credentials else { panic!() };
        assert_eq!((credential, secret.expose_secret()), (&AppCredential::Id("i".into()), "s"));
    }
    let cloud = one(&auth("application_credential_name: n, username: u, application_credential_secret: s"));
    let Credentials::ApplicationCredential { credential: AppCredential::Name { name, user }, .. } = &cloud.credentials
    else {
        panic!()
    };
    assert_eq!(name, "n");
    assert!(matches!(user, Named::Name { name, .. } if name == "u"));
}

#[test]
fn secrets_from_files_beside() {
    let folder = folder(&[
        ("clouds.yaml", &auth("username: u, password_file: ~/pw")),
        ("pw", "with trailing blank \r\n"),
        ("other.yaml", &auth("application_credential_id: i, application_credential_secret_file: ~/pw")),
        ("gone.yaml", &auth("username: u, password_file: ~/gone")),
    ]);
    let mut from = sources(&folder, &[]);
    assert_eq!(password(&load(&from).unwrap()[0]), "with trailing blank ");
    from.clouds_file = Some("~/other.yaml".into());
    assert_eq!(load(&from).unwrap().len(), 1);
    from.clouds_file = Some("~/gone.yaml".into());
    let error = load(&from).unwrap_err().to_string();
    assert!(error.contains("gone.yaml:3: cloud `c`: `password_file` names") && error.contains("not found"), "{error}");
}

#[test]
fn secure_and_profile_are_merged_and_the_cloud_wins() {
    let folder = folder(&[
        (
            "clouds.yaml",
            "clouds:\n  c:\n    profile: vendor\n    auth: {username: u, password: old}\n    region_name: mine\n",
        ),
        ("secure.yaml", "clouds:\n  c:\n    auth:\n      password: new\n  stranger:\n    auth: {password: x}\n"),
        (
            "clouds-public.yaml",
            "public-clouds:\n  vendor:\n    auth: {auth_url: 'https://k:5000', user_domain_name: vd}\n    region_name: theirs\n    interface: internal\n",
        ),
    ]);
    let clouds = load(&sources(&folder, &[])).unwrap();
    assert_eq!(clouds.len(), 1);
    let cloud = &clouds[0];
    assert_eq!((cloud.auth_url.as_str(), password(cloud)), ("https://k:5000", "new"));
    assert_eq!((cloud.region.as_deref(), &cloud.regions), (Some("mine"), &vec!["mine".to_owned()]));
    assert_eq!(cloud.interface, Interface::Internal);
    assert!(
        matches!(&cloud.credentials, Credentials::Password { user: Named::Name { domain: Some(Domain::Name(d)), .. }, .. } if d == "vd")
    );
}

#[test]
fn folders_are_searched_in_order() {
    let folder = folder(&[
        (".config/openstack/clouds.yaml", &auth("username: home, password: x")),
        ("else/clouds.yaml", &auth("username: asked, password: x")),
    ]);
    let mut from = sources(&folder, &[]);
    from.clouds_file = None;
    let user = |from: &Sources| format!("{:?}", load(from).unwrap()[0].credentials);
    assert!(user(&from).contains("home"));
    from.env.insert("OS_CLIENT_CONFIG_FILE".into(), "~/else/clouds.yaml".into());
    assert!(user(&from).contains("asked"));
    from.env.insert("OS_CLIENT_CONFIG_FILE".into(), "~/no/clouds.yaml".into());
    assert!(matches!(load(&from), Err(CloudsError::Unreadable { .. })));
}

#[test]
fn the_environment_is_a_cloud_of_its_own_or_lies_over_one() {
    let folder = folder(&[(
        "clouds.yaml",
        "clouds:\n  a:\n    auth: {auth_url: 'http://k', username: u, password: file}\n    region_name: r\n  b:\n    auth: {}\n",
    )]);
    let alone = [
        ("OS_AUTH_URL", "http://e"),
        ("OS_USERNAME", "eu"),
        ("OS_PASSWORD", "007"),
        ("OS_PROJECT_NAME", "ep"),
        ("OS_INTERFACE", "internalURL"),
        ("OS_INSECURE", "true"),
        ("OS_REGION_NAME", ""),
        ("OS_COMPUTE_ENDPOINT_OVERRIDE", "http://n/v2.1"),
    ];
    let clouds = Clouds::read(&sources(&folder, &alone)).unwrap();
    let own = clouds.clone().select("envvars").unwrap();
    assert_eq!((own.auth_url.as_str(), password(&own)), ("http://e", "007"));
    assert_eq!((own.interface, own.tls.verify, own.region.as_deref()), (Interface::Internal, false, None));
    assert_eq!(own.endpoints["compute"], "http://n/v2.1");
    assert_eq!(clouds.usable.len(), 2);

    let over = [("OS_CLOUD", "a"), ("OS_PASSWORD", "env"), ("OS_REGION_NAME", "er"), ("OS_CACERT", "/ca.pem")];
    let clouds = load(&sources(&folder, &over)).unwrap();
    assert_eq!(clouds.len(), 1);
    assert_eq!((password(&clouds[0]), clouds[0].region.as_deref()), ("env", Some("er")));
    assert!(matches!(&clouds[0].tls.cacert, Some(Pem::File(path)) if path.ends_with("ca.pem")));

    let lost = load(&sources(&folder, &[("OS_CLOUD", "zz")])).unwrap_err().to_string();
    assert!(lost.contains("zz") && lost.contains("a, b"), "{lost}");
    assert!(!format!("{:?}", sources(&folder, &alone)).contains("007"));
}

#[test]
fn one_bad_cloud_does_not_hide_the_others() {
    let clouds = read(concat!(
        "clouds:\n",
        "  good:\n    auth: {auth_url: 'http://k', username: u, password: p}\n    some_other_tools_key: {a: [1]}\n",
        "  no-url:\n    auth: {username: u, password: p}\n",
        "  no-user:\n    auth: {auth_url: 'http://k', password: p}\n",
        "  no-password:\n    auth: {auth_url: 'http://k', username: u}\n",
        "  list:\n    auth:\n      auth_url: http://k\n      username: [secret-list]\n",
        "  text: hunter2\n",
        "  kind:\n    auth: {auth_url: 'http://k'}\n    auth_type: v3kerberos\n",
        "  verify:\n    auth: {auth_url: 'http://k', username: u, password: p}\n    verify: perhaps\n",
        "  inline:\n    auth: {auth_url: 'http://u:hunter2@k', username: u, password: p}\n",
        "  profile:\n    profile: vexxhost\n    auth: {username: u, password: p}\n",
    ));
    assert_eq!(clouds.usable.len(), 1);
    let faults: BTreeMap<_, _> = clouds.faults.iter().map(|(name, fault)| (name.as_str(), fault.to_string())).collect();
    for (cloud, expected) in [
        ("no-url", ["`auth.auth_url` is missing", "Keystone's URL"]),
        ("no-user", ["`auth.username` is missing", "application credential"]),
        ("no-password", ["`auth.password` is missing", "secure.yaml"]),
        ("list", [":14: cloud `list`: `username` must be a single value", "but is a list"]),
        ("text", ["must be a map", "but is a single value"]),
        ("kind", ["`auth_type` must be one of", "v3applicationcredential"]),
        ("verify", ["`verify` must be true or false", "clouds.yaml:"]),
        ("inline", ["must not hold credentials", "auth.password"]),
        ("profile", ["clouds-public.yaml", "set auth.auth_url"]),
    ] {
        for part in expected {
            assert!(faults[cloud].contains(part), "{cloud}: {}", faults[cloud]);
        }
        assert!(faults[cloud].contains(&format!("cloud `{cloud}`")), "{}", faults[cloud]);
        assert!(!faults[cloud].contains("hunter2") && !faults[cloud].contains("secret-list"));
    }
    assert!(matches!(clouds.clone().select("no-url"), Err(CloudsError::Missing { .. })));
    let unknown = clouds.select("nix").unwrap_err().to_string();
    assert!(unknown.contains("good") && unknown.contains("no-url"), "{unknown}");
}

#[test]
fn certificates_regions_and_overrides() {
    let cloud = one(concat!(
        "clouds:\n  c:\n    auth: {auth_url: 'http://k', username: u, password: p}\n",
        "    endpoint_type: adminURL\n    regions: [one, {name: two, values: {x: 1}}]\n",
        "    cacert: |\n      -----BEGIN CERTIFICATE-----\n      abc\n",
        "    cert: ~/c.pem\n    key: ~/k.pem\n    verify: no\n    block_storage_endpoint_override: http://c/v3\n",
    ));
    assert_eq!((cloud.interface, cloud.tls.verify), (Interface::Admin, false));
    assert_eq!((cloud.regions, cloud.region), (vec!["one".to_owned(), "two".into()], None));
    assert!(matches!(&cloud.tls.cacert, Some(Pem::Inline(_))));
    assert!(matches!(&cloud.tls.key, Some(Pem::File(path)) if path.ends_with("k.pem") && !path.starts_with("~")));
    assert_eq!(cloud.endpoints["block-storage"], "http://c/v3");
}

#[test]
fn nothing_and_nonsense() {
    let empty = folder(&[("clouds.yaml", "")]);
    assert!(matches!(load(&sources(&empty, &[])), Err(CloudsError::Nothing { .. })));
    let list = folder(&[("clouds.yaml", "clouds: [a]\n")]);
    assert!(load(&sources(&list, &[])).unwrap_err().to_string().contains("`clouds` must be a map"));
    let torn = folder(&[("clouds.yaml", "clouds:\n  a: {auth: {password: hunter2\n")]);
    let error = load(&sources(&torn, &[])).unwrap_err().to_string();
    assert!(error.contains("clouds.yaml:") && !error.contains("hunter2"), "{error}");
}

#[test]
fn debug_output_holds_no_secret() {
    let cloud = one(concat!(
        "clouds:\n  c:\n    auth: {auth_url: 'http://k', username: u, password: hunter2}\n",
        "    key: \"-----BEGIN PRIVATE KEY----- hunter2\"\n    cert: /c.pem\n",
    ));
    let text = format!("{cloud:?}");
    assert!(text.contains("REDACTED") && !text.contains("hunter2"), "{text}");
}

#[test]
fn passwords_from_vault_are_refused_with_the_remedy() {
    let text = format!("use_vault: true\nvault_address: http://v\n{}", auth("username: u, password: p"));
    let folder = folder(&[("clouds.yaml", &text)]);
    let error = Clouds::read(&sources(&folder, &[])).unwrap_err().to_string();
    assert!(error.contains("clouds.yaml:1") && error.contains("auth.password_file"), "{error}");
    assert!(Clouds::read(&sources(&self::folder(&[("clouds.yaml", &text.replace("true", "false"))]), &[])).is_ok());
}
