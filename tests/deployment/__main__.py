"""`make deploy-check`: the files of deploy/ as the programs that they are for read them.

What a program says is wrong is shown, and so is a program that is not installed: either is exit
code 1. Nothing leaves this machine but what pip asks its registry for.
"""

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable, Iterable
from pathlib import Path

import structlog

from tests.deployment.dashboard import ROWS
from tests.deployment.proxies import DEPLOY, PROMISES, PROXIES, Render, certificate

VALIDATOR = "kubernetes-validate==1.37.0"  # brings the schemas of every version along
KUBERNETES = ("1.29", "1.33", "1.37")


class AbsentError(Exception):
    """A program that a check needs is not installed; the message names its package."""


def program(name: str, package: str) -> str:
    path = shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin:/sbin")
    if path is None:
        raise AbsentError(f"needs {name} (Debian: {package})")
    return path


def run(*command: str | Path, cwd: Path = DEPLOY, given: str | None = None) -> str:
    """What it says. Raises RuntimeError with it when it fails."""
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, input=given, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{command[0]}: {done.stdout}{done.stderr}")
    return done.stdout


def nginx_reads_its_file() -> None:
    nginx = program("nginx", "nginx-light")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        certificate(folder)
        (folder / "main.conf").write_text(
            f"pid {folder}/pid; events {{}} http {{ include {DEPLOY}/nginx.conf; }}"
        )
        # Relative paths in an included file are those of the main one.
        run(nginx, "-t", "-e", "stderr", "-c", folder / "main.conf")


def caddy_reads_its_file() -> None:
    run(program("caddy", "caddy"), "validate", "--adapter", "caddyfile", "--config", "Caddyfile")


def behind(render: Render) -> Iterable[Callable[[], None]]:
    for promise in PROMISES:

        def check(promise=promise) -> None:
            program(render.__name__, render.__name__)
            asyncio.run(promise(render))

        check.__name__ = f"behind_{render.__name__}_{promise.__name__}"
        yield check


def prometheus_reads_its_files() -> None:
    promtool = program("promtool", "prometheus")
    with tempfile.TemporaryDirectory() as name:
        folder = shutil.copytree(DEPLOY / "monitoring", Path(name) / "monitoring")
        (folder / "gateway-key").touch()
        run(promtool, "check", "config", "prometheus.yml", cwd=folder)


def the_alerts_fire_when_they_should() -> None:
    run(program("promtool", "prometheus"), "test", "rules", "monitoring/alerts.test.yml")


def prometheus_understands_the_dashboard_s_queries() -> None:
    promtool = program("promtool", "prometheus")
    queries = [query for row in ROWS.values() for panel in row for query, _ in panel.queries]
    rules = [
        {"record": f"q{at}", "expr": query.replace("@", 'a="b"').replace("$__rate_interval", "5m")}
        for at, query in enumerate(queries)
    ]
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "queries.yml"  # JSON is YAML
        file.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
        run(promtool, "check", "rules", file)


def compose_reads_its_file() -> None:
    if (
        shutil.which("docker")
        and not subprocess.run(
            ["docker", "compose", "version"], capture_output=True, check=False
        ).returncode
    ):
        compose = ["docker", "compose"]
    else:
        compose = [program("docker-compose", "docker-compose")]
    sample = (DEPLOY / "env.sample").read_text()
    with tempfile.TemporaryDirectory() as name:
        filled = Path(name) / "env"
        filled.write_text(re.sub(r"^(\w+)=$", r"\1=a:b", sample, flags=re.MULTILINE))
        run(*compose, "--env-file", filled, "-f", "compose.yaml", "config", "--quiet")


def kubernetes_takes_the_manifests() -> None:
    kubectl = program("kubectl", "kubernetes-client")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        venv.create(folder / "venv", with_pip=True)  # not a dependency of ours
        run(folder / "venv/bin/pip", "install", "--quiet", VALIDATOR)
        (folder / "base.yaml").write_text(run(kubectl, "kustomize", "kubernetes/base"))
        run(kubectl, "kustomize", "kubernetes/keda")  # KEDA's own kind is in no schema here
        for version in KUBERNETES:
            run(
                *(folder / "venv/bin/kubernetes-validate", "--strict", "-k", version),
                *(folder / "base.yaml", "kubernetes/base/secrets.sample.yaml"),
            )


def systemd_reads_its_unit() -> None:
    analyze = program("systemd-analyze", "systemd")
    unit = (DEPLOY / "memory-gateway.service").read_text()
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "memory-gateway.service"
        file.write_text(unit.replace("/opt/memory-gateway/bin/memory-gateway", sys.executable))
        run(analyze, "verify", file)
        run(analyze, "security", "--offline=true", "--threshold=20", file)


CHECKS: list[Callable[[], None]] = [
    nginx_reads_its_file,
    *behind(PROXIES["nginx"]),
    caddy_reads_its_file,
    *behind(PROXIES["caddy"]),
    prometheus_reads_its_files,
    the_alerts_fire_when_they_should,
    prometheus_understands_the_dashboard_s_queries,
    compose_reads_its_file,
    kubernetes_takes_the_manifests,
    systemd_reads_its_unit,
]


def main() -> int:
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    failed = 0
    for check in CHECKS:
        try:
            check()
            verdict = "ok"
        except AbsentError as error:
            verdict = f"NOT RUN: {error}"
        except Exception as error:  # noqa: BLE001  each check is told, whatever it raises
            verdict = f"FAILED: {type(error).__name__}: {error}"
        failed += verdict != "ok"
        print(f"{check.__name__.replace('_', ' ')}: {verdict}", flush=True)
    print(f"{len(CHECKS) - failed} of {len(CHECKS)} ok")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
