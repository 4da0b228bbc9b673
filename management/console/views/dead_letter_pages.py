"""Dead letters: their number and reasons, each letter, resending, deleting."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from portcall.management.console import words
from portcall.management.console.desk import Desk
from portcall.management.console.forms import Form
from portcall.management.console.pages import FORM
from portcall.management.http.calls import Call
from portcall.management.http.errors import ArmError
from portcall.management.http.routes import CONSOLE, Routes
from portcall.management.letters.bodies import MAX_LIMIT
from portcall.management.letters.box import QUEUES
from portcall.management.letters.routes import PATH
from portcall.store.access.principals import Role

LETTERS = f"{CONSOLE}/dead-letters"
FILTERS = ("registry", "webhook", "reason")
Json = Any
"""A JSON value."""
_NUMBER = re.compile(r"[1-9]\d{0,17}", re.ASCII)
_NONE: Mapping[str, Json] = {
    "waiting": 0,
    "complete": True,
    "counts": {"letters": 0, "items": 0, "kinds": {}, "reasons": [], "webhooks": []},
    "value": [],
}


class LetterPages:
    """The pages of dead letters; for administrators only.

    Args:
        desk: Shared by all pages.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def add_to(self, routes: Routes) -> None:
        """Add the routes."""
        routes.add("GET", LETTERS, self.page, need=Role.ADMINISTRATOR)
        routes.add("GET", f"{LETTERS}/{{letter}}", self.letter, need=Role.ADMINISTRATOR)
        routes.add("POST", f"{LETTERS}/resend", self.resend)
        routes.add("POST", f"{LETTERS}/purge", self.purge)

    async def page(self, call: Call) -> web.Response:
        """GET the letters of a queue that match a filter."""
        queue = _queue(call.parameter("queue"))
        chosen = {name: (call.parameter(name) or "").strip() for name in FILTERS}
        problem, status, found = "", 200, dict(_NONE)
        try:
            found = await self._desk.inner.ask(call, "GET", PATH)
        except ArmError as error:
            if error.status >= 500:
                raise
            problem, status = error.message, error.status
        return self._desk.pages.page(
            call,
            "dead-letters.html",
            status,
            queue=queue,
            queues=list(QUEUES),
            chosen=chosen,
            found=found,
            problem=problem,
            address=_address(queue, chosen),
            next=found.get("nextLink", ""),
        )

    async def letter(self, call: Call) -> web.Response:
        """GET a complete letter."""
        queue = _queue(call.parameter("queue"))
        found = await self._desk.inner.ask(call, "GET", f"{PATH}/{call.names['letter']}")
        return self._desk.pages.page(call, "dead-letter.html", queue=queue, letter=found)

    async def resend(self, call: Call) -> web.Response:
        """POST to send letters again."""
        form = call.request[FORM]
        try:
            told = await self._desk.inner.ask(call, "POST", f"{PATH}/resend", _meant(form))
        except ArmError as error:
            return self._refused(call, form, error)
        kind = "good" if told["sent"] or not any(told["left"].values()) else "bad"
        return self._desk.done(call, _back(form), resent_words(told), kind=kind)

    async def purge(self, call: Call) -> web.Response:
        """POST to delete letters: first asks for a confirmation."""
        form = call.request[FORM]
        meant = _meant(form)
        if form.line("confirmed") != "yes":
            number = len(meant["ids"]) if "ids" in meant else None
            return self._desk.pages.page(
                call,
                "dead-letters-purge.html",
                queue=_queue(form.line("queue")),
                chosen={name: form.line(name) for name in FILTERS},
                which=form.line("which"),
                ids=form.all("id"),
                number=number,
                total=_total(form),
                most=MAX_LIMIT,
                back=_back(form),
            )
        try:
            told = await self._desk.inner.ask(call, "POST", f"{PATH}/purge", meant)
        except ArmError as error:
            return self._refused(call, form, error)
        text = f"{_letters(told['removed'])} purged; {_letters(told['waiting'])} left."
        return self._desk.done(call, _back(form), text)

    def _refused(self, call: Call, form: Form, error: ArmError) -> web.Response:
        if error.status >= 500:
            raise error
        text = error.message
        if error.target == "ids":
            text = "No letter was selected."
        return self._desk.done(call, _back(form), text, kind="bad")


def resent_words(told: Mapping[str, Json]) -> str:
    """The result of sending letters again, as one or two sentences."""
    left = told["left"]
    parts = [f"{words.count(told['sent'])} sent again"]
    for number, what in (
        (told["alreadyDelivered"], "had arrived since"),
        (told["alreadyPending"], "were under way"),
        (left["disabled"], "stay, as their webhooks are disabled"),
        (left["deleted"], "stay, as their webhooks or registries were deleted"),
        (left["unreadable"], "stay, as they cannot be read"),
    ):
        if number:
            parts.append(f"{words.count(number)} {what}")
    return f"{', '.join(parts)}. {_letters(told['waiting'])} left."


def _letters(number: int) -> str:
    return f"{words.count(number)} {'letter' if number == 1 else 'letters'}"


def _meant(form: Form) -> dict[str, Json]:
    """The API's body for a form: the selected letters, or all that match the filter.

    Of all matches, at most as many as the page has shown: newer letters come after those.
    """
    body: dict[str, Json] = {"queue": form.line("queue") or "dead"}
    if form.line("which") != "all":
        return {**body, "ids": list(form.all("id"))}
    filters = {name: text for name in FILTERS if (text := form.line(name))}
    if total := _total(form):
        body["limit"] = min(total, MAX_LIMIT)
    return {**body, **(filters or {"all": True})}


def _total(form: Form) -> int | None:
    """How many letters the page has shown; None: unknown."""
    text = form.line("total")
    return int(text) if _NUMBER.fullmatch(text) else None


def _queue(text: str | None) -> str:
    """The queue of a page in the API's form; invalid names are shown as no queue."""
    name = (text or "").lower()
    return name if name in QUEUES else "dead"


def _back(form: Form) -> str:
    return _address(_queue(form.line("queue")), {name: form.line(name) for name in FILTERS})


def _address(queue: str, chosen: Mapping[str, str]) -> str:
    given = {"queue": queue} | {name: text for name, text in chosen.items() if text}
    return f"{LETTERS}?{urlencode(given)}"
