"""Synthetic registry events: the same seed gives the same events and ids, but not the same times.

Repositories follow a Zipf law, as real ones do: the repository of rank k is used in proportion to 1
/ k ** s, so that few repositories get most of the events.
"""

import random
import uuid
from bisect import bisect
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import accumulate

from portcall import __version__
from portcall.cli.errors import UsageError
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.events import Action, PublishedEvent, Request, Target, check_action

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CHART = "application/vnd.acr.helm.chart"
MAX_WEIGHT = 1_000_000


@dataclass(frozen=True, slots=True)
class EventMix:
    """The kind of events.

    Attributes:
        actions: The actions, each with its weight.
        repositories: How many repositories there are.
        zipf: The exponent of their Zipf law; 0: all equally often.
        tags: How many tags each repository has; the first is ``latest``.
    """

    actions: Mapping[Action, int]
    repositories: int = 1
    zipf: float = 1.0
    tags: int = 1


def parse_actions(words: Iterable[str]) -> dict[Action, int]:
    """Read actions with weights, e.g. ``push:9,delete:1``; without a weight it is 1.

    Raises:
        UsageError: A word is no action, or a weight no whole number from 1 to `MAX_WEIGHT`.
    """
    weights: dict[Action, int] = {}
    for word in ",".join(words).split(","):
        name, colon, weight = word.strip().partition(":")
        try:
            action = check_action(name, "--action")
        except InvalidValueError as error:
            raise UsageError(str(error)) from error
        if colon and not (weight.isascii() and weight.isdecimal() and int(weight[:9]) > 0):
            raise UsageError(f"--action: {weight[:32]!r} is not a weight; write push:9,delete:1")
        weights[action] = min(int(weight[:9] or 1), MAX_WEIGHT)
    return weights


class Synthesis:
    """Make events, one after the other.

    Args:
        registry: The registry of the events.
        mix: The kind of events.
        seed: Seeds every random choice.
    """

    def __init__(self, registry: str, mix: EventMix, *, seed: int) -> None:
        self._host = f"{registry.lower()}.portcall.internal"
        self._random = random.Random(seed)  # noqa: S311 (reproducible, not secret)
        self._mix = mix
        self._actions = list(mix.actions)
        self._action_sums = list(accumulate(mix.actions.values()))
        self._rank_sums = list(
            accumulate(rank**-mix.zipf for rank in range(1, mix.repositories + 1))
        )

    def event(self, timestamp: str) -> PublishedEvent:
        """Return the next event, which happened at *timestamp*."""
        action = self._actions[self._pick(self._action_sums)]
        repository = f"synthetic/repo-{self._pick(self._rank_sums) + 1}"
        number = self._random.randrange(self._mix.tags)
        digest = f"sha256:{self._random.getrandbits(256):064x}"
        size = self._random.randrange(400, 4000)
        return PublishedEvent(
            id=self._id(),
            timestamp=timestamp,
            action=action.value,
            target=_target(action, repository, number, digest, size),
            request=self._request(action),
        )

    def _pick(self, sums: list[float] | list[int]) -> int:
        return min(bisect(sums, self._random.random() * sums[-1]), len(sums) - 1)

    def _id(self) -> str:
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def _request(self, action: Action) -> Request | None:
        """Return the request to the registry; chart events have none."""
        if action in (Action.CHART_PUSH, Action.CHART_DELETE):
            return None
        return Request(
            id=self._id(),
            host=self._host,
            method="DELETE" if action in (Action.DELETE, Action.UNTAG) else "PUT",
            useragent=f"portcall-emit/{__version__}",
        )


def _target(action: Action, repository: str, number: int, digest: str, size: int) -> Target:
    """Return the target as the real service writes it for that action."""
    tag = f"v{number}" if number else "latest"
    match action:
        case Action.PUSH:
            return Target(MANIFEST, size, digest, size, repository, tag)
        case Action.DELETE:
            return Target(MANIFEST, digest=digest, repository=repository)
        case Action.UNTAG:
            return Target(repository=repository, tag=tag)
        case Action.QUARANTINE:
            return Target(size=size, digest=digest, length=size, repository=repository, tag=tag)
        case Action.CHART_PUSH | Action.CHART_DELETE:
            version = f"1.{number}.0"
            return Target(
                CHART,
                size,
                digest,
                repository=repository,
                tag=f"synthetic-{version}.tgz",
                name="synthetic",
                version=version,
            )
