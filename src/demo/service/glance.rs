//! Glance: images by visibility; hidden ones only when asked for.

use super::Service;
use crate::demo::call::{Answer, Call};
use crate::demo::json::{Hex, Json, Null, Plain, Uuid, Zulu};
use crate::demo::tokens::Scope;
use crate::demo::world::seed::parse_id;
use crate::demo::world::storage::StoredImage;

pub(super) const SERVICE: Service = Service {
    name: "glance",
    base: "image",
    shared: false,
    catalog: &[("image", "glance", "")],
    answer,
};

fn answer(call: &Call<'_>) -> Answer {
    match call.path.as_slice() {
        [] => versions(call),
        ["v2", ..] if call.session().is_none() => refused(401, "401 Unauthorized"),
        ["v2", "images"] => images(call),
        _ => refused(404, "404 Not Found"),
    }
}

/// Glance's errors are web pages.
fn refused(status: u16, title: &str) -> Answer {
    let body = format!("<html>\n <head>\n  <title>{title}</title>\n </head>\n <body>\n  <h1>{title}</h1>\n </body>\n</html>");
    Answer::new(status, body.into_bytes()).with("content-type", "text/html; charset=UTF-8")
}

fn versions(call: &Call<'_>) -> Answer {
    let answer = Answer::object(|j| {
        j.key("versions").array(|j| {
            for (id, status) in [("v2.17", "CURRENT"), ("v2.15", "SUPPORTED"), ("v2.0", "SUPPORTED")] {
                j.object(|j| {
                    j.put("id", id).put("status", status);
                    j.key("links").array(|j| {
                        j.object(|j| {
                            j.put("rel", "self").put("href", format!("{}/v2/", call.url));
                        });
                    });
                });
            }
        });
    });
    Answer { status: 300, ..answer }
}

/// Whether an image is in the list that a query asks for.
fn shown(call: &Call<'_>, image: &StoredImage) -> bool {
    let Some(session) = call.session() else { return false };
    let own = matches!(session.scope, Scope::Project(at) if at == image.project as usize);
    let hidden = call.param("os_hidden").is_some_and(|text| &*text == "true");
    let visible = match call.param("visibility").as_deref() {
        Some("all") => true,
        Some(visibility) => image.visibility == visibility,
        None => own || image.visibility != "community",
    };
    let allowed = own || session.admin() || matches!(image.visibility, "public" | "community");
    let owner = call.param("owner").is_none_or(|id| {
        let found = parse_id(&id).and_then(|id| call.world.identity.project(id));
        found.is_some_and(|(at, _)| at == image.project as usize)
    });
    visible && allowed && owner && image.hidden == hidden
}

/// Links here are paths without a host.
fn images(call: &Call<'_>) -> Answer {
    let mut items = call.world.stored_images();
    items.retain(|image| shown(call, image));
    let most = call.cloud.settings.page_size;
    let limit = call.param("limit").and_then(|text| text.parse::<usize>().ok()).map_or(25, |limit| limit.min(most));
    let start = match call.param("marker") {
        None => 0,
        Some(marker) => {
            let wanted = parse_id(&marker);
            match items.iter().position(|image| Some(image.id) == wanted) {
                Some(at) => at + 1,
                None => return refused(400, "400 Bad Request"),
            }
        }
    };
    let page: Vec<&StoredImage> = items.iter().skip(start).take(limit).collect();
    let next = page.last().filter(|_| start + page.len() < items.len()).map(|last| {
        let href = call.next_href("/v2/images", &Uuid(last.id).to_string());
        href.strip_prefix(&call.url).unwrap_or_default().to_owned()
    });
    let mut j = Json::with_capacity(page.len() * 900 + 256);
    j.object(|j| {
        j.key("images").array(|j| {
            for image in page {
                j.object(|j| write(j, call, image));
            }
        });
        let query = if call.query.is_empty() { String::new() } else { format!("?{}", call.query) };
        j.put("first", format!("/v2/images{query}")).put("schema", "/v2/schemas/images");
        if let Some(next) = next {
            j.put("next", next);
        }
    });
    Answer::new(200, j.into_bytes())
}

fn write(j: &mut Json, call: &Call<'_>, image: &StoredImage) {
    let owner = call.world.identity.projects.get(image.project as usize).map_or(0, |project| project.id);
    let data = image.size.is_some();
    j.put("hw_disk_bus", "virtio").put("os_distro", image.distro).put("name", &image.name);
    j.put("disk_format", data.then_some("qcow2")).put("container_format", data.then_some("bare"));
    j.put("visibility", image.visibility).put("size", image.size).put("virtual_size", image.size.map(|size| size * 4));
    j.put("status", image.status).put("checksum", data.then(|| format!("{:032x}", image.id)));
    j.put("protected", false).put("min_ram", 0u32).put("min_disk", 0u32).put("owner", Hex(owner));
    j.put("os_hidden", image.hidden).put("os_hash_algo", data.then_some("sha512"));
    j.put("os_hash_value", data.then(|| format!("{:0128x}", image.id))).put("id", Uuid(image.id));
    j.put("created_at", Zulu(image.created)).put("updated_at", Zulu(image.created + 60));
    j.key("tags").array(|_| {});
    let id = Uuid(image.id);
    j.put("self", Plain(format_args!("/v2/images/{id}"))).put("file", Plain(format_args!("/v2/images/{id}/file")));
    j.put("schema", "/v2/schemas/image");
    if data {
        j.put("stores", "fast");
    } else {
        j.put("locations", Null);
    }
}
