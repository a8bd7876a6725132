"""Nothing is fetched but what the gateway may, and nothing from within: a canary tells."""

import asyncio
import ipaddress
import tempfile

import httpx
import pytest

from gateway.adapters.fetching import REDIRECTS, GuardedFetcher, is_public
from gateway.errors import FetchError
from tests import document_files as files
from tests.served import served

pytestmark = [pytest.mark.anyio, pytest.mark.security("B14"), pytest.mark.security("S8")]

HERE = "localhost"  # resolves to this machine, whatever is set up


class Canary:
    """A web server on this machine that remembers who asked it for what."""

    def __init__(self):
        self.asked: list[str] = []
        self.connections = 0
        self.answers: dict[str, bytes] = {}
        self.port = 0

    async def serve(self, reader, writer):
        self.connections += 1
        head = await reader.readuntil(b"\r\n\r\n")
        self.asked.append(head.decode("latin-1"))
        path = head.split()[1].decode()
        writer.write(self.answers.get(path, b"HTTP/1.1 404 No\r\ncontent-length: 0\r\n\r\n"))
        await writer.drain()
        writer.close()

    def tells(self, path, body=b"", *, status="200 OK", length=True, **headers):
        lines = [f"HTTP/1.1 {status}", *(f"{k.replace('_', '-')}: {v}" for k, v in headers.items())]
        lines += [f"content-length: {len(body)}"] if length else []
        self.answers[path] = "\r\n".join([*lines, "", ""]).encode() + body

    @property
    def paths(self):
        return [each.split()[1] for each in self.asked]


@pytest.fixture(name="canary")
async def _canary():
    canary = Canary()
    server = await asyncio.start_server(canary.serve, "127.0.0.1", 0)
    canary.port = server.sockets[0].getsockname()[1]
    async with server:
        yield canary


async def fetched(fetcher, url, most=1000):
    with tempfile.TemporaryFile() as file:
        media = await fetcher.fetch(url, file, most=most)
        file.seek(0)
        return media, file.read()


async def refused(fetcher, url, **more):
    with pytest.raises(FetchError) as error:
        await fetched(fetcher, url, **more)
    return str(error.value)


def trusting(canary, *hosts, **more):
    """A fetcher for which this machine is out there, so that what is allowed can be tried."""
    return GuardedFetcher(hosts or (HERE,), permitted=lambda _: True, ports=(canary.port,), **more)


# By default


ADDRESSES = [
    "http://{here}/x",
    "http://localhost:{port}/x",
    "http://127.1:{port}/x",
    "http://2130706433:{port}/x",
    "http://0x7f000001:{port}/x",
    "http://0177.0.0.1:{port}/x",
    "http://0:{port}/x",
    "http://0.0.0.0:{port}/x",
    "http://[::1]:{port}/x",
    "http://[::ffff:127.0.0.1]:{port}/x",
    "http://[64:ff9b::7f00:1]:{port}/x",
    "http://user:secret@{here}/x",
    "http://example.com@{here}/x",
    "HTTP://{here}/x",
    "https://{here}/x",
    "ftp://{here}/x",
    "gopher://{here}/x",
    "dict://{here}/x",
    "file:///etc/passwd",
    "file://{here}/etc/passwd",
    "http://169.254.169.254/latest/meta-data/",
    "http://metadata.google.internal/",
    "http://10.0.0.1/",
    "http://100.64.0.1/",
    "http://192.168.0.1/",
    "http://[fe80::1%25lo]/",
    "http://[fc00::1]/",
    "  http://{here}/x\n",
]


@pytest.mark.parametrize("allow", ["", "example.com", "*.example.com,example.com"])
async def test_no_address_as_a_files_content_is_fetched(canary, allow):
    async with served(fetch_allow=allow) as it, httpx.AsyncClient(trust_env=False) as client:
        api = f"{it.url}/api/openmem/v1"
        made = await client.post(f"{api}/create/knowledgebase", json={"knowledgebase_name": "b"})
        base = {"knowledgebase_id": made.json()["data"]["id"]}
        for address in ADDRESSES:
            url = address.format(here=f"127.0.0.1:{canary.port}", port=canary.port)
            for name in ("", "x.pdf", "x.txt"):
                body = base | {"file": [{"name": name, "content": url}]}
                response = await client.post(f"{api}/add/knowledgebase-file", json=body)
                assert response.status_code == 400, (url, response.text)
                assert response.json()["code"] == 40000
                assert "secret" not in response.text
        listed = await client.post(f"{api}/get/knowledgebase-file", json=base)
        assert listed.json()["data"]["total"] == 0
    assert (canary.connections, canary.asked) == (0, [])


