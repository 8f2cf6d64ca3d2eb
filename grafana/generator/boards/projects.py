"""Projects and quotas: who uses what, who grows, and what was promised."""

from .. import query, tiers
from ..board import board, row, variable
from ..panel import bargauge, forecast, now, stat, target, timeseries
from ..table import column, table

# Names of projects match; quotas carry them as `tenant`.
QUOTA = 'CLOUD, tenant=~"$project"'


def quota(family, kind):
    """A quota's value by project; -1, unlimited, is left out of limits."""
    # What is in use is `used` in Neutron's families, as in the API that they come from.
    kind = "in_use|used" if kind == "in_use" else kind
    value = f'{family}{{{QUOTA}, type=~"{kind}"}}'
    return f"({value} >= 0)" if kind == "limit" else value


def share(family):
    """Used over limit."""
    by = "by (cloud, region, tenant)"
    return f"sum {by} ({quota(family, 'in_use')}) / sum {by} ({quota(family, 'limit')} > 0)"


QUOTAS = (
    ("vCPUs", "openstack_nova_quota_cores"),
    ("Memory", "openstack_nova_quota_ram"),
    ("Instances", "openstack_nova_quota_instances"),
    ("Floating IPs", "openstack_neutron_quota_floatingip"),
    ("Ports", "openstack_neutron_quota_port"),
)


COMPARED = [
    {
        "type": "value",
        "options": {"0": {"text": "no", "color": "red", "index": 0}, "1": {"text": "yes", "color": "green", "index": 1}},
    }
]


