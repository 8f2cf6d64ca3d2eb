//! Tests of the whole simulated cloud, over real sockets wherever a socket is what matters.

mod behaviour;
mod faults;
mod network;
mod scale;
mod storage;
mod structure;
mod time;

use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::{Demo, Settings};
use crate::model::clock::{Clock, Timestamp};

/// A Saturday, 20:45:09.
pub(super) const START: Timestamp = Timestamp::from_seconds(1_795_293_909);

/// A demo with a manual clock, and a client that has logged in.
pub(super) struct Client {
    pub(super) demo: Demo,
    pub(super) clock: Clock,
    pub(super) http: reqwest::Client,
    pub(super) token: String,
}

impl Client {
    pub(super) async fn new(settings: Settings) -> Self {
        let clock = Clock::manual(START);
        let demo = Demo::start(settings, clock.clone()).await.unwrap();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let mut client = Self { demo, clock, http, token: String::new() };
        let project = json!({"project": {"name": "admin", "domain": {"name": "Default"}}});
        client.token = client.login("admin", None, Some(project)).await.1;
        client
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.demo.address())
    }

    /// Logs in; status, token, body.
    pub(super) async fn login(&self, user: &str, password: Option<&str>, scope: Option<Value>) -> (u16, String, Value) {
        let known = self.demo.credentials().password;
        let password = password.unwrap_or(known.expose_secret());
        let user = json!({"name": user, "domain": {"name": "Default"}, "password": password});
        let mut body = json!({"auth": {"identity": {"methods": ["password"], "password": {"user": user}}}});
        if let Some(scope) = scope {
            body["auth"]["scope"] = scope;
        }
        let answer = self
            .http
            .post(format!("{}/auth/tokens", self.demo.auth_url()))
            .body(body.to_string())
            .send()
            .await
            .unwrap();
        let token = answer.headers().get("x-subject-token").map(|t| t.to_str().unwrap().to_owned()).unwrap_or_default();
        (answer.status().as_u16(), token, serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap())
    }

    pub(super) fn request(&self, path: &str, version: &str) -> reqwest::RequestBuilder {
        let url = if path.starts_with("http") { path.to_owned() } else { self.url(path) };
        let request = self.http.get(url).header("x-auth-token", &self.token);
        if version.is_empty() { request } else { request.header("openstack-api-version", version) }
    }

    /// GET; status and body.
    pub(super) async fn get(&self, path: &str, version: &str) -> (u16, Value) {
        let answer = self.request(path, version).send().await.unwrap();
        let status = answer.status().as_u16();
        (status, serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap())
    }

    /// All ids of a paged list of Nova's, following its links.
    pub(super) async fn all_ids(&self, path: &str, version: &str, list: &str) -> (Vec<String>, usize) {
        let (mut ids, mut pages, mut next) = (Vec::new(), 0, Some(path.to_owned()));
        while let Some(path) = next {
            let (status, page) = self.get(&path, version).await;
            assert_eq!(status, 200, "{path}: {page}");
            ids.extend(page[list].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()));
            pages += 1;
            next = page[format!("{list}_links")][0]["href"].as_str().map(str::to_owned);
        }
        (ids, pages)
    }
}

/// A small cloud without anything planted.
pub(super) fn small() -> Settings {
    Settings { hypervisors: 12, instances: 200, anomalies: false, ..Settings::default() }
}
