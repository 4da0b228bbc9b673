"""Letters over HTTP, for `portcall dead-letters` and the console; for administrators only."""

import asyncio
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager

from aiohttp import web
from msgspec import UNSET

from portcall.management.http.calls import Call, answer, flag, is_asked
from portcall.management.http.errors import (
    ArmError,
    invalid_parameter,
    registry_not_found,
    service_unavailable,
    webhook_not_found,
)
from portcall.management.http.lookups import Lookups
from portcall.management.http.paging import LETTERS_PAGE, next_link, page_size, skip_number
from portcall.management.http.routes import Routes
from portcall.management.letters.answers import (
    letter_answer,
    purged_answer,
    resent_answer,
    webhook_ids,
    whole_answer,
)
from portcall.management.letters.bodies import (
    MAX_REASON,
    LetterSelection,
    LettersToPurge,
    is_letter_id,
)
from portcall.management.letters.box import QUEUES, BusyError, LetterBox
from portcall.management.letters.comparing import Comparing
from portcall.management.letters.counting import Counts
from portcall.management.letters.scan import OpenedLetter, Scan
from portcall.management.letters.shapes import DeadLetterList
from portcall.management.letters.wanted import LettersWanted
from portcall.runtime.errors import BrokerError
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.webhooks import check_name
from portcall.store.access.principals import Role
from portcall.store.engine import Store
from portcall.store.webhooks.row import VisibleWebhook

PATH = "/portcall/deadLetters"
LETTER = f"{PATH}/{{letter}}"
MAX_BODIES = 8 * 1024 * 1024
"""Bytes of bodies on a page; the page ends with the letter that exceeds them."""
TOKEN_KIND = "letters"  # noqa: S105 (not a secret)
FILTERS = ("queue", "registry", "webhook", "reason", "compare")


class LetterHandlers:
    """The routes of letters.

    Args:
        box: Reads and changes the queues.
        store: Knows the webhooks by name.
        lookups: Knows the resource group.
    """

    def __init__(self, *, box: LetterBox, store: Store, lookups: Lookups) -> None:
        self._box = box
        self._store = store
        self._lookups = lookups

    def add_to(self, routes: Routes) -> None:
        """Add the routes."""
        routes.add("GET", PATH, self.page, need=Role.ADMINISTRATOR)
        routes.add("GET", LETTER, self.get, need=Role.ADMINISTRATOR)
        routes.add("POST", f"{PATH}/resend", self.resend)
        routes.add("POST", f"{PATH}/purge", self.purge)

    async def page(self, call: Call) -> web.Response:
        """GET the letters of a queue that match a filter, and their counts."""
        queue = _queue(call)
        size = page_size(call, LETTERS_PAGE)
        skipped = skip_number(call, TOKEN_KIND) or 0
        with_body = flag(call, "$expand", "body")
        compared = Comparing(self._store.lasts) if is_asked(call, "compare") else None
        wanted = await self._wanted(
            registry=_name(call, "registry"),
            webhook=_name(call, "webhook"),
            reason=_reason(call),
        )
        counts, shown = Counts(), _Page(skipped, size)

        def see(seen: OpenedLetter) -> None:
            counts.add(seen)
            shown.add(seen)
            if compared is not None:
                compared.add(seen)

        with refusing():
            scan = await self._box.look(queue, wanted, see)
        ids = sorted({*webhook_ids(shown.letters), *counts.webhook_ids})
        known = await asyncio.to_thread(self._store.known.by_ids, ids)
        value = [letter_answer(each, known, with_body=with_body) for each in shown.letters]
        end = skipped + len(value)
        link = next_link(call, TOKEN_KIND, end, FILTERS) if shown.more and value else UNSET
        return answer(
            DeadLetterList(
                queue=queue,
                waiting=scan.waiting,
                complete=scan.complete,
                counts=counts.answer(known),
                value=value,
                next_link=link,
                compared=await asyncio.to_thread(compared.answer) if compared else UNSET,
            )
        )

    async def get(self, call: Call) -> web.Response:
        """GET a complete letter, with its bytes."""
        queue, wanted_id = _queue(call), call.names["letter"].lower()
        found = _First()
        if is_letter_id(wanted_id):
            with refusing():
                await self._box.look(queue, LettersWanted(ids=frozenset([wanted_id])), found.add)
        if found.seen is None:
            raise ArmError(
                404,
                "DeadLetterNotFound",
                f"There is no letter '{wanted_id[:64]}' in {QUEUES[queue]}.",
            )
        known = await asyncio.to_thread(self._store.known.by_ids, webhook_ids([found.seen]))
        return answer(whole_answer(queue, found.seen, known, found.copies))

    async def resend(self, call: Call) -> web.Response:
        """POST resend: send letters again, and take them out."""
        body = await call.body(LetterSelection)
        wanted = await self._meant(body)
        return answer(resent_answer(await _asked(self._box.resend(body.queue, wanted, body.limit))))

    async def purge(self, call: Call) -> web.Response:
        """POST purge: delete letters for good."""
        body = await call.body(LettersToPurge)
        wanted = await self._meant(body)
        if body.delivered:
            work = self._box.resend(body.queue, wanted, body.limit, only_over=True)
            return answer(purged_answer(await _asked(work)))
        return answer(purged_answer(await _asked(self._box.purge(body.queue, wanted, body.limit))))

    async def _meant(self, body: LetterSelection) -> LettersWanted:
        body.check()
        if body.ids is not None:
            return LettersWanted(ids=frozenset(body.ids))
        return await self._wanted(body.registry or "", body.webhook or "", body.reason or "")

    async def _wanted(self, registry: str, webhook: str, reason: str) -> LettersWanted:
        """The selection of a filter; its names must exist.

        Raises:
            ArmError: 400 or 404: They do not.
        """
        if webhook and not registry:
            raise invalid_parameter("registry", "is required with webhook")
        webhook_id = None
        group = self._lookups.installation.resource_group
        if webhook:
            row = await asyncio.to_thread(
                self._store.webhooks.find, VisibleWebhook, registry, webhook
            )
            if row is None:
                raise webhook_not_found(registry, webhook, group)
            webhook_id = row.id
        elif registry and await asyncio.to_thread(self._store.registries.get, registry) is None:
            raise registry_not_found(registry, group)
        return LettersWanted(registry=registry.lower(), webhook_id=webhook_id, reason=reason)


