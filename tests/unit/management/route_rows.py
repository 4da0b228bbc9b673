"""Bad requests to what stands beside registries and webhooks: replays, secrets, filters, the audit."""

from tests.unit.management.api import VERSION
from tests.unit.management.row import CONTENT, NOT_FOUND, PARAMETER, Row

HOOK = "{webhook}/webhook01"
DELIVERY = "msg_" + "A" * 26


def replay(name: str, target: str, **body: object) -> list[Row]:
    """A bad replay of a webhook and of a registry, to be counted and to be made."""
    return [
        Row(f"{last} of {of}: {name}", "POST", f"{path}/{last}", 400, CONTENT, target, body)
        for of, path in (("a webhook", HOOK), ("a registry", "{registry}"))
        for last in ("replay", "countReplay")
    ]


def rotate(name: str, target: str, body: object) -> Row:
    return Row(f"rotation: {name}", "POST", f"{HOOK}/rotateSecret", 400, CONTENT, target, body)


def now(name: str, target: str, body: object) -> Row:
    return Row(f"try now: {name}", "POST", f"{HOOK}/tryNow", 400, CONTENT, target, body)


def missing(method: str, path: str, body: object = None) -> Row:
    """Something of a registry or of a webhook that is not there."""
    says = "Missing" if "Missing" in path else ""
    return Row(f"not there: {method} {path}", method, path, 404, NOT_FOUND, None, body, says=says)


def listed(name: str, path: str, query: str, code: str, target: str) -> Row:
    return Row(f"list: {name}", "GET", path, 400, code, target, query=f"{VERSION}&{query}")


FILTER = "InvalidFilterInQueryString"


def tried(name: str, target: str, body: object) -> Row:
    return Row(f"scope test: {name}", "POST", "{registry}/testScope", 400, CONTENT, target, body)


def formed(name: str, target: str, body: object) -> Row:
    path = "{registry}/testFormat"
    return Row(f"format test: {name}", "POST", path, 400, CONTENT, target, body)


def adopted(name: str, target: str, tags: object) -> Row:
    return Row(
        f"adoption: {name}", "POST", "{registry}/adoptTags", 400, CONTENT, target, {"tags": tags}
    )


