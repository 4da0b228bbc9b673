"""Sources as `portcall source` shows them."""

from portcall.cli.client import Management
from portcall.cli.output import Output, note, show
from portcall.cli.tables import Document, Row, seconds, value
from portcall.management.sources.setup import HIDDEN, set_up
from portcall.schemas.sources import Proof


def show_source(management: Management, source: Document, output: Output | None) -> None:
    """Show a source, and on standard error what is to be done on the other side."""
    facts: Document = source["properties"]
    path = str(facts["path"]).replace("{secret}", HIDDEN)
    needs_tls = facts["proof"] == Proof.CLIENT_CERTIFICATE
    address = f"{management.producer_tls_url if needs_tls else management.producer_url}{path}"
    text = set_up(
        facts["kind"],
        facts["proof"],
        address=address,
        secret=facts.get("secret", ""),
        header=facts["header"],
    )
    show({**source, "address": address, "setUp": text}, _whole_row, output)
    note(f"\n{text}\n")
    if "secret" in facts:
        note("Keep the secret: it is not shown again.")


def source_row(source: Document) -> Row:
    """A source in a list."""
    facts: Document = source["properties"]
    return {
        "NAME": value(source, "name"),
        "KIND": value(facts, "kind"),
        "PROOF": value(facts, "proof"),
        "PATH": value(facts, "path"),
        "CHANGED": seconds(value(facts, "changedAt")),
    }


def _whole_row(source: Document) -> Row:
    facts: Document = source["properties"]
    return {
        "NAME": value(source, "name"),
        "KIND": value(facts, "kind"),
        "PROOF": value(facts, "proof"),
        "ADDRESS": value(source, "address"),
        "SECRET": value(facts, "secret"),
    }
