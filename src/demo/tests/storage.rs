//! Cinder, Glance, Manila and Swift: recorded shapes, paging, rights, and agreement with Nova.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::structure::{differences, recording, shape};
use super::{Client, small};
use crate::demo::Settings;
use crate::demo::json::Uuid;

#[tokio::test]
async fn cinder_answers_have_the_recorded_shape() {
    let client = Client::new(Settings { instances: 400, ..small() }).await;
    let project = format!("{:032x}", client.demo.world(0).unwrap().identity().projects[2].id);
    let mut wrong = Vec::new();
    for (file, path, version) in [
        ("volumes-detail-all-tenants-3.0", "volumes/detail?all_tenants=1", "volume 3.0"),
        ("volumes-detail-all-tenants-3.71", "volumes/detail?all_tenants=1", "volume 3.71"),
        ("volumes-detail-limit-3", "volumes/detail?all_tenants=1&limit=3", "volume 3.71"),
        ("snapshots-detail", "snapshots/detail?all_tenants=1", "volume 3.71"),
        ("os-services-3.0", "os-services", "volume 3.0"),
        ("os-services-3.56", "os-services", "volume 3.56"),
        ("pools-detail", "scheduler-stats/get_pools?detail=true", "volume 3.71"),
        ("types", "types", "volume 3.71"),
        ("quota-set-usage", &format!("os-quota-sets/{project}?usage=true"), "volume 3.71"),
        ("v3", "", ""),
    ] {
        let (status, ours) = client.get(&format!("volume/v3/{path}"), version).await;
        assert_eq!(status, 200, "{path}: {ours}");
        let found = differences(&shape(&ours), &shape(&recording(&format!("cinder/{file}"))));
        // Which volumes the first three are is chance, and types' names are in the keys of quotas.
        let chance = |line: &String| {
            ["attachments[]", "metadata"].iter().any(|part| line.contains(part)) && file == "volumes-detail-limit-3"
                || ["_ssd", "_hdd", "_archive", "_bulk", "_fast", "__DEFAULT__", "extra_specs", "owner_specified"]
                    .iter()
                    .any(|part| line.contains(part))
        };
        wrong.extend(found.into_iter().filter(|line| !chance(line)).map(|line| format!("{file}: {line}")));
    }
    let (status, ours) = client.get("volume/", "").await;
    assert_eq!(status, 300);
    wrong.extend(differences(&shape(&ours), &shape(&recording("cinder/versions"))));
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn cinder_refuses_as_recorded() {
    let mut client = Client::new(small()).await;
    let zero = "00000000-0000-0000-0000-000000000000";
    for (file, path, version, expected) in [
        ("not-found", format!("volumes/{zero}"), "volume 3.71", 404),
        ("microversion-too-high", "volumes".to_owned(), "volume 3.999", 406),
        ("foreign-microversion-header", "volumes".to_owned(), "compute 2.1", 400),
    ] {
        let found = client.get(&format!("volume/v3/{path}"), version).await;
        assert_eq!(found, (expected, recording(&format!("cinder/{file}"))), "{file}");
    }
    let project = json!({"project": {"name": "admin", "domain": {"name": "Default"}}});
    client.token = client.login("monitoring", None, Some(project)).await.1;
    let (status, body) = client.get("volume/v3/scheduler-stats/get_pools?detail=true", "volume 3.71").await;
    assert_eq!((status, body), (403, recording("cinder/forbidden-pools-as-reader")));
    let (status, body) = client.get("volume/v3/volumes/detail?all_tenants=1", "").await;
    assert_eq!((status, &body["volumes"]), (200, &json!([])), "no refusal, and nothing to see");
}

#[tokio::test]
async fn glance_answers_have_the_recorded_shape_and_page_by_relative_links() {
    let client = Client::new(Settings { instances: 3000, page_size: 7, ..small() }).await;
    let (status, ours) = client.get("image/", "").await;
    assert_eq!(status, 300);
    let mut wrong = differences(&shape(&ours), &shape(&recording("glance/versions")));
    let (mut ids, mut visibilities) = (BTreeSet::new(), BTreeSet::new());
    for hidden in ["false", "true"] {
        let mut next = Some(format!("/v2/images?visibility=all&os_hidden={hidden}&limit=50"));
        while let Some(path) = next {
            let (status, page) = client.get(&format!("image{path}"), "").await;
            assert_eq!(status, 200, "{path}: {page}");
            for image in page["images"].as_array().unwrap() {
                assert!(ids.insert(image["id"].as_str().unwrap().to_owned()), "{image}");
                visibilities.insert(image["visibility"].as_str().unwrap().to_owned());
            }
            next = page["next"].as_str().map(str::to_owned);
            assert!(next.as_deref().is_none_or(|next| next.starts_with("/v2/images?")));
        }
    }
    let truth: BTreeSet<String> =
        client.demo.world(0).unwrap().stored_images().iter().map(|image| Uuid(image.id).to_string()).collect();
    assert_eq!(ids, truth);
    assert_eq!(visibilities.into_iter().collect::<Vec<_>>(), ["community", "private", "public", "shared"]);
    let whole = Client::new(Settings { instances: 3000, ..small() }).await;
    let ours = whole.get("image/v2/images?visibility=all&limit=1000", "").await.1;
    let theirs = recording("glance/images-all-visibilities");
    // Properties of images are their owners'.
    let properties = ["base_image_ref", "owner_", "boot_roles", "instance_uuid", "user_id", "image_type", "locations"];
    let found = differences(&shape(&ours), &shape(&theirs));
    wrong.extend(found.into_iter().filter(|line| !properties.iter().any(|part| line.contains(part))));
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn paging_loses_neither_volumes_nor_shares() {
    let client = Client::new(Settings { instances: 1000, page_size: 50, ..small() }).await;
    let (volumes, shares) = {
        let world = client.demo.world(0).unwrap();
        let ids = |ids: Vec<u128>| ids.into_iter().map(|id| Uuid(id).to_string()).collect::<BTreeSet<_>>();
        let volumes = ids(world.volumes().iter().map(|volume| volume.id).collect());
        (volumes, ids(world.shares().iter().map(|share| share.id).collect()))
    };
    let (ids, pages) = client.all_ids("volume/v3/volumes/detail?all_tenants=1&limit=40", "", "volumes").await;
    assert!(pages > 5 && ids.len() == volumes.len(), "{pages} pages");
    assert_eq!(ids.into_iter().collect::<BTreeSet<_>>(), volumes);
    let mut found = BTreeSet::new();
    for offset in (0..).step_by(6) {
        let path = format!("share/v2/shares/detail?all_tenants=1&limit=6&offset={offset}");
        let page = client.get(&path, "").await.1;
        let items = page["shares"].as_array().unwrap();
        if items.is_empty() {
            break;
        }
        found.extend(items.iter().map(|share| share["id"].as_str().unwrap().to_owned()));
    }
    assert_eq!(found, shares);
}

#[tokio::test]
async fn nova_and_cinder_agree_on_who_has_which_volume() {
    let client = Client::new(small()).await;
    let pairs = |list: &Value, of: &dyn Fn(&Value) -> Vec<(String, String)>| {
        list.as_array().unwrap().iter().flat_map(of).collect::<BTreeMap<String, String>>()
    };
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let servers = client.get("compute/v2.1/servers/detail?all_tenants=1", "").await.1;
    let by_nova = pairs(&servers["servers"], &|server| {
        let volumes = server["os-extended-volumes:volumes_attached"].as_array().unwrap();
        volumes.iter().map(|volume| (text(&volume["id"]), text(&server["id"]))).collect()
    });
    let volumes = client.get("volume/v3/volumes/detail?all_tenants=1", "").await.1;
    let by_cinder = pairs(&volumes["volumes"], &|volume| {
        let attachments = volume["attachments"].as_array().unwrap();
        attachments.iter().map(|attachment| (text(&volume["id"]), text(&attachment["server_id"]))).collect()
    });
    assert!(by_nova.len() > 20);
    assert_eq!(by_nova, by_cinder);
    assert!(volumes["volumes"].as_array().unwrap().len() > by_cinder.len(), "some volumes are free");
}

#[tokio::test]
async fn an_account_is_its_own_projects_and_ends_with_an_empty_page() {
    let client = Client::new(small()).await;
    let (own, other) = {
        let world = client.demo.world(0).unwrap();
        let projects = &world.identity().projects;
        (format!("{:032x}", projects[0].id), format!("{:032x}", projects[2].id))
    };
    let path = format!("object-store/v1/AUTH_{own}?format=json");
    let answer = client.request(&path, "").send().await.unwrap();
    let total = answer.headers()["x-account-container-count"].to_str().unwrap().parse::<usize>().unwrap();
    let page: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    assert_eq!(page.as_array().unwrap().len(), total);
    let last = page[total - 1]["name"].as_str().unwrap();
    assert_eq!(client.get(&format!("{path}&marker={last}"), "").await, (200, json!([])));
    let refused = client.request(&format!("object-store/v1/AUTH_{other}?format=json"), "").send().await.unwrap();
    assert_eq!(refused.status(), 403);
}
