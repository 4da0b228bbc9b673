"""The format ``eventgrid``: Azure Event Grid's own schema, an array of one event.

Source: Event Grid's event schema, and its schema for Azure Container Registry.
"""

import msgspec

from portcall.schemas.formats.cloudevents import subject_of, type_of
from portcall.schemas.formats.facts import Facts, Options, encoded
from portcall.schemas.formats.results import Headers, Rendered, Result

HEADER = "aeg-event-type"
NOTIFICATION = "Notification"
VALIDATION = "SubscriptionValidation"
VALIDATION_TYPE = "Microsoft.EventGrid.SubscriptionValidationEvent"


def render(facts: Facts, options: Options) -> Result:
    """Render an event."""
    event = {
        "id": facts.id,
        "topic": topic_of(facts.event.registry, options),
        "subject": subject_of(facts) or "ping",
        "eventType": type_of(facts.action, "azure"),
        "eventTime": facts.time,
        "data": msgspec.Raw(facts.event.body),
        "dataVersion": "1.0",
        "metadataVersion": "1",
    }
    return Rendered.of(encoded([event]), {HEADER: NOTIFICATION})


def headers(name: str) -> Headers:
    """The headers of a subscription that is called *name*."""
    return {
        "aeg-subscription-name": name.upper(),
        "aeg-data-version": "1.0",
        "aeg-metadata-version": "1",
    }


def topic_of(registry: str, options: Options) -> str:
    """Whose events they are: the option ``topic``, or the end of a registry's id in Azure."""
    default = f"/providers/Microsoft.ContainerRegistry/registries/{registry}"
    return options.get("topic") or default


def validation(*, registry: str, options: Options, event_id: str, code: str, time: str) -> Rendered:
    """The event that asks a receiver for its consent: it answers with *code*.

    It has no ``validationUrl``: consent is given by the answer only.
    """
    event = {
        "id": event_id,
        "topic": topic_of(registry, options),
        "subject": "",
        "eventType": VALIDATION_TYPE,
        "eventTime": time,
        "data": {"validationCode": code},
        "dataVersion": "2",
        "metadataVersion": "1",
    }
    return Rendered.of(encoded([event]), {HEADER: VALIDATION})
