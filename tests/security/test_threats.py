"""What else could be taken: by what is installed, by vectors, by operators' pages, by log lines."""

import json
import re
import time
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from gateway.adapters.minilm import MINILM
from gateway.http.description.document import document
from gateway.keys.key import digest_of
from tests import process
from tests.security.supply_chain import components, told, write_sbom
from tests.security.target import ACME, ADMIN, CHAT, MARK, SEARCH, at

pytestmark = pytest.mark.anyio
__all__ = ["at"]

ROOT = Path(__file__).parents[2]
LOCKS = [*ROOT.glob("requirements*.lock"), *(ROOT / "tests" / "clients").glob("*.lock")]


@pytest.mark.security("S13")
@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_package_is_locked_to_a_version_and_its_hashes(lock):
    text = lock.read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]
    assert len(lines) > 5
    for line in lines:
        assert re.match(r"[\w.\[\]-]+==\S+", line), line
        assert "--hash=sha256:" in line, line


@pytest.mark.security("S13")
def test_the_models_files_are_known_by_their_digests():
    digests = re.findall(r"\b[0-9a-f]{64}\b", str(MINILM))
    assert len(digests) >= 2


@pytest.mark.security("S13")
def test_what_is_installed_can_be_listed(tmp_path):
    count = write_sbom(tmp_path / "sbom.json")
    written = json.loads((tmp_path / "sbom.json").read_text())
    assert (written["bomFormat"], len(written["components"])) == ("CycloneDX", count)
    names = {each["name"].lower() for each in components()}
    assert {"starlette", "qdrant-client", "orjson"} <= names


@pytest.mark.security("S13")
def test_known_flaws_are_told_and_that_nobody_could_be_asked_is_too():
    unasked = {"name": "a", "skip_reason": "no answer"}
    flaw = {"id": "PYSEC-1", "fix_versions": ["2"]}
    flawed = {"name": "b", "version": "1", "vulns": [flaw]}
    assert told([unasked]) == "pip-audit skipped: none of 1 packages could be asked about"
    assert told([unasked, flawed]).splitlines() == [
        "pip-audit: 1 known flaws in 1 packages, 1 unknown",
        "b 1: PYSEC-1, mended in ['2']",
    ]


def fields_of(schema: object) -> set[str]:
    if isinstance(schema, list):
        return set().union(*map(fields_of, schema))
    if not isinstance(schema, dict):
        return set()
    own = set(schema.get("properties", {})) if isinstance(schema.get("properties"), dict) else set()
    return own.union(*map(fields_of, schema.values()))


@pytest.mark.security("S14")
def test_no_endpoint_describes_a_vector():
    named = {field for field in fields_of(document()) if re.search("vector|embedding", field)}
    assert named == set()


@pytest.mark.security("S14")
@pytest.mark.parametrize("path", [SEARCH, "/api/openmem/v1/get/memory"])
async def test_no_answer_holds_one(at, path):
    told = {
        "model": "m",
        "user": "ann",
        "messages": [{"role": "user", "content": "I live in Rome."}],
    }
    await at.post(CHAT, told)
    await at.it.learned()
    answer = await at.post(path, {"user_id": "ann", "query": "Where do I live?", "relativity": 0})
    assert "Rome" in answer.text
    assert not re.search(r"(-?0\.\d{3,},\s*){8}", answer.text)


@pytest.mark.security("S16")
@pytest.mark.parametrize("path", ["/metrics", "/v1/admin/keys"])
async def test_what_operators_see_takes_an_operators_key(at, path):
    assert (await at.send("GET", path, key="")).status_code == 401
    assert (await at.send("GET", path)).status_code == 403
    assert (await at.send("GET", path, key=ADMIN)).status_code == 200


@pytest.mark.security("S16")
async def test_no_label_of_a_metric_names_a_project_or_a_user(at):
    for user in ("ann", MARK):
        body = {"model": "m", "user": user, "messages": [{"role": "user", "content": "Hello."}]}
        await at.post(CHAT, body)
    page = (await at.send("GET", "/metrics", key=ADMIN)).text
    assert not re.search(r'"[^"\n]*(?:acme|globex|ann|heron)[^"\n]*"', page)


@pytest.mark.security("S16")
async def test_what_is_open_to_all_tells_nobodys_data(at):
    body = {"model": "m", "user": "ann", "messages": [{"role": "user", "content": MARK}]}
    await at.post(CHAT, body)
    await at.it.learned()
    for path in ("/healthz", "/readyz", "/openapi.json", "/docs"):
        answer = await at.client.get(path)
        assert answer.status_code == 200
        for secret in (MARK, ACME, ADMIN, "acme"):
            assert secret not in answer.text


FORGED = [
    'x\n{"event":"admin key used"}',
    "x\r\nlevel=error",
    "x\x1b[2J\x1b[31m",
    "x\u2028y",
    "x\0y",
]


@pytest.mark.process
@pytest.mark.security("S17")
def test_a_request_is_one_line_of_the_log_whatever_it_holds(
    default_model_folder, tmp_path, record_property
):
    requests = []
    for text in FORGED:
        body = {"model": "m", "messages": [{"role": "user", "content": text}]}
        seen = {"x-user-id": text.encode("unicode_escape").decode()}
        requests += [
            (CHAT, body | {"user": text}, {}),
            (CHAT, body | {"model": text}, {}),
            (CHAT, body, seen),
            (f"/nothing/{quote(text)}?{quote(text)}", body, {}),
        ]
    with process.gateway(tmp_path, default_model_folder.parent, log_level="debug") as gateway:
        for path, body, headers in requests:
            httpx.post(gateway.url + path, json=body, headers=headers, trust_env=False)
    lines = gateway.log.read_text().split("\n")
    events = [json.loads(line) for line in lines if line.startswith("{")]
    asked = [each for each in events if each["event"] == "request" and each["method"] == "POST"]
    assert len(asked) == len(requests)
    assert not [each for each in events if each["event"] == "admin key used"]
    assert not [line for line in lines if "\x1b" in line or "\r" in line or "\0" in line]
    record_property("cases", len(requests))


@pytest.mark.security("S7")
async def test_a_wrong_key_takes_as_long_however_much_of_it_is_right(at):
    """A smoke test, within a millisecond; what is compared are digests, in constant time."""

    keys = (ACME[:-1] + "x", "x" * len(ACME))
    times: dict[str, list[float]] = {key: [] for key in keys}
    for _ in range(60):  # in turn, so that whatever else runs is beside both
        for key in keys:
            begun = time.perf_counter()
            await at.send("GET", "/v1/models", key=key)
            times[key].append(time.perf_counter() - begun)
    near, far = (1000 * min(times[key]) for key in keys)
    assert abs(near - far) < max(1.0, near)
    assert digest_of(ACME[:-1] + "x")[:8] != digest_of(ACME)[:8]
