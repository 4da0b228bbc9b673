"""What sources send: the proof first, then the body, then an answer that each sender takes."""

import asyncio
import hashlib
import hmac
import json
from contextlib import suppress
from io import BytesIO
from typing import Any

import pytest
from aiohttp import ClientSession, encode_basic_auth

from portcall.producer.http.bodies import Bodies
from portcall.producer.sources.adapter import MAX_BODY_BYTES
from portcall.runtime.errors import BrokerError
from portcall.schemas.extras import Extras
from portcall.schemas.sources import DEFAULT_PROOFS, Proof, Source, SourceKind
from tests.integration.producing import Served, Sink, served
from tests.issuing import claims, rsa_signer

SECRET = "it-is-a-secret-of-the-tests"  # noqa: S105
PUSH = {
    "id": "1",
    "timestamp": "2026-05-02T09:04:05Z",
    "action": "push",
    "target": {"repository": "shop/cart", "tag": "2.0.1", "digest": "sha256:" + "1f" * 32},
}
BODY = json.dumps(PUSH).encode()


def source(kind: SourceKind, proof: Proof | None = None, **values: Any) -> Source:  # noqa: ANN401
    wanted = {"name": "here", "secrets": (SECRET,), "options": {}} | values
    return Source(
        registry="myregistry",
        kind=kind,
        proof=proof or DEFAULT_PROOFS[kind],
        **wanted,
    )


def signed(body: bytes, secret: str = SECRET) -> str:
    return hmac.digest(secret.encode(), body, hashlib.sha256).hex()


async def post(
    at: Served,
    body: bytes | BytesIO = BODY,
    headers: dict[str, str] | None = None,
    path: str = "here",
) -> tuple[int, Any]:
    async with (
        ClientSession(at.url) as client,
        client.post(f"/registries/MyRegistry/sources/{path}", data=body, headers=headers) as answer,
    ):
        return answer.status, await answer.json()


PROOFS = [
    pytest.param(
        source(SourceKind.ACR), {"Authorization": f"Bearer {SECRET}"}, "here", id="bearer"
    ),
    pytest.param(
        source(SourceKind.ACR, Proof.AUTHORIZATION),
        {"Authorization": SECRET},
        "here",
        id="verbatim",
    ),
    pytest.param(
        source(SourceKind.ACR, Proof.BASIC),
        {"Authorization": encode_basic_auth("portcall", SECRET)},
        "here",
        id="basic",
    ),
    pytest.param(
        source(SourceKind.ACR, Proof.HEADER, options={"header": "X-Key"}),
        {"X-Key": SECRET},
        "here",
        id="header",
    ),
    pytest.param(source(SourceKind.ACR, Proof.PATH), {}, f"here/{SECRET}", id="path"),
    pytest.param(
        source(SourceKind.ACR, Proof.HMAC_SHA256, options={"header": "X-Sig", "prefix": "sha256="}),
        {"X-Sig": f"sha256={signed(BODY)}"},
        "here",
        id="HMAC",
    ),
]


@pytest.mark.parametrize(("one", "headers", "path"), PROOFS)
async def test_each_proof_lets_its_sender_in_and_nobody_else(
    one: Source, headers: dict[str, str], path: str
) -> None:
    sink = Sink()
    async with served(sink.publish, sources=[one]) as at:
        assert await post(at, path=path, headers=headers) == (200, {"accepted": 1, "ignored": 0})
        wrong = {name: f"{value[:-1]}x" for name, value in headers.items()}
        status, answer = await post(
            at,
            path="here/a-wrong-secret" if not headers else path,
            headers=wrong,
        )
        assert (status, answer["error"]["code"]) == (401, "Unauthorized")
        assert SECRET not in json.dumps(answer)
        status, _ = await post(at, path="here")
        assert status == 401
        logs = json.dumps(at.logs, default=str)
    assert len(sink.events) == 1
    assert SECRET not in logs


async def test_the_previous_secret_is_accepted_until_its_time() -> None:
    two, sink = ("a-newer-secret-of-it", SECRET), Sink()
    now = source(SourceKind.ACR, secrets=two, previous_until_ms=4_102_444_800_000)
    over = source(SourceKind.ACR, secrets=two, previous_until_ms=1)
    for one, expected in ((now, 200), (over, 401)):
        async with served(sink.publish, sources=[one]) as at:
            status, _ = await post(at, headers={"Authorization": f"Bearer {SECRET}"})
            assert status == expected


