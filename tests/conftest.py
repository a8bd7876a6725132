"""Fixtures that every test may use."""

import gc
import os
import shutil
import tempfile
from pathlib import Path

import pytest

from gateway.adapters.minilm import ensure_default_model
from gateway.settings import Settings

pytest.register_assert_rewrite("tests.fields")  # its rows assert, though they are no test files


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch):
    """A test sees no setting of whoever runs it."""
    for name in list(os.environ):
        if name.startswith(("GATEWAY_", "OPENAI_")):
            monkeypatch.delenv(name)


@pytest.fixture
def collected():
    """What a test leaves to the collector is collected within it."""
    yield
    gc.collect()


@pytest.fixture
def folder(tmp_path):
    """In memory where there is room: to make a store, the engine syncs some hundred files."""
    memory_disk = Path("/dev/shm")  # noqa: S108  a folder of its own is made in it
    roomy = memory_disk.is_dir() and shutil.disk_usage(memory_disk).free > 2**30
    with tempfile.TemporaryDirectory(dir=memory_disk if roomy else tmp_path) as made:
        yield Path(made, "data")


@pytest.fixture(scope="session")
def default_model_folder():
    """The default embedding model's files, made at the first use in the user's own cache."""
    return ensure_default_model(Settings.model_construct().cache_dir, print)
