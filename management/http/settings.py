"""Settings: what an owner may set of a webhook and ACR does not have, each described once.

What a PUT and a PATCH change, what ``properties.portcall`` shows, the fields of the console's form
and the lines of a webhook's page are all made of these descriptions. What signs, and what is
trusted in TLS, is not among them: their parts depend on each other.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup
from msgspec import UNSET
from pydantic.alias_generators import to_camel

from portcall.management.http.defaults import Defaults
from portcall.schemas import filter_words
from portcall.schemas import filters as filtering
from portcall.schemas import final_answers as answering
from portcall.schemas.durations import format_duration, format_limit
from portcall.schemas.formats import chosen as forming
from portcall.schemas.formats.names import FormatName

Shown = Callable[[Any], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting of a webhook.

    Attributes:
        name: In bodies and answers, as Python writes it.
        column: In the store.
        show: What answers show of a stored value; UNSET: nothing.
        field: In the console's form.
        label: There, too.
        hint: Below the field, as HTML.
        placeholder: What an empty field shows, if the installation has no value.
        is_number: Whether it is one.
        has_lines: Whether it is written on several lines; then it has a place of its own there.
        own_field: Whether the form has a field of its own for it.
        choices: What can be chosen, by the words that the form sends; empty: it is written.
        marks: What can be marked, several at once, by the words that the form sends; the form's
            text is all of them; empty: it is written.
        write: What the form begins with, of a stored value; of None the field is empty.
        read: What the API is sent, of what was filled in; of nothing that is null.
        heading: On a webhook's page; empty: it is not there.
        say: What stands there, of the value that answers show.
        unset: What stands there where answers show nothing, and the installation has no value.
    """

    name: str
    column: str
    show: Shown
    field: str
    label: str
    hint: Markup
    placeholder: str = "default"
    is_number: bool = False
    has_lines: bool = False
    own_field: bool = False
    choices: tuple[tuple[str, str], ...] = ()
    marks: tuple[tuple[str, str], ...] = ()
    write: Callable[[Any], str]
    read: Callable[[str], object] = str
    heading: str = ""
    say: Callable[[Any], str] = str
    unset: str = ""

    @property
    def key(self) -> str:
        """Its name in JSON."""
        return to_camel(self.name)

    def default_in(self, defaults: Defaults) -> Any:  # noqa: ANN401 (each setting has its own type)
        """The installation's value, as the store would have it; None: it has none."""
        return getattr(defaults, self.column, None)

    def emptiness(self, defaults: Defaults) -> str:
        """What an empty field of the form shows: the value that is then in force."""
        value = self.default_in(defaults)
        return self.placeholder if value is None else f"default: {self.write(value)}"


def _unless_none(show: Shown) -> Shown:
    return lambda value: UNSET if value is None else show(value)


def _delays(schedule_ms: tuple[int, ...]) -> list[str]:
    return [format_duration(delay_ms) for delay_ms in schedule_ms]


def _schedule(text: str) -> object:
    return [] if text.lower() == "none" else text


def shortest(number: float) -> int | float:
    """A number as people write it: 50, not 50.0."""
    return int(number) if number.is_integer() else number


def _number(text: str) -> float | str:
    """A number where it is one; else the text, so that the API says what is wrong with it."""
    try:
        number = float(text)
    except ValueError:
        return text
    return number if math.isfinite(number) else text


_PROBES = {True: "always", False: "never"}
_SENT = {True: "sent", False: "not sent"}


def _probe(text: str) -> bool | str:
    """Whether it is probed; else the text, so that the API says what is wrong with it."""
    return {word: value for value, word in _PROBES.items()}.get(text, text)


def _sent(text: str) -> bool | str:
    """The same of a header that is sent or not."""
    return {word: value for value, word in _SENT.items()}.get(text, text)


