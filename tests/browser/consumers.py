"""The webhooks of the demo that screenshots are taken of, and how their endpoints behave."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.installation import Document
from tests.sink import Answer

_OK = Answer(
    200, b'{"accepted": true, "pipeline": "build-and-scan"}', {"Content-Type": "application/json"}
)
_BUSY = Answer(503, b'{"error": "queue is full"}', {"Content-Type": "application/json"})


@dataclass(frozen=True)
class Consumer:
    """A webhook of the demo, and how its endpoint behaves.

    Attributes:
        name: Of the webhook.
        host: A name of this machine.
        scope: Of the webhook.
        answers: What its endpoint says, one of them at random.
        actions: Of the webhook.
        properties: What else is special about it.
        extras: The same, of what ACR does not have.
    """

    name: str
    host: str = "ci"
    scope: str = ""
    answers: Sequence[Answer | int] = (_OK,)
    actions: tuple[str, ...] = ("push", "delete")
    properties: Document = field(default_factory=dict)
    extras: Document = field(default_factory=dict)


def _slow(after_s: float, status: int = 202) -> Answer:
    return Answer(status, b"queued", after_s=after_s)


CONTOSO = (
    Consumer(
        "backupnight", "archive", "", extras={"filters": {"changedOnly": True, "noReferrers": True}}
    ),
    Consumer("buildpipeline", "ci", "api/gateway:*"),
    Consumer(
        "chatslack",
        "chat",
        "web/storefront:*",
        (Answer(200, b"ok", {"Content-Type": "text/html"}),),
        extras={"format": {"name": "slack"}, "filters": {"taggedOnly": True}, "rateLimit": 200},
    ),
    Consumer("cachewarmer", "edge", "web/storefront:*", (204,)),
    Consumer("chatnotify", "chat", "", (_slow(0.04, 200),), ("push",)),
    Consumer("cveScanner", "scan", "", (_slow(0.12), _slow(0.3)), ("push", "quarantine")),
    Consumer("deployprod", "deploy", "web/storefront:stable", (_OK,)),
    Consumer("deploystaging", "deploy", "web/storefront:*", (_OK, _OK, _OK, _OK, _BUSY)),
    Consumer("dataquality", "etl", "data/etl-worker:*", (_slow(0.2, 200),)),
    Consumer(
        "eventbroker", "broker", "", extras={"format": {"name": "cloudevents", "mode": "binary"}}
    ),
    Consumer("inventory", "cmdb", "", (_slow(0.02, 200),)),
    Consumer(
        "keelupdate",
        "keel",
        "",
        (_OK, Answer(400, b"tag cannot be empty")),
        extras={
            "finalAnswers": "receiver-refuses",
            "scopes": ["api/*:v[0-9]*", "web/**", "team/*", "data/**", "!base/test/**"],
            "filters": {
                "taggedOnly": True,
                "noReferrers": True,
                "artifactTypes": ["image", "index", "unknown"],
            },
        },
    ),
    Consumer(
        "legacybridge", "legacy", "ml/ranker:*", (Answer(500, b"java.lang.NullPointerException"),)
    ),
    Consumer("mirroreu", "mirror-eu", "base/python:*"),
    Consumer("mirrorus", "mirror-us", "base/python:*"),
    Consumer("modelregistry", "ml", "ml/ranker:*", (_slow(0.06, 201),)),
    Consumer("oldbuilder", "jenkins", "team/app:*", (410,)),
    Consumer("ordersdeploy", "deploy", "api/orders:*"),
    Consumer("paused", "ci", "", (_OK,), ("push",), {"status": "disabled"}),
    Consumer("sbomarchive", "archive", "", (_slow(0.08, 201),), ("push",)),
    Consumer("signoff", "policy", "api/gateway:*", (_OK,), ("push", "quarantine")),
    Consumer("ticketsync", "tickets", "ops/runner:*", (_OK, _OK, 429)),
    Consumer(
        "wordsofours",
        "reports",
        "ops/runner:*",
        extras={
            "format": {
                "name": "template",
                "template": '{"summary": "{{ action }} of {{ image }}", "bytes": "{{ size }}"}',
            }
        },
    ),
)
SHIPYARD = tuple(
    Consumer(name, host, scope)
    for name, host, scope in (
        ("builder01", "ci", ""), ("builder02", "ci", ""), ("chartmuseum", "charts", "ops/runner:*"),
        ("gitopssync", "gitops", "team/app:*"), ("nightlytest", "ci", "team/app:v2"),
        ("promote", "deploy", "team/app:stable"), ("retention", "archive", ""), ("watcher", "chat", ""),
        ("unreachable", "gone", "ops/runner:*"),
    )
)  # fmt: skip
FABRIKAM = (
    Consumer("audittrail", "audit"),
    Consumer("releases", "chat"),
    Consumer("replica", "mirror"),
)
PATIENT = {"legacybridge", "unreachable"}
"""What fails is not tried again while pictures are taken, or it would fill the charts."""
REGISTRIES = {"contoso": CONTOSO, "shipyard": SHIPYARD, "fabrikam": FABRIKAM}
