"""The dashboard shows every metric there is, and neither it nor an alert names one that is not."""

import ast
import json
import re
from functools import cache
from pathlib import Path

import httpx
import pytest
import yaml  # type: ignore[import-untyped]  # it comes with uvicorn, without its stubs
from prometheus_client.parser import text_string_to_metric_families

import gateway
from tests.deployment import dashboard
from tests.served import served

PACKAGE = Path(gateway.__file__).parent
MONITORING = PACKAGE.parent / "deploy" / "monitoring"

SAMPLES = {
    "Counter": ("_total",),
    "Histogram": ("_bucket", "_count", "_sum"),
    "Gauge": ("",),
    "gauge": ("",),
}


@cache
def metrics() -> dict[str, set[str]]:
    """The names of each metric's samples, as the source makes them."""
    found = {}
    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if not (isinstance(node, ast.Call) and node.args):
                continue
            made = node.func.attr if isinstance(node.func, ast.Attribute) else ""
            made = node.func.id if isinstance(node.func, ast.Name) else made
            name = node.args[0].value if isinstance(node.args[0], ast.Constant) else None
            if made in SAMPLES and isinstance(name, str):
                found[name] = {name + suffix for suffix in SAMPLES[made]}
    return found


def named(expressions: list[str]) -> set[str]:
    return {name for text in expressions for name in re.findall(r"\bgateway_[a-z_]+", text)}


def made() -> dict:
    return json.loads((MONITORING / "dashboard.json").read_text())


def panels() -> list[dict]:
    return [panel for panel in made()["panels"] if panel["type"] != "row"]


def shown() -> set[str]:
    return named([target["expr"] for panel in panels() for target in panel["targets"]])


def alerts() -> list[dict]:
    groups = yaml.safe_load((MONITORING / "alerts.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def test_every_metric_has_a_panel():
    assert [name for name, samples in metrics().items() if not samples & shown()] == []


def test_no_panel_names_a_metric_that_is_not_there():
    assert shown() - set().union(*metrics().values()) == set()


def test_no_alert_names_a_metric_that_is_not_there():
    assert named([rule["expr"] for rule in alerts()]) - set().union(*metrics().values()) == set()


def test_workers_are_scaled_by_a_metric_that_is_there():
    file = MONITORING.parent / "kubernetes" / "keda" / "workers-by-queue-age.yaml"
    [trigger] = yaml.safe_load(file.read_text())["spec"]["triggers"]
    asked = named([trigger["metadata"]["query"]])
    assert asked
    assert asked <= set().union(*metrics().values())


def test_an_alert_says_what_it_means_and_what_to_do():
    for rule in alerts():
        assert rule["annotations"]["summary"], rule["alert"]
        assert rule["annotations"]["action"], rule["alert"]
        assert rule["labels"]["severity"] in {"critical", "warning"}, rule["alert"]


def test_every_alert_that_is_tried_is_one_of_ours():
    tried = yaml.safe_load((MONITORING / "alerts.test.yml").read_text())["tests"]
    names = {case["alertname"] for test in tried for case in test["alert_rule_test"]}
    assert names <= {rule["alert"] for rule in alerts()}


def test_the_dashboard_s_file_is_what_its_source_makes():
    assert dashboard.dashboard() == made(), "python -m tests.deployment.dashboard writes it"


def test_panels_lie_beside_each_other_and_have_ids_of_their_own():
    places: set[tuple[int, int]] = set()
    for panel in panels():
        at = panel["gridPos"]
        cells = {(at["x"] + dx, at["y"] + dy) for dx in range(at["w"]) for dy in range(at["h"])}
        assert not places & cells, panel["title"]
        assert all(x < 24 for x, _ in cells), panel["title"]
        places |= cells
    ids = [panel["id"] for panel in made()["panels"]]
    assert len(set(ids)) == len(ids)


def test_the_dashboard_asks_whichever_prometheus_is_chosen():
    for panel in panels():
        assert panel["datasource"]["uid"] == "${datasource}"
        assert all('job="$job"' in target["expr"] for target in panel["targets"]), panel["title"]


@pytest.mark.anyio
async def test_what_a_gateway_counts_is_what_the_source_says():
    async with served() as it, httpx.AsyncClient(trust_env=False) as client:
        page = (await client.get(f"{it.url}/metrics")).text
    families = text_string_to_metric_families(page)
    counted = {family.name.removesuffix("_created") for family in families}  # when, of a counter
    assert counted
    assert counted <= metrics().keys()


def test_prometheus_asks_the_job_that_the_alerts_and_the_dashboard_name():
    config = yaml.safe_load((MONITORING / "prometheus.yml").read_text())
    [job] = config["scrape_configs"]
    assert config["rule_files"] == ["alerts.yml"]
    jobs = {name for rule in alerts() for name in re.findall(r'job="([^"]+)"', rule["expr"])}
    assert jobs == {job["job_name"]}
    assert job["authorization"]["credentials_file"]  # /metrics needs a key, and none stands here