def make():
    """The board."""
    promised = [
        (
            stat(
                f"{name} promised",
                f"Sum of all projects' quotas of {name} over what is usable: how often it has been promised. Above 1, not all "
                "projects can use their quota at the same time; much above 3, expect to refuse what was promised.",
                [now(f"sum({quota(family, 'limit')}{factor}) / sum(stackcast_capacity_usable_{usable}{{CLOUD, scope=\"cloud\"}})")],
                "none",
                tiers.steps("green", (1.5, "yellow"), (3, "orange")),
                decimals=2,
            ),
            6,
            4,
        )
        for name, family, factor, usable in (
            ("vCPUs", "openstack_nova_quota_cores", "", "vcpus"),
            ("Memory", "openstack_nova_quota_ram", " * 1048576", "memory_bytes"),
        )
    ]
    counts = stat(
        "Projects",
        "Projects of all domains. Compare with those that hold instances: the rest may be leftovers.",
        [now("sum(openstack_identity_projects{CLOUD})")],
        "none",
    )
    idle = stat(
        "Projects without instances",
        "Projects with a quota that hold no instance now. Ask their owners; an unused quota is a promise that is kept open.",
        [now(f"sum(sum by (cloud, region, tenant) ({quota('openstack_nova_quota_instances', 'in_use')}) == bool 0)")],
        "none",
    )
    use = table(
        "Use of quotas",
        "Used over limit of each project's quotas; a quota without limit is left blank. From 90 % on, the project's next "
        "request fails: ask before it does.",
        [now(share(family)) for _, family in QUOTAS]
        + [
            now(
                f"sum by (cloud, region, tenant) (openstack_cinder_limits_volume_used_gb{{{QUOTA}}})"
                f" / sum by (cloud, region, tenant) (openstack_cinder_limits_volume_max_gb{{{QUOTA}}} > 0)"
            )
        ],
        [
            column("cloud", "Cloud", width=90),
            column("region", "Region", width=110),
            column("tenant", "Project"),
            *(
                column(letter, name, "percentunit", tiers.PREDICTED, decimals=1, width=130, no="no limit")
                for letter, name in zip("ABCDEF", [*(name for name, _ in QUOTAS), "Volume space"])
            ),
        ],
        "vCPUs",
    )
    top = bargauge(
        "Projects by vCPUs",
        "The projects that hold most vCPUs. What they plan is what capacity depends on.",
        [now(f"topk(10, sum by (tenant) ({quota('openstack_nova_quota_cores', 'in_use')}))", "{{tenant}}")],
        "none",
    )
    movers = bargauge(
        "Grown most in 7 days",
        "vCPUs that projects hold now, less those of 7 days ago; the ten that grew most. A project that is new here may "
        "run away: see its instances and forecast below.",
        [
            now(
                f"topk(10, sum by (tenant) ({quota('openstack_nova_quota_cores', 'in_use')})"
                f" - sum by (tenant) ({quota('openstack_nova_quota_cores', 'in_use')} offset 7d))",
                "{{tenant}}",
            )
        ],
        "none",
        min=None,
    )
    history = timeseries(
        "vCPUs by project",
        "vCPUs that the ten largest projects hold. Steps are deployments; a steady slope is growth to plan for.",
        [target(query.largest(10, "tenant", *2 * [quota("openstack_nova_quota_cores", "in_use")]), "{{tenant}}")],
        "none",
        stack=True,
    )
    signal = 'CLOUD, scope="project", signal="instances"'
    chosen = 'on (cloud, region, entity) group_left () max by (cloud, region, entity) (%s)'
    info = 'stackcast_project_info{CLOUD, name=~"$project"}'
    ahead = forecast(
        "Instances of the chosen projects, with the next week",
        "Instances of the chosen projects together; orange is what was forecast a day, and beyond tomorrow a week, before "
        "(single bands are added up, which is too wide for many projects). Compare with their quotas above.",
        f"sum(stackcast_signal_value{{{signal}}} * {chosen % info})",
        lambda bound: (
            f"sum({query.ahead(f'stackcast_forecast{bound}_value', signal, ['24h', '7d'])} * {chosen % query.lasting(info)})"
        ),
        unit="none",
        min=0,
    )
    of_project = "on (cloud, region, entity) group_left (name) max by (cloud, region, entity, name) (stackcast_project_info{CLOUD, name=~\"$project\"})"
    by = "cloud, region, name, resource"
    exhausted = table(
        "Quotas that run out",
        "Of the projects that use most of their quotas: what is used, how use grew in 7 and 30 days, and when half of the "
        "simulated futures have used it up. Ask the first rows whether they need more, before they ask.",
        [
            now(f"max by ({by}) (stackcast_project_utilization_ratio{{CLOUD}} * {of_project})"),
            now(f'max by ({by}) (stackcast_project_growth_ratio{{CLOUD, window="7d"}} * {of_project})'),
            now(f'max by ({by}) (stackcast_project_growth_ratio{{CLOUD, window="30d"}} * {of_project})'),
            now(f"min by ({by}) (clamp_max(stackcast_project_quota_exhaustion_seconds{{CLOUD}}, {query.YEAR}) * {of_project})"),
        ],
        [
            column("cloud", "Cloud", width=90),
            column("region", "Region", width=110),
            column("name", "Project"),
            column("resource", "Resource", width=130),
            column("A", "Used", "percentunit", tiers.PREDICTED, decimals=1, width=110),
            column("B", "Grown in 7 days", "percentunit", decimals=1, width=150),
            column("C", "In 30 days", "percentunit", decimals=1, width=120),
            column("D", "Used up in", "s", tiers.TIME_LEFT, mappings=tiers.NOT_IN_SIGHT, decimals=1, width=140),
        ],
        "Used",
    )
    changes = timeseries(
        "Changes an hour, by type",
        "Resources that were added, modified or removed within an hour, of workload records (off unless workload.enabled). "
        "Many at once: /api/v1/changes says which.",
        [target("sum by (type, change) (increase(stackcast_workload_changes_total{CLOUD}[1h]))", "{{type}} {{change}}")],
        "none",
    )
    attributes = bargauge(
        "What was changed most",
        "Modifications of the last 7 days, by the attribute that changed. Statuses come and go; flavors and owners "
        "seldom do.",
        [now("topk(10, sum by (type, attribute) (increase(stackcast_workload_attribute_changes_total{CLOUD}[7d])))", "{{type}} {{attribute}}")],
        "none",
        decimals=0,
    )
    records = table(
        "Workload records",
        "What the newest record of each type holds, when something of it last changed, and whether it could be compared: 0 "
        "while its collector fails, is blind, or sees less than before. Then nothing is recorded.",
        [
            now("sum by (cloud, region, type) (stackcast_workload_resources{CLOUD})"),
            now("time() - max by (cloud, region, type) (stackcast_workload_last_change_timestamp_seconds{CLOUD})"),
            now("min by (cloud, region, type) (stackcast_workload_fetch_success{CLOUD})"),
        ],
        [
            column("type", "Type"),
            column("A", "Resources", "none", width=110),
            column("B", "Last change", "s", decimals=0, width=120, no="never"),
            column("C", "Compared", mappings=COMPARED, width=100),
        ],
        "Resources",
    )
    return board(
        "projects",
        "Projects and quotas",
        "Who uses what, who grows, and what was promised?",
        [
            row("Promises", (counts, 6, 4), (idle, 6, 4), *promised),
            row("Quotas", (use, 24, 11)),
            row("What runs out", (exhausted, 24, 10)),
            row("Movers", (top, 12, 9), (movers, 12, 9)),
            row("Over time", (history, 12, 9), (ahead, 12, 9)),
            row("What came, changed and went", (changes, 9, 9), (attributes, 7, 9), (records, 8, 9)),
        ],
        time=("now-14d", "now+7d"),
        refresh="15m",
        variables=[variable("project", "Project", "label_values(stackcast_project_info{CLOUD}, name)")],
    )
