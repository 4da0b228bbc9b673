"""The judgement of `portcall doctor`: pure functions from facts to findings."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from portcall.schemas.plurals import counted
from portcall.schemas.topology import COALESCE, DEAD, EVENTS_IN, UNROUTED
from portcall.store.intake.ignored import IgnoredEvent, IgnoredKind

OLDEST_PYTHON = (3, 11)
MOUNTED_SECRETS = "/run/secrets/"
"""Where engines mount secrets. Nobody else is in a container, and often only the mode for others
lets its user read them. Who may read them on the machine is decided by their folder there."""
LEAST_FREE_BYTES = 1024**3
"""The broker blocks publishers when the disk is nearly full; this is just above RabbitMQ's own
limit."""
MOST_SKEW_S = 5
MOST_NAMED = 20
"""How many webhooks are named; the facts have all of them."""
RELEASED_S = 1_767_225_600
"""2026-01-01: a correct clock shows a later time."""


class Verdict(StrEnum):
    """The result of a check."""

    OK = "ok"
    WRONG = "wrong"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found.

    Attributes:
        check: Its name.
        verdict: Good or wrong; unknown if the check could not be made.
        found: What was seen, in words.
        advice: How to fix it; empty if nothing is wrong.
        facts: What was seen, for machines.
    """

    check: str
    verdict: Verdict
    found: str
    advice: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


def ok(check: str, found: str, facts: Mapping[str, Any] | None = None) -> Finding:
    """A finding: nothing is wrong."""
    return Finding(check, Verdict.OK, found, facts=facts or {})


def wrong(check: str, found: str, advice: str, facts: Mapping[str, Any] | None = None) -> Finding:
    """A finding: something is wrong, with the way to fix it."""
    return Finding(check, Verdict.WRONG, found, advice, facts or {})


def unknown(check: str, why: str) -> Finding:
    """A finding: the check could not be made; another finding gives the reason."""
    return Finding(check, Verdict.UNKNOWN, why)


def python(version: Sequence[int]) -> Finding:
    """Check that this Python is new enough."""
    text = ".".join(str(part) for part in version[:3])
    if tuple(version[:2]) < OLDEST_PYTHON:
        return wrong(
            "python", text, "Portcall needs Python 3.11 or newer: install one, then run `make`"
        )
    return ok("python", text)


def private(check: str, path: str, mode: int, wanted: int) -> Finding:
    """Check that only the owner can read a file or folder that has secrets in it."""
    if path.startswith(MOUNTED_SECRETS):
        return ok(check, f"{path} (mounted by the container's engine)")
    if mode & 0o077:
        found = f"{path} can be read by others (mode {mode & 0o777:04o})"
        return wrong(check, found, f"chmod {wanted:o} {path}")
    return ok(check, f"{path} (mode {mode & 0o777:04o})")


def processes(told: Sequence[Mapping[str, Any]], lives: Callable[[int], bool]) -> Finding:
    """Check that the processes of ready.json run."""
    named = [f"{each.get('role')} {each.get('pid')}" for each in told]
    dead = [
        f"{each.get('role')} ({each.get('pid')})"
        for each in told
        if not lives(int(each.get("pid") or 0))
    ]
    facts = {"processes": list(told)}
    if len(dead) == len(told):
        found = "no process of ready.json runs: a crash left the file behind"
        return wrong("processes", found, "start `portcall up`; it cleans up by itself", facts)
    if dead:
        return wrong(
            "processes",
            f"dead: {', '.join(dead)}",
            "`portcall up` restarts them within 5 s; if this remains, its output gives the reason",
            facts,
        )
    return ok("processes", ", ".join(named), facts)


def topology(missing: Sequence[str], difference: str | None) -> Finding:
    """Check that the broker has the right queues with the right settings."""
    if missing:
        return wrong(
            "topology", f"missing queues: {', '.join(missing)}", "run `portcall topology apply`"
        )
    if difference:
        return wrong(
            "topology",
            difference,
            "set PORTCALL_SHARDS, PORTCALL_RETRY_SCHEDULE and PORTCALL_RECORD_RETENTION to"
            " the values that it was declared with, or delete that queue when it is empty and"
            " run `portcall topology apply`",
        )
    return ok("topology", "every queue exists and has the right settings")


def queues(depths: Mapping[str, int | None]) -> Finding:
    """Report the messages in each queue. Dead letters are not the installation's fault."""
    groups = {
        "events.in": depths.get(EVENTS_IN) or 0,
        "coalesce": depths.get(COALESCE) or 0,
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
            f"no queue took the messages in {UNROUTED}: run `portcall topology apply`, then"
            " `portcall dead-letters resend --queue unrouted --all`",
            facts,
        )
    return ok("queues", found, facts)