SETTINGS = (
    Setting(
        name="retry_schedule",
        column="schedule_ms",
        show=_unless_none(_delays),
        field="schedule",
        label="Retry schedule",
        hint=Markup("Delays, such as <code>10s,1m,5m</code>; <code>none</code>: one attempt."),
        write=lambda schedule_ms: ",".join(_delays(schedule_ms)) or "none",
        read=_schedule,
        heading="Retries after",
        say=lambda delays: ", ".join(delays) or "none",
    ),
    Setting(
        name="max_age",
        column="max_age_ms",
        show=_unless_none(format_limit),
        field="max_age",
        label="Maximum age",
        hint=Markup("Older deliveries are given up: <code>12h</code>, or <code>none</code>."),
        write=format_limit,
        heading="Maximum age",
    ),
    Setting(
        name="rate_limit",
        column="rate_limit",
        show=lambda rate: shortest(rate) if rate else UNSET,
        field="rate",
        label="Rate limit",
        hint=Markup("Requests per second at most."),
        placeholder="no limit",
        is_number=True,
        write=lambda rate: str(shortest(rate)) if rate else "",
        read=_number,
        heading="Rate limit",
        say=lambda rate: f"{rate} a second",
        unset="none",
    ),
    Setting(
        name="final_answers",
        column="final_answers",
        show=_unless_none(answering.shown),
        field="final_answers",
        label="Final answers",
        hint=Markup(
            "Answers that refuse a delivery for good: <code>receiver-refuses</code>, or such as"
            " <code>400,404</code>."
        ),
        placeholder="acr: none",
        write=str,
        heading="Final answers",
        say=answering.words_of,
        unset="none, as in ACR",
    ),
    Setting(
        name="disable_after",
        column="disable_after_ms",
        show=_unless_none(format_limit),
        field="disable_after",
        label="Disable after",
        hint=Markup(
            "Disable it when every attempt failed for this long:"
            " <code>5d</code>, or <code>none</code>."
        ),
        write=format_limit,
        heading="Disabled after",
        say=lambda limit: "never" if limit == format_limit(0) else f"{limit} of failures",
    ),
    Setting(
        name="probe",
        column="probe",
        show=_unless_none(bool),
        field="probe",
        label="Probe while disabled automatically",
        hint=Markup(
            "A probe is an occasional request to a disabled webhook;"
            " a 2xx response enables it again."
        ),
        choices=(("", "Not after 410 Gone"), ("always", "Always"), ("never", "Never")),
        write=lambda probe: _PROBES[probe],
        read=_probe,
    ),
    Setting(
        name="filters",
        column="filters",
        show=_unless_none(lambda filters: filters),
        field="filters",
        label="Filters",
        hint=Markup(
            "Events that it does not get, although actions and scope cover them. With artifact"
            " types it gets only these."
        ),
        marks=(
            ("taggedOnly", "Only with a tag"),
            ("noReferrers", "No signatures, attestations and SBOMs"),
            ("changedOnly", "Only what changed"),
            (
                f"{filtering.COALESCE}={filtering.DEFAULT_WAIT}",
                "One request for several platforms (waits 1 minute for the index)",
            ),
            (filtering.TAGS_ON_DELETE, "Deletes name their tags (a delete waits 2 seconds)"),
            *((f"{filtering.ARTIFACT_TYPES}={each}", f"type: {each}") for each in filtering.TYPES),
        ),
        write=filter_words.marks_of,
        read=filter_words.filters_in,
        heading="Filters",
        say=lambda filters: filter_words.words_of(filters).replace(",", ", "),  # lines break there
        unset="none",
    ),
    Setting(
        name="scopes",
        column="scopes",
        show=_unless_none(list),
        field="scopes",
        label="Scopes",
        hint=Markup(
            "Patterns that narrow the scope above, one per line: <code>team/*</code>,"
            " <code>team/**:v[0-9]*</code>; <code>!team/test/**</code> excludes. Empty: none."
        ),
        has_lines=True,
        write="\n".join,
        read=str.split,
        heading="Scopes",
        say=", ".join,
        unset="none",
    ),
    Setting(
        name="format",
        column="format",
        show=_unless_none(dict),
        field="format",
        label="Format",
        hint=Markup("docs/receivers.md says how to set a webhook for each receiver."),
        own_field=True,
        write=lambda stored: str(stored[forming.NAME]),
        heading="Format",
        say=forming.words_of,
        unset=FormatName.ACR.value,
    ),
    Setting(
        name="traceparent",
        column="traceparent",
        show=_unless_none(bool),
        field="traceparent",
        label="Trace",
        hint=Markup(
            "The header <code>traceparent</code> lets the receiver continue the event's trace;"
            " only if the installation traces."
        ),
        choices=(("", "Sent, by default"), ("sent", "Sent"), ("not sent", "Not sent")),
        write=lambda traceparent: _SENT[traceparent],
        read=_sent,
    ),
)
"""In the order of the form."""
