"""Build the load test's parts from the options, and check them against each other."""

from collections.abc import Sequence

from portcall.cli.commands.synthetic import parse_actions
from portcall.loadtest.checking import Checking
from portcall.loadtest.faults.choice import parse_faults, possible_faults
from portcall.loadtest.faults.kinds import WINDOW_S
from portcall.loadtest.payloads.facts import FactMix
from portcall.loadtest.payloads.formats import Format
from portcall.loadtest.send.retrying import Policy, parse_outage, parse_span
from portcall.loadtest.send.senders import NEVER, find_sender
from portcall.loadtest.send.sources import Workload
from portcall.loadtest.signing import Signing, Style
from portcall.schemas.durations import parse_duration_ms, parse_schedule_ms
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.events import PING
from portcall.schemas.final_answers import parse_final_answers


def mix_of(
    actions: Sequence[str], payload: Format, *, repositories: int, zipf: float, tags: int
) -> FactMix:
    """Return which events to send.

    Raises:
        UsageError: A word is not an action.
        InvalidValueError: The format has no events of an action.
    """
    words = [word.strip() for each in actions for word in each.split(",")]
    pings = [word for word in words if word.partition(":")[0] == PING]
    others = [word for word in words if word not in pings]
    weights = (
        {action.value: weight for action, weight in parse_actions(others).items()} if others else {}
    )
    for word in pings:
        # The same rules for its weight; push replaces ping, which is not a registry's action.
        (weights[PING],) = parse_actions([f"push{word.removeprefix(PING)}"]).values()
    for action in weights:
        if action not in payload.actions:
            told = ", ".join(payload.actions)
            raise InvalidValueError("--action", f"{payload.name} has events of {told} only")
    return FactMix(weights, repositories, zipf, tags)


def traffic_of(
    mix: FactMix,
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
) -> Workload:
    """Return the traffic.

    Raises:
        InvalidValueError: An option is wrong, or does not fit another.
    """
    signing = Signing.of(style, secret)
    rates = possible_faults(parse_faults(faults), faults, signing, payload)
    away = parse_outage(outage) if outage else None
    if away is not None and not policy.schedule_ms:
        raise InvalidValueError(
            "--outage", "needs --retries: they deliver what the outage holds back"
        )
    if away is not None and away.from_s >= duration_s:
        raise InvalidValueError(
            "--outage", f"begins after the end of the run, which lasts {duration_s:g} s"
        )
    return Workload(
        mix, signing, payload, rates, policy, away, copies,
        parse_span(copies_after, "--copies-after") if copies_after else None, size,
        parse_span(swap_within, "--swap-within") if swap_within else WINDOW_S,
    )  # fmt: skip


def policy_of(retries: str, *, compression: float, jitter: bool, final_answers: str = "") -> Policy:
    """Return when failed requests are sent again.

    Raises:
        InvalidValueError: Neither delays nor a known sender with a published schedule; or an
            answer can never be final.
    """
    final = parse_final_answers(final_answers.strip(), "--final-answers")
    if not retries.strip():
        return Policy(final_answers=final)
    if not retries.strip()[0].isalpha():
        schedule_ms = parse_schedule_ms(retries, "--retries")
        return Policy(schedule_ms, compression, jitter, final_answers=final)
    sender = find_sender(retries.strip(), "--retries")
    if not sender.schedule_ms and sender.retries != NEVER:
        raise InvalidValueError(
            "--retries", f"{sender.title} publishes no schedule; give delays, such as 1s,5s,30s"
        )
    heeds = sender.name == "portcall"
    return Policy(sender.schedule_ms, compression, jitter, heeds, final)


def checking_of(
    *,
    processed: str,
    settle: str,
    kill_cmd: str,
    kill_at: str,
    conformance: bool,
    duration_s: float,
) -> Checking:
    """Return what to check besides the times.

    Raises:
        InvalidValueError: A duration is malformed.
    """
    at_s = parse_duration_ms(kill_at, "--kill-at") / 1000 if kill_at else duration_s / 2
    return Checking(
        processed=processed,
        settle_s=parse_duration_ms(settle, "--settle") / 1000,
        kill_cmd=kill_cmd,
        kill_at_s=at_s,
        conformance=conformance,
    )