TAG: dict[str, object] = {"repository": "team/app", "tag": "v1", "digest": "sha256:" + "a" * 64}
NO_HOOK, NO_REGISTRY = "{webhook}/missing1", "{registries}/Missing"
ROUTES = [
    # replays
    *replay("outcomes of a text", "outcomes", outcomes="given_up"),
    *replay("an outcome that is none", "outcomes[0]", outcomes=["lost"]),
    *replay("a time of words", "since", since="yesterday"),
    *replay("a time without a zone", "until", until="2026-01-01T00:00:00"),
    *replay("a rate of zero", "rate", rate=0),
    *replay("a rate of too many", "rate", rate=1001),
    *replay("a rate of a text", "rate", rate="fast"),
    *replay("a delivery that is none", "deliveryId", deliveryId="x"),
    *replay("an event with a line break", "eventId", eventId="a\nb"),
    *replay("an unknown field", "colour", colour="red"),
    missing("GET", "{registry}/replays/77"),
    missing("GET", "{registry}/replays/first"),
    missing("GET", "{registry}/replays/-1"),
    missing("GET", "{registry}/replays/99999999999999999999"),
    missing("GET", "{registry}/replays/%00"),
    missing("POST", "{registry}/replays/77/cancel"),
    missing("POST", "{registry}/replays/77/resume"),
    missing("GET", f"{NO_REGISTRY}/replays"),
    missing("GET", f"{NO_REGISTRY}/replays/1"),
    *(missing("POST", f"{path}/{last}", {}) for path in (NO_HOOK, NO_REGISTRY) for last in ("replay", "countReplay")),
    # secrets
    rotate("a secret that is none", "secret", {"secret": "hunter2"}),
    rotate("a secret of a number", "secret", {"secret": 7}),
    rotate("a scheme that is none", "signature", {"signature": "v2"}),
    rotate("an overlap of a word", "overlap", {"overlap": "long"}),
    rotate("an unknown field", "colour", {"colour": "red"}),
    rotate("an array", "body", []),
    rotate("no JSON", "body", b"secret=x"),
    missing("POST", f"{NO_HOOK}/rotateSecret", {}),
    missing("GET", f"{NO_HOOK}/publicKeys"),
    now("neither of both", "eventId", {}),
    now("both", "eventId", {"eventId": "e1", "deliveryId": "msg_" + "0" * 32}),
    now("a delivery that is none", "deliveryId", {"deliveryId": "x"}),
    now("an unknown field", "colour", {"eventId": "e1", "colour": "red"}),
    Row("not there: a delivery to try", "POST", f"{HOOK}/tryNow", 404, "DeliveryNotFound", "eventId", {"eventId": "e1"}),
    missing("POST", f"{NO_HOOK}/tryNow", {"eventId": "e1"}),
    missing("POST", f"{NO_HOOK}/probe"),
    missing("GET", f"{NO_HOOK}/listEvents"),
    missing("GET", f"{NO_HOOK}/followEvents"),
    # known tags
    listed("tags of no repository", "{registry}/knownTags", "repository=A+b", PARAMETER, "repository"),
    listed("tags: no answer to a question", "{registry}/knownTags", "catchUp=soon", PARAMETER, "catchUp"),
    listed("tags: another list's token", "{registry}/knownTags", "$skipToken=cmVwbGF5czox", PARAMETER, "$skipToken"),
    listed("tags: too many", "{registry}/knownTags", "$top=1001", PARAMETER, "$top"),
    adopted("nothing", "tags", []),
    adopted("too many", "tags", [TAG] * 1001),
    adopted("a repository that is none", "tags[1].repository", [TAG, TAG | {"repository": "A b"}]),
    adopted("a tag that is none", "tags[0].tag", [TAG | {"tag": "a:b"}]),
    adopted("a digest that is none", "tags[0].digest", [TAG | {"digest": "abc"}]),
    adopted("no digest", "tags[0].digest", [{"repository": "a", "tag": "b"}]),
    missing("GET", f"{NO_REGISTRY}/knownTags"),
    missing("POST", f"{NO_REGISTRY}/adoptTags", {"tags": [TAG]}),
    # lists, usages, the audit
    missing("GET", f"{NO_REGISTRY}/webhooks"),
    missing("GET", f"{NO_REGISTRY}/listUsages"),
    Row("registry: patch of a text", "PATCH", "{registry}", 400, CONTENT, "tags", {"tags": "a=b"}),
    Row("registry: patch of an array", "PATCH", "{registry}", 400, CONTENT, "body", []),
    listed("filter of groups", "{subscription}/resourceGroups", "$filter=name+like+'a'", FILTER, "$filter"),
    listed("filter of resources", "{subscription}/resources", "$filter=drop", FILTER, "$filter"),
    listed("filter of a group", "{group}/resources", "$filter='", FILTER, "$filter"),
    listed("audit of no registry", "/portcall/audit", "registry=a.b", PARAMETER, "registry"),
    listed("audit of no time", "/portcall/audit", "unmovedBefore=now", PARAMETER, "unmovedBefore"),
    listed("audit of a far time", "/portcall/audit", "unmovedBefore=99999999999999999", PARAMETER, "unmovedBefore"),
    Row("intake of a word", "PUT", "/portcall/intake", 400, CONTENT, "stopped", {"stopped": "yes"}),
    Row("intake of nothing", "PUT", "/portcall/intake", 400, CONTENT, "stopped", {}),
    Row("intake with a reason", "PUT", "/portcall/intake", 400, CONTENT, "why", {"stopped": True, "why": "x"}),
    Row("republish of no time", "POST", "/portcall/audit/republish", 400, PARAMETER, "unmovedBefore", query=f"{VERSION}&unmovedBefore=now"),
    Row("republish of no registry", "POST", "/portcall/audit/republish", 400, PARAMETER, "registry", query=f"{VERSION}&registry=a.b"),
    # what happens, and why
    listed("overview of no registry", "/portcall/overview", "registry=a.b", PARAMETER, "registry"),
    listed("overview of no time", "/portcall/overview", "span=yesterday", PARAMETER, "span"),
    listed("overview of a second", "/portcall/overview", "span=1s", PARAMETER, "span"),
    listed("overview of years", "/portcall/overview", "span=9999d", PARAMETER, "span"),
    listed("metrics of all registries", "/portcall/webhookMetrics", "webhook=webhook01", PARAMETER, "registry"),
    listed("metrics of no registry", "/portcall/webhookMetrics", "registry=a.b", PARAMETER, "registry"),
    listed("metrics of no webhook", "/portcall/webhookMetrics", "registry=alpha&webhook=a.b", PARAMETER, "webhook"),
    Row("not there: metrics of a registry", "GET", "/portcall/webhookMetrics", 404, NOT_FOUND, query=f"{VERSION}&registry=nosuch"),
    Row("not there: metrics of a webhook", "GET", "/portcall/webhookMetrics", 404, NOT_FOUND, query=f"{VERSION}&registry=alpha&webhook=nosuch"),
    listed("no event", "{registry}/explainEvent", "eventId=", PARAMETER, "eventId"),
    listed("an event with a space", "{registry}/explainEvent", "eventId=a%20b", PARAMETER, "eventId"),
    listed("a long event", "{registry}/explainEvent", f"eventId={'x' * 200}", PARAMETER, "eventId"),
    Row("not there: an event", "GET", "{registry}/explainEvent", 404, "EventNotFound", "eventId", query=f"{VERSION}&eventId=e-1"),
    Row("not there: an event's registry", "GET", f"{NO_REGISTRY}/explainEvent", 404, NOT_FOUND, query=f"{VERSION}&eventId=e-1"),
    tried("a scope with a space", "scope", {"scope": "a b"}),
    tried("a scope of a number", "scope", {"scope": 7}),
    tried("an action that is none", "actions[0]", {"actions": ["pull"]}),
    tried("none of the last", "last", {"last": 0}),
    tried("too many of the last", "last", {"last": 100_000}),
    tried("an unknown field", "colour", {"colour": "red"}),
    tried("no JSON", "body", b"{"),
    missing("POST", f"{NO_REGISTRY}/testScope", {}),
    formed("a format that is none", "format.name", {"format": "slak"}),
    formed("a setting that is none", "format.mode", {"format": {"name": "slack", "mode": "x"}}),
    formed("too many events", "last", {"last": 51}),
    missing("POST", f"{NO_REGISTRY}/testFormat", {}),
]  # fmt: skip
