"""Imports go down only: the house rules of ARCHITECTURE.md, read from the source itself."""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from itertools import accumulate
from pathlib import Path

import pytest

import gateway

PACKAGE = Path(gateway.__file__).parent

GROUND = {"", "settings", "errors", "metrics", "logs"}
ROOF = {
    "main",
    "parts",
    "worker",
    "leaving",
    "jobs",
    "doctor",
    "imports",
    "cli",
    "__main__",
    "cli_keys",
    "cli_output",
    "cli_remote",
    "keychain",
    "store_alone",
}
MAY_IMPORT = {
    **dict.fromkeys(GROUND, GROUND),
    "memory": {"memory", "errors"},
    "keys": {"keys", "memory", "errors"},
    "adapters": {"adapters", "keys", "memory", *GROUND},
    "http": {"http", "keys", "memory", *GROUND},
}
STANDARD_LIBRARY_ONLY = {"memory", "keys", "errors"}
ADAPTERS_ONLY = {
    *("aiohttp", "httpx", "httpx_aiohttp", "arq", "redis", "fastembed", "onnx"),
    *("qdrant_client", "qdrant_edge"),
    "cryptography",
    *("pypdf", "docx", "markdown_it"),
}
SAYS_NOTHING = {"utils", "util", "helpers", "helper", "manager", "base", "common"}


@dataclass(frozen=True)
class Module:
    """A file of the package: its dotted name, and its room, the first part of it."""

    name: str
    room: str
    tree: ast.Module
    is_package: bool


def modules(package: Path) -> dict[str, Module]:
    found = {}
    for file in sorted(package.rglob("*.py")):
        parts = file.relative_to(package).with_suffix("").parts
        is_package = parts[-1] == "__init__"
        inner = parts[:-1] if is_package else parts
        name = ".".join([package.name, *inner])
        room = inner[0] if inner else ""
        found[name] = Module(name, room, ast.parse(file.read_text()), is_package)
    return found


def imports(module: Module, known: dict[str, Module]) -> Iterator[str]:
    """Every module that one imports, wherever in it, by its absolute name."""
    places = {p for name in known for p in accumulate(name.split("."), "{}.{}".format)}
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = node.module or ""
            if node.level:
                up = node.level - module.is_package
                above = module.name.split(".")[: -up or None]
                start = ".".join([*above, start] if start else above)
            for alias in node.names:
                inner = f"{start}.{alias.name}"
                yield inner if inner in places else start


def violations(package: Path) -> list[str]:
    """What a package does against the rules, a sentence each."""
    known = modules(package)
    told = []
    graph: dict[str, set[str]] = {}
    for module in known.values():
        if module.room not in MAY_IMPORT.keys() | ROOF:
            told.append(f"{module.name} stands on no floor")
        if SAYS_NOTHING & set(module.name.split(".")):
            told.append(f"{module.name} has a name that says nothing")
        if module.tree.body and not ast.get_docstring(module.tree):
            told.append(f"{module.name} has no docstring")
        imported = set(imports(module, known))
        graph[module.name] = imported & known.keys()
        told += [f"{module.name} imports {name}" for name in imported if not _may(module, name)]
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        told.append(f"{' <- '.join(error.args[1])} is a cycle")
    return sorted(told)


def _may(module: Module, name: str) -> bool:
    package = module.name.split(".", maxsplit=1)[0]
    root, *inner = name.split(".")
    if root != package:
        if module.room in STANDARD_LIBRARY_ONLY:
            return root in sys.stdlib_module_names
        return module.room == "adapters" or root not in ADAPTERS_ONLY
    room = inner[0] if inner else ""
    return module.room in ROOF or room in MAY_IMPORT.get(module.room, ())


def test_the_package_keeps_the_rules():
    assert violations(PACKAGE) == []


def test_the_whole_package_is_read():
    names = modules(PACKAGE)
    assert {"gateway", "gateway.errors", "gateway.memory.model", "gateway.http.openai"} <= set(
        names
    )
    assert "gateway.memory.model" in imports(names["gateway.memory.ports"], names)


@pytest.fixture
def planted(tmp_path):
    """Violations of a made-up package of these files, each with a docstring."""

    def plant(**files):
        package = tmp_path / "house"
        for name, source in files.items():
            file = package / (name.replace("__", "/") + ".py")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f'"""A module."""\n{source}\n')
        return violations(package)

    return plant


ROOMS = {
    "settings": "import pydantic",
    "errors": "import enum",
    "metrics": "import prometheus_client",
    "memory__model": "from dataclasses import dataclass",
    "memory__rules__facts": "from ...errors import X\nfrom ..model import Y",
    "memory__recall": "from house.memory import model\nfrom house.errors import X",
    "adapters__edge": "import qdrant_edge\nfrom house.memory.model import X\nimport house.settings",
    "adapters__records": "import qdrant_client.models\nfrom house.adapters import edge",
    "http__app": "import starlette\nfrom house.http.tee import X\nfrom house.metrics import Y",
    "http__tee": "import orjson\nfrom house import memory",
    "main": "import uvicorn, house.http.app, house.adapters.edge",
    "cli": "from house.main import run",
}


def test_a_house_that_keeps_the_rules_has_no_violation(planted):
    assert planted(**ROOMS) == []


@pytest.mark.parametrize(
    ("file", "source", "told"),
    [
        ("memory__x", "import orjson", "imports orjson"),
        ("memory__x", "import pydantic.fields", "imports pydantic.fields"),
        ("memory__x", "import house.settings", "imports house.settings"),
        ("memory__x", "from house import metrics", "imports house.metrics"),
        ("memory__x", "from ..http import tee", "imports house.http.tee"),
        ("memory__deep__x", "from ...adapters.edge import E", "imports house.adapters.edge"),
        ("memory__x", "def f():\n    import httpx", "imports httpx"),
        ("memory__x", "if TYPE_CHECKING:\n    import house.main", "imports house.main"),
        ("errors", "import orjson", "imports orjson"),
        ("settings", "from house.memory.model import X", "imports house.memory.model"),
        ("adapters__x", "from house.http import tee", "imports house.http.tee"),
        ("adapters__x", "import house.main", "imports house.main"),
        ("http__x", "from house.adapters import edge", "imports house.adapters.edge"),
        ("http__x", "from house import adapters", "imports house.adapters"),
        ("http__x", "from house.cli import app", "imports house.cli"),
        ("http__x", "import httpx", "imports httpx"),
        ("http__x", "from qdrant_client.models import X", "imports qdrant_client.models"),
        ("main", "import arq.worker", "imports arq.worker"),
        ("metrics", "import aiohttp", "imports aiohttp"),
        ("extra", "", "stands on no floor"),
        ("extra__x", "", "stands on no floor"),
        ("http__utils", "", "has a name that says nothing"),
        ("memory__common__x", "", "has a name that says nothing"),
    ],
)
def test_a_violation_is_told(planted, file, source, told):
    module = "house." + file.replace("__", ".")
    assert planted(**ROOMS | {file: source}) == [f"{module} {told}"]


def test_a_cycle_is_told(planted):
    [sentence] = planted(
        http__a="from house.http import b",
        http__b="def later():\n    from .c import X",
        http__c="import house.http.a",
    )
    assert sentence.endswith(" is a cycle")
    assert set(sentence.split()) >= {"house.http.a", "house.http.b", "house.http.c"}


def test_a_module_without_a_docstring_is_told_and_an_empty_one_is_none(tmp_path):
    package = tmp_path / "house"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "main.py").write_text("import sys\n")
    assert violations(package) == ["house.main has no docstring"]
