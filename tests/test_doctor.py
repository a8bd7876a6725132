"""The doctor says of each part whether it works, how to mend what does not, and changes nothing."""

import asyncio
import base64
import json
import os
import ssl
import subprocess
import sys

import pytest

from gateway.adapters.edge import EdgeStore
from gateway.adapters.minilm import MODEL
from gateway.adapters.qdrant import QdrantStore, server_client
from gateway.adapters.qdrant_collections import Layout
from gateway.adapters.sealing import Seal
from gateway.doctor.folder import disk
from gateway.doctor.qdrant import check_qdrant
from gateway.doctor.running import Running, running_gateway
from gateway.doctor.spooled import spool
from gateway.doctor.upstreams import check_upstreams
from gateway.metrics import Metrics
from gateway.settings import Settings
from tests import process
from tests.cross_encoder import MODEL as RERANKER
from tests.cross_encoder import make_cross_encoder
from tests.deployment.proxies import certificate
from tests.qdrant_process import qdrant
from tests.scripted_upstream import says_hello, scripted_upstream
from tests.served import served

pytestmark = [pytest.mark.anyio, pytest.mark.process]

KEY = "sk-secret-of-the-upstream"
OURS = "team:secret-of-a-client"


@pytest.fixture(name="cache")
def _cache(default_model_folder):
    return default_model_folder.parent.parent


