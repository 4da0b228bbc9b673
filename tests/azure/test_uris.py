"""Service URIs that az sets reach a receiver that signs its URLs byte for byte."""

import asyncio

import pytest

from tests.azure.az import Az
from tests.installation import new_name
from tests.signedtargets import RESTS, is_signed, signed, signed_targets, target_of
from tests.sink import eventually


@pytest.mark.parametrize("verb", ["create", "update"])
async def test_a_uri_that_az_sets_arrives_as_it_was_set(az: Az, registry: str, verb: str) -> None:
    at = ("-r", registry, "-n", new_name("azhook"))
    targets = [signed(rest) for rest in RESTS.values()] if verb == "update" else [signed("/%2f?")]

    async def run(*words: str) -> str:
        ended = await asyncio.to_thread(az.webhook, *words)
        assert ended.code == 0, ended.err
        return ended.out

    async with signed_targets() as receiver:
        host = f"http://127.0.0.1:{receiver.port}"
        first = f"{host}{targets[0]}"
        await run("create", *at, "--uri", first, "--actions", "push")
        for number, target in enumerate(targets, 1):
            if verb == "update":
                await run("update", *at, "--uri", f"{host}{target}")
            config = await run("get-config", *at, "--query", "serviceUri", "-o", "tsv")
            assert config.rstrip("\n") == f"{host}{target}"
            await run("ping", *at)
            await eventually(
                lambda number=number: len(receiver.requests) >= number,
                within_s=20,
                what="the ping arrived",
            )
        assert [target_of(each) for each in receiver.requests] == targets
        assert all(map(is_signed, receiver.requests))
        listed = await run(
            "list-events", *at, "-o", "tsv",
            "--query", "[0].[eventRequestMessage.requestUri, eventResponseMessage.statusCode]",
        )  # fmt: skip
        assert listed.split() == [f"{host}{targets[-1]}", "200"]