def _sum(depths: Mapping[str, int | None], prefix: str) -> int:
    return sum(count or 0 for queue, count in depths.items() if queue.startswith(prefix))


def webhooks(disabled: Sequence[tuple[str, str, str]], refused: int = 0) -> Finding:
    """Check whether webhooks were disabled automatically.

    Args:
        disabled: Registry, name and reason of each one.
        refused: How many attempts of the last day a final answer ended; they are no fault.
    """
    if not disabled:
        told = "none was disabled automatically"
        if refused:
            told += (
                f"; final answers of receivers refused {counted(refused, 'delivery')} in 24 hours"
            )
        return ok("webhooks", told, {"refused": refused})
    told = "; ".join(f"{registry}/{name}: {why}" for registry, name, why in disabled[:MOST_NAMED])
    more = f"; and {len(disabled) - MOST_NAMED} more" if len(disabled) > MOST_NAMED else ""
    facts = {
        "disabled": [
            {"registry": registry, "webhook": name, "reason": why}
            for registry, name, why in disabled
        ],
        "refused": refused,
    }
    registry, name, _ = disabled[0]
    return wrong(
        "webhooks",
        f"{len(disabled)} disabled automatically: {told}{more}",
        f"fix the endpoint, then `portcall webhook enable -r {registry} -n {name}`, or `probe`"
        " instead of `enable` to test it first; for the deliveries given up meanwhile:"
        " `portcall replay`",
        facts,
    )


def role(
    name: str,
    url: str,
    status: int,
    problems: Mapping[str, str],
    warnings: Mapping[str, str] | None = None,
) -> Finding:
    """Check whether a running role is ready, by the answer of its ``/ready``."""
    check = f"role {name}"
    facts = {"url": url, "problems": dict(problems), "warnings": dict(warnings or {})}
    if status == 200 and warnings:
        warned = "; ".join(f"{part}: {why}" for part, why in warnings.items())
        return wrong(check, f"live and ready, for now: {warned}", "fix it before it fails", facts)
    if status == 200:
        return ok(check, f"live and ready; {url}/metrics", facts)
    reasons = "; ".join(f"{part}: {why}" for part, why in problems.items()) or f"status {status}"
    return wrong(
        check, f"live, not ready: {reasons}", f"fix that; {url}/ready shows when it is ready", facts
    )


REFUSED_ADVICE = {
    "Unauthorized": "its token is not valid here: create one with `portcall token create NAME"
    " --role publisher -r REGISTRY`, and put it into the Authorization header of its"
    " configuration",
    "Forbidden": "its token has the role reader: create one with `portcall token create NAME --role"
    " publisher -r REGISTRY`",
    "SourceNotFound": "correct the address that it sends to: `portcall source list` shows the"
    " sources",
    "RegistryNotFound": "correct the registry's name in the URL that it sends to, or run"
    " `portcall registry create`",
    "BadRequest": "the reason says what is wrong with its HTTP: check the headers that its"
    " configuration adds, and the proxies in between",
    "NotFound": "correct the path in the URL that it sends to; it does not end with a slash",
    "MethodNotAllowed": "send its requests as POST",
    "InvalidRequest": "the reason says what is wrong with its body; registries based on docker"
    " distribution send to /notifications, your own events go to /events",
    "UnsupportedMediaType": "send a supported Content-Type, and no Content-Encoding",
    "BodyTooLarge": "send fewer events in one request",
    "RequestTimeout": "find what is slow between it and the producer",
    "RequestHeaderFieldsTooLarge": "check the headers that its configuration adds",
    "TooManyRequests": "other clients behind the same address have wrong tokens: fix those",
    "ServiceUnavailable": "see the findings on the broker and the database; nothing is lost:"
    " refused requests are sent again",
}
"""The advice for requests that are refused again and again, by the code of the answer."""


SOURCE_ADVICE = {
    "Unauthorized": "its sender has another secret, or sends it elsewhere: `portcall source show"
    " SOURCE -r REGISTRY` says where it belongs, `portcall source rotate SOURCE -r REGISTRY` makes"
    " another one",
    "Forbidden": "if the address is its sender's: `portcall source update SOURCE -r REGISTRY"
    " --networks ...`; behind a proxy it is the proxy's",
    "MethodNotAllowed": "its sender must use POST",
    "InvalidRequest": "its sender must send JSON; `portcall source try SOURCE -r REGISTRY --file"
    " FILE` shows what becomes of a body",
    "BodyTooLarge": "a body of a source may have 8 MiB: let its sender send fewer events in one",
}
"""The same for the sender of a source, where it differs."""
_NO_ADVICE = "the reason says what is wrong"


