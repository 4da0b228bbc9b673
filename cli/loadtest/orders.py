"""What the load test's options ask for, put together and checked against each other."""

from collections.abc import Sequence

from portcall.cli.commands.synthetic import parse_actions
from portcall.loadtest.checking import Checking
from portcall.loadtest.faults.choice import parse_faults, possible_faults
from portcall.loadtest.faults.kinds import WINDOW_S
from portcall.loadtest.payloads.facts import Mix
from portcall.loadtest.payloads.formats import Format
from portcall.loadtest.send.retrying import Policy, parse_outage, parse_span
from portcall.loadtest.send.senders import NEVER, find_sender
from portcall.loadtest.send.sources import Traffic
from portcall.loadtest.signing import Signing, Style
from portcall.schemas.durations import parse_duration_ms, parse_schedule_ms
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.events import PING


def mix_of(
    actions: Sequence[str], payload: Format, *, repositories: int, zipf: float, tags: int
) -> Mix:
    """Which events there are.

    Raises:
        UsageError: A word is no action.
        InvalidValueError: The format does not tell of an action.
    """
    words = [word.strip() for each in actions for word in each.split(",")]
    pings = [word for word in words if word.partition(":")[0] == PING]
    others = [word for word in words if word not in pings]
    weights = (
        {action.value: weight for action, weight in parse_actions(others).items()} if others else {}
    )
    for word in pings:
        # The same rules for its weight; push stands in, as a ping is no registry's action.
        (weights[PING],) = parse_actions([f"push{word.removeprefix(PING)}"]).values()
    for action in weights:
        if action not in payload.actions:
            told = ", ".join(payload.actions)
            raise InvalidValueError("--action", f"{payload.name} tells of {told} only")
    return Mix(weights, repositories, zipf, tags)


def traffic_of(
    mix: Mix,
    payload: Format,
    *,
    style: Style,
    secret: str,
    faults: Sequence[str],
    policy: Policy,
    outage: str,
    duration_s: float,
    copies: int = 1,
    copies_after: str = "",
    swap_within: str = "",
    size: int = 0,
) -> Traffic:
    """What is sent.

    Raises:
        InvalidValueError: An option is wrong, or does not fit another.
    """
    signing = Signing.of(style, secret)
    rates = possible_faults(parse_faults(faults), faults, signing, payload)
    away = parse_outage(outage) if outage else None
    if away is not None and not policy.schedule_ms:
        raise InvalidValueError("--outage", "needs --retries: what it holds back comes by those")
    if away is not None and away.from_s >= duration_s:
        raise InvalidValueError("--outage", f"begins after the run, which lasts {duration_s:g} s")
    return Traffic(
        mix, signing, payload, rates, policy, away, copies,
        parse_span(copies_after, "--copies-after") if copies_after else None, size,
        parse_span(swap_within, "--swap-within") if swap_within else WINDOW_S,
    )  # fmt: skip


def policy_of(retries: str, *, compression: float, jitter: bool) -> Policy:
    """When what failed is sent again.

    Raises:
        InvalidValueError: It is neither delays nor a known sender, or that one's are not known.
    """
    if not retries.strip():
        return Policy()
    if not retries.strip()[0].isalpha():
        return Policy(parse_schedule_ms(retries, "--retries"), compression, jitter)
    sender = find_sender(retries.strip(), "--retries")
    if not sender.schedule_ms and sender.retries != NEVER:
        raise InvalidValueError(
            "--retries", f"{sender.title} publishes no schedule; give delays, as 1s,5s,30s"
        )
    return Policy(sender.schedule_ms, compression, jitter, heeds=sender.name == "portcall")


def checking_of(
    *,
    processed: str,
    settle: str,
    kill_cmd: str,
    kill_at: str,
    conformance: bool,
    duration_s: float,
) -> Checking:
    """What is checked beside the times.

    Raises:
        InvalidValueError: A duration is none.
    """
    at_s = parse_duration_ms(kill_at, "--kill-at") / 1000 if kill_at else duration_s / 2
    return Checking(
        processed=processed,
        settle_s=parse_duration_ms(settle, "--settle") / 1000,
        kill_cmd=kill_cmd,
        kill_at_s=at_s,
        conformance=conformance,
    )