class _First:
    """The first of the letters, and how many there were."""

    def __init__(self) -> None:
        self.seen: OpenedLetter | None = None
        self.copies = 0

    def add(self, seen: OpenedLetter) -> None:
        """One more letter."""
        self.seen = self.seen or seen
        self.copies += 1


class _Page:
    """The letters of one page."""

    def __init__(self, skipped: int, size: int) -> None:
        self._skipped = skipped
        self._size = size
        self._room = MAX_BODIES
        self._seen = 0
        self.letters: list[OpenedLetter] = []
        self.more = False

    def add(self, seen: OpenedLetter) -> None:
        """One more letter."""
        self._seen += 1
        if self._seen <= self._skipped or self.more:
            return
        if len(self.letters) == self._size or self._room <= 0:
            self.more = True
            return
        self.letters.append(seen)
        self._room -= len(seen.letter.body)


@contextmanager
def refusing() -> Iterator[None]:
    """Convert the box's errors to the API's.

    Raises:
        ArmError: 409 or 503.
    """
    try:
        yield
    except BusyError as error:
        raise ArmError(409, "DeadLettersBusy", f"{str(error).capitalize()}; try again.") from error
    except BrokerError as error:
        raise service_unavailable(
            f"The broker did not do all of it: {error}. What it did not take is still there."
        ) from error


async def _asked(work: Awaitable[Scan]) -> Scan:
    with refusing():
        return await work


def _queue(call: Call) -> str:
    name = (call.parameter("queue") or "dead").lower()
    if name not in QUEUES:
        raise invalid_parameter("queue", f"must be one of {', '.join(QUEUES)}")
    return name


def _name(call: Call, parameter: str) -> str:
    text = call.parameter(parameter)
    if not text:
        return ""
    try:
        return check_name(text, parameter)
    except InvalidValueError as error:
        raise invalid_parameter(parameter, error.problem) from error


def _reason(call: Call) -> str:
    text = (call.parameter("reason") or "").strip()
    if len(text) > MAX_REASON:
        raise invalid_parameter("reason", f"must have at most {MAX_REASON} characters")
    return text
