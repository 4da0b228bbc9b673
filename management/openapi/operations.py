"""Every operation of the API, for its OpenAPI document. A test compares them with the routes.

`management.openapi.document` adds what a path, a body and the caller's role imply.
"""

from collections.abc import Mapping, Sequence

from portcall.management.audit import routes as audit
from portcall.management.audit.shapes import Audit
from portcall.management.events import shapes as recordshapes
from portcall.management.explain import shapes as explainshapes
from portcall.management.explain.format_routes import FormatTest
from portcall.management.explain.routes import ScopeTest
from portcall.management.http import bodies, shapes
from portcall.management.http.routes import (
    GROUP,
    PROVIDER,
    REGISTRIES,
    REGISTRY,
    SUBSCRIPTION,
    WEBHOOK,
    WEBHOOKS,
)
from portcall.management.letters import routes as letters
from portcall.management.letters import shapes as lettershapes
from portcall.management.letters.bodies import LetterSelection, LettersToPurge
from portcall.management.openapi.login_operations import LOGIN
from portcall.management.openapi.operation_rows import PAGED, Row, paged, post
from portcall.management.overview import routes as overviews
from portcall.management.overview import webhook_metrics
from portcall.management.overview.shapes import Overview, WebhookMetrics
from portcall.management.recovery import routes as recovery
from portcall.management.recovery.bodies import IntakePut
from portcall.management.recovery.shapes import Intake, Republished
from portcall.management.registries import shapes as above
from portcall.management.replays import shapes as replayshapes
from portcall.management.replays.bodies import ReplayBody, TryNowBody
from portcall.management.replays.routes import REPLAY, REPLAYS
from portcall.management.replays.try_now import TRY_NOW
from portcall.management.sources.bodies import SourcePatch, SourcePut, SourceRotation
from portcall.management.sources.routes import SOURCE, SOURCES
from portcall.management.sources.shapes import Source, SourceList
from portcall.management.tags.bodies import Adoption
from portcall.management.tags.routes import ADOPT, KNOWN_TAGS
from portcall.management.tags.shapes import KnownTagList, TagsAdopted


def _replay(scope: str, of: str) -> Sequence[Row]:
    return (
        Row(
            *("POST", f"{scope}/countReplay", f"countReplayOf{of}"),
            "Count the deliveries that a replay would attempt.",
            replayshapes.ReplayCount,
            ReplayBody,
        ),
        Row(
            *("POST", f"{scope}/replay", f"replay{of}"),
            "Attempt ended deliveries again.",
            replayshapes.Replay,
            ReplayBody,
            status=202,
            refusals=(409,),
        ),
    )


