"""An attempter with fakes around it."""

from collections.abc import Mapping
from dataclasses import replace

import msgspec

from portcall.deliverer.attempting import Attempter
from portcall.deliverer.consequences import Consequence, GivenUp, Recorded, Rules, Waiting
from portcall.deliverer.jobs import Job
from portcall.deliverer.post.attempts import Attempt
from portcall.deliverer.webhooks import Webhooks
from portcall.runtime.latch import Latch
from portcall.schemas.events import Event
from portcall.schemas.records import Answer, Record
from tests.unit.deliverer.samples import NOW_MS, FakeStore, answered, delivery, webhook
from tests.unit.schemas.formats.samples import event


class FakeEndings:
    """Keeps what is to follow."""

    def __init__(self) -> None:
        self.carried: list[Consequence] = []

    def carry_out(self, job: Job, consequence: Consequence) -> None:
        self.carried.append(consequence)


class Desk:
    """An attempter with fakes around it."""

    def __init__(self, sender: object, **changes: object) -> None:
        self.store = FakeStore(replace(webhook(), **changes))  # type: ignore[arg-type]  # fields
        self.endings = FakeEndings()
        self.webhooks = Webhooks(self.store)
        self.now_ms = NOW_MS
        self.attempter = Attempter(
            webhooks=self.webhooks,
            sender=sender,  # type: ignore[arg-type]  # sends
            endings=self.endings,  # type: ignore[arg-type]  # carries out
            rules=Rules((10_000,), (2_000, 10_000)),
            clock_ms=lambda: self.now_ms,
            chance=lambda: 0.0,
        )

    async def attempt(self, of: Event | None = None) -> bool | None:
        return await self.attempter.attempt(Job(of or event(), delivery(), Latch(1)))

    async def ready(self, of: Event | None = None) -> Job:
        """A delivery whose request was made ahead, if that is possible."""
        job = Job(of or event(), delivery(), Latch(1))
        self.attempter.make_ready([job], await self.webhooks.load([job.delivery.webhook_id]))
        return job

    @property
    def record(self) -> Record:
        (one,) = self.endings.carried
        assert isinstance(one, Recorded | GivenUp | Waiting)
        assert one.record is not None
        return one.record


def says(status: int, content: str = "", headers: Mapping[str, str] | None = None) -> Attempt:
    attempt = answered(status)
    answer = Answer(status=status, reason="", headers=dict(headers or {}), content=content)
    return msgspec.structs.replace(attempt, answer=answer)
