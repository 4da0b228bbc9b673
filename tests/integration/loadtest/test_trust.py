"""The load test and consumers with private authorities, or that require a client certificate."""

from pathlib import Path

import pytest

from portcall.loadtest.http2.poster import Http2Poster
from portcall.loadtest.plan import Outcome, Planned
from portcall.loadtest.send.poster import Poster
from portcall.loadtest.send.target import ConsumerTarget
from portcall.schemas.records import Failure
from portcall.schemas.trust import Trust
from tests.authorities import Identity, authority, server_context, tls_server
from tests.integration.loadtest.http2_consumer import serve_http2
from tests.integration.loadtest.test_command import QUICK, loadtest
from tests.sink import eventually

CA = authority()
SERVER = CA.issue()
CLIENT = CA.issue("loadtest")


def trust(client: Identity | None = CLIENT) -> Trust:
    return Trust(CA.pem, client.pem, client.key_pem) if client else Trust(CA.pem)


async def asked(poster: Poster) -> Outcome:
    async with poster:
        return await poster.ask(Planned(0.0, "msg_A", "push", b"{}", sign=lambda _: ()))


async def test_a_client_certificate_is_shown(tmp_path: Path) -> None:
    with tls_server(server_context(tmp_path, SERVER, clients=CA)) as server:
        target = ConsumerTarget.of(server.url, {})
        outcome = await asked(Poster(target, timeout_s=5, trust=trust()))
        assert outcome.status == 200, outcome.message
        outcome = await asked(Poster(target, timeout_s=5, trust=trust(None)))
        assert outcome.message == "the server requires a client certificate"
        outcome = await asked(Poster(target, timeout_s=5))
        assert "unknown certificate authority" in outcome.message
        shown = Trust("", CLIENT.pem, CLIENT.key_pem)
        outcome = await asked(Poster(target, timeout_s=5, verify=False, trust=shown))
        assert outcome.status == 200, outcome.message
    assert len(server.clients) == 2


@pytest.mark.parametrize("client", [CLIENT, None], ids=["shown", "not-shown"])
async def test_over_http2_too(tmp_path: Path, client: Identity | None) -> None:
    context = server_context(tmp_path, SERVER, clients=CA)
    context.set_alpn_protocols(["h2"])
    found: list[Outcome] = []
    planned = Planned(0.0, "msg_A", "push", b"{}", sign=lambda _: ())
    async with serve_http2(context) as consumer:
        poster = Http2Poster(ConsumerTarget.of(consumer.uri, {}), timeout_s=5, trust=trust(client))
        async with poster:
            poster.post(planned, found.append)
            await eventually(lambda: bool(found), within_s=10, what="an outcome")
    assert (found[0].status, found[0].failure is Failure.NONE) == (
        (200, True) if client else (0, False)
    )


async def test_the_command_takes_them(tmp_path: Path) -> None:
    files = {"ca": CA.pem, "cert": CLIENT.pem, "key": CLIENT.key_pem}
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    named = [f"--ca-file={tmp_path / 'ca'}", f"--client-cert={tmp_path / 'cert'}"]
    report = tmp_path / "report.json"
    with tls_server(server_context(tmp_path, SERVER, clients=CA)) as server:
        code, _, err = await loadtest(
            "--uri", server.url, *QUICK, *named, f"--client-key={tmp_path / 'key'}",
            "-o", f"json={report}",
        )  # fmt: skip
        assert code == 0, err
        assert len(server.requests) == 25
        code, _, err = await loadtest("--uri", server.url, *QUICK, *named)
        assert (code, "--client-key is missing" in err) == (2, True)
    key_lines = CLIENT.key_pem.splitlines()[1:-1]
    assert not any(line in report.read_text() for line in key_lines)
