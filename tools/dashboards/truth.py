"""What the simulated cloud says of itself: asked of OpenStack's APIs directly, never of stackcast."""

import collections
import json
import pathlib
import re
import urllib.request

GIB = 1 << 30

# The first microversion at which a server says its flavor's name rather than its id.
NAMES_FLAVORS = {"openstack-api-version": "compute 2.47"}


class Cloud:
    """A logged-in client of the cloud in a clouds.yaml that `stackcast demo` has written."""

    def __init__(self, clouds):
        text = pathlib.Path(clouds).read_text(encoding="utf-8")
        # The demo's own file of known form: no YAML in the standard library.
        value = lambda key: re.search(rf"^\s*{key}:\s*\"?([^\"\n]+)\"?\s*$", text, re.M)[1]
        user = {"name": value("username"), "password": value("password"), "domain": {"name": value("user_domain_name")}}
        scope = {"project": {"name": value("project_name"), "domain": {"name": value("project_domain_name")}}}
        body = {"auth": {"identity": {"methods": ["password"], "password": {"user": user}}, "scope": scope}}
        request = urllib.request.Request(
            f"{value('auth_url').rstrip('/')}/auth/tokens", json.dumps(body).encode(), {"content-type": "application/json"}
        )
        with urllib.request.urlopen(request) as answer:
            self.token = answer.headers["x-subject-token"]
            catalog = json.load(answer)["token"]["catalog"]
        public = lambda service: next(end["url"] for end in service["endpoints"] if end["interface"] == "public")
        self.urls = {service["type"]: public(service).rstrip("/") for service in catalog}
        # Everything that was answered, for record.py.
        self.answers = {}

    def get(self, service, path, **headers):
        """One answer."""
        url = path if path.startswith("http") else self.urls[service] + path
        with urllib.request.urlopen(urllib.request.Request(url, headers={"x-auth-token": self.token, **headers})) as answer:
            self.answers[url] = json.load(answer)
        return self.answers[url]

    def all(self, service, path, key, **headers):
        """All items of a list, page by page."""
        items = []
        while path:
            page = self.get(service, path, **headers)
            items += page[key]
            links = page.get(f"{key}_links", [])
            path = next((link["href"] for link in links if link["rel"] == "next"), None)
        return items


class Recorded(Cloud):
    """The same, as record.py heard it."""

    def __init__(self, recorded):
        self.urls, self.answers = recorded["urls"], recorded["answers"]

    def get(self, service, path, **headers):
        return self.answers[path if path.startswith("http") else self.urls[service] + path]


