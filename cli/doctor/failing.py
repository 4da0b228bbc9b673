"""The judgement of `portcall doctor` on webhooks of which every attempt fails."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from portcall.cli.doctor.findings import Finding, ok, wrong
from portcall.schemas.plurals import counted
from portcall.schemas.timestamps import acr_timestamp

_ENDED_BY = re.compile(
    r"^(attempt \d+ was the last of the schedule|it would be older than \w+, the maximum age"
    r"|not delivered; pings are not retried): "
)
"""What `deliverer.policy` says before the cause, when it gives a delivery up."""
_NOT_SENT = "nothing was sent: "
"""How the reason begins if the deliverer refuses the target, so that no endpoint was asked."""


@dataclass(frozen=True, slots=True)
class FailingWebhook:
    """A webhook of which no attempt has succeeded for a while.

    Attributes:
        registry: Its registry's name.
        name: Its own.
        since_ms: The first of the failures, milliseconds since the epoch.
        reason: Why its last attempt failed.
    """

    registry: str
    name: str
    since_ms: int
    reason: str


def failing(found: Sequence[FailingWebhook], count: int) -> Finding:
    """Report webhooks of which every attempt fails: the cause first, then the commands.

    Args:
        found: Those that have failed for the longest time.
        count: The number of all of them.
    """
    if not count:
        return ok("failing webhooks", "none")
    told = "; ".join(
        f"{each.registry}/{each.name}: {_cause(each)}, failing since"
        f" {acr_timestamp(each.since_ms)[:19]}Z"
        for each in found
    )
    more = f"; and {count - len(found)} more" if count > len(found) else ""
    return wrong(
        "failing webhooks",
        f"{counted(count, 'webhook')} of which every attempt fails: {told}{more}",
        f"{_advice(found[0])}. Retries go on by themselves; what was given up is sent again by"
        " `portcall replay`",
        {
            "count": count,
            "failing": [
                {
                    "registry": each.registry,
                    "webhook": each.name,
                    "since": acr_timestamp(each.since_ms),
                    "reason": each.reason,
                }
                for each in found
            ],
        },
    )


def _cause(webhook: FailingWebhook) -> str:
    """Return why its attempts fail, without why the last one is not repeated."""
    return _ENDED_BY.sub("", webhook.reason)


def _advice(webhook: FailingWebhook) -> str:
    """Return the commands that find the fault and mend it."""
    target = f"-r {webhook.registry} -n {webhook.name}"
    correct = f"correct the address: `portcall webhook update {target} --uri URI`"
    if _cause(webhook).startswith(_NOT_SENT):
        return (
            f"Portcall asks no such endpoint: {correct}; or allow it where Portcall starts, with"
            " PORTCALL_ALLOW_TARGETS for addresses and PORTCALL_ALLOW_PORTS for ports"
        )
    look = f"`portcall webhook list-events {target} --max-items 1 -o json`"
    return f"see what the endpoint answers: {look}; mend it, or {correct}"
