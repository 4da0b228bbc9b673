"""Which options `portcall loadtest --through` does not support: the pipeline makes the POSTs."""

from collections.abc import Mapping, Sequence

from portcall.cli.errors import UsageError
from portcall.loadtest.faults.choice import EVERYTHING
from portcall.loadtest.faults.kinds import BY_NAME, Group
from portcall.schemas.events import PING

REFUSED = {
    "payload": "published events must be ACR's, as the producer takes them",
    "size": "the producer takes events, not padding",
    "copies": "the pipeline makes no deliberate duplicates",
    "copies_after": "the pipeline makes no deliberate duplicates",
    "swap_within": "the pipeline decides the order of POSTs",
    "style": "Portcall signs by Standard Webhooks only",
    "keep_alive": "the deliverer manages its own connections",
    "http2": "the deliverer speaks HTTP/1.1",
    "insecure": "the deliverer accepts valid certificates only",
    "compress": "the pipeline's retries run in real time; give short delays with --retries",
    "retry_jitter": "the pipeline's retries always vary",
    "outage": "the pipeline sends all the time; stop the consumer itself, for example with"
    " --kill-cmd",
    "conformance": "the grade needs forged POSTs, which a pipeline does not send",
    "find_max": "the search would find the rate of the slower one, pipeline or consumer",
}
"""For each option's parameter, the reason."""
FAULTS = {
    Group.DUPLICATES: "a pipeline repeats a delivery only after a failed attempt; --retries and a"
    " consumer that fails late make duplicates",
    Group.ORDER: "the pipeline decides the order of POSTs",
    Group.SIGNATURES: "a pipeline signs correctly, at the moment of each attempt",
    Group.BODIES: "the producer refuses malformed events, so they never reach the consumer",
    Group.TRANSPORT: "the deliverer decides how POSTs are sent to the consumer",
}
"""For each group of faults, why no pipeline makes them."""


def check_through(
    values: Mapping[str, object],
    defaults: Mapping[str, object],
    *,
    faults: Sequence[str],
    actions: Sequence[str],
) -> None:
    """Refuse options that do not work through the pipeline.

    Args:
        values: The value of each parameter of the command.
        defaults: The default of each parameter.
        faults: The requested faults.
        actions: The requested actions.

    Raises:
        UsageError: One of the options was given; the message has the reason and an alternative.
    """
    if faults:
        raise UsageError(
            f"--fault cannot be combined with --through: {_why_no(faults[0])}{_INSTEAD}"
        )
    for name, why in REFUSED.items():
        if values[name] != defaults[name]:
            raise UsageError(f"{_option(name)} cannot be combined with --through: {why}{_INSTEAD}")
    if PING in actions:
        raise UsageError(
            f"--action {PING} cannot be combined with --through: registries send no pings"
        )


_INSTEAD = "; leave --through out to send to the consumer directly"
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
    return f"a pipeline injects no faults of any group ({known})"