async def test_a_bad_proof_never_reads_the_body() -> None:
    """The sender announces a body, and waits to be asked for it."""
    async with served(Sink().publish, sources=[source(SourceKind.ACR)]) as at:
        reader, writer = await asyncio.open_connection("127.0.0.1", at.port)
        writer.write(
            b"POST /registries/myregistry/sources/here HTTP/1.1\r\nHost: x\r\n"
            b"Expect: 100-continue\r\nContent-Length: 100000\r\n\r\n"
        )
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        writer.close()
        assert head.startswith(b"HTTP/1.1 401")


SIGNED = source(SourceKind.ACR, Proof.HMAC_SHA256, options={"header": "X-Sig"})
ENDLESS = (
    b"POST /registries/myregistry/sources/here HTTP/1.1\r\nHost: x\r\n"
    b"X-Sig: %s\r\nTransfer-Encoding: chunked\r\n\r\n"
)


async def test_a_body_without_an_end_is_read_to_its_limit() -> None:
    """Only the whole body could show that the signature is wrong."""
    chunk = b"%x\r\n%s\r\n" % (65_536, b" " * 65_536)
    async with served(Sink().publish, sources=[SIGNED]) as at:
        reader, writer = await asyncio.open_connection("127.0.0.1", at.port)
        writer.write(ENDLESS % signed(b"").encode())
        answer = asyncio.create_task(reader.readuntil(b"\r\n\r\n"))
        count = 0
        with suppress(ConnectionError):
            async with asyncio.timeout(10):
                while not answer.done():
                    writer.write(chunk)
                    await writer.drain()
                    count += 65_536
        assert (await answer).startswith(b"HTTP/1.1 413")
        assert count < MAX_BODY_BYTES + 8 * 1024 * 1024  # the rest was on the way
        with suppress(ConnectionError):
            await asyncio.wait_for(reader.read(), 5)  # the connection ends
        writer.close()


async def test_strangers_that_send_nothing_take_no_room_of_others() -> None:
    """Each of these heads could announce a body as large as the limit."""
    other = source(SourceKind.ACR, name="other")
    async with served(
        Sink().publish, sources=[SIGNED, other], bodies=Bodies(max_held_bytes=MAX_BODY_BYTES)
    ) as at:
        opened = []
        for _ in range(20):
            _, writer = await asyncio.open_connection("127.0.0.1", at.port)
            writer.write(ENDLESS % signed(b"").encode())
            await writer.drain()
            opened.append(writer)
        await asyncio.sleep(0.1)
        assert (await post(at, headers={"X-Sig": signed(BODY)}))[0] == 200
        headers = {"Authorization": f"Bearer {SECRET}"}
        assert (await post(at, headers=headers, path="other"))[0] == 200
        for writer in opened:
            writer.write(b"%x\r\n%s\r\n" % (1_000_000, b" " * 1_000_000))
        await asyncio.sleep(0.3)
        assert (await post(at, headers=headers, path="other"))[0] == 200
        for writer in opened:
            writer.close()


async def test_a_signature_is_over_the_bytes_as_they_were_sent() -> None:
    one = source(SourceKind.ACR, Proof.HMAC_SHA256, options={"header": "X-Sig"})
    async with served(Sink().publish, sources=[one]) as at:
        assert (await post(at, BODY + b"\n", {"X-Sig": signed(BODY)}))[0] == 401
        assert (await post(at, b"no JSON", {"X-Sig": signed(BODY)}))[0] == 401
        assert (await post(at, BODY + b"\n", {"X-Sig": signed(BODY + b"\n")}))[0] == 200
        assert (await post(at, BODY, {"X-Sig": signed(BODY).upper()}))[0] == 200


async def test_what_is_authentic_and_not_ours_is_answered_with_2xx() -> None:
    sink = Sink()
    async with served(sink.publish, sources=[source(SourceKind.ECR)]) as at:
        body = json.dumps({"source": "aws.ecr", "detail-type": "ECR Image Scan", "detail": {}})
        status, answer = await post(
            at, body.encode(), headers={"Authorization": f"Bearer {SECRET}"}
        )
    assert (status, answer["accepted"], answer["ignored"]) == (200, 0, 1)
    assert not sink.events


