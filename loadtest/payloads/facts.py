"""Facts: what happens in a simulated registry; the same seed gives the same facts at other times.

Repositories follow a Zipf law, as real ones do: the one of rank k is used in proportion to 1 / k **
s. A delete is of a digest that was pushed before, so that its order matters.
"""

import random
from bisect import bisect
from collections.abc import Mapping
from itertools import accumulate

from msgspec import Struct

from portcall.loadtest.payloads.actions import PUSHING, REMOVING
from portcall.schemas.events import PING

MAX_LIVE = 1_000
"""How many pushed digests are remembered for deletes, for each action."""


class Fact(Struct, frozen=True):
    """One event of the simulated registry.

    Attributes:
        number: Its position in the sequence, from 0; later facts have higher numbers.
        id: Of the event, and of its delivery.
        action: ACR's word.
        at_us: When it happened, microseconds since the epoch.
        repository: Empty for a ping.
        tag: What was pushed or marked.
        digest: Of the manifest or the chart.
        size: Of the manifest, bytes.
        request_id: Of the request to the registry.
    """

    number: int
    id: str
    action: str
    at_us: int
    repository: str = ""
    tag: str = ""
    digest: str = ""
    size: int = 0
    request_id: str = ""

    @property
    def keys(self) -> tuple[str, ...]:
        """Return its subjects: of two facts with a common key, the newer one wins."""
        if not self.repository:
            return ()
        digest = f"{self.repository}@{self.digest}"
        if self.action in REMOVING:
            return (digest,)
        return (f"{self.repository}:{self.tag}", digest)


class FactMix(Struct, frozen=True):
    """The kinds of facts.

    Attributes:
        actions: The actions, each with its weight.
        repositories: How many repositories there are.
        zipf: The exponent of their Zipf law; 0: all equally often.
        tags: How many tags each of them has; the first is ``latest``.
    """

    actions: Mapping[str, int]
    repositories: int = 100
    zipf: float = 1.0
    tags: int = 5


class Story:
    """Creates facts, one after the other.

    Args:
        mix: The kinds of facts.
        seed: Seeds every random choice.
    """

    def __init__(self, mix: FactMix, *, seed: int) -> None:
        self._random = random.Random(f"story {seed}")  # noqa: S311 (reproducible, not secret)
        self._mix = mix
        self._actions = list(mix.actions)
        self._action_sums = list(accumulate(mix.actions.values()))
        ranks = range(1, mix.repositories + 1)
        self._rank_sums = list(accumulate(rank**-mix.zipf for rank in ranks))
        self._number = 0
        self._live: dict[str, list[Fact]] = {action: [] for action in PUSHING}

    def next(self, at_us: int) -> Fact:
        """Return what happened at *at_us*, microseconds since the epoch."""
        action = self._actions[self._pick(self._action_sums)]
        if action == PING:
            return Fact(self._count(), self.new_id(), PING, at_us)
        if action in REMOVING and (pushed := self._forget(REMOVING[action])) is not None:
            return self.removal_of(pushed, at_us)
        tag = self._random.randrange(self._mix.tags)
        repository = f"synthetic/repo-{self._pick(self._rank_sums) + 1}"
        fact = self._fact(action, at_us, repository, f"v{tag}" if tag else "latest")
        if action in PUSHING:
            self._remember(fact)
        return fact

    def removal_of(self, pushed: Fact, at_us: int) -> Fact:
        """Return the deletion of a pushed image."""
        return Fact(
            self._count(), self.new_id(), PUSHING[pushed.action], at_us, pushed.repository,
            pushed.tag, pushed.digest, pushed.size, self.new_id(),
        )  # fmt: skip

    def push_over(self, pushed: Fact, at_us: int) -> Fact:
        """Return a newer push to the same tag."""
        return self._fact(pushed.action, at_us, pushed.repository, pushed.tag)

    def new_id(self) -> str:
        """Return a UUID that depends only on the seed."""
        # By hand in a third of the time that uuid.UUID takes: there are two for each event.
        text = f"{self._random.getrandbits(128):032x}"
        variant = "89ab"[int(text[16], 16) & 3]
        return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{variant}{text[17:20]}-{text[20:]}"

    def _fact(self, action: str, at_us: int, repository: str, tag: str) -> Fact:
        digest = f"sha256:{self._random.getrandbits(256):064x}"
        return Fact(
            self._count(), self.new_id(), action, at_us, repository, tag, digest,
            self._random.randrange(400, 4000), self.new_id(),
        )  # fmt: skip

    def _remember(self, fact: Fact) -> None:
        live = self._live[fact.action]
        if len(live) < MAX_LIVE:
            live.append(fact)
        else:
            live[self._random.randrange(MAX_LIVE)] = fact

    def _forget(self, action: str) -> Fact | None:
        """Remove and return something that *action* added."""
        live = self._live[action]
        if not live:
            return None
        place = self._random.randrange(len(live))
        live[place], live[-1] = live[-1], live[place]
        return live.pop()

    def _count(self) -> int:
        self._number += 1
        return self._number - 1

    def _pick(self, sums: list[float] | list[int]) -> int:
        return min(bisect(sums, self._random.random() * sums[-1]), len(sums) - 1)
