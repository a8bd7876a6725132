"""Nothing reports who uses the gateway, the libraries that would do so by default included."""

import os
import subprocess
import sys

import pytest

EMBEDS = """
import asyncio, sys
from pathlib import Path
from gateway.parts import open_embedder
from gateway.settings import Settings

async def embed():
    embedder = open_embedder(Settings(cache_dir=Path(sys.argv[1])), print)
    await embedder.embed_query("word")
    await embedder.aclose()

asyncio.run(embed())
"""


@pytest.mark.process
def test_embedding_leaves_no_device_id_and_no_reports_to_send(default_model_folder, tmp_path):
    cache = default_model_folder.parent.parent
    environment = {k: v for k, v in os.environ.items() if "TELEMETRY" not in k}
    environment |= {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    command = [sys.executable, "-c", EMBEDS, str(cache)]
    subprocess.run(command, env=environment, check=True, capture_output=True)
    assert list(tmp_path.rglob("*")) == []  # where onnxruntime keeps both


def test_a_setting_of_the_machine_s_does_not_turn_it_on_again():
    environment = {**os.environ, "ORT_DISABLE_TELEMETRY": "0"}
    script = "import gateway, os; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    command = [sys.executable, "-c", script]
    told = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    assert told.stdout.strip() == "1"
