"""A registry that answers from a table, without sockets."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from portcall.cli.sync.registry.answers import Answer
from portcall.cli.sync.registry.catalogue import MAX_BODY

A, B = (f"sha256:{letter * 64}" for letter in "ab")
ORIGIN = "https://registry.test"


@dataclass
class FakeRegistry:
    """Answers by method and target; everything else is a 404."""

    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)
    scopes: set[str] = field(default_factory=set)
    host: str = "registry.test"
    is_basic: bool = False

    def says(
        self,
        target: str,
        document: object = None,
        *,
        method: str = "GET",
        status: int = 200,
        **headers: str,
    ) -> None:
        """Set an answer; names of headers have _ for -."""
        body = b"" if document is None else json.dumps(document).encode()
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        self.answers[f"{method} {target}"] = Answer(ORIGIN + target, status, named, body)

    def tag(
        self,
        repository: str,
        tag: str,
        digest: str,
        *,
        content_type: str = "",
        content_length: str = "",
    ) -> None:
        """A tag that a HEAD finds."""
        self.says(
            f"/v2/{repository}/manifests/{tag}",
            method="HEAD",
            docker_content_digest=digest,
            content_type=content_type,
            content_length=content_length,
        )

    def target(self, path: str) -> str:
        return path

    def prefer_basic(self) -> None:
        self.is_basic = True

    async def ask(
        self,
        method: str,
        target: str,
        scope: str = "",
        *,
        headers: Mapping[str, str] | None = None,
        max_body: int = MAX_BODY,
    ) -> Answer:
        self.asked.append(f"{method} {target}")
        self.headers.append(headers or {})
        self.scopes.add(scope)
        return self.answers.get(f"{method} {target}") or Answer(ORIGIN + target, 404, {})