OPERATIONS: Mapping[str, Sequence[Row]] = {
    "subscriptions": (
        Row("GET", "/tenants", "listTenants", "List the tenants.", above.TenantList),
        Row(
            *("GET", "/subscriptions", "listSubscriptions", "List the subscriptions."),
            above.SubscriptionList,
        ),
        Row("GET", SUBSCRIPTION, "getSubscription", "Get a subscription.", above.Subscription),
        Row(
            *("GET", f"{SUBSCRIPTION}/locations", "listLocations", "List the locations."),
            above.LocationList,
        ),
        Row(
            *("GET", f"{SUBSCRIPTION}/resourceGroups", "listResourceGroups"),
            "List the resource groups.",
            above.ResourceGroupList,
            query=("filter",),
        ),
        Row("GET", GROUP, "getResourceGroup", "Get a resource group.", above.ResourceGroup),
        Row("HEAD", GROUP, "hasResourceGroup", "Check that a resource group exists.", empty=(204,)),
        paged(
            *(f"{SUBSCRIPTION}/resources", "listResources"),
            "List the resources that match a filter.",
            above.ResourceList,
            "filter",
            "expandResources",
        ),
        paged(
            *(f"{GROUP}/resources", "listResourcesOfGroup"),
            "List the resources of a group that match a filter.",
            above.ResourceList,
            "filter",
            "expandResources",
        ),
        Row(
            *("GET", f"{PROVIDER}/operations", "listOperations"),
            "List the operations of the provider.",
            above.ProviderOperationList,
        ),
        Row(
            *("GET", f"{SUBSCRIPTION}/providers", "listProviders", "List the providers."),
            above.ProviderList,
        ),
        Row(
            *("GET", f"{SUBSCRIPTION}{PROVIDER}", "getProvider", "Get the provider."),
            above.Provider,
        ),
        post(
            *(f"{SUBSCRIPTION}{PROVIDER}/register", "registerProvider"),
            "Register the provider; it always is registered.",
            above.Provider,
        ),
    ),
    "registries": (
        paged(
            f"{SUBSCRIPTION}{PROVIDER}/registries",
            "listRegistriesOfSubscription",
            "List the registries of the subscription.",
            shapes.RegistryList,
        ),
        paged(
            *(REGISTRIES, "listRegistries", "List the registries of the group."),
            shapes.RegistryList,
        ),
        Row(
            *("POST", f"{SUBSCRIPTION}{PROVIDER}/checkNameAvailability"),
            *("checkNameAvailability", "Check whether a name is free for a registry."),
            shapes.NameAvailability,
            bodies.NameCheck,
        ),
        Row(
            *("PUT", REGISTRY, "putRegistry", "Create a registry, or replace it."),
            shapes.Registry,
            bodies.RegistryPut,
            refusals=(403, 409),
        ),
        Row(
            *("PATCH", REGISTRY, "patchRegistry", "Change a registry's tier or tags."),
            shapes.Registry,
            bodies.RegistryPatch,
            refusals=(403, 409),
        ),
        Row("GET", REGISTRY, "getRegistry", "Get a registry.", shapes.Registry),
        Row(
            *("DELETE", REGISTRY, "deleteRegistry", "Delete a registry and its webhooks."),
            empty=(200, 204),
        ),
        Row(
            *("GET", f"{REGISTRY}/listUsages", "listUsages"),
            "Get a registry's usage of its limits.",
            shapes.UsageList,
        ),
    ),
    "webhooks": (
        Row(
            *("GET", WEBHOOKS, "listWebhooks", "List the webhooks of a registry."),
            shapes.WebhookList,
            query=(*PAGED, "expand"),
            refusals=(403,),
        ),
        Row(
            *("PUT", WEBHOOK, "putWebhook", "Create a webhook, or replace it."),
            shapes.Webhook,
            bodies.WebhookPut,
            refusals=(403, 409),
        ),
        Row(
            *("PATCH", WEBHOOK, "patchWebhook", "Change the given fields of a webhook."),
            shapes.Webhook,
            bodies.WebhookPatch,
            refusals=(409,),
        ),
        Row("GET", WEBHOOK, "getWebhook", "Get a webhook.", shapes.Webhook),
        Row("DELETE", WEBHOOK, "deleteWebhook", "Delete a webhook.", empty=(200, 204)),
        post(
            *(f"{WEBHOOK}/getCallbackConfig", "getCallbackConfig"),
            "Get the service URI and the headers of a webhook.",
            shapes.CallbackConfig,
        ),
        Row(
            *("POST", f"{REGISTRY}/importWebhooks", "importWebhooks"),
            "Create or replace up to a thousand webhooks, all or none.",
            shapes.Imported,
            bodies.Import,
            refusals=(403, 409),
        ),
        Row(
            *("POST", f"{WEBHOOK}/rotateSecret", "rotateSecret"),
            "Give a webhook a new secret; the previous one signs for a while, too.",
            shapes.Webhook,
            bodies.Rotation,
            refusals=(409,),
            optional=True,
        ),
        Row(
            *("GET", f"{WEBHOOK}/publicKeys", "listPublicKeys"),
            "List the public keys that verify signatures.",
            shapes.WebhookKeys,
        ),
        post(f"{WEBHOOK}/ping", "pingWebhook", "Send a ping.", shapes.EventInfo, 409),
        post(
            *(f"{WEBHOOK}/probe", "probeWebhook"),
            "Send a ping to a webhook that was disabled automatically; a 2xx enables it.",
            *(shapes.EventInfo, 409),
        ),
    ),
    "events": (
        Row(
            *("POST", f"{WEBHOOK}/listEvents", "listEvents", "List the attempts of a webhook."),
            recordshapes.EventList,
            query=PAGED,
        ),
        paged(
            f"{WEBHOOK}/listEvents",
            "listEventsPage",
            "List the attempts of a webhook, by GET, for a nextLink.",
            recordshapes.EventList,
        ),
        Row(
            *("GET", f"{WEBHOOK}/followEvents", "followEvents"),
            "Follow the attempts of a webhook as they happen.",
            recordshapes.Stream,
        ),
        Row(
            *("GET", audit.PATH, "audit", "Account for every accepted event."),
            Audit,
            query=("registryName", "unmovedBefore"),
        ),
        Row(
            *("POST", recovery.REPUBLISH, "republishMissing"),
            "Publish missing deliveries again whose events are stored.",
            Republished,
            query=("registryName", "unmovedBefore"),
        ),
        Row("GET", recovery.INTAKE, "getIntake", "Tell whether events are accepted.", Intake),
        Row(
            *("PUT", recovery.INTAKE, "putIntake"),
            "Stop accepting events, or accept them again.",
            Intake,
            IntakePut,
        ),
        Row(
            *("GET", overviews.PATH, "getOverview"),
            "Get the state of the installation and its recent traffic.",
            Overview,
            query=("overviewOf", "span"),
            refusals=(404,),
        ),
        Row(
            *("GET", webhook_metrics.PATH, "getWebhookMetrics"),
            "Get the metrics of single webhooks of a registry, for Prometheus.",
            WebhookMetrics,
            query=("metricsOf", "metricsWebhook"),
            refusals=(404,),
        ),
        Row(
            *("GET", f"{REGISTRY}/explainEvent", "explainEvent"),
            "Explain what became of an event, for every webhook of a registry.",
            explainshapes.Explanation,
            query=("eventId",),
        ),
        Row(
            *("POST", f"{REGISTRY}/testScope", "testScope"),
            "List which recent events a scope would have matched.",
            explainshapes.ScopeTried,
            ScopeTest,
            optional=True,
        ),
        Row(
            *("POST", f"{REGISTRY}/testFormat", "testFormat"),
            "Show recent events in a format.",
            explainshapes.FormatTried,
            FormatTest,
            optional=True,
        ),
    ),
    "replays": (
        *_replay(WEBHOOK, "Webhook"),
        *_replay(REGISTRY, "Registry"),
        Row(
            *("POST", TRY_NOW, "tryNow"),
            "Make the next attempt of a waiting delivery now.",
            replayshapes.TriedNow,
            TryNowBody,
            status=202,
            refusals=(409,),
        ),
        paged(REPLAYS, "listReplays", "List the replays of a registry.", replayshapes.ReplayList),
        Row("GET", REPLAY, "getReplay", "Get a replay.", replayshapes.Replay),
        post(f"{REPLAY}/cancel", "cancelReplay", "Cancel a replay.", replayshapes.Replay, 409),
        post(
            *(f"{REPLAY}/resume", "resumeReplay", "Resume a replay that was cancelled."),
            *(replayshapes.Replay, 409),
        ),
    ),
    "sources": (
        Row("GET", SOURCES, "listSources", "List the sources of a registry.", SourceList),
        Row("GET", SOURCE, "getSource", "Get a source, without its secret.", Source),
        Row(
            *("PUT", SOURCE, "putSource"),
            "Create a source, or replace it; a new secret is in this answer only.",
            Source,
            SourcePut,
            also=(201,),
            refusals=(409,),
        ),
        Row(
            *("PATCH", SOURCE, "patchSource", "Change the fields of a source that are sent."),
            Source,
            SourcePatch,
            refusals=(409,),
        ),
        Row("DELETE", SOURCE, "deleteSource", "Delete a source.", empty=(200, 204)),
        Row(
            *("POST", f"{SOURCE}/rotateSecret", "rotateSourceSecret"),
            "Give a source another secret; the previous one is accepted for a while, too.",
            Source,
            SourceRotation,
            refusals=(409,),
            optional=True,
        ),
        paged(
            *(KNOWN_TAGS, "listKnownTags"),
            "List the tags that the accepted events say are there, each with its digest.",
            KnownTagList,
            *("repositoryName", "catchUp"),
        ),
        Row(
            *("POST", ADOPT, "adoptTags", "Let tags count as seen, without an event."),
            TagsAdopted,
            Adoption,
        ),
    ),
    "deadLetters": (
        paged(
            *(letters.PATH, "listDeadLetters"),
            "List dead letters or unrouted messages, with their number and reasons.",
            lettershapes.DeadLetterList,
            *("queue", "registryName", "webhookName", "reason", "expandBody", "compare"),
            refusals=(404, 409),
        ),
        Row(
            *("GET", letters.LETTER, "getDeadLetter", "Get a letter with all its bytes."),
            lettershapes.WholeDeadLetter,
            query=("queue",),
            refusals=(409,),
        ),
        Row(
            *("POST", f"{letters.PATH}/resend", "resendDeadLetters"),
            "Resend letters, and remove them from the queue.",
            lettershapes.DeadLettersResent,
            LetterSelection,
            refusals=(404, 409),
        ),
        Row(
            *("POST", f"{letters.PATH}/purge", "purgeDeadLetters"),
            "Purge letters for good.",
            lettershapes.DeadLettersPurged,
            LettersToPurge,
            refusals=(404, 409),
        ),
    ),
    **LOGIN,
}
"""Operations, by tag."""
