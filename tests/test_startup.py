"""The process starts, refuses to start, and ends as a person expects."""

import os
import signal
import socket
import subprocess
import sys

import httpx
import pytest

from gateway.adapters.edge import EdgeStore
from gateway.adapters.minilm import MODEL
from gateway.adapters.sealing import Seal
from tests import process

pytestmark = pytest.mark.process


def refused(cache, tmp_path, **settings: str) -> str:
    """The one line of a start that is refused with exit code 2."""
    child = process.start(tmp_path, cache, **settings)
    assert child.child.wait(60) == 2
    written = child.log.read_text().strip().splitlines()
    assert len(written) == 1, written
    return written[0]


@pytest.fixture(name="cache")
def _cache(default_model_folder):
    return default_model_folder.parent.parent


def test_the_banner_says_what_answers_where_data_lies_and_what_to_paste(cache, tmp_path):
    with process.gateway(tmp_path, cache) as gateway:
        said = gateway.log.read_text()
    assert "offline model" in said
    assert str(tmp_path / "data") in said
    assert f"curl -sN {gateway.url}/v1/chat/completions" in said


@pytest.mark.fault("F50")
@pytest.mark.parametrize("name", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly(cache, tmp_path, name):
    with process.gateway(tmp_path, cache) as gateway:
        assert gateway.stop(name, within=10) == 0
        assert "Traceback" not in gateway.log.read_text()


@pytest.mark.fault("F51")
def test_a_data_folder_in_use_is_refused_and_named(cache, tmp_path):
    with process.gateway(tmp_path, cache):
        line = refused(cache, tmp_path / "second", data_dir=str(tmp_path / "data"))
    assert str(tmp_path / "data") in line
    assert "in use" in line


@pytest.mark.fault("F51")
def test_a_port_that_is_taken_is_refused_and_named(cache, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert str(port) in refused(cache, tmp_path, port=str(port))


@pytest.mark.fault("F51")
def test_another_embedding_model_is_refused_and_both_are_named(cache, tmp_path):
    EdgeStore.open(tmp_path / "data", model="BAAI/bge-small-en-v1.5", dimension=384).close()
    line = refused(cache, tmp_path)
    assert "BAAI/bge-small-en-v1.5" in line
    assert MODEL in line


@pytest.mark.fault("F51")
def test_a_sealed_store_without_its_key_is_refused_and_the_setting_named(cache, tmp_path):
    sealed = Seal([b"k" * 32])
    EdgeStore.open(tmp_path / "data", model=MODEL, dimension=384, seal=sealed).close()
    assert "GATEWAY_ENCRYPTION_KEY" in refused(cache, tmp_path)


@pytest.mark.fault("F51")
def test_a_model_that_no_wheel_carries_is_refused_and_named(cache, tmp_path):
    line = refused(cache, tmp_path, embedding_model="BAAI/bge-small-en-v1.5")
    assert "BAAI/bge-small-en-v1.5" in line
    assert "GATEWAY_EMBEDDING_SOURCE" in line


@pytest.mark.fault("F51")
def test_an_unknown_setting_is_refused_and_named(cache, tmp_path):
    assert "GATEWAY_PROT" in refused(cache, tmp_path, prot="80")


@pytest.mark.fault("F51")
def test_another_address_needs_keys(cache, tmp_path):
    assert "GATEWAY_API_KEYS" in refused(cache, tmp_path, host="0.0.0.0")  # noqa: S104  it is refused


def test_with_keys_every_path_but_the_probes_needs_one(cache, tmp_path):
    with process.gateway(tmp_path, cache, api_keys="acme:secret-1") as gateway:
        for path in ("/healthz", "/readyz"):
            assert httpx.get(gateway.url + path, trust_env=False).status_code == 200
        for path in ("/v1/models", "/nothing", "/v1/chat/completions", "/metrics"):
            assert httpx.get(gateway.url + path, trust_env=False).status_code == 401
        ok = httpx.get(
            f"{gateway.url}/v1/models",
            headers={"authorization": "Bearer secret-1"},
            trust_env=False,
        )
        assert ok.status_code == 200
        assert ok.json()["data"][0]["id"] == "offline-recall"


def test_compact_says_what_it_gained_and_keeps_off_a_folder_in_use(cache, tmp_path):
    environment = os.environ | {
        "GATEWAY_DATA_DIR": str(tmp_path / "data"),
        "GATEWAY_CACHE_DIR": str(cache),
    }
    command = [sys.executable, "-m", "gateway", "compact"]
    with process.gateway(tmp_path, cache) as gateway:
        used = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        assert used.returncode == 2
        assert "in use" in used.stderr
        gateway.stop()
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert "MiB before" in done.stderr


def test_python_dash_m_is_the_same_command():
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GATEWAY_")}
    command = [sys.executable, "-m", "gateway", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.strip() == "0.1.0"


@pytest.mark.fault("F51")
@pytest.mark.parametrize("place", ["data_dir", "cache_dir"])
def test_a_folder_that_cannot_be_made_is_refused_and_named(cache, tmp_path, place):
    (tmp_path / "file").write_text("in the way")
    line = refused(cache, tmp_path, **{place: str(tmp_path / "file" / "folder")})
    assert str(tmp_path / "file") in line
