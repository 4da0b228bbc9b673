"""The publisher of the fault tests: a test that it cannot serve fails, and does not hang."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import aiohttp
import pytest

from tests.faults.harness.load import Load, Subject

if TYPE_CHECKING:
    from tests.installation import Installation

OLD, NEW = "http://127.0.0.1:1", "http://127.0.0.1:2"


class Http:
    """Takes events at one address; nothing listens at any other."""

    def __init__(self, there: str, status: int = 202) -> None:
        self.there = there
        self.status = status

    @asynccontextmanager
    async def post(self, url: str, **_: object) -> AsyncIterator[Any]:
        if not url.startswith(self.there):
            raise aiohttp.ClientConnectionError(url)

        async def text() -> str:
            return "the intake has been stopped"

        yield SimpleNamespace(status=self.status, text=text)


def load_of(http: Http, patience_s: float = 5) -> tuple[Load, SimpleNamespace]:
    installation = SimpleNamespace(ready={"producer_url": OLD, "token": "t"})
    load = Load(
        cast("Installation", installation),
        cast("aiohttp.ClientSession", http),
        patience_s=patience_s,
    )
    return load, installation


async def test_the_producer_is_found_again_after_a_restart_on_another_port() -> None:
    load, installation = load_of(Http(NEW))
    installation.ready = {"producer_url": NEW, "token": "t"}

    (event,) = await load.publish(1, lambda _: Subject("registry"))

    assert len(event.tries) == 2
    assert event.accepted_at is not None


@pytest.mark.parametrize(
    ("http", "why"),
    [
        pytest.param(Http(NEW), "ClientConnectionError", id="no producer"),
        pytest.param(Http(OLD, 503), "the intake has been stopped", id="refused"),
    ],
)
async def test_an_event_that_is_never_accepted_ends_the_test(http: Http, why: str) -> None:
    load, _ = load_of(http, patience_s=0)

    with pytest.raises(AssertionError, match=why):
        await load.publish(1, lambda _: Subject("registry"))