async def test_a_body_of_another_kind_gives_a_hint() -> None:
    async with served(Sink().publish, sources=[source(SourceKind.ECR)]) as at:
        body = b'{"type":"PUSH_ARTIFACT","occur_at":1,"event_data":{}}'
        status, answer = await post(at, body, headers={"Authorization": f"Bearer {SECRET}"})
        assert status == 200
        assert "looks like harbor" in answer["hint"]
        assert any(each["event"] == "source.mismatched" for each in at.logs)


async def test_event_grid_is_answered_as_it_asks() -> None:
    event = {
        "id": "1",
        "topic": "t",
        "subject": "",
        "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent",
        "data": {"validationCode": "512d38b6"},
    }
    async with served(Sink().publish, sources=[source(SourceKind.EVENTGRID)]) as at:
        body = json.dumps([event]).encode()
        headers = {"aeg-event-type": "SubscriptionValidation"}
        answer = await post(at, body, path=f"here/{SECRET}", headers=headers)
        assert answer == (200, {"validationResponse": "512d38b6"})
        assert (await post(at, body, path="here/wrong-secret", headers=headers))[0] == 401
        origin = {"WebHook-Request-Origin": "eventgrid.azure.net"}
        async with ClientSession(at.url, headers=origin) as client:
            path = "/registries/myregistry/sources/here"
            async with client.options(f"{path}/{SECRET}") as said:
                assert said.status == 200
                assert said.headers["WebHook-Allowed-Origin"] == "eventgrid.azure.net"
            async with client.options(f"{path}/wrong") as said:
                assert said.status == 401


async def test_distribution_has_its_own_reader() -> None:
    sink = Sink()
    async with served(sink.publish, sources=[source(SourceKind.DISTRIBUTION)]) as at:
        event = PUSH["target"] | {"mediaType": "application/vnd.oci.image.manifest.v1+json"}  # type: ignore[operator]
        body = json.dumps({"events": [PUSH | {"target": event}]}).encode()
        answer = await post(at, body, headers={"Authorization": f"Bearer {SECRET}"})
    assert answer == (202, {"accepted": 1, "ignored": 0})
    assert sink.events[0].extras == Extras(kind="distribution", source="here")


async def test_an_event_tells_its_source() -> None:
    sink = Sink()
    headers = {"Authorization": f"Bearer {SECRET}"}
    async with served(sink.publish, sources=[source(SourceKind.ACR)]) as at:
        await post(at, json.dumps(PUSH | {"actor": {"name": "ci"}}).encode(), headers=headers)
    assert sink.events[0].extras == Extras(kind="acr", source="here", actor="ci")


async def test_other_answers() -> None:
    sink = Sink()
    here = {"Authorization": f"Bearer {SECRET}"}
    allowed = source(SourceKind.ACR, networks=("10.0.0.0/8",))
    async with served(sink.publish, sources=[allowed]) as at:
        assert (await post(at, headers=here))[0] == 403
    async with served(sink.publish, sources=[source(SourceKind.ACR)]) as at:
        assert (await post(at, path="other", headers=here))[0] == 404
        assert (await post(at, b"no JSON", headers=here))[0] == 400
        assert (await post(at, BytesIO(b"x" * (9 * 1024 * 1024)), headers=here))[0] == 413
        assert (await post(at, headers=here | {"Content-Encoding": "br"}))[0] == 415
        sink.error = BrokerError("away")
        async with (
            ClientSession(at.url, headers=here) as client,
            client.post("/registries/myregistry/sources/here", data=BODY) as answer,
        ):
            assert (answer.status, answer.headers["Retry-After"]) == (503, "2")
    lost = source(SourceKind.ACR, secrets=(), problem="the key is missing")
    async with served(sink.publish, sources=[lost]) as at:
        assert (await post(at, headers=here))[0] == 503


async def test_without_keys_of_the_issuer_the_sender_tries_again() -> None:
    options = {"issuer": "https://issuer.example", "audience": "us", "email": "a@example.org"}
    one = source(SourceKind.GAR, secrets=(), options=options)
    token = rsa_signer().sign(claims(options["issuer"]))
    async with served(Sink().publish, sources=[one]) as at:
        assert (await post(at, headers={"Authorization": f"Bearer {token}"}))[0] == 503
        assert (await post(at, headers={"Authorization": "Bearer no-token"}))[0] == 401
