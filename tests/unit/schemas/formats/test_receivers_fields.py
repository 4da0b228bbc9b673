"""Formats against what receivers read: each field that docs/receivers-fields.md names."""

import re
from pathlib import Path

import pytest

from portcall.schemas.events import Event
from portcall.schemas.formats.table import ACR, FORMATS
from tests.unit.schemas.formats.receivers import ROWS, SIGNED, Row, posted, signature_of
from tests.unit.schemas.formats.samples import event, ping

DOCS = Path(__file__).parents[4] / "docs"
PAGE = (DOCS / "receivers-fields.md").read_text()
TABLE = (DOCS / "receivers.md").read_text().partition("\n## Answers")[0]
"""Which receiver takes which format."""
CASES = [(row, sent) for row in ROWS for sent in row.formats]
HEADING = re.compile(r"^## (.+)$", re.MULTILINE)


def row_of(receiver: str, sent: str, reads: str) -> Row:
    (found,) = (
        each
        for each in ROWS
        if (each.receiver, each.reads) == (receiver, reads) and sent in each.formats
    )
    return found


@pytest.mark.parametrize(
    ("row", "sent"), CASES, ids=[f"{row.receiver}-{sent}-{row.reads}" for row, sent in CASES]
)
def test_a_push_has_what_the_receiver_reads(row: Row, sent: str) -> None:
    post = posted(sent)
    value = post.value(row.reads)
    assert row.rule.holds(value), f"{row.reads} is {value!r}"
    if row.rule is SIGNED:
        assert value == signature_of(post)


NO_TAG, GONE = event(tag=None), event("delete")


@pytest.mark.parametrize(
    ("receiver", "read_as", "reads", "sent", "of"),
    [
        ("Argo CD Image Updater", "acr", "action", "acr", ping()),
        ("Argo CD Image Updater", "acr", "action", "acr", GONE),
        ("Argo CD Image Updater", "harbor", "type", "harbor", ping()),
        ("Argo CD Image Updater", "harbor", "type", "harbor", GONE),
        ("Argo CD Image Updater", "ghcr", "header X-GitHub-Event", "ghcr", ping()),
        (
            "Argo CD Image Updater",
            "ghcr",
            "header X-GitHub-Event",
            "ghcr event=registry_package",
            event(),
        ),
        ("Argo CD Image Updater", "quay", "updated_tags", "quay", ping()),
        ("Argo CD Image Updater", "dockerhub", "push_data.tag", "dockerhub", ping()),
        ("Argo CD Image Updater", "cloudevents types=image", "type", "cloudevents", event()),
        (
            "Argo CD Image Updater",
            "cloudevents types=image",
            "type",
            "cloudevents types=image",
            ping(),
        ),
        (
            "Argo CD Image Updater",
            "cloudevents types=image",
            "specversion",
            "cloudevents mode=binary types=image",
            event(),
        ),
        ("Kargo", "acr", "action", "acr", GONE),
        ("Kargo", "acr", "header User-Agent", "distribution", event()),
        ("Kargo", "harbor", "type", "harbor", GONE),
        ("Kargo", "harbor", "type", "harbor", ping()),
        ("Keel", "acr", "target.tag", "acr", NO_TAG),
        ("Keel", "acr", "target.tag", "acr", ping()),
        ("Keel", "ghcr", "package.package_version.container_metadata.tag.name", "ghcr", NO_TAG),
        ("Keel", "ghcr", "header X-GitHub-Event", "ghcr event=registry_package", event()),
        ("Keel", "quay", "docker_url", "quay", ping()),
        ("Keel", "dockerhub", "repository.repo_name", "dockerhub", ping()),
        ("Flux", "cdevents", "context.version", "cdevents version=0.5", event()),
        ("Flux", "cdevents", "context.version", "cdevents mode=structured", event()),
        ("Jenkins", "acr", "action", "acr", GONE),
        ("Argo Events", "acr", "body", "eventgrid", event()),
    ],
)
def test_what_the_page_of_receivers_calls_refused_breaks_a_rule(
    receiver: str, read_as: str, reads: str, sent: str, of: Event
) -> None:
    row = row_of(receiver, read_as, reads)
    assert not row.rule.holds(posted(sent, of).value(reads))


def test_a_field_that_is_not_there_is_none() -> None:
    post = posted("acr")
    assert post.value("target.none.deeper") is None
    assert post.value("target[0]") is None
    assert post.value("header None") is None


def test_the_page_has_these_rows_and_no_others() -> None:
    parts = HEADING.split(PAGE)[1:]
    on_page = [
        (receiver, line)
        for receiver, text in zip(parts[::2], parts[1::2], strict=True)
        for line in text.splitlines()
        if line.startswith("| `")
    ]
    assert on_page == [(row.receiver, row.line) for row in ROWS]


def test_the_page_names_a_source_for_each_receiver() -> None:
    parts = HEADING.split(PAGE)[1:]
    for receiver, text in zip(parts[::2], parts[1::2], strict=True):
        assert re.search(r"^Source: [\w.-]+/[\w.-]+, [0-9a-f]{7,8}", text, re.MULTILINE), receiver


@pytest.mark.parametrize("receiver", sorted({row.receiver for row in ROWS}))
def test_what_is_read_here_is_what_the_page_of_receivers_sets_up(receiver: str) -> None:
    (line,) = re.findall(rf"^\| {receiver}(?: \S*\d\S*)?(?: \([^|]*)? \|.+", TABLE, re.MULTILINE)
    if receiver == "Argo Events":  # whatever is JSON
        return
    named = set(re.findall(r"`(\w+)", line.split("|")[2]))
    formats = named & ({*FORMATS, ACR.name.value} | {"template"})
    read = {sent.split()[0] for row in ROWS if row.receiver == receiver for sent in row.formats}
    assert read - {"template"} == formats - {"template"}
