"""The kinds of sources: what reads the body of each, and how it is answered."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec

from portcall.producer.sources.adapter import Adapter, SourceRequest
from portcall.producer.sources.handshakes import eventgrid_validation
from portcall.schemas.options.table import PROOF_OPTIONS
from portcall.schemas.sources import NOTIFIERS, SourceKind

KINDS = "portcall.producer.sources.kinds"

Handshake = Callable[[SourceRequest], bytes | None]
"""The body of the 200 that a handshake wants; None: the request is none."""


@dataclass(frozen=True, slots=True)
class Conduct:
    """How requests of a kind are answered.

    Attributes:
        success: The status for what was accepted.
        handshake: Answers a sender's question before its first event.
        asks_by_options: Whether an OPTIONS request may ask for leave to send.
    """

    success: int = 200
    handshake: Handshake | None = None
    asks_by_options: bool = False


CONDUCT: Mapping[SourceKind, Conduct] = {
    **{kind: Conduct(success=202) for kind in NOTIFIERS},
    SourceKind.EVENTGRID: Conduct(handshake=eventgrid_validation, asks_by_options=True),
    SourceKind.GENERIC: Conduct(asks_by_options=True),
}
"""Those that differ. 200 is the status that every sender takes for success; some take no 202."""

MODULES: Mapping[SourceKind, str] = {SourceKind.FORGEJO: "gitea"}
"""The modules of kinds that share one; the others have their kind's name."""

DEFAULT = Conduct()


def conduct_of(kind: SourceKind) -> Conduct:
    """How requests of *kind* are answered."""
    return CONDUCT.get(kind, DEFAULT)


@cache
def adapter_of(kind: SourceKind) -> Adapter | None:
    """The adapter of *kind*: the function ``read`` of the module with its name.

    None: there is none. `Ingest` reads the notifications of docker distribution and of GitLab,
    because it takes a body of any size.
    """
    name = f"{KINDS}.{MODULES.get(kind, kind.value)}"
    if find_spec(name) is None:
        return None
    read: Adapter = import_module(name).read
    return read


def options_of(options: Mapping[str, str]) -> dict[str, str]:
    """The options of the adapter, without those of the proof."""
    return {name: value for name, value in options.items() if name not in PROOF_OPTIONS}
