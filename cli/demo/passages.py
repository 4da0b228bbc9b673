"""The way of one sample through the pipeline: what came in, what went out, and what is missing."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.table import Table
from rich.text import Text

from portcall.cli.demo.sample_consumer import Post
from portcall.cli.demo.samples import Sample
from portcall.cli.errors import CliError
from portcall.cli.output import compact
from portcall.schemas.sources import Proof

_SHOWN = 110
"""Characters of a body in the table; as JSON it is whole."""
_DIGEST_SHOWN = 19


@dataclass(frozen=True, slots=True)
class Passage:
    """One sample, and what became of it.

    Attributes:
        sample: What was sent.
        proof: How it proved its sender.
        status: The producer's answer.
        answer: The body of the answer.
        post: What the consumer got; None: nothing in time.
    """

    sample: Sample
    proof: Proof
    status: int
    answer: str
    post: Post | None = None

    @property
    def payload(self) -> dict[str, Any]:
        """The body that the consumer got; empty: none."""
        found: dict[str, Any] = json.loads(self.post.body) if self.post is not None else {}
        return found

    @property
    def problem(self) -> str:
        """Why it did not come through; empty: it did."""
        if self.status >= 300:
            return f"the producer answered {self.status}: {self.answer}"
        if self.post is None:
            return f"the consumer got nothing; the producer answered {self.status}: {self.answer}"
        return ""


def repository_of(post: Post) -> str:
    """The repository in a payload; empty: it has none."""
    target = json.loads(post.body).get("target", {})
    return str(target.get("repository", ""))


def check(passages: Sequence[Passage]) -> None:
    """Check that everything came through.

    Raises:
        CliError: Something did not.
    """
    lost = [f"{each.sample.kind}: {each.problem}" for each in passages if each.problem]
    if lost:
        raise CliError("not every kind came through:\n" + "\n".join(lost))


def table_of(passages: Sequence[Passage]) -> Table:
    """Kind, proof, what came in, what went out."""
    table = Table(show_lines=True, header_style="bold", padding=(0, 1))
    for title, width in (("KIND", 12), ("PROOF", 13), ("CAME IN", 36), ("WENT OUT", 36)):
        table.add_column(title, min_width=width, overflow="fold")
    for each in passages:
        table.add_row(each.sample.kind, each.proof, _came_in(each), _went_out(each))
    return table


def document_of(passages: Sequence[Passage]) -> list[dict[str, Any]]:
    """The same as JSON, whole."""
    return [
        {
            "kind": each.sample.kind.value,
            "proof": each.proof.value,
            "origin": each.sample.origin,
            "request": {"headers": dict(each.sample.headers), "body": each.sample.content},
            "answer": {"status": each.status, "body": each.answer},
            "post": each.payload or None,
            "problem": each.problem or None,
        }
        for each in passages
    ]


def _came_in(passage: Passage) -> Text:
    """The header that names the event, if there is one, and how the body begins."""
    headers = passage.sample.headers.items()
    told = [f"{name}: {value}" for name, value in headers if name != "Content-Type"]
    body = compact(passage.sample.content)
    return Text("\n".join([*told[:1], body if len(body) <= _SHOWN else f"{body[:_SHOWN]}..."]))


def _went_out(passage: Passage) -> Text:
    """The facts of the payload, or why there is none."""
    if passage.problem:
        return Text(passage.problem, style="bold red")
    payload = passage.payload
    target = payload["target"]
    tag = f":{target['tag']}" if "tag" in target else ""
    lines = [f"{payload['action']} {target['repository']}{tag}", f"at {payload['timestamp']}"]
    if "digest" in target:
        lines.append(f"{target['digest'][:_DIGEST_SHOWN]}...")
    if "mediaType" in target:
        lines.append(target["mediaType"])
    if "host" in payload.get("request", {}):
        lines.append(f"on {payload['request']['host']}")
    return Text("\n".join(lines))
