#!/usr/bin/env python3
"""Write a sample of each format into docs/formats.md, between its marks; `make docs` does.

The samples are made by the renderers, of one push.
"""

import json
import re
from pathlib import Path

from portcall.schemas.examples import event
from portcall.schemas.formats.chosen import chosen_of
from portcall.schemas.formats.results import Rendered
from portcall.schemas.formats.table import FORMATS, Format

PAGE = Path(__file__).parent.parent / "docs" / "formats.md"
BEGIN, END = "<!-- samples: written by `make docs` -->", "<!-- end of the samples -->"
_BETWEEN = re.compile(f"{re.escape(BEGIN)}.*{re.escape(END)}", re.DOTALL)
VARIANTS: dict[str, tuple[dict[str, str], ...]] = {
    "cloudevents": ({}, {"mode": "binary"}),
    "cdevents": ({}, {"version": "0.5"}),
    "template": ({"template": '{"text": "{{ action }} of {{ image }}", "bytes": "{{ size }}"}'},),
}
"""Which settings are shown; else the format without any."""


def filled(page: str) -> str:
    """The page with its samples.

    Raises:
        ValueError: It has no marks.
    """
    if not _BETWEEN.search(page):
        raise ValueError(f"docs/formats.md has no line {BEGIN}")
    return _BETWEEN.sub(lambda _: f"{BEGIN}\n{samples()}{END}", page)


def samples() -> str:
    """A chapter for each format."""
    return "\n".join(_chapter(each) for each in FORMATS.values()) + "\n"


def _chapter(form: Format) -> str:
    lines = [f"### {form.name}", "", f"{_sentence(form.says)} Taken by: {form.takers}."]
    if form.refusals:
        lines.append(f"Refused: {form.refusals}.")
    if form.rate:
        every = f"{form.rate:g} a second" if form.rate >= 1 else f"one in {1 / form.rate:g} s"
        lines.append(f"POSTs: at most {every}, unless the webhook has a limit of its own.")
    if form.options:
        lines += ["", "| setting | |", "| --- | --- |"]
        lines += [f"| `{each.name}` | {each.says} |" for each in form.options]
    for options in VARIANTS.get(form.name, ({},)):
        lines += ["", _said(form, options), "", "```http", _request(form, options), "```"]
    return "\n".join([*lines, ""])


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _said(form: Format, options: dict[str, str]) -> str:
    words = " ".join(f"{key}='{value}'" for key, value in options.items())
    return f"`--format {form.name} {words}`:" if words else f"`--format {form.name}`:"


def _request(form: Format, options: dict[str, str]) -> str:
    chosen = chosen_of({"name": form.name, **options})
    result = chosen.render(event()) if chosen else None
    if chosen is None or not isinstance(result, Rendered):
        raise TypeError(f"the format {form.name} cannot say the example")
    headers = {
        "Content-Type": chosen.content_type,
        **dict(form.headers(chosen.options, 1843200000000001, "ci01hook")),
        **dict(result.headers),
    }
    lines = [f"{name}: {value}" for name, value in headers.items()]
    body = json.dumps(json.loads(result.body), indent=2, ensure_ascii=False)
    return "\n".join([*lines, "", body])


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text()))
