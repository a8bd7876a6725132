"""What the process counts, in Prometheus's terms. No label holds a tenant, a user or a text."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0)
_SLOW = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)


class Metrics:
    """The metrics of one gateway; its own registry, so that two may live in one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "gateway_requests",
            "Requests answered, by route and status.",
            ["route", "status"],
            registry=self.registry,
        )
        self.recalls = Counter(
            "gateway_recalls",
            "Recalls for a chat, by outcome: hit, empty, degraded.",
            ["outcome"],
            registry=self.registry,
        )
        self.recall_seconds = Histogram(
            "gateway_recall_seconds",
            "What recall added to a chat.",
            buckets=_FAST,
            registry=self.registry,
        )
        self.first_byte_seconds = Histogram(
            "gateway_upstream_first_byte_seconds",
            "From the request's being sent upstream to the answer's headers.",
            buckets=_SLOW,
            registry=self.registry,
        )
        self.upstream_requests = Counter(
            "gateway_upstream_requests",
            "Requests sent to a model's server, by its name and how it answered.",
            ["upstream", "outcome"],
            registry=self.registry,
        )
        self.retries = Counter(
            "gateway_upstream_retries",
            "Requests that the same server was sent again.",
            ["upstream"],
            registry=self.registry,
        )
        self.fallbacks = Counter(
            "gateway_upstream_fallbacks",
            "Requests that went on to another server, by the one that failed.",
            ["upstream"],
            registry=self.registry,
        )
        self.breakers = Gauge(
            "gateway_upstream_breaker_open",
            "1 while a server that keeps failing is asked last.",
            ["upstream"],
            registry=self.registry,
        )
        self.endings = Counter(
            "gateway_endings",
            "Answers relayed, by how they ended.",
            ["ending"],
            registry=self.registry,
        )
        self.unrecorded = Counter(
            "gateway_turns_unrecorded",
            "Turns that neither the store nor the spool could keep.",
            registry=self.registry,
        )
        self.spooled = Counter(
            "gateway_turns_spooled",
            "Turns that the store did not take and the spool keeps for it.",
            registry=self.registry,
        )
        self.spool_damaged = Counter(
            "gateway_spool_damaged_lines",
            "Lines of the spool that could not be read back.",
            registry=self.registry,
        )
        self.foreign = Counter(
            "gateway_store_foreign_points",
            "Points of another scope that the store returned; they were dropped.",
            registry=self.registry,
        )
        self.store_failures = Counter(
            "gateway_store_failures",
            "Calls to the Qdrant server that failed or were not made, by reason.",
            ["reason"],
            registry=self.registry,
        )
        self.jobs = Counter(
            "gateway_jobs",
            "Attempts to learn a turn, by outcome: learned, retried, parked, held_up.",
            ["outcome"],
            registry=self.registry,
        )
        self.extractions = Counter(
            "gateway_extractions",
            "Turns that a model was to read: ok, repaired, retried; refused, unreadable,"
            " unavailable, which leave them to the rules.",
            ["outcome"],
            registry=self.registry,
        )
        self.extraction_seconds = Histogram(
            "gateway_extraction_seconds",
            "Of one request to the model that reads turns.",
            buckets=_SLOW,
            registry=self.registry,
        )
        self.extraction_tokens = Counter(
            "gateway_extraction_tokens",
            "Tokens of the model that reads turns, as its server counts them: in, out.",
            ["direction"],
            registry=self.registry,
        )
        self.enqueues = Counter(
            "gateway_enqueues",
            "Jobs handed to Redis, by outcome: queued, failed, dropped.",
            ["outcome"],
            registry=self.registry,
        )
        self.pending = Gauge(
            "gateway_turns_pending", "Turns still to be learned.", registry=self.registry
        )
        self.parked = Gauge(
            "gateway_turns_parked", "Turns that were given up.", registry=self.registry
        )
        self.oldest_pending = Gauge(
            "gateway_oldest_pending_seconds",
            "How long the oldest turn still to be learned has been waiting.",
            registry=self.registry,
        )

    def gauge(self, name: str, help_text: str, read: Callable[[], float]) -> None:
        """A value that is read when it is asked for."""
        Gauge(name, help_text, registry=self.registry).set_function(read)
