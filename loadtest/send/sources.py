"""The source of a load test's POSTs: planned times in; correct and faulty POSTs out."""

import random
from collections.abc import Iterable, Iterator
from heapq import heappop, heappush
from itertools import count

from msgspec import Struct
from msgspec.structs import replace

from portcall.loadtest.faults.bodies import padded_to
from portcall.loadtest.faults.choice import Chooser
from portcall.loadtest.faults.kinds import AT_ONCE_S, WINDOW_S, FaultKind, Overtaken, Repeat
from portcall.loadtest.measure.ledger import Ledger, LedgerEntry
from portcall.loadtest.payloads.facts import Fact, FactMix, Story
from portcall.loadtest.payloads.formats import ACR, Format
from portcall.loadtest.plan import Headers, Outcome, Planned, Sign, Wants
from portcall.loadtest.send.retrying import Outage, Policy
from portcall.loadtest.signing import HOUR_S, Forgery, Signing
from portcall.schemas.events import PING, Action

NEVER_AGAIN = Policy()


class Workload(Struct, frozen=True):
    """The content of the POSTs.

    Attributes:
        payload: The payload format.
        mix: The kinds of events.
        signing: How the POSTs are signed.
        faults: The rate of each fault, from 0 to 1.
        policy: The retries of failed POSTs.
        outage: When nothing reaches the consumer; None: no outage.
        copies: How many copies a duplicated POST has.
        copies_after_s: The least and the longest delay of a copy; None: the fault's own.
        size: Smaller bodies are padded to this size, bytes.
        swap_within_s: The least and the longest delay of a POST that others overtake.
    """

    mix: FactMix
    signing: Signing
    payload: Format = ACR
    faults: dict[str, float] = {}
    policy: Policy = NEVER_AGAIN
    outage: Outage | None = None
    copies: int = 1
    copies_after_s: tuple[float, float] | None = None
    size: int = 0
    swap_within_s: tuple[float, float] = WINDOW_S


