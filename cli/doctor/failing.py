"""The judgement of `portcall doctor` on webhooks of which every attempt fails."""

from collections.abc import Sequence
from dataclasses import dataclass

from portcall.cli.doctor.findings import Finding, ok, wrong
from portcall.cli.output import counted
from portcall.schemas.timestamps import acr_timestamp


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
        f"{each.registry}/{each.name}: {each.reason}, failing since"
        f" {acr_timestamp(each.since_ms)[:19]}Z"
        for each in found
    )
    more = f"; and {count - len(found)} more" if count > len(found) else ""
    first = found[0]
    target = f"-r {first.registry} -n {first.name}"
    return wrong(
        "failing webhooks",
        f"{counted(count, 'webhook')} of which every attempt fails: {told}{more}",
        f"see what the endpoint answers: `portcall webhook list-events {target} --max-items 1 -o"
        f" json`; mend it, or correct the address: `portcall webhook update {target} --uri URI`."
        " Retries go on by themselves; what was given up is sent again by `portcall replay`",
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