async def test_a_text_that_only_mentions_an_address_is_a_text(canary):
    text = f"See http://127.0.0.1:{canary.port}/x for more."
    async with served() as it, httpx.AsyncClient(trust_env=False) as client:
        api = f"{it.url}/api/openmem/v1"
        made = await client.post(f"{api}/create/knowledgebase", json={"knowledgebase_name": "b"})
        body = {"knowledgebase_id": made.json()["data"]["id"], "file": [{"content": text}]}
        response = await client.post(f"{api}/add/knowledgebase-file", json=body)
        assert response.json()["code"] == 0
    assert canary.connections == 0


# Where a host is allowed


@pytest.mark.parametrize("host", ["127.0.0.1", HERE, "127.1", "2130706433", "0x7f000001", "[::1]"])
async def test_an_allowed_host_that_is_this_machine_is_not_fetched_from(canary, host):
    fetcher = GuardedFetcher([host.strip("[]")], ports=(canary.port,))
    told = await refused(fetcher, f"http://{host}:{canary.port}/x")
    assert "public" in told or "allowed" in told
    assert canary.connections == 0


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",  # noqa: S104  an address to refuse
        *("10.1.2.3", "100.64.0.1", "127.0.0.1", "169.254.169.254", "172.16.0.1"),
        *("192.0.2.1", "192.168.1.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"),
        *("::", "::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::", "fc00::1", "fe80::1"),
        *("fe80::1%lo", "ff02::1", "2001:db8::1", "2001::1", "::7f00:1"),
    ],
)
def test_what_is_not_out_there_is_no_public_address(address):
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.216.34", "2606:4700::1111"])
def test_what_is_out_there_is_a_public_address(address):
    assert is_public(ipaddress.ip_address(address))


class Names:
    """Names that resolve as a test says: to the first list, then to the next."""

    def __init__(self, **names):
        self.names = {name.replace("_", "."): iter(lists) for name, lists in names.items()}
        self.asked: list[str] = []

    async def __call__(self, host):
        self.asked.append(host)
        return next(self.names[host.rstrip(".")])


async def test_a_host_of_several_addresses_must_have_public_ones_alone(canary):
    names = Names(mixed_example=[["93.184.216.34", "127.0.0.1"]])
    fetcher = GuardedFetcher(["mixed.example"], ports=(canary.port,), resolve=names)
    assert "public" in await refused(fetcher, f"http://mixed.example:{canary.port}/x")
    assert canary.connections == 0


async def test_a_host_is_resolved_once_and_connected_to_where_it_was_looked_at(canary):
    """At a second question it would be somewhere else."""
    names = Names(turns_example=[["127.0.0.1"], ["192.0.2.1"]])
    canary.tells("/x", b"Hello.", content_type="text/plain")
    fetcher = trusting(canary, "turns.example", resolve=names)
    got = await fetched(fetcher, f"http://turns.example:{canary.port}/x")
    assert got == ("text/plain", b"Hello.")
    assert names.asked == ["turns.example"]
    assert f"Host: turns.example:{canary.port}" in canary.asked[0]


async def test_what_is_fetched_carries_nothing_of_ours(canary):
    canary.tells("/x?a=1", b"Hello.", set_cookie="a=b")
    fetcher = trusting(canary)
    for _ in range(2):
        await fetched(fetcher, f"http://{HERE}:{canary.port}/x?a=1#part")
    assert canary.paths == ["/x?a=1"] * 2
    for head in canary.asked:
        names = {line.partition(":")[0].lower() for line in head.split("\r\n")[1:] if line}
        assert names == {"host", "accept", "accept-encoding", "user-agent", "connection"}


async def test_hosts_are_allowed_by_name_or_within_a_domain(canary):
    hosts = ("a.example", "A.EXAMPLE.", "x.b.example", "y.x.b.example")
    names = Names(**{host.lower().rstrip("."): [["127.0.0.1"]] * 2 for host in hosts})
    canary.tells("/x", b"Hello.")
    fetcher = trusting(canary, "A.example", "*.b.example", resolve=names)
    for host in hosts:
        await fetched(fetcher, f"http://{host}:{canary.port}/x")
    before = canary.connections
    for host in ("x.a.example", "b.example", "xb.example", "a.example.evil", "evil"):
        assert "allowed" in await refused(fetcher, f"http://{host}:{canary.port}/x")
    assert canary.connections == before


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("https://localhost:{port}/x y", "malformed"),
        ("http://localhost:{port}/\\x", "malformed"),
        ("http://localhost:99999/", "malformed"),
        ("http://[::1/", "malformed"),
        ("http://localhost:{port}/" + "x" * 2000, "malformed"),
        ("http:///x", "allowed"),
        ("ftp://localhost:{port}/x", "http"),
        ("http://ann@localhost:{port}/x", "password"),
        ("http://ann:secret@localhost:{port}/x", "password"),
        ("http://localhost:22/x", "port"),
        ("http://localhost/x", "port"),
    ],
)
async def test_an_address_that_is_not_plain_is_refused_before_anything_is_asked(canary, url, told):
    fetcher = trusting(canary)
    assert told in await refused(fetcher, url.format(port=canary.port))
    assert canary.connections == 0