class Deliveries:
    """A `Source` of POSTs, and the `Ledger` of their results.

    Args:
        times: When events happen, seconds of the run, ascending.
        traffic: The content of the POSTs.
        seed: The same seed and times give the same POSTs, except times and signatures.
        began_us: When the run begins, microseconds since the epoch.
    """

    def __init__(
        self, times: Iterable[float], traffic: Workload, *, seed: int, began_us: int
    ) -> None:
        self.ledger = Ledger()
        self.given_up = 0
        self._times = times
        self.traffic = traffic
        self._began_us = began_us
        self._story = Story(traffic.mix, seed=seed)
        self._chooser = Chooser(traffic.faults, seed=seed)
        self._chance = random.Random(f"retries {seed}").random  # noqa: S311 (reproducible)
        self._malformed = count()

    def __iter__(self) -> Iterator[Planned]:
        """Yield the POSTs in the order of their times."""
        waiting: list[tuple[float, int, Planned]] = []
        number = count()
        for at_s in self._times:
            while waiting and waiting[0][0] <= at_s:
                yield heappop(waiting)[2]
            for planned in self._posts(at_s):
                heappush(waiting, (planned.at_s, next(number), planned))
        while waiting:
            yield heappop(waiting)[2]

    def after(self, outcome: Outcome) -> Iterable[Planned]:
        """Return the retry of a failed POST; forged and unusual POSTs have none."""
        planned = outcome.planned
        if planned.wants is not Wants.TAKEN:
            return ()
        at_s = self.traffic.policy.next_s(outcome, self._chance())
        if at_s is None:
            return ()
        return (replace(planned, at_s=at_s, attempt=planned.attempt + 1),)

    def _posts(self, at_s: float) -> Iterator[Planned]:
        """Return the POSTs of one event, none of them before *at_s*."""
        traffic = self.traffic
        fact = self._story.next(self._began_us + int(at_s * 1e6))
        if traffic.outage is not None and traffic.outage.holds(at_s):
            yield from self._held(fact, at_s, traffic.outage)
            return
        yield from self._with_fault(fact, at_s, self._chooser.next())

    def posts(self, at_s: float, kind: FaultKind | None) -> Iterator[Planned]:
        """Return the POSTs of the next event, with that fault."""
        fact = self._story.next(self._began_us + int(at_s * 1e6))
        yield from self._with_fault(fact, at_s, kind)

    def _with_fault(self, fact: Fact, at_s: float, kind: FaultKind | None) -> Iterator[Planned]:
        if kind is not None and kind.overtaken is not None:
            yield from self._overtaken(fact, at_s, kind, kind.overtaken)
        else:
            first = self._post(fact, at_s, kind)
            yield from self._repeated(first, kind.repeat if kind is not None else None)

    def _held(self, fact: Fact, at_s: float, outage: Outage) -> Iterator[Planned]:
        """Apply an outage to an event: return the first attempt after it."""
        found = self.traffic.policy.after_outage(at_s, outage.to_s, self._chance)
        if found is None:
            self.given_up += 1
            return
        number, then_s = found
        planned = replace(self._post(fact, then_s), attempt=number)
        self.ledger.entries[planned.delivery_id].held = True
        yield planned

    def _overtaken(
        self, fact: Fact, at_s: float, kind: FaultKind, by: Overtaken
    ) -> Iterator[Planned]:
        """Return a POST, preceded by one whose event happened later."""
        late_s = self._chooser.random.uniform(*self.traffic.swap_within_s)
        if by is Overtaken.BY_OTHERS or fact.action not in (Action.PUSH, Action.CHART_PUSH):
            yield self._post(fact, at_s + late_s, kind)
            return
        # At least one time step of the format later: a consumer must see which is newer.
        step_s = max(0.001, self.traffic.payload.step_us / 1e6)
        then_us = fact.at_us + int(step_s * 1e6)
        newer = self._story.removal_of if by is Overtaken.BY_REMOVAL else self._story.push_over
        yield self._post(newer(fact, then_us), at_s + step_s, kind)
        late = self._post(fact, at_s + step_s + late_s, kind)
        yield replace(late, attempt=2) if by is Overtaken.BY_PUSH else late

    def _post(self, fact: Fact, at_s: float, kind: FaultKind | None = None) -> Planned:
        payload = self.traffic.payload
        whole = payload.write(fact)
        if len(whole) < self.traffic.size:
            whole = padded_to(self.traffic.size)(whole)
        if kind is not None and kind.spoil is not None:
            whole = kind.spoil(whole)
        body = kind.tamper(whole) if kind is not None and kind.tamper is not None else whole
        rank = fact.at_us // payload.step_us
        owed = fact.action in self.traffic.mix.actions and fact.action != PING
        self.ledger.open(LedgerEntry(fact.id, fact.action, fact.keys, rank, kind, owed=owed))
        sign = self._sign(fact, whole, kind)
        final = self.traffic.policy.final
        if kind is None:
            return Planned(at_s, fact.id, fact.action, body, sign, key=_key(fact), final=final)
        return Planned(
            at_s, fact.id, fact.action, body, sign, fault=kind.name, key=_key(fact),
            wants=kind.wants, transport=kind.transport, final=final,
        )  # fmt: skip

    def _sign(self, fact: Fact, body: bytes, kind: FaultKind | None) -> Sign:
        """Return the function that makes the headers at the moment of sending."""
        signing, payload = self.traffic.signing, self.traffic.payload
        forgery = kind.forgery if kind is not None else Forgery.NONE
        content_type = (kind.content_type if kind is not None else "") or payload.content_type
        before = [("Content-Type", content_type), *payload.headers(fact)]
        if kind is not None and kind.transport.expect:
            before.append(("Expect", "100-continue"))
        nth = next(self._malformed) if forgery is Forgery.MALFORMED else 0

        def sign(now_s: float) -> Headers:
            return before + signing.headers(fact.id, body, int(now_s), forgery, nth)

        return sign

    def _repeated(self, first: Planned, repeat: Repeat | None) -> Iterator[Planned]:
        """Return a POST and its copies."""
        if repeat is None:
            yield first
            return
        captured = _captured(first.sign)
        if not repeat.signed_again:
            first = replace(first, sign=_signed_once(first.sign))
        yield first
        for number in range(self.traffic.copies):
            later = replace(first, at_s=first.at_s + self._later_s(repeat))
            if repeat.signed_again:
                later = replace(later, attempt=number + 2)
            yield replace(later, sign=captured) if repeat.captured else later

    def _later_s(self, repeat: Repeat) -> float:
        """Return the delay of a copy; at once stays at once."""
        told = self.traffic.copies_after_s
        after_s = repeat.after_s if told is None or repeat.after_s == AT_ONCE_S else told
        return self._chooser.random.uniform(*after_s)


def _captured(sign: Sign) -> Sign:
    """Sign as an hour ago."""
    return lambda now_s: sign(now_s - HOUR_S)


def _signed_once(sign: Sign) -> Sign:
    """Sign the first time, and return the same headers afterwards."""
    made: list[Headers] = []

    def signed(now_s: float) -> Headers:
        if not made:
            made.append(sign(now_s))
        return made[0]

    return signed


def _key(fact: Fact) -> str:
    return fact.keys[0] if fact.keys else ""