def refused(role: str, kind: str, told: str) -> Finding:
    """Report a sender whose requests are refused again and again, and which repeats them.

    Args:
        role: The process that reports it.
        kind: The answer's code, and the registry or ``registry/source`` if it exists.
        told: What happened, in words.
    """
    code, _, name = kind.partition(" ")
    registry, _, source = name.partition("/")
    if source:
        advice = SOURCE_ADVICE.get(code) or REFUSED_ADVICE.get(code) or _NO_ADVICE
        advice = advice.replace("SOURCE", source).replace("REGISTRY", registry)
        facts = {"role": role, "registry": registry, "source": source, "code": code}
        return wrong("refused requests", f"source {name} ({code}): {told}", advice, facts)
    sender = f"registry {registry}" if registry else "a sender for an unknown registry"
    advice = REFUSED_ADVICE.get(code, _NO_ADVICE).replace("REGISTRY", registry or "REGISTRY")
    facts = {"role": role, "registry": registry, "code": code}
    return wrong("refused requests", f"{sender} ({code}): {told}", advice, facts)


def source(role: str, name: str, told: str) -> Finding:
    """Report a source that gets nothing, or bodies of another kind, or whose secret is lost.

    Args:
        role: The process that reports it.
        name: ``registry/source``.
        told: What is wrong, and after a colon what to do.
    """
    found, _, advice = told.partition(": ")
    advice = advice or "`portcall secrets status` tells of the encryption keys"
    return wrong("sources", f"{name}: {found}", advice, {"role": role, "source": name})


DAY_MS = 24 * 3_600_000
"""How far back the doctor looks for ignored events and refused deliveries."""
RECENT_MS = 3_600_000
"""For how long unreadable ones are a problem: one mistake must not be one for a whole day."""


def ignored(kinds: Sequence[IgnoredKind], newest: Sequence[IgnoredEvent], now_ms: int) -> Finding:
    """Report the ignored events of the last day; unreadable ones of the last hour are a problem.

    Args:
        kinds: How many there were of each kind.
        newest: The last unreadable one.
        now_ms: The time, milliseconds since the epoch.
    """
    unread = [each for each in kinds if each.is_unread]
    facts = {"kinds": [asdict(each) for each in kinds]}
    if not unread:
        others = sum(each.count for each in kinds)
        found = (
            f"no unreadable ones; {others} of kinds that Portcall does not use"
            if others
            else "none"
        )
        return ok("ignored events", f"{found}, in the last day", facts)
    counts = ", ".join(f"{each.registry} {each.reason} {each.count}" for each in unread)
    example = "".join(
        f"; the last: {each.place}: {each.problem}"
        f" (portcall explain {each.event_id} -r {each.registry})"
        for each in newest[:1]
    )
    found = f"unreadable in the last day: {counts}{example}"
    if newest and now_ms - newest[0].ignored_ms > RECENT_MS:
        return ok("ignored events", f"none is unreadable in the last hour; {found}", facts)
    return wrong(
        "ignored events",
        found,
        "no webhook got them: check what that registry sends, and whether it is based on"
        " docker distribution",
        facts,
    )


def clock(now_s: float, server_s: float | None) -> Finding:
    """Check that this clock can be right: signatures and timestamps depend on it."""
    if now_s < RELEASED_S:
        return wrong(
            "clock",
            "shows a time before this version's release",
            "set the clock (NTP)",
        )
    if server_s is None:
        return ok("clock", "plausible; there is no server to compare it with")
    # A Date header has whole seconds: the server's clock was anywhere within that second.
    skew_s = max(server_s - now_s, now_s - server_s - 1, 0)
    if skew_s > MOST_SKEW_S:
        return wrong("clock", f"{skew_s:.0f} s off from the server's", "set both clocks by NTP")
    return ok("clock", "agrees with the server's")


def disk(path: str, free_bytes: int) -> Finding:
    """Check that the disk has enough free space."""
    found = f"{free_bytes / 1024**3:.1f} GiB free under {path}"
    if free_bytes < LEAST_FREE_BYTES:
        return wrong(
            "disk", found, "free some, or move PORTCALL_HOME: a full disk stops the broker",
            {"free_bytes": free_bytes},
        )  # fmt: skip
    return ok("disk", found, {"free_bytes": free_bytes})
