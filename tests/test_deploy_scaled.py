"""compose.yaml and the Kubernetes manifests run the gateway as it wants to be run.

Not as root, nothing secret in a file, and clocks in order: what stops a process waits longer than
the process needs to end.
"""

import re
from collections.abc import Iterator
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # it comes with uvicorn, without its stubs
from qdrant_client.common.version_check import is_compatible

from gateway.adapters.arq_queue import ENQUEUE
from gateway.adapters.qdrant_collections import OLDEST
from gateway.cli import app
from gateway.parts import worker_times
from gateway.settings import Settings
from tests.test_deploy import DEPLOY, environment, final, routes, seconds, size, text

DEFAULTS = {name: field.get_default() for name, field in Settings.model_fields.items()}
CLOSING = 4  # seconds after the grace time, at most: what was cut is recorded, parts are closed
COMMANDS = {
    command.name or command.callback.__name__
    for command in app.registered_commands
    if command.callback
}

COMPOSE: dict[str, Any] = yaml.safe_load(text("compose.yaml"))
SERVICES: dict[str, Any] = COMPOSE["services"]
PROGRAMS = ("gateway", "worker")


def manifests(folder: str = "kubernetes/base") -> Iterator[dict[str, Any]]:
    for file in sorted((DEPLOY / folder).glob("*.yaml")):
        yield from yaml.safe_load_all(file.read_text())


def of_kind(kind: str) -> dict[str, dict[str, Any]]:
    return {m["metadata"]["name"]: m for m in manifests() if m["kind"] == kind}


DEPLOYMENTS = of_kind("Deployment")


def pod(name: str) -> dict[str, Any]:
    return DEPLOYMENTS[name]["spec"]["template"]["spec"]


def container(name: str) -> dict[str, Any]:
    [it] = pod(name)["containers"]
    return it


def sample() -> dict[str, str]:
    lines = text("env.sample").splitlines()
    pairs = [line.partition("=") for line in lines if line and line[0] != "#"]
    return {name: value for name, _, value in pairs}


def assert_pinned(image: str) -> None:
    name, _, tag = image.rpartition(":")
    assert re.search(r"\d+\.\d+\.\d+", tag), image
    assert "." not in name, f"{image} names a registry"


# Compose


@pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)
def test_a_service_s_image_is_pinned_and_it_comes_back(service):
    assert_pinned(service["image"])
    assert service["restart"] == "unless-stopped"
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]


def test_only_the_gateway_is_published_and_to_this_machine_alone():
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["gateway"]
    [port] = SERVICES["gateway"]["ports"]
    assert port == f"${{PUBLISH:-127.0.0.1:8080}}:{final('EXPOSE')}"
    assert sample()["PUBLISH"].startswith("127.0.0.1:")
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    assert SERVICES["redis"]["networks"] == SERVICES["qdrant"]["networks"] == ["inside"]


def test_no_secret_stands_in_a_file():
    for name, service in SERVICES.items():
        for variable, value in service["environment"].items():
            if re.search(r"KEY|PASSWORD|AUTH|REDIS_URL", variable):
                assert re.search(r"\$\{\w+:(\?[^}]+|-)\}", value), f"{name}: {variable}"
    assert [
        sample()[name] for name in ("REDIS_PASSWORD", "QDRANT_API_KEY", "GATEWAY_API_KEYS")
    ] == [
        "",
        "",
        "",
    ]


def test_whatever_compose_asks_for_is_in_the_sample():
    asked = set(re.findall(r"\$\{(\w+)", text("compose.yaml")))
    assert asked == sample().keys() - {"COMPOSE_PROJECT_NAME"}


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_of_ours_waits_for_healthy_services_and_runs_a_command_there_is(name):
    service = SERVICES[name]
    assert service["command"][0] in COMMANDS
    assert service["read_only"] is True
    for needed, condition in service["depends_on"].items():
        assert condition == {"condition": "service_healthy"}
        assert SERVICES[needed]["healthcheck"]["test"]


def test_redis_keeps_what_it_has_and_takes_nobody_without_a_password():
    [script] = SERVICES["redis"]["command"]
    for line in ("requirepass $$REDISCLI_AUTH", "appendonly yes", "maxmemory-policy noeviction"):
        assert line in script
    assert script.startswith("exec redis-server")
    assert SERVICES["redis"]["volumes"] == ["redis:/data"]


def test_qdrant_s_version_is_one_that_the_client_talks_to():
    [server] = re.findall(r":v([\d.]+)", SERVICES["qdrant"]["image"])
    assert tuple(map(int, server.split(".")[:2])) >= OLDEST
    assert is_compatible(version("qdrant-client"), server)


@pytest.mark.parametrize("name", PROGRAMS)
def test_compose_s_clocks_are_in_order(name):
    assert_in_order(seconds(SERVICES[name]["stop_grace_period"]))


def assert_in_order(stop: float) -> None:
    clocks = [
        DEFAULTS["recall_timeout_ms"] / 1000,
        ENQUEUE,
        DEFAULTS["shutdown_grace"],
        stop - CLOSING,
    ]
    assert all(shorter < longer for shorter, longer in pairwise(clocks)), clocks


def test_a_job_ends_before_another_worker_takes_it_and_that_before_it_is_swept():
    times = worker_times(Settings())
    clocks = [times.attempt, times.job_timeout, times.job_timeout + times.margin, times.sweep_after]
    assert all(shorter < longer for shorter, longer in pairwise(clocks)), clocks


def test_a_worker_s_health_is_asked_on_its_port():
    port = SERVICES["worker"]["environment"]["GATEWAY_WORKER_PORT"]
    assert f"http://127.0.0.1:{port}/" in SERVICES["worker"]["healthcheck"]["test"][-1]
    compile(SERVICES["worker"]["healthcheck"]["test"][-1], "healthcheck", "exec")


