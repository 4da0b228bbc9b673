"""The rows of webhooks' tables: az's columns, and Portcall's settings where a webhook has them."""

from collections.abc import Callable, Iterable
from typing import Any

from portcall.cli.tables import Document, Row, webhook_row
from portcall.schemas import filter_words
from portcall.schemas import final_answers as answering
from portcall.schemas.formats import chosen as forming

COLUMNS: dict[str, tuple[str, Callable[[Any], str]]] = {
    "scopes": ("SCOPES", " ".join),
    "filters": ("FILTERS", filter_words.words_of),
    "format": ("FORMAT", forming.words_of),
    "finalAnswers": ("FINAL ANSWERS", answering.words_of),
}
"""Settings that change which POSTs a webhook gets and what becomes of them: by the name in the
API, the column, and how a value is said."""


def webhook_row_for(webhooks: Iterable[Document]) -> Callable[[Document], Row]:
    """Return the row of these webhooks: az's columns, and one for each setting that any has."""
    used = {key for webhook in webhooks for key in COLUMNS if _value(webhook, key)}
    columns = [(key, *column) for key, column in COLUMNS.items() if key in used]

    def row(webhook: Document) -> Row:
        beyond = {
            name: say(value) if (value := _value(webhook, key)) else ""
            for key, name, say in columns
        }
        return {**webhook_row(webhook), **beyond}

    return row


def _value(webhook: Document, key: str) -> Any:  # noqa: ANN401 (each setting has its own type)
    return webhook.get("properties", {}).get("portcall", {}).get(key)
