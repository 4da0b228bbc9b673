"""What `portcall loadtest --through` does not take, and why: its POSTs are made by the pipeline."""

from collections.abc import Mapping, Sequence

from portcall.cli.errors import UsageError
from portcall.loadtest.faults.choice import EVERYTHING
from portcall.loadtest.faults.kinds import BY_NAME, Group
from portcall.schemas.events import PING

REFUSED = {
    "payload": "what is published has to be ACR's, as the producer takes it",
    "size": "the producer takes events, not padding",
    "copies": "the pipeline makes no duplicates on purpose",
    "copies_after": "the pipeline makes no duplicates on purpose",
    "swap_within": "the order of POSTs is the pipeline's own",
    "style": "Portcall signs as Standard Webhooks says, and in no other way",
    "keep_alive": "the deliverer keeps its connections by rules of its own",
    "http2": "the deliverer speaks HTTP/1.1",
    "insecure": "the deliverer believes good certificates only",
    "compress": "the pipeline's retries run in real time; give short delays by --retries",
    "retry_jitter": "the pipeline's retries always vary",
    "outage": "the pipeline sends all the time; let the consumer itself be away, as by --kill-cmd",
    "conformance": "the grade is of forged POSTs, too, and a pipeline sends none",
    "find_max": "the rate that is found would be that of the slower one, pipeline or consumer",
}
"""Of each option's parameter, the reason."""
FAULTS = {
    Group.DUPLICATES: "a pipeline sends a delivery again only when an attempt of it failed:"
    " --retries, and a consumer that fails late, make those",
    Group.ORDER: "the order of POSTs is the pipeline's own",
    Group.SIGNATURES: "a pipeline signs rightly, at the moment of each attempt",
    Group.BODIES: "the producer refuses what is no event, so it never reaches the consumer",
    Group.TRANSPORT: "how POSTs are brought to the consumer is the deliverer's own",
}
"""Of each group of faults, why no pipeline makes them."""


def check_through(
    values: Mapping[str, object],
    defaults: Mapping[str, object],
    *,
    faults: Sequence[str],
    actions: Sequence[str],
) -> None:
    """Refuse what cannot be had through the pipeline.

    Args:
        values: Of each parameter of the command, what it is.
        defaults: What it is unless told.
        faults: As they were asked for.
        actions: The same.

    Raises:
        UsageError: One of the options was given; it says why, and what would do.
    """
    if faults:
        raise UsageError(f"--fault does not go with --through: {_why_no(faults[0])}{_INSTEAD}")
    for name, why in REFUSED.items():
        if values[name] != defaults[name]:
            raise UsageError(f"{_option(name)} does not go with --through: {why}{_INSTEAD}")
    if PING in actions:
        raise UsageError(f"--action {PING} does not go with --through: no registry tells of pings")


_INSTEAD = "; leave --through out, and POSTs go to the consumer directly"
_ONLY_OFF = {"keep_alive": "--no-keep-alive", "retry_jitter": "--no-retry-jitter"}


def _option(name: str) -> str:
    return _ONLY_OFF.get(name, f"--{name.replace('_', '-')}")


def _why_no(fault: str) -> str:
    name = fault.partition(",")[0].partition(":")[0].strip()
    if name in BY_NAME:
        return FAULTS[BY_NAME[name].group]
    if name in set(Group):
        return FAULTS[Group(name)]
    known = ", ".join([EVERYTHING, *Group])
    return f"a pipeline makes no faults on purpose, of whatever group ({known})"
