"""Fixtures that every test may use."""

import gc
import os

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


@pytest.fixture(scope="session")
def default_model_folder():
    """The default embedding model's files, made at the first use in the user's own cache."""
    return ensure_default_model(Settings.model_construct().cache_dir, print)