@pytest.fixture(name="doctor")
def _doctor(tmp_path, cache):
    """Runs it with these settings: its exit code, its findings by part, and all that it wrote."""

    async def run(*, json_wanted=True, **settings: str):
        port = settings.pop("port", None) or str(process.free_port())
        given = {"data_dir": str(tmp_path / "data"), "cache_dir": str(cache), "port": port}
        environment = {k: v for k, v in os.environ.items() if not k.startswith("OPENAI_")}
        environment |= {f"GATEWAY_{k.upper()}": v for k, v in (given | settings).items()}
        child = await asyncio.create_subprocess_exec(
            *(
                sys.executable,
                "-m",
                "gateway",
                "doctor",
                "--patience=30",
                *(["--json"] if json_wanted else []),
            ),
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        told, complained = await child.communicate()
        written = (told + complained).decode()
        if not json_wanted:
            return child.returncode, {}, written
        report = json.loads(told)
        assert report["ok"] is (child.returncode == 0)
        return child.returncode, {part["part"]: part for part in report["parts"]}, written

    return run


@pytest.fixture
def made(tmp_path):
    """A data folder that a gateway has made."""
    EdgeStore.open(tmp_path / "data", model=MODEL, dimension=384).close()
    return tmp_path / "data"


async def test_a_gateway_that_has_never_run_is_well_and_stays_unmade(doctor, tmp_path):
    code, found, _ = await doctor()
    assert code == 0
    assert {part: finding["state"] for part, finding in found.items()} == {
        "settings": "ok",
        "gateway": "note",
        "upstream": "note",
        "embedding model": "ok",
        "store": "note",
        "workers": "ok",
        "spool": "ok",
        "disk": "ok",
    }
    assert "offline model" in found["upstream"]["says"]
    assert not (tmp_path / "data").exists()


@pytest.mark.usefixtures("made")
async def test_a_store_that_is_there_is_opened_and_counted(doctor):
    code, found, _ = await doctor()
    assert code == 0
    assert found["store"]["state"] == "ok"
    assert "0 memories of 0 turns" in found["store"]["says"]


async def test_a_setting_that_is_wrong_is_named(doctor):
    code, found, _ = await doctor(prot="80")
    assert code == 1
    assert found.keys() == {"settings"}
    assert "GATEWAY_PROT" in found["settings"]["says"]


async def test_a_person_gets_one_screen_with_what_to_do_and_no_secret(doctor):
    code, _, screen = await doctor(
        json_wanted=False,
        upstream_base_url="http://127.0.0.1:1/v1",
        upstream_api_key=KEY,
        api_keys=OURS,
    )
    assert code == 1
    assert KEY not in screen
    assert "secret-of-a-client" not in screen
    assert "cannot be reached" in screen
    assert "->" in screen
    assert len(screen.splitlines()) < 24


# The upstream


async def examined(**settings):
    return await check_upstreams(Settings(**settings), 2)


async def test_an_upstream_that_answers_is_asked_for_its_models_and_nothing_else():
    async with scripted_upstream() as upstream:
        [found] = await examined(upstream_base_url=upstream.url, upstream_api_key=KEY)
    assert found.state == "ok"
    [asked] = upstream.received
    assert (asked.method, asked.path) == ("GET", "/v1/models")
    assert asked.header("authorization") == f"Bearer {KEY}"


async def test_an_upstream_that_is_not_there_is_told():
    [found] = await examined(upstream_base_url=f"http://127.0.0.1:{process.free_port()}/v1")
    assert found.state == "wrong"
    assert "cannot be reached" in found.says


async def test_a_name_that_is_not_known_is_told():
    [found] = await examined(upstream_base_url="http://nowhere.invalid/v1")
    assert found.state == "wrong"
    assert "name is not known" in found.says


@pytest.mark.parametrize(
    ("status", "key", "state", "says"),
    [
        (401, KEY, "wrong", "does not take the key (401)"),
        (403, KEY, "wrong", "does not take the key (403)"),
        (401, "", "note", "each client has to send its own"),
        (404, KEY, "wrong", "no list of models"),
        (500, KEY, "wrong", "answers with 500"),
        (302, KEY, "wrong", "sends elsewhere"),
    ],
)
async def test_an_upstream_that_refuses_is_told_by_how_it_does(status, key, state, says):
    async def script(exchange):
        await exchange.json({}, status=status)

    async with scripted_upstream(script) as upstream:
        [found] = await examined(upstream_base_url=upstream.url, upstream_api_key=key)
    assert found.state == state
    assert says in found.says
    assert KEY not in found.says + found.mend


async def test_an_upstream_that_is_silent_is_waited_for_two_seconds():
    async def script(exchange):
        await exchange.closed.wait()

    async with scripted_upstream(script) as upstream:
        [found] = await examined(upstream_base_url=upstream.url)
    assert found.state == "wrong"
    assert "does not answer within 2 s" in found.says


async def test_an_upstream_that_is_slow_is_noted():
    async def script(exchange):
        await asyncio.sleep(1.2)  # the fault is the time itself
        await says_hello(exchange)

    async with scripted_upstream(script) as upstream:
        [found] = await examined(upstream_base_url=upstream.url)
    assert found.state == "note"
    assert "takes 1." in found.says


async def test_a_certificate_that_is_not_trusted_is_told(tmp_path):
    (tmp_path / "ca").mkdir()
    certificate(tmp_path / "ca")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls = tmp_path / "ca" / "tls"
    context.load_cert_chain(tls / "memory-gateway.crt", tls / "memory-gateway.key")
    server = await asyncio.start_server(
        lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=context
    )
    async with server:
        port = server.sockets[0].getsockname()[1]
        [found] = await examined(upstream_base_url=f"https://127.0.0.1:{port}/v1")
    assert found.state == "wrong"
    assert "certificate" in found.says


async def test_tls_to_a_server_that_has_none_is_told():
    async def refuse(reader, writer):
        await reader.read(100)
        writer.write(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        [found] = await examined(upstream_base_url=f"https://127.0.0.1:{port}/v1")
    assert found.state == "wrong"
    assert "does not speak TLS" in found.says


async def test_each_of_several_upstreams_has_a_line(tmp_path, monkeypatch):
    async with scripted_upstream() as upstream:
        file = tmp_path / "gateway.toml"
        file.write_text(
            f'[[upstreams]]\nname = "near"\nbase_url = "{upstream.url}"\n'
            f'[[upstreams]]\nname = "far"\nbase_url = "http://127.0.0.1:1/v1"\n'
        )
        monkeypatch.setenv("GATEWAY_CONFIG", str(file))
        found = await examined()
    assert {each.part: each.state for each in found} == {
        "upstream near": "ok",
        "upstream far": "wrong",
    }


async def test_openai_s_key_goes_to_none_of_several_upstreams(tmp_path, monkeypatch):
    async with scripted_upstream() as upstream:
        file = tmp_path / "gateway.toml"
        file.write_text(f'[[upstreams]]\nname = "near"\nbase_url = "{upstream.url}"\n')
        monkeypatch.setenv("GATEWAY_CONFIG", str(file))
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        await examined()
    assert upstream.last.header("authorization") is None


async def test_the_server_of_the_model_that_reads_turns_has_a_line_if_it_is_another():
    async with scripted_upstream() as chats:
        found = await examined(
            upstream_base_url=chats.url,
            extraction_model="m",
            extraction_base_url="http://127.0.0.1:1/v1",
        )
    assert [(each.part, each.state) for each in found] == [
        ("upstream", "ok"),
        ("extraction model", "wrong"),
    ]


async def test_a_password_in_a_url_is_not_printed():
    [found] = await examined(upstream_base_url="http://ann:hunter2@127.0.0.1:1/v1")
    assert found.state == "wrong"
    assert "hunter2" not in found.says + found.mend


# The embedding model and the data folder


@pytest.mark.usefixtures("made")
async def test_a_model_that_is_not_there_is_not_downloaded(doctor, tmp_path):
    code, found, _ = await doctor(cache_dir=str(tmp_path / "empty"))
    assert code == 0
    assert found["embedding model"]["state"] == found["store"]["state"] == "note"
    assert not (tmp_path / "empty").exists()


async def test_a_folder_without_a_model_s_files_is_told(doctor, tmp_path):
    (tmp_path / "model").mkdir()
    code, found, _ = await doctor(
        embedding_source="folder", embedding_folder=str(tmp_path / "model")
    )
    assert code == 1
    assert found["embedding model"]["state"] == "wrong"
    assert "model.onnx" in found["embedding model"]["mend"]


async def test_a_store_of_another_model_is_told_by_both_names(doctor, tmp_path):
    EdgeStore.open(tmp_path / "data", model="BAAI/bge-small-en-v1.5", dimension=384).close()
    code, found, _ = await doctor()
    assert code == 1
    assert "BAAI/bge-small-en-v1.5" in found["store"]["says"]
    assert MODEL in found["store"]["says"]


async def test_a_sealed_store_without_its_key_is_told_and_with_another_first_is_left_alone(
    doctor, tmp_path
):
    old, new = b"o" * 32, b"n" * 32
    folder = tmp_path / "data"
    EdgeStore.open(folder, model=MODEL, dimension=384, seal=Seal([old])).close()
    code, found, _ = await doctor()
    assert code == 1
    for said in ("says", "mend"):
        assert "GATEWAY_ENCRYPTION_KEY" in found["store"][said]
    both = ",".join(base64.b64encode(key).decode() for key in (new, old))
    code, found, _ = await doctor(encryption_key=both)
    assert (code, found["store"]["state"]) == (0, "ok")
    EdgeStore.open(folder, model=MODEL, dimension=384, seal=Seal([old])).close()  # needs no new one


async def test_a_store_whose_files_are_spoilt_is_told(doctor, made):
    for file in (made / "memories").rglob("*"):
        if file.is_file():
            file.write_bytes(b"spoilt")
    code, found, _ = await doctor()
    assert code == 1
    assert found["store"]["state"] == "wrong"


async def test_a_file_where_the_folder_should_be_is_told(tmp_path):
    (tmp_path / "file").touch()
    found = disk(Settings(data_dir=tmp_path / "file"))
    assert found.state == "wrong"
    assert "cannot be written" in found.says


# A Qdrant server


async def look(url: str, **settings):
    return await check_qdrant(Settings(qdrant_url=url, **settings), 384, 5)


async def test_a_server_with_nothing_in_it_is_noted_and_stays_so():
    with qdrant() as server:
        found = [await look(server.url) for _ in range(2)]
    assert [each.state for each in found] == ["note", "note"]
    assert "nothing is kept there yet" in found[1].says


async def test_a_server_that_a_gateway_uses_is_counted_and_its_model_checked():
    with qdrant() as server:
        store = QdrantStore(
            server_client(server.url),
            Layout(prefix="memory-gateway-"),
            model=MODEL,
            dimension=384,
            metrics=Metrics(),
        )
        await store.start()
        await store.aclose()
        good = await look(server.url)
        bad = await look(server.url, embedding_model="BAAI/bge-small-en-v1.5")
    assert good.state == "ok"
    assert "0 memories" in good.says
    assert bad.state == "wrong"
    assert MODEL in bad.says
    assert "bge-small" in bad.says


async def test_a_server_s_key_is_told_when_it_is_wrong_and_never_printed():
    with qdrant("--api-key", "right-key") as server:
        found = await look(server.url, qdrant_api_key="wrong-key")
    assert found.state == "wrong"
    assert "unauthorised" in found.says
    assert "GATEWAY_QDRANT_API_KEY" in found.mend
    assert "wrong-key" not in found.says + found.mend


async def test_a_server_that_is_down_or_frozen_is_told():
    with qdrant() as server:
        server.freeze()
        frozen = await check_qdrant(Settings(qdrant_url=server.url), 384, 0.5)
        server.thaw()
    down = await look(server.url)
    assert frozen.state == down.state == "wrong"
    assert "timeout" in frozen.says
    assert "unreachable" in down.says


async def test_what_is_no_qdrant_is_told():
    async def script(exchange):
        await exchange.json({"detail": "Not Found"}, status=404)

    async with scripted_upstream(script) as other:
        found = await look(other.url)
    assert found.state == "wrong"
    assert "6333" in found.mend


# The spool


def test_turns_that_wait_are_told_and_a_spool_that_is_nearly_full_is_wrong(tmp_path):
    (tmp_path / "spool").mkdir()
    (tmp_path / "spool" / "a.spool").write_bytes(b"x" * 1000)
    waiting = spool(Settings(data_dir=tmp_path), Running("here"))
    full = spool(Settings(data_dir=tmp_path, spool_max_bytes=1100), Running("here"))
    assert (waiting.state, full.state) == ("note", "wrong")
    assert "a start replays them" in waiting.mend


# A gateway that runs


async def test_a_gateway_that_runs_on_the_folder_speaks_for_it(doctor, cache, tmp_path):
    with process.gateway(tmp_path, cache) as gateway:
        port = gateway.url.rpartition(":")[2]
        code, found, _ = await doctor(port=port)
    assert code == 0
    assert found["gateway"]["state"] == found["store"]["state"] == "ok"
    assert "held by the gateway that runs" in found["store"]["says"]


async def test_a_folder_that_something_else_holds_is_told(doctor, cache, tmp_path):
    with process.gateway(tmp_path, cache):
        code, found, _ = await doctor()  # asks another port than the gateway's
    assert code == 1
    assert found["store"]["state"] == "wrong"
    assert "in use by another process" in found["store"]["says"]
    assert "GATEWAY_PORT" in found["store"]["mend"]


async def test_what_is_no_gateway_is_not_taken_for_one():
    async def script(exchange):
        await exchange.json({"status": "ok"})

    async with scripted_upstream(script) as upstream:
        port = int(upstream.url.split(":")[2].removesuffix("/v1"))
        found = (await running_gateway(Settings(port=port), 2)).finding
    assert found.state == "note"


async def test_a_gateway_that_does_without_its_store_is_told_with_the_part_that_fails():
    async def health():
        return {"store": "failing", "queue": "ok"}

    async with served(health=health) as it:
        found = (await running_gateway(Settings(port=int(it.url.rpartition(":")[2])), 2)).finding
    assert found.state == "wrong"
    assert "degraded (store: failing)" in found.says


async def test_a_reranker_is_looked_at_where_one_is_set(doctor, made, tmp_path):
    make_cross_encoder(tmp_path / "reranker", "word")
    sound = {"reranker_model": RERANKER, "reranker_source": "folder"}
    code, parts, _ = await doctor(**sound, reranker_folder=str(tmp_path / "reranker"))
    assert code == 0
    assert parts["reranker"]["state"] == "ok"
    assert parts["store"]["state"] == "ok"
    code, parts, _ = await doctor(**sound, reranker_folder=str(made))
    assert code == 1
    assert parts["reranker"]["state"] == "wrong"
    assert "GATEWAY_RERANKER_FOLDER" in parts["reranker"]["mend"]
    assert parts["embedding model"]["state"] == "ok"
