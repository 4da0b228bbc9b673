"""`portcall webhook try-now`: the next attempt of a waiting delivery, made at once."""

from typing import Annotated

import typer

from portcall.cli.client import Management, webhook_path
from portcall.cli.errors import UsageError
from portcall.cli.options import Format, Group, Name, Registry, Url
from portcall.cli.output import show
from portcall.cli.tables import Document, Row, value


def try_now(
    *,
    registry: Registry,
    name: Name,
    delivery: Annotated[
        str | None,
        typer.Option(
            "--delivery",
            metavar="ID",
            help="The delivery, by the webhook-id of its POSTs.",
            show_default=False,
        ),
    ] = None,
    event: Annotated[
        str | None,
        typer.Option(
            "--event", metavar="ID", help="The delivery, by its event.", show_default=False
        ),
    ] = None,
    group: Group = None,
    url: Url = None,
    output: Format = None,
) -> None:
    """Make the next attempt of a waiting delivery now.

    If it fails, the schedule continues. For a delivery that has ended, use portcall replay.
    """
    if (delivery is None) == (event is None):
        raise UsageError("give the delivery by --delivery or by --event")
    body = {"deliveryId": delivery} if delivery is not None else {"eventId": event}
    management = Management.at(url)
    found = management.find_registry(registry, group)
    show(management.ask("POST", f"{webhook_path(found, name)}/tryNow", body), tried_row, output)


def tried_row(tried: Document) -> Row:
    """Return the delivery that is tried, and the number of the attempt."""
    return {
        "DELIVERY": value(tried, "deliveryId"),
        "EVENT": value(tried, "eventId"),
        "ATTEMPT": value(tried, "attempt"),
    }