async def test_so_many_redirects_are_followed_each_looked_at_anew(canary):
    names = Names(
        one_example=[["127.0.0.1"]] * 9, two_example=[["127.0.0.1"]], inside_example=[["10.0.0.1"]]
    )

    def guarded(*hosts):
        return GuardedFetcher(
            hosts,
            permitted=lambda address: address == ipaddress.ip_address("127.0.0.1"),
            ports=(canary.port,),
            resolve=names,
        )

    start = f"http://one.example:{canary.port}"
    for step in range(REDIRECTS + 1):
        canary.tells(f"/{step}", status="302 Found", location=f"/{step + 1}")
    canary.tells(f"/{REDIRECTS + 1}", b"There.")
    assert (await fetched(guarded("one.example"), f"{start}/1"))[1] == b"There."
    assert "redirects" in await refused(guarded("one.example"), f"{start}/0")
    elsewhere = {
        "/other": (f"http://two.example:{canary.port}/x", "allowed"),
        "/inside": (f"http://inside.example:{canary.port}/x", "public"),
        "/literal": (f"http://169.254.169.254:{canary.port}/x", "allowed"),
        "/scheme": ("file:///etc/passwd", "http"),
        "/login": (f"http://a:b@one.example:{canary.port}/x", "password"),
        "/port": ("http://one.example:1/x", "port"),
        "/rubbish": ("http://[", "malformed"),
    }
    for path, (location, told) in elsewhere.items():
        canary.tells(path, status="307 Moved", location=location)
        fetcher = guarded("one.example", "inside.example")
        names.names["one.example"] = iter([["127.0.0.1"]] * 9)
        assert told in await refused(fetcher, start + path)
    assert "/x" not in canary.paths
    assert "two.example" not in names.asked


async def test_so_much_is_fetched_and_no_more_declared_or_not(canary):
    for length in (True, False):
        canary.tells("/x", b"x" * 1001, length=length)
        url = f"http://{HERE}:{canary.port}/x"
        assert "1000 bytes" in await refused(trusting(canary), url)
        canary.tells("/x", b"x" * 1000, length=length)
        assert (await fetched(trusting(canary), url))[1] == b"x" * 1000


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n", "500"),
        (b"HTTP/1.1 206 Part\r\ncontent-length: 0\r\n\r\n", "206"),
        (b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 1\r\n\r\nx", "compressed"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx", "could not be fetched"),
        (b"garbage\r\n\r\n", "could not be fetched"),
        (b"", "could not be fetched"),
    ],
)
async def test_an_answer_that_is_not_whole_and_plain_is_refused(canary, answer, told):
    canary.answers["/x"] = answer
    assert told in await refused(trusting(canary), f"http://{HERE}:{canary.port}/x")


async def test_an_address_that_answers_too_slowly_is_given_up():
    async def silent(reader, writer):
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        fetcher = GuardedFetcher([HERE], permitted=lambda _: True, ports=(port,), wait=0.1)
        assert "too long" in await refused(fetcher, f"http://{HERE}:{port}/x")
        server.close()
        await server.wait_closed()


async def test_a_file_at_an_allowed_address_is_added_like_any_other(canary):
    canary.tells("/files/leave%20rules.txt", b"Annual leave is 30 days.")
    canary.tells("/report", files.pdf("Reports come in May."), content_type="application/pdf")
    async with (
        served(fetcher=trusting(canary)) as it,
        httpx.AsyncClient(trust_env=False) as client,
    ):
        api = f"{it.url}/api/openmem/v1"
        made = await client.post(f"{api}/create/knowledgebase", json={"knowledgebase_name": "b"})
        here = f"http://{HERE}:{canary.port}"
        given = [{"content": f"{here}/files/leave%20rules.txt"}, {"content": f"{here}/report"}]
        body = {"knowledgebase_id": made.json()["data"]["id"], "file": given}
        added = (await client.post(f"{api}/add/knowledgebase-file", json=body)).json()["data"]
        names = ["leave rules.txt", "report"]
        assert [file["name"] for file in added] == names
        assert "failed" not in [file["status"] for file in added]
        given = [{"content": f"{here}/nothing"}]
        refused = await client.post(f"{api}/add/knowledgebase-file", json=body | {"file": given})
        assert (refused.status_code, refused.json()["code"]) == (400, 40000)
