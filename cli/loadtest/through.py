"""A load test through a running Portcall, with a temporary registry and webhook."""

import asyncio
import re
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from msgspec import Struct
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay, wait_fixed

from portcall.cli.client import Document, Management, webhook_path
from portcall.cli.errors import NotFoundError, NotRunningError, UsageError
from portcall.cli.output import note
from portcall.cli.server import find_server
from portcall.loadtest.pipeline.through import PipelineObserver
from portcall.loadtest.send.target import ConsumerTarget
from portcall.schemas.errors import PortcallError
from portcall.schemas.trust import NO_TRUST, Trust

IN_FORCE_S = 2.0
"""A new webhook takes effect within this time, as the management API promises."""
BACK_S = 5.0
"""A role that died is back within this time."""
AGAIN_S = 0.5
_OURS = re.compile("loadtest[0-9a-f]{12}")


class Passage(Struct, frozen=True):
    """The path through a running Portcall.

    Attributes:
        producer: Where events are published.
        pipeline: Follows them.
    """

    producer: ConsumerTarget
    pipeline: PipelineObserver


@asynccontextmanager
async def passage(
    uri: str,
    headers: Mapping[str, str],
    *,
    secret: str,
    actions: list[str],
    schedule: str | None,
    trust: Trust = NO_TRUST,
    final_answers: str | None = None,
) -> AsyncIterator[Passage]:
    """Create a registry and a webhook to *uri*, and delete them at the end.

    Args:
        uri: The consumer.
        headers: Custom headers of its requests.
        secret: The signing secret; empty: unsigned.
        actions: The actions to subscribe to.
        schedule: Its retry schedule; empty: no retries; None: the installation's.
        trust: The certificates to accept from the consumer, and to present to it.
        final_answers: Which answers refuse a delivery for good; None: none.

    Raises:
        NotRunningError: No Portcall runs here.
        UsageError: Its broker is not known.
        BrokerError: Its broker cannot be reached.
    """
    server = find_server()
    broker = str(server.ready.get("amqp_url") or "")
    if not broker:
        raise UsageError("--through: ready.json names no broker")
    management = Management(server)
    name = f"loadtest{secrets.token_hex(6)}"
    path = management.registry_path(name)
    left = await asyncio.to_thread(_left_over, management)
    made = await asyncio.to_thread(management.ask, "PUT", path, _REGISTRY)
    try:
        hook = webhook_path(made, "loadtest")
        body = _webhook(uri, headers, secret, actions, schedule)
        body["properties"]["portcall"] |= _trust_extras(trust)
        if final_answers is not None:
            body["properties"]["portcall"] |= {"finalAnswers": final_answers}
        await asyncio.to_thread(management.ask, "PUT", hook, body)
        note(f"Created the registry {name} and its webhook; they are deleted at the end.")
        if left:
            note(
                f"Registries of other load tests exist: {', '.join(left)}. If no load test is"
                " running, one was killed: remove its registry with `portcall registry delete"
                " NAME`."
            )
        bearer = {"Authorization": f"Bearer {server.token}"}
        producer = ConsumerTarget.of(f"{server.producer_url}/registries/{name}/events", bearer)
        async with PipelineObserver(broker, name, retries_awaited=schedule is not None) as pipeline:
            await asyncio.sleep(IN_FORCE_S)
            yield Passage(producer, pipeline)
    finally:
        await _delete(management, path, name)


def _left_over(management: Management) -> list[str]:
    """Return the registries of load tests that were not deleted yet."""
    names = (str(each.get("name", "")) for each in management.registries())
    return [name for name in names if _OURS.fullmatch(name)]


async def _delete(management: Management, path: str, name: str) -> None:
    """Delete the registry; on failure print a warning, so that the report is not lost."""
    try:
        async for attempt in AsyncRetrying(
            retry=retry_if_exception_type(NotRunningError),
            stop=stop_after_delay(BACK_S),
            wait=wait_fixed(AGAIN_S),
            reraise=True,
        ):
            with attempt:
                await asyncio.to_thread(management.send, "DELETE", path)
    except NotFoundError:
        return
    except PortcallError as error:
        note(
            f"Could not delete the registry {name}: {error}. When Portcall runs, delete it"
            f" with `portcall registry delete {name}`."
        )


_REGISTRY = {
    "location": "westus",
    "sku": {"name": "Premium"},
    "properties": {"adminUserEnabled": False},
}


def _trust_extras(trust: Trust) -> Document:
    extras = {
        "caBundle": trust.ca_bundle,
        "clientCertificate": trust.client_certificate,
        "clientKey": trust.client_key,
    }
    return {name: pem for name, pem in extras.items() if pem}


def _webhook(
    uri: str, headers: Mapping[str, str], secret: str, actions: list[str], schedule: str | None
) -> Document:
    extras = {"secret": secret} if secret else {}
    if schedule is not None:
        extras["retrySchedule"] = schedule
    return {
        "location": "westus",
        "properties": {
            "serviceUri": uri,
            "customHeaders": dict(headers),
            "actions": actions,
            "status": "enabled",
            "scope": "",
            "portcall": extras,
        },
    }
