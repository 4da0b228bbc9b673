"""One request of every kind of source: what its registry sends for the push of a tag."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

from portcall.schemas.sources import SourceKind

RECORDED = "recorded"
DOCUMENTED = "documented"


@dataclass(frozen=True, slots=True)
class Sample:
    """A request.

    Attributes:
        kind: Of the source.
        repository: In the event that it becomes; no two samples have the same.
        origin: `RECORDED`: a real sender sent it here; `DOCUMENTED`: it was made from facts.
        facts: Where it comes from, as a sentence.
        options: The settings of the source that it needs.
        headers: Its headers, without those of a proof.
        content: Its body, as JSON.
    """

    kind: SourceKind
    repository: str
    origin: str
    facts: str
    options: Mapping[str, str]
    headers: Mapping[str, str]
    content: Any

    @property
    def body(self) -> bytes:
        """The bytes of its body."""
        return json.dumps(self.content, separators=(",", ":")).encode()


def sample_of(kind: SourceKind) -> Sample:
    """The sample of a kind."""
    path = resources.files("portcall.cli") / "fixtures" / "sources" / f"{kind.value}.json"
    read = json.loads(path.read_text())
    return Sample(
        kind=kind,
        repository=read["repository"],
        origin=read["origin"],
        facts=read["facts"],
        options=read.get("options", {}),
        headers=read["headers"],
        content=read["body"],
    )