# Kubernetes


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_a_pod_runs_as_nobody_with_nothing_it_could_misuse(name):
    assert pod(name)["automountServiceAccountToken"] is False
    user = pod(name)["securityContext"]
    assert user["runAsNonRoot"] is True
    assert f"{user['runAsUser']}:{user['runAsGroup']}" == final("USER")
    assert user["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container(name)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    mounts = {mount["mountPath"] for mount in container(name)["volumeMounts"]}
    assert mounts == {environment()["GATEWAY_DATA_DIR"], "/tmp"}  # noqa: S108  a mount of its own
    assert_pinned(container(name)["image"])
    assert container(name)["args"][0] in COMMANDS


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_no_service_s_variables_are_taken_for_settings(name):
    assert pod(name)["enableServiceLinks"] is False


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_a_pod_says_what_it_needs_and_is_spread(name):
    resources = container(name)["resources"]
    assert resources["requests"].keys() == {"cpu", "memory"}
    assert resources["limits"].keys() == {"memory"}
    [*spread] = pod(name)["topologySpreadConstraints"]
    labels = DEPLOYMENTS[name]["spec"]["template"]["metadata"]["labels"]
    assert all(each["labelSelector"]["matchLabels"] == labels for each in spread)
    assert DEPLOYMENTS[name]["spec"]["selector"]["matchLabels"] == labels


@pytest.mark.anyio
async def test_probes_ask_what_the_gateway_answers_and_only_liveness_restarts():
    it = container("memory-gateway")
    paths = {
        kind: it[f"{kind}Probe"]["httpGet"]["path"] for kind in ("startup", "liveness", "readiness")
    }
    assert paths == {"startup": "/healthz", "liveness": "/healthz", "readiness": "/readyz"}
    assert set(paths.values()) <= await routes()
    assert [port["containerPort"] for port in it["ports"]] == [int(final("EXPOSE"))]
    assert it["readinessProbe"]["timeoutSeconds"] > 1  # /readyz answers within that


def test_a_worker_is_asked_on_the_port_that_it_is_given():
    it = container("memory-gateway-worker")
    [given] = [pair["value"] for pair in it["env"] if pair["name"] == "GATEWAY_WORKER_PORT"]
    [port] = it["ports"]
    assert port == {"name": "metrics", "containerPort": int(given)}
    assert {it[f"{kind}Probe"]["httpGet"]["port"] for kind in ("startup", "liveness")} == {
        "metrics"
    }
    assert "readinessProbe" not in it  # nobody sends it requests


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_kubernetes_clocks_are_in_order(name):
    hook = container(name).get("lifecycle", {}).get("preStop")
    before = float(hook["exec"]["command"][-1]) if hook else 0
    assert_in_order(pod(name)["terminationGracePeriodSeconds"] - before)


def test_a_gateway_s_volume_has_room_for_its_spool():
    [limit] = [
        v["emptyDir"]["sizeLimit"] for v in pod("memory-gateway")["volumes"] if v["name"] == "spool"
    ]
    assert size(limit.removesuffix("i")) > DEFAULTS["spool_max_bytes"]


def test_whatever_selects_pods_selects_those_there_are():
    labels = {name: d["spec"]["template"]["metadata"]["labels"] for name, d in DEPLOYMENTS.items()}
    budgets = of_kind("PodDisruptionBudget")
    assert {name: b["spec"]["selector"]["matchLabels"] for name, b in budgets.items()} == labels
    [service] = of_kind("Service").values()
    assert service["spec"]["selector"] == labels["memory-gateway"]
    [scaler] = of_kind("HorizontalPodAutoscaler").values()
    assert scaler["spec"]["scaleTargetRef"]["name"] == "memory-gateway"
    assert "replicas" not in DEPLOYMENTS["memory-gateway"]["spec"]
    [scaled] = [m for m in manifests("kubernetes/keda") if m["kind"] == "ScaledObject"]
    assert scaled["spec"]["scaleTargetRef"]["name"] == "memory-gateway-worker"


def test_every_file_is_applied_but_the_sample_of_secrets():
    [kustomization] = [m for m in manifests() if m["kind"] == "Kustomization"]
    files = {file.name for file in (DEPLOY / "kubernetes" / "base").iterdir()}
    assert files - set(kustomization["resources"]) == {"kustomization.yaml", "secrets.sample.yaml"}
    [image] = kustomization["images"]
    assert container("memory-gateway")["image"] == f"{image['name']}:{image['newTag']}"


def test_secrets_are_named_by_pods_and_their_sample_holds_none():
    secrets = of_kind("Secret")
    named = {
        source["secretRef"]["name"]
        for name in DEPLOYMENTS
        for source in container(name)["envFrom"]
        if "secretRef" in source
    }
    assert named == secrets.keys()
    for secret in secrets.values():
        assert all("CHANGE-ME" in value for value in secret["stringData"].values())


def test_whatever_else_a_pod_would_say_or_hear_is_forbidden():
    policies = of_kind("NetworkPolicy")
    assert policies["nothing-else"]["spec"] == {
        "podSelector": {},
        "policyTypes": ["Ingress", "Egress"],
    }
    [ports] = [rule["ports"] for rule in policies["requests-and-scrapes"]["spec"]["ingress"]]
    served = {port["containerPort"] for name in DEPLOYMENTS for port in container(name)["ports"]}
    assert {port["port"] for port in ports} == served


def test_the_files_are_read_whole():
    assert {file.parent.name for file in Path(DEPLOY / "kubernetes").rglob("*.yaml")} == {
        "base",
        "keda",
    }
