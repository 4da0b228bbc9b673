"""What the tests of the deliverer share: values with defaults, and fakes of its collaborators."""

import asyncio
from collections.abc import Mapping, Sequence

import msgspec

from portcall.deliverer.post.attempts import Attempt
from portcall.deliverer.post.request import Request
from portcall.schemas.deliveries import Delivery
from portcall.schemas.events import Event
from portcall.schemas.frames import (
    DeliveryFrame,
    RecordFrame,
    decode_deliveries,
    decode_records,
    encode_deliveries,
)
from portcall.schemas.records import Answer, Failure, Record
from portcall.schemas.scopes import parse_scope
from portcall.schemas.topology import LOG
from portcall.schemas.trust import Trust
from portcall.schemas.webhooks import Cause, Status, Webhook
from portcall.store.webhooks.index import Changes, IndexRow

NOW_MS = 1_772_619_630_123
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 (the specification's example)
Headers = Mapping[str, str | int]


def event(event_id: str = "e1", *, action: str = "push", body: bytes | None = None) -> Event:
    content = body or msgspec.json.encode({"id": event_id, "action": action})
    return Event(event_id, "myregistry", action, NOW_MS - 5, msgspec.Raw(content), "team/app", "v1")


def delivery(webhook_id: int = 7, *, event: int = 0, attempt: int = 1, parks: int = 0) -> Delivery:
    return Delivery(event, webhook_id, attempt, parks=parks)


def webhook(
    webhook_id: int = 7,
    *,
    uri: str = "http://endpoint.example/hook",
    headers: Mapping[str, str] | None = None,
    status: Status = Status.ENABLED,
    secret: str = "",
    schedule_ms: tuple[int, ...] | None = None,
    max_age_ms: int | None = None,
    cause: Cause = Cause.OWNER,
    old_secret: str = "",
    old_secret_until_ms: int = 0,
    trust: Trust | None = None,
    final_answers: str | None = None,
) -> Webhook:
    return Webhook(
        id=webhook_id,
        registry="myregistry",
        name=f"hook{webhook_id}",
        uri=uri,
        headers=headers or {},
        actions=1,
        scope=parse_scope(""),
        status=status,
        secret=secret,
        schedule_ms=schedule_ms,
        max_age_ms=max_age_ms,
        final_answers=final_answers,
        cause=cause,
        old_secret=old_secret,
        old_secret_until_ms=old_secret_until_ms,
        trust=trust,
    )


def answered(status: int, retry_after: str = "") -> Attempt:
    succeeded = 200 <= status < 300
    return Attempt(
        started_ms=NOW_MS,
        duration_us=1500,
        answer=Answer(status=status, reason="Reason", headers={}),
        failure=Failure.NONE if succeeded else Failure.STATUS,
        message="" if succeeded else f"the endpoint answered {status}",
        retry_after=retry_after,
    )


def unanswered(failure: Failure = Failure.TIMEOUT, message: str = "no answer") -> Attempt:
    return Attempt(
        started_ms=NOW_MS, duration_us=1500, answer=None, failure=failure, message=message
    )


def frame(*deliveries: Delivery, events: Sequence[Event] = ()) -> bytes:
    return encode_deliveries(events or [event()], deliveries)


class FakeStore:
    """The webhooks of a store, and its log, in memory."""

    def __init__(self, *webhooks: Webhook) -> None:
        self.rows = {each.id: each for each in webhooks}
        self.at = 1
        self.queries: list[list[int]] = []
        self.recorded: dict[tuple[str, int, int, int], int] = {}
        self.asked: list[tuple[str, int, int, int]] = []
        self.changes: Changes | None = None
        self.errors: list[Exception] = []

    def by_ids(self, ids: Sequence[int]) -> list[Webhook]:
        self.queries.append(sorted(ids))
        found = [self.rows[each] for each in ids if each in self.rows]
        if self.errors:
            raise self.errors.pop(0)
        return found

    def revision(self) -> int:
        if self.errors:
            raise self.errors.pop(0)
        return self.at

    def changes_since(self, revision: int) -> Changes | None:
        if self.errors:
            raise self.errors.pop(0)
        return self.changes

    def attempted(
        self, deliveries: Sequence[tuple[str, int, int, int]]
    ) -> dict[tuple[str, int, int, int], int]:
        if self.errors:
            raise self.errors.pop(0)
        self.asked += deliveries
        return self.recorded

    def change(self, *webhooks: Webhook, gone: Sequence[int] = ()) -> None:
        """Change rows, and have the next `changes_since` say so."""
        self.at += 1
        self.rows.update({each.id: each for each in webhooks})
        for webhook_id in gone:
            self.rows.pop(webhook_id, None)
        changed: list[IndexRow] = [(each.id, "myregistry", "", 1, None, None) for each in webhooks]
        self.changes = Changes(self.at, changed, list(gone))


class FakeBroker:
    """Takes what is published; confirms at once, or when `confirm` is called."""

    def __init__(self, *, holding: bool = False) -> None:
        self.published: list[tuple[str, str, bytes, Headers]] = []
        self.announced: list[bytes] = []
        self.is_up = True
        self._confirms = asyncio.Event()
        if not holding:
            self._confirms.set()

    async def publish_surely(
        self, body: bytes, *, exchange: str, key: str = "", headers: Headers | None = None
    ) -> None:
        self.published.append((exchange, key, body, headers or {}))
        await self._confirms.wait()

    async def announce(self, body: bytes, *, exchange: str) -> None:
        self.announced.append(body)

    def confirm(self) -> None:
        self._confirms.set()

    @property
    def exchanges(self) -> list[str]:
        return [exchange for exchange, _, _, _ in self.published]

    def deliveries(self, exchange: str) -> list[DeliveryFrame]:
        return [decode_deliveries(body) for to, _, body, _ in self.published if to == exchange]

    def record_frames(self) -> list[RecordFrame]:
        return [decode_records(body) for to, _, body, _ in self.published if to == LOG]

    def records(self) -> list[Record]:
        return [record for each in self.record_frames() for record in each.records]


class FakeSender:
    """Answers by a script; can be told to hold what it is sent."""

    def __init__(self, *script: Attempt | Exception) -> None:
        self.requests: list[Request] = []
        self.script = list(script)
        self.begun = asyncio.Event()
        self._open = asyncio.Event()
        self._open.set()

    async def send(self, request: Request) -> Attempt:
        self.requests.append(request)
        self.begun.set()
        await self._open.wait()
        result = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(result, Exception):
            raise result
        return result

    def hold(self) -> None:
        self._open.clear()

    def release(self) -> None:
        self._open.set()


async def turns(count: int = 10) -> None:
    """Let whatever is ready run."""
    for _ in range(count):
        await asyncio.sleep(0)


def headers_of(request: Request) -> dict[str, str]:
    """The headers as they go out, in order, without Host."""
    _, *lines = request.head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    del headers["Host"]
    return headers


def uri_of(request: Request) -> str:
    """Where a request goes, read from what goes out."""
    line, host, *_ = request.head.decode("latin-1").split("\r\n")
    scheme = "https" if request.origin.tls else "http"
    return f"{scheme}://{host.removeprefix('Host: ')}{line.split(' ')[1]}"
