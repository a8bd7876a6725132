"""Grafana's dashboard, panel by panel; `python -m tests.deployment.dashboard` writes it.

A new metric gets its panel in `ROWS`; tests/test_monitoring.py says which one has none.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gateway

FILE = Path(gateway.__file__).parent.parent / "deploy" / "monitoring" / "dashboard.json"
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
WIDTH, HEIGHT, ACROSS = 8, 8, 24

Query = tuple[str, str]  # an expression, in which @ stands for the job's labels, and its legend


@dataclass(frozen=True, kw_only=True)
class Panel:
    title: str
    unit: str
    queries: Sequence[Query]
    says: str = ""
    stacked: bool = False
    alarming: bool = False  # one number, red from 1 on

    def json(self, number: int, x: int, y: int) -> dict[str, Any]:
        return {
            "id": number,
            "type": "stat" if self.alarming else "timeseries",
            "title": self.title,
            "description": self.says,
            "datasource": SOURCE,
            "gridPos": {"h": HEIGHT, "w": WIDTH, "x": x, "y": y},
            "fieldConfig": {"defaults": self._look(), "overrides": []},
            "options": {"reduceOptions": {"calcs": ["lastNotNull"]}, "colorMode": "background"}
            if self.alarming
            else {
                "legend": {"displayMode": "list", "placement": "bottom"},
                "tooltip": {"mode": "multi"},
            },
            "targets": [
                {
                    "refId": chr(ord("A") + at),
                    "datasource": SOURCE,
                    "expr": expression.replace("@", 'job="$job"'),
                    "legendFormat": legend,
                }
                for at, (expression, legend) in enumerate(self.queries)
            ],
        }

    def _look(self) -> dict[str, Any]:
        if self.alarming:
            steps = [{"color": "green", "value": None}, {"color": "red", "value": 1}]
            thresholds = {"mode": "absolute", "steps": steps}
            return {"unit": self.unit, "min": 0, "thresholds": thresholds}
        drawn: dict[str, Any] = {"fillOpacity": 10, "showPoints": "never"}
        if self.stacked:
            drawn |= {"fillOpacity": 30, "stacking": {"mode": "normal", "group": "A"}}
        return {"unit": self.unit, "min": 0, "custom": drawn}


def rate(metric: str, *by: str) -> list[Query]:
    legend = " ".join(f"{{{{{label}}}}}" for label in by)
    return [(f"sum by ({', '.join(by)}) (rate({metric}{{@}}[$__rate_interval]))", legend)]


def share(metric: str, of: str, legend: str) -> list[Query]:
    """What part of a counter's increase has the label `of`."""
    part, whole = (f"sum(rate({metric}{{@{more}}}[$__rate_interval]))" for more in (f",{of}", ""))
    return [(f"{part} / {whole}", legend)]


def last_hour(counter: str) -> list[Query]:
    return [(f"sum(increase({counter}{{@}}[1h]))", "in the last hour")]


def quantiles(metric: str) -> list[Query]:
    buckets = f"sum by (le) (rate({metric}_bucket{{@}}[$__rate_interval]))"
    return [(f"histogram_quantile({q}, {buckets})", f"p{q * 100:g}") for q in (0.5, 0.95, 0.99)]


def gauge(metric: str, by: str = "instance") -> list[Query]:
    return [(f"sum by ({by}) ({metric}{{@}})", f"{{{{{by}}}}}")]


