#!/usr/bin/env python3
"""Write the picture of what arrives into docs/sources/KIND.md, between its marks; `make docs` does.

The pictures are made of the samples that `portcall demo --sources` sends, by the adapters of the
producer.
"""

import json
import re
from pathlib import Path

from portcall.cli.demo.samples import RECORDED, Sample, sample_of
from portcall.producer.formats.acceptance import Acceptance
from portcall.producer.sources.adapter import SourceRequest
from portcall.producer.sources.samples import read_as
from portcall.schemas.sources import DEFAULT_PROOFS, Proof, Source, SourceKind

PAGES = Path(__file__).parent.parent / "docs" / "sources"
BEGIN, END = "<!-- sample: written by `make docs` -->", "<!-- end of the sample -->"
_BETWEEN = re.compile(f"{re.escape(BEGIN)}.*{re.escape(END)}", re.DOTALL)
_ARRIVAL = Acceptance("myregistry", 1777712646_000, lambda: "0b6f3a52-6a2e-4a56-9d0f-2f3b6d1c8e47")
"""A second after the samples' own time; the id is that of an event whose sender has none."""
_PROOFS = {
    Proof.BEARER: "Authorization: Bearer SECRET",
    Proof.AUTHORIZATION: "Authorization: SECRET",
    Proof.OIDC: "Authorization: Bearer TOKEN-OF-THE-ISSUER",
    Proof.HEADER: "{name}: {prefix}SECRET",
    Proof.HMAC_SHA256: "{name}: {prefix}HMAC-SHA256-OF-THE-BODY-AS-HEX",
    Proof.HMAC_SHA1: "{name}: {prefix}HMAC-SHA1-OF-THE-BODY-AS-HEX",
}


def filled(page: str, kind: SourceKind) -> str:
    """A page with its picture.

    Raises:
        ValueError: It has no marks.
    """
    if not _BETWEEN.search(page):
        raise ValueError(f"docs/sources/{kind}.md has no line {BEGIN}")
    return _BETWEEN.sub(lambda _: f"{BEGIN}\n{picture(kind)}{END}", page)


def picture(kind: SourceKind) -> str:
    """A sample's request, and the body of the POST that it becomes."""
    sample = sample_of(kind)
    settings = "".join(f" {name}='{value}'" for name, value in sample.options.items())
    with_settings = f" The source has `--options{settings}`." if settings else ""
    return (
        f"{_honest(sample)} {sample.facts}{with_settings}\n\n"
        f"```http\n{_request(sample)}\n```\n\n"
        "It becomes a POST with this body (sent without spaces):\n\n"
        f"```json\n{_pretty(json.loads(_payload(sample)))}\n```\n"
    )


def _honest(sample: Sample) -> str:
    if sample.origin == RECORDED:
        return "A real sender's request."
    return "No real sender could be run here."


def _request(sample: Sample) -> str:
    proof = DEFAULT_PROOFS[sample.kind]
    name, prefix = Source("", "", sample.kind, proof, (), {}).header
    path = f"/registries/myregistry/sources/{sample.kind}"
    lines = [f"POST {path}/SECRET" if proof is Proof.PATH else f"POST {path}"]
    if proof is not Proof.PATH:
        lines.append(_PROOFS[proof].format(name=name, prefix=prefix))
    lines += [f"{name}: {value}" for name, value in sample.headers.items()]
    return "\n".join([*lines, "", _pretty(sample.content)])


def _payload(sample: Sample) -> bytes:
    request = SourceRequest(sample.headers, sample.body, {}, sample.options)
    (event,) = read_as(sample.kind, request, _ARRIVAL).events
    return bytes(event.body)


def _pretty(document: object) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False)


if __name__ == "__main__":
    for each in SourceKind:
        path = PAGES / f"{each}.md"
        path.write_text(filled(path.read_text(), each))
