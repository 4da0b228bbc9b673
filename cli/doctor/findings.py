"""What `portcall doctor` thinks of what it sees: facts in, findings out; nothing is asked here."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from portcall.schemas.topology import DEAD, EVENTS_IN, UNROUTED
from portcall.store.intake.ignored import IgnoredEvent, IgnoredKind

OLDEST_PYTHON = (3, 11)
LEAST_FREE_BYTES = 1024**3
"""The broker stops taking messages when the disk is nearly full; RabbitMQ's own limit is near."""
MOST_SKEW_S = 5
MOST_NAMED = 20
"""Webhooks that are named; the facts have all of them."""
RELEASED_S = 1_767_225_600
"""2026-01-01: no clock that is right shows less."""


class Verdict(StrEnum):
    """What a check came to."""

    OK = "ok"
    WRONG = "wrong"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found.

    Attributes:
        check: Its name.
        verdict: Whether all is well; unknown where it could not be looked at.
        found: What was seen, in words.
        advice: What to do about it; empty when all is well.
        facts: What was seen, for machines.
    """

    check: str
    verdict: Verdict
    found: str
    advice: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


def ok(check: str, found: str, facts: Mapping[str, Any] | None = None) -> Finding:
    """All is well."""
    return Finding(check, Verdict.OK, found, facts=facts or {})


def wrong(check: str, found: str, advice: str, facts: Mapping[str, Any] | None = None) -> Finding:
    """Something is wrong, and this is to be done."""
    return Finding(check, Verdict.WRONG, found, advice, facts or {})


def unknown(check: str, why: str) -> Finding:
    """It could not be looked at; what is in the way is a finding of its own."""
    return Finding(check, Verdict.UNKNOWN, why)


def python(version: Sequence[int]) -> Finding:
    """Whether this Python is new enough."""
    text = ".".join(str(part) for part in version[:3])
    if tuple(version[:2]) < OLDEST_PYTHON:
        return wrong("python", text, "Portcall needs Python 3.11 or newer: install one, run `make`")
    return ok("python", text)


def private(check: str, path: str, mode: int, wanted: int) -> Finding:
    """Whether nobody else can look into a file or folder that has secrets in it."""
    if mode & 0o077:
        found = f"{path} can be read by others (mode {mode & 0o777:04o})"
        return wrong(check, found, f"chmod {wanted:o} {path}")
    return ok(check, f"{path} (mode {mode & 0o777:04o})")


def processes(told: Sequence[Mapping[str, Any]], lives: Callable[[int], bool]) -> Finding:
    """Whether the processes of ready.json live."""
    named = [f"{each.get('role')} {each.get('pid')}" for each in told]
    dead = [
        f"{each.get('role')} ({each.get('pid')})"
        for each in told
        if not lives(int(each.get("pid") or 0))
    ]
    facts = {"processes": list(told)}
    if len(dead) == len(told):
        found = "none of ready.json's processes lives: it was left behind by a crash"
        return wrong("processes", found, "start `portcall up`; it cleans up by itself", facts)
    if dead:
        return wrong(
            "processes",
            f"dead: {', '.join(dead)}",
            "`portcall up` starts them again within 5 s; if this stays, its output says why",
            facts,
        )
    return ok("processes", ", ".join(named), facts)


def topology(missing: Sequence[str], difference: str | None) -> Finding:
    """Whether the broker has the queues that it should, as they should be."""
    if missing:
        return wrong(
            "topology", f"missing queues: {', '.join(missing)}", "run `portcall topology apply`"
        )
    if difference:
        return wrong(
            "topology",
            difference,
            "give the PORTCALL_SHARDS, PORTCALL_RETRY_SCHEDULE and PORTCALL_RECORD_RETENTION that"
            " it was declared with, or delete that queue when it is empty and run"
            " `portcall topology apply`",
        )
    return ok("topology", "every queue is there, as it should be")


def queues(depths: Mapping[str, int | None]) -> Finding:
    """How much waits where. What was given up is kept as dead: that is no fault of ours."""
    groups = {
        "events.in": depths.get(EVENTS_IN) or 0,
        "deliver": _sum(depths, "portcall.deliver."),
        "retry": _sum(depths, "portcall.retry."),
        "wait": _sum(depths, "portcall.wait."),
        "dead": depths.get(DEAD) or 0,
        "unrouted": depths.get(UNROUTED) or 0,
    }
    found = ", ".join(f"{name} {count}" for name, count in groups.items())
    facts = {"groups": groups, "queues": dict(depths)}
    if groups["unrouted"]:
        return wrong(
            "queues",
            found,
            f"messages in {UNROUTED} found no queue: run `portcall topology apply`, then"
            " `portcall dead-letters resend --queue unrouted --all`",
            facts,
        )
    return ok("queues", found, facts)


def _sum(depths: Mapping[str, int | None], prefix: str) -> int:
    return sum(count or 0 for queue, count in depths.items() if queue.startswith(prefix))


def webhooks(disabled: Sequence[tuple[str, str, str]]) -> Finding:
    """Whether webhooks have disabled themselves.

    Args:
        disabled: Registry, name and reason of each that has.
    """
    if not disabled:
        return ok("webhooks", "none has disabled itself")
    told = "; ".join(f"{registry}/{name}: {why}" for registry, name, why in disabled[:MOST_NAMED])
    more = f"; and {len(disabled) - MOST_NAMED} more" if len(disabled) > MOST_NAMED else ""
    facts = {
        "disabled": [
            {"registry": registry, "webhook": name, "reason": why}
            for registry, name, why in disabled
        ]
    }
    registry, name, _ = disabled[0]
    return wrong(
        "webhooks",
        f"{len(disabled)} disabled by themselves: {told}{more}",
        f"mend the endpoint, then `portcall webhook enable -r {registry} -n {name}`, or `probe` in"
        " place of `enable` to have it asked first; what was given up meanwhile: `portcall replay`",
        facts,
    )


def role(
    name: str,
    url: str,
    status: int,
    problems: Mapping[str, str],
    warnings: Mapping[str, str] | None = None,
) -> Finding:
    """Whether a role that lives is ready, by the answer of its ``/ready``."""
    check = f"role {name}"
    facts = {"url": url, "problems": dict(problems), "warnings": dict(warnings or {})}
    if status == 200 and warnings:
        warned = "; ".join(f"{part}: {why}" for part, why in warnings.items())
        return wrong(
            check, f"live and ready, for now: {warned}", "see to it before it breaks", facts
        )
    if status == 200:
        return ok(check, f"live and ready; {url}/metrics", facts)
    reasons = "; ".join(f"{part}: {why}" for part, why in problems.items()) or f"status {status}"
    return wrong(
        check, f"live, not ready: {reasons}", f"mend that; {url}/ready shows when it is", facts
    )


REFUSED_ADVICE = {
    "Unauthorized": "its token is not valid here: make one with `portcall token create NAME --role"
    " publisher -r REGISTRY`, and put it into the header Authorization of its configuration",
    "Forbidden": "its token is of a reader: make one with `portcall token create NAME --role"
    " publisher -r REGISTRY`",
    "RegistryNotFound": "correct the name in the URL that it sends to, or run `portcall registry"
    " create`",
    "BadRequest": "the reason says what is wrong with its HTTP: look at the headers that its"
    " configuration adds, and at proxies in between",
    "NotFound": "correct the path in the URL that it sends to; there is no slash at its end",
    "MethodNotAllowed": "send its requests as POST",
    "InvalidRequest": "the reason says what is wrong with its body; registries of docker"
    " distribution send to /notifications, events of your own go to /events",
    "UnsupportedMediaType": "send a type that is read here, and no Content-Encoding",
    "BodyTooLarge": "send fewer events in one request",
    "RequestTimeout": "look for what is slow between it and the producer",
    "RequestHeaderFieldsTooLarge": "look at the headers that its configuration adds",
    "TooManyRequests": "others behind the same address have wrong tokens: mend those",
    "ServiceUnavailable": "see what is said of the broker and the database; nothing is lost, what"
    " is refused so is sent again",
}
"""What to do about requests that are refused again and again, by the code of the answer."""


def refused(role: str, kind: str, told: str) -> Finding:
    """A sender that is refused again and again, and sends the same again.

    Args:
        role: The process that says so.
        kind: The answer's code, and the registry where that is one.
        told: What happened, in words.
    """
    code, _, registry = kind.partition(" ")
    sender = f"registry {registry}" if registry else "a sender of no registry that there is"
    advice = REFUSED_ADVICE.get(code, "the reason says what is wrong")
    facts = {"role": role, "registry": registry, "code": code}
    return wrong("refused requests", f"{sender} ({code}): {told}", advice, facts)


IGNORED_MS = 24 * 3_600_000
"""How far back the doctor looks for events that were ignored."""


def ignored(kinds: Sequence[IgnoredKind], newest: Sequence[IgnoredEvent]) -> Finding:
    """What became no event in the last day: what could not be read is worth a look."""
    unread = [each for each in kinds if each.is_unread]
    facts = {"kinds": [asdict(each) for each in kinds]}
    if not unread:
        others = sum(each.count for each in kinds)
        found = f"none that could not be read; {others} that are none of ours" if others else "none"
        return ok("ignored events", f"{found}, in the last day", facts)
    counts = ", ".join(f"{each.registry} {each.reason} {each.count}" for each in unread)
    example = "".join(
        f"; the last: {each.place}: {each.problem}"
        f" (portcall explain {each.event_id} -r {each.registry})"
        for each in newest[:1]
    )
    return wrong(
        "ignored events",
        f"could not be read in the last day: {counts}{example}",
        "no webhook got them: see what that registry sends, or whether it is one of docker"
        " distribution",
        facts,
    )


def clock(now_s: float, server_s: float | None) -> Finding:
    """Whether this clock can be right: signatures and timestamps depend on it."""
    if now_s < RELEASED_S:
        return wrong("clock", "shows a time before this version was made", "set the clock (NTP)")
    if server_s is None:
        return ok("clock", "plausible; there is no server to compare it with")
    # A Date header has whole seconds: the server's clock was anywhere in that second.
    skew_s = max(server_s - now_s, now_s - server_s - 1, 0)
    if skew_s > MOST_SKEW_S:
        return wrong("clock", f"{skew_s:.0f} s off from the server's", "set both clocks by NTP")
    return ok("clock", "agrees with the server's")


def disk(path: str, free_bytes: int) -> Finding:
    """Whether there is room for what is to be kept."""
    found = f"{free_bytes / 1024**3:.1f} GiB free under {path}"
    if free_bytes < LEAST_FREE_BYTES:
        return wrong(
            "disk", found, "free some, or move PORTCALL_HOME: a full disk stops the broker",
            {"free_bytes": free_bytes},
        )  # fmt: skip
    return ok("disk", found, {"free_bytes": free_bytes})