ROWS: dict[str, Sequence[Panel]] = {
    "Requests": [
        Panel(
            title="Requests by route", unit="reqps", queries=rate("gateway_requests_total", "route")
        ),
        Panel(
            title="Requests by status",
            unit="reqps",
            queries=rate("gateway_requests_total", "status"),
            says="499: the client left before there was an answer.",
            stacked=True,
        ),
        Panel(
            title="Answered with 5xx",
            unit="percentunit",
            queries=share("gateway_requests_total", 'status=~"5.."', "5xx"),
            says="502 and 504 are the upstream's doing.",
        ),
        Panel(
            title="Requests being served",
            unit="short",
            queries=gauge("gateway_in_flight"),
            says="Bounded by GATEWAY_MAX_IN_FLIGHT.",
        ),
        Panel(
            title="Tasks of the event loop",
            unit="short",
            queries=gauge("gateway_tasks"),
            says="Grows with what is being served, and comes back.",
        ),
    ],
    "Recall": [
        Panel(
            title="Recalls by outcome",
            unit="reqps",
            queries=rate("gateway_recalls_total", "outcome"),
            says="degraded: the chat went on without its memory.",
            stacked=True,
        ),
        Panel(
            title="What recall adds to a chat",
            unit="s",
            queries=quantiles("gateway_recall_seconds"),
            says="Bounded by GATEWAY_RECALL_TIMEOUT_MS.",
        ),
        Panel(
            title="Chats without their memory",
            unit="percentunit",
            queries=share("gateway_recalls_total", 'outcome="degraded"', "degraded"),
        ),
    ],
    "Upstream": [
        Panel(
            title="Until the answer's headers",
            unit="s",
            queries=quantiles("gateway_upstream_first_byte_seconds"),
        ),
        Panel(
            title="How answers end",
            unit="reqps",
            queries=rate("gateway_endings_total", "ending"),
            says="The endings of ARCHITECTURE.md's table.",
            stacked=True,
        ),
        Panel(
            title="Answers that broke off or stalled",
            unit="percentunit",
            queries=share(
                "gateway_endings_total", 'ending=~"partial:(upstream|stalled)"', "upstream"
            ),
        ),
    ],
    "Upstreams": [
        Panel(
            title="Requests to an upstream",
            unit="reqps",
            queries=rate("gateway_upstream_requests_total", "upstream", "outcome"),
            stacked=True,
        ),
        Panel(
            title="Sent again, or on to another",
            unit="reqps",
            queries=[
                (query, f"{what} {legend}")
                for what in ("retries", "fallbacks")
                for query, legend in rate(f"gateway_upstream_{what}_total", "upstream")
            ],
        ),
        Panel(
            title="Open breakers",
            unit="short",
            queries=gauge("gateway_upstream_breaker_open", "upstream"),
            says="On how many gateways an upstream that failed again and again is asked last.",
        ),
    ],
    "Learning": [
        Panel(
            title="Learning jobs by outcome",
            unit="ops",
            queries=rate("gateway_jobs_total", "outcome"),
            stacked=True,
        ),
        Panel(
            title="Turns still to be learned",
            unit="short",
            queries=[
                ("max(gateway_turns_pending{@})", "pending"),
                ("sum(gateway_extractions_waiting{@})", "waiting for the model that reads turns"),
            ],
            says="Counted in the store; each gateway says the same.",
        ),
        Panel(
            title="The oldest of them has waited",
            unit="s",
            queries=[("max(gateway_oldest_pending_seconds{@})", "oldest")],
            says="What kubernetes/keda scales the workers by.",
        ),
        Panel(
            title="Turns that were given up",
            unit="short",
            queries=[("max(gateway_turns_parked{@})", "parked")],
            says="`memory-gateway jobs` says why, and `jobs retry` has them learned after all.",
            alarming=True,
        ),
        Panel(
            title="Turns that wait in a process",
            unit="short",
            queries=gauge("gateway_queue_length"),
            says="To be learned there, or to be handed to Redis.",
        ),
        Panel(
            title="Jobs handed to Redis",
            unit="ops",
            queries=rate("gateway_enqueues_total", "outcome"),
            stacked=True,
        ),
        Panel(
            title="Workers at work",
            unit="short",
            queries=[("sum(gateway_worker_working{@})", "workers that have their Redis")],
        ),
        Panel(
            title="Turns read by a model, by outcome",
            unit="ops",
            queries=rate("gateway_extractions_total", "outcome"),
            says="Refused, unreadable and unavailable ones are left as the rules learned them.",
            stacked=True,
        ),
        Panel(
            title="One answer of the model that reads turns",
            unit="s",
            queries=quantiles("gateway_extraction_seconds"),
        ),
        Panel(
            title="Tokens of the model that reads turns",
            unit="short",
            queries=rate("gateway_extraction_tokens_total", "direction"),
            stacked=True,
        ),
    ],
    "Store": [
        Panel(
            title="Calls to the Qdrant server that failed",
            unit="reqps",
            queries=rate("gateway_store_failures_total", "reason"),
            says="While the server is down they are not made, and counted all the same.",
        ),
        Panel(
            title="Points of another scope",
            unit="short",
            queries=last_hour("gateway_store_foreign_points_total"),
            says="The store returned them, and they were dropped. More than none is an alarm.",
            alarming=True,
        ),
        Panel(
            title="Turns that could not be recorded",
            unit="short",
            queries=last_hour("gateway_turns_unrecorded_total"),
            says="Neither the store nor the spool took them: they will not be remembered.",
            alarming=True,
        ),
        Panel(
            title="Turns in the spool",
            unit="short",
            queries=gauge("gateway_spool_turns"),
            says="They wait for the store to come back.",
        ),
        Panel(
            title="Turns that went into the spool",
            unit="ops",
            queries=rate("gateway_turns_spooled_total", "instance"),
        ),
        Panel(
            title="Damaged lines of the spool",
            unit="short",
            queries=last_hour("gateway_spool_damaged_lines_total"),
            says="Each was a turn, torn or spoilt when it was read back.",
            alarming=True,
        ),
    ],
}


def _panels() -> list[dict[str, Any]]:
    panels: list[dict[str, Any]] = []
    y = 0
    for title, row in ROWS.items():
        place = {"h": 1, "w": ACROSS, "x": 0, "y": y}
        panels.append({"id": len(panels) + 1, "type": "row", "title": title, "gridPos": place})
        panels[-1] |= {"collapsed": False, "panels": []}
        y += 1
        for at, panel in enumerate(row):
            down, across = divmod(at * WIDTH, ACROSS)
            panels.append(panel.json(len(panels) + 1, across, y + down * HEIGHT))
        y += -(-len(row) * WIDTH // ACROSS) * HEIGHT
    return panels


def dashboard() -> dict[str, Any]:
    jobs = {"query": "label_values(gateway_requests_total, job)", "refId": "job"}
    return {
        "uid": "memory-gateway",
        "title": "Memory Gateway",
        "tags": ["memory-gateway"],
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "timezone": "browser",
        "annotations": {"list": []},
        "links": [],
        "templating": {
            "list": [
                {
                    "name": "datasource",
                    "label": "Data source",
                    "type": "datasource",
                    "query": "prometheus",
                },
                {
                    "name": "job",
                    "label": "Job",
                    "type": "query",
                    "datasource": SOURCE,
                    "query": jobs,
                    "refresh": 1,
                    "current": {"text": "memory-gateway", "value": "memory-gateway"},
                },
            ]
        },
        "panels": _panels(),
    }


if __name__ == "__main__":
    FILE.write_text(json.dumps(dashboard(), indent=1, ensure_ascii=False) + "\n")