def facts(cloud):
    """Expected values by (board, panel, query): a number, or a dictionary by the value of one label.

    The second element is how far a value may be off: instances come and go while collectors are up to 15 minutes behind.
    """
    exact, moving = 0, 0.04
    servers = cloud.all("compute", "/servers/detail?all_tenants=1&limit=1000", "servers", **NAMES_FLAVORS)
    states = collections.Counter(server["status"] for server in servers)
    flavors = collections.Counter(server["flavor"]["original_name"] for server in servers)
    hypervisors = cloud.all("compute", "/os-hypervisors/detail", "hypervisors")
    enabled = [one for one in hypervisors if one["status"] == "enabled"]
    volumes = cloud.all("block-storage", "/volumes/detail?all_tenants=1&limit=1000", "volumes")
    snapshots = cloud.all("block-storage", "/snapshots/detail?all_tenants=1&limit=1000", "snapshots")
    pools = cloud.get("block-storage", "/scheduler-stats/get_pools?detail=true")["pools"]
    written = [1 - pool["capabilities"]["free_capacity_gb"] / pool["capabilities"]["total_capacity_gb"] for pool in pools]
    floating = cloud.all("network", "/v2.0/floatingips?limit=1000", "floatingips")
    routers = cloud.all("network", "/v2.0/routers?limit=1000", "routers")
    projects = cloud.all("identity", "/projects", "projects")
    images = [
        one
        for hidden in ("false", "true")
        for one in cloud.all("image", f"/v2/images?limit=1000&visibility=all&os_hidden={hidden}", "images")
    ]
    # The board shows the first one unless another is chosen.
    host = min(one["hypervisor_hostname"] for one in hypervisors)
    on_host = [server for server in servers if server.get("OS-EXT-SRV-ATTR:hypervisor_hostname") == host]
    memory, everywhere = placement(cloud, "MEMORY_MB", {one["hypervisor_hostname"] for one in enabled})
    unattached = sum(volume["size"] for volume in volumes if not volume["attachments"]) * GIB
    return {
        ("flavors", "Hypervisors available", "A"): (sum(one["state"] == "up" for one in enabled), exact),
        ("flavors", "Disabled", "A"): (len(hypervisors) - len(enabled), exact),
        ("flavors", "Down", "A"): (sum(one["state"] == "down" for one in enabled), exact),
        ("flavors", "Instances by flavor", "A"): (flavors, moving),
        ("flavors", "Allocation by resource class", "A"): ({"MEMORY_MB": everywhere}, exact),
        ("home", "Instances by status", "A"): (states, moving),
        ("home", "Memory, with the next day", "A"): (memory, moving),
        ("capacity", "Memory: used and usable", "A"): (sum_used(cloud, enabled) * (1 << 20), moving),
        ("host", "Instances", "A"): (len(on_host), moving),
        ("projects", "Projects", "A"): (len([one for one in projects if not one.get("is_domain")]), exact),
        ("reclaim", "Shut-off instances", "A"): (states["SHUTOFF"], moving),
        ("reclaim", "Instances in ERROR", "A"): (states["ERROR"], moving),
        ("reclaim", "Unattached volumes", "A"): (unattached, moving),
        ("reclaim", "Snapshots", "A"): (sum(one["size"] for one in snapshots) * GIB, moving),
        ("reclaim", "Idle floating IPs", "A"): (sum(not one["port_id"] for one in floating), moving),
        ("reclaim", "Routers without a gateway", "A"): (sum(not one["external_gateway_info"] for one in routers), exact),
        ("storage", "Volumes", "A"): (len(volumes), moving),
        ("storage", "Volumes in error", "A"): (sum("error" in one["status"] for one in volumes), exact),
        ("storage", "Fullest pool, written", "A"): (max(written), moving),
        ("storage", "Images", "A"): (len(images), exact),
        ("network", "Floating IPs", "A"): (len(floating), moving),
        ("network", "Routers not active", "A"): (sum(one["status"] != "ACTIVE" for one in routers), exact),
        ("control", "Services", "A"): ({name: 1 for name in ("compute", "network", "placement", "image", "identity")}, exact),
        ("exporter", "Collectors failing", "A"): (0, exact),
        ("alerts", "Watchdog", "A"): (1, exact),
    }


def sum_used(cloud, hypervisors):
    """MiB that instances hold on some hypervisors, by Placement."""
    names = {one["hypervisor_hostname"] for one in hypervisors}
    return sum(used for name, (_, used) in inventories(cloud, "MEMORY_MB").items() if name in names)


def inventories(cloud, resource):
    """Capacity and use of a resource class by provider: (inventory, used)."""
    found = {}
    for provider in cloud.get("placement", "/resource_providers")["resource_providers"]:
        path = f"/resource_providers/{provider['uuid']}"
        inventory = cloud.get("placement", f"{path}/inventories")["inventories"].get(resource)
        if inventory:
            found[provider["name"]] = (inventory, cloud.get("placement", f"{path}/usages")["usages"][resource])
    return found


def placement(cloud, resource, names):
    """Used over usable of the named providers, and the total of all."""
    found = inventories(cloud, resource)
    chosen = [found[name] for name in names]
    usable = sum((one["total"] - one["reserved"]) * one["allocation_ratio"] for one, _ in chosen)
    return sum(used for _, used in chosen) / usable, sum(one["total"] for one, _ in found.values())
