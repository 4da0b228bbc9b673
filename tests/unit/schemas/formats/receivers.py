"""What receivers' public code reads, field by field: the rows of docs/receivers-fields.md.

Source: the repositories and files that the page names; only the facts are here.
"""

import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import msgspec

from portcall.deliverer.forms.requests import formed
from portcall.deliverer.post.request import Request, Template
from portcall.schemas.events import Event
from portcall.schemas.formats.results import Rendered
from tests.unit.deliverer.samples import NOW_MS, SECRET, headers_of, webhook
from tests.unit.schemas.formats.samples import HOST, event

AUTHORIZATION = "token as typed"
KEEL = """template={"name": "{{ join('/', [host, repository]) }}", "tag": "{{ tag }}"}"""
"""Keel's own format, as docs/receivers.md has it."""
REPOSITORY, TAG = "shop/cart", "2.0.1"
_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


@dataclass(frozen=True, slots=True)
class Rule:
    """What a receiver asks of a value.

    Attributes:
        says: In words, as the page has it.
        holds: Whether a value satisfies it; None stands for a field that is not there.
    """

    says: str
    holds: Callable[[Any], bool]


@dataclass(frozen=True, slots=True)
class Row:
    """One header or field that a receiver reads.

    Attributes:
        receiver: Its name.
        sent: The format, as ``--format`` writes it; several with commas between them.
        reads: ``header NAME``, or the path of a field, or ``body``.
        rule: What it asks of it.
        otherwise: What it does if the rule is broken.
    """

    receiver: str
    sent: str
    reads: str
    rule: Rule
    otherwise: str

    @property
    def line(self) -> str:
        """As the page has it."""
        reads = f"`{self.reads.removeprefix('header ')}`"
        kind = "header " if self.reads.startswith("header ") else ""
        formats = ", ".join(f"`{each}`" for each in self.formats)
        return f"| {formats} | {kind}{reads} | {self.rule.says} | {self.otherwise} |"

    @property
    def formats(self) -> list[str]:
        """Each format with its settings."""
        return self.sent.split(", ")


@dataclass(frozen=True, slots=True)
class Posted:
    """A POST as a receiver gets it."""

    headers: dict[str, str]
    body: bytes

    @property
    def document(self) -> Any:  # noqa: ANN401 (JSON)
        return msgspec.json.decode(self.body)

    def value(self, reads: str) -> Any:  # noqa: ANN401 (JSON)
        """What a row reads of it; None: it is not there."""
        if reads == "body":
            return self.document
        if reads.startswith("header "):
            return self.headers.get(reads.removeprefix("header ").lower())
        found = self.document
        for name, index in _STEP.findall(reads):
            try:
                found = found[name or int(index)]
            except (KeyError, IndexError, TypeError):
                return None
        return found


def posted(sent: str, of: Event | None = None) -> Posted:
    """The POST of an event in a format, from a webhook with a secret and an ``Authorization``."""
    request = _request(sent, of or event())
    headers = {name.lower(): value for name, value in headers_of(request).items()}
    return Posted(headers, request.body)


def _request(sent: str, of: Event) -> Request:
    hook = webhook(headers={"Authorization": AUTHORIZATION}, secret=SECRET)
    template = Template.of(replace(hook, format=_format(sent)))
    if template.form is None:
        return template.request(delivery_id="d1", body=bytes(of.body), now_s=NOW_MS // 1000)
    result = template.form.render(of)
    assert isinstance(result, Rendered), result
    return formed(template, result, delivery_id="d1", now_s=NOW_MS // 1000)


def _format(sent: str) -> dict[str, str] | None:
    name, *settings = sent.split(" ")
    if name == "template":
        settings = [KEEL]
    options = dict(each.split("=", 1) for each in settings)
    return None if name == "acr" else {"name": name, **options}


def _one_of(*words: str) -> Rule:
    says = " or ".join(f"`{each}`" for each in words)
    return Rule(f"is {says}", lambda value: value in words)


def _begins(start: str) -> Rule:
    return Rule(f"begins with `{start}`", lambda value: str(value).startswith(start))


def _contains(*words: str) -> Rule:
    says = " or ".join(f"`{each}`" for each in words)
    return Rule(f"contains {says}", lambda value: any(each in str(value) for each in words))


def _exactly(says: str, wanted: object) -> Rule:
    return Rule(says, lambda value: value == wanted)


def _is_time(value: object) -> bool:
    return isinstance(value, str) and datetime.fromisoformat(value).tzinfo is not None


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_manifest(value: object) -> bool:
    parts = str(value).split("/")
    return len(parts) > 3 and parts[2] == HOST and parts[-2] == "manifests"


def _names_image(value: object) -> bool:
    return value == f"{HOST}/{REPOSITORY}:{TAG}"


def signature_of(post: Posted) -> str:
    """What GitHub would send as its signature. Source: GitHub, "Validating webhook deliveries"."""
    return f"sha256={hmac.new(SECRET.encode(), post.body, hashlib.sha256).hexdigest()}"


OURS = Rule("is the secret of the receiver, to the letter", lambda value: value == AUTHORIZATION)
SIGNED = Rule(
    "is `sha256=` and the HMAC of the body with the receiver's secret",
    lambda value: bool(re.fullmatch("sha256=[0-9a-f]{64}", str(value))),
)
"""The test compares it with the signature of the body."""
PUSH = _one_of("push")
PUSHED = _one_of("PUSH_ARTIFACT")
PUBLISHED = _one_of("published")
THE_HOST = _exactly("the registry's host", HOST)
THE_REPOSITORY = _exactly("the repository, not empty", REPOSITORY)
THE_TAG = _exactly("the tag, not empty", TAG)
THE_TAGS = _exactly("the tags, at least one", [TAG])
AN_IMAGE = Rule("host, repository and tag of the image", _names_image)
A_PLACE = _exactly("host and repository of the image", f"{HOST}/{REPOSITORY}")
A_TIME = Rule("a time of ISO 8601", _is_time)
AN_INTEGER = Rule("an integer", _is_integer)
A_TEXT = Rule("a text, if it is there", lambda value: value is None or isinstance(value, str))
FILLED = Rule("not empty", bool)
AN_OBJECT = Rule("a JSON object", lambda value: isinstance(value, dict))
A_LIST = Rule("a list", lambda value: isinstance(value, list))
A_HOST = Rule("a URL with the registry's host", lambda value: urlsplit(str(value)).hostname == HOST)
THE_OWNER = _exactly("the first part of the repository, not empty", "shop")
THE_NAME = _exactly("the rest of the repository, not empty", "cart")
JSON_TYPE = _contains("application/json")

EVENT, SIGNATURE = "header X-GitHub-Event", "header X-Hub-Signature-256"
RESOURCE = "event_data.resources[0]"
VERSION = "package.package_version"
GHCR_TAG = f"{VERSION}.container_metadata.tag.name"
CE_ATTRIBUTES = ("id", "source", "type")
ARGO_CD, UPDATER, FLUX, KARGO = "Argo CD", "Argo CD Image Updater", "Flux", "Kargo"
KEEL_NAME, JENKINS, ARGO_EVENTS, KNATIVE = "Keel", "Jenkins", "Argo Events", "Knative Eventing"
SKIPPED, NO_MATCH, NO_BUILD = "skipped, 200", "200, but no image matches", "200, but no build"

ROWS = (
    Row(ARGO_CD, "harbor", "header Authorization", OURS, "400"),
    Row(ARGO_CD, "harbor", "type", PUSHED, SKIPPED),
    Row(ARGO_CD, "harbor", f"{RESOURCE}.tag", THE_TAG, SKIPPED),
    Row(ARGO_CD, "harbor", f"{RESOURCE}.resource_url", AN_IMAGE, SKIPPED),
    Row(
        ARGO_CD,
        "harbor",
        "event_data.repository.repo_full_name",
        THE_REPOSITORY,
        "`namespace` and `name` are read; without them an error",
    ),
    Row(ARGO_CD, "ghcr", EVENT, _one_of("package"), "not read as a package"),
    Row(ARGO_CD, "ghcr", SIGNATURE, SIGNED, "401"),
    Row(ARGO_CD, "ghcr", "action", PUBLISHED, SKIPPED),
    Row(ARGO_CD, "ghcr", "package.package_type", _one_of("CONTAINER", "container"), SKIPPED),
    Row(ARGO_CD, "ghcr", "package.owner.login", THE_OWNER, NO_MATCH),
    Row(ARGO_CD, "ghcr", "package.name", THE_NAME, NO_MATCH),
    Row(ARGO_CD, "ghcr", GHCR_TAG, THE_TAG, SKIPPED),
    Row(UPDATER, "acr", "header Content-Type", JSON_TYPE, "400"),
    Row(UPDATER, "acr", "header Authorization", OURS, "400"),
    Row(UPDATER, "acr", "action", PUSH, "400"),
    Row(UPDATER, "acr", "target.repository", THE_REPOSITORY, "400"),
    Row(UPDATER, "acr", "target.tag", A_TEXT, "400"),
    Row(UPDATER, "acr", "request.host", THE_HOST, NO_MATCH),
    Row(UPDATER, "harbor", "header Content-Type", JSON_TYPE, "400"),
    Row(UPDATER, "harbor", "header Authorization", OURS, "400"),
    Row(UPDATER, "harbor", "type", PUSHED, "400"),
    Row(UPDATER, "harbor", f"{RESOURCE}.tag", THE_TAG, "400"),
    Row(
        UPDATER, "harbor", "event_data.repository.repo_full_name", THE_REPOSITORY,
        "`namespace` and `name` are read; without them 400",
    ),
    Row(UPDATER, "harbor", f"{RESOURCE}.resource_url", AN_IMAGE, NO_MATCH),
    Row(UPDATER, "ghcr", EVENT, _one_of("package"), "400"),
    Row(UPDATER, "ghcr", SIGNATURE, SIGNED, "400"),
    Row(UPDATER, "ghcr", "action", PUBLISHED, "400"),
    Row(UPDATER, "ghcr", "package.package_type", _one_of("CONTAINER", "container"), "400"),
    Row(UPDATER, "ghcr", "package.owner.login", THE_OWNER, "400"),
    Row(UPDATER, "ghcr", "package.name", THE_NAME, "400"),
    Row(UPDATER, "ghcr", GHCR_TAG, THE_TAG, "the version's name, which is the digest, is the tag"),
    Row(UPDATER, "quay", "updated_tags", THE_TAGS, "400"),
    Row(UPDATER, "quay", "repository", THE_REPOSITORY, NO_MATCH),
    Row(UPDATER, "quay", "docker_url", A_PLACE, "the host is `quay.io`"),
    Row(UPDATER, "dockerhub", "repository.repo_name", THE_REPOSITORY, "400"),
    Row(UPDATER, "dockerhub", "push_data.tag", THE_TAG, "400"),
    Row(
        UPDATER, "cloudevents types=image", "header Content-Type",
        _contains("application/json", "application/cloudevents+json"), "400",
    ),
    Row(UPDATER, "cloudevents types=image", "specversion", FILLED, "400"),
    Row(UPDATER, "cloudevents types=image", "type", _contains("image", "container"), "400"),
    Row(
        UPDATER, "cloudevents types=image", "subject",
        _exactly("the repository, a colon and the tag", f"{REPOSITORY}:{TAG}"), "400",
    ),
    Row(UPDATER, "cloudevents types=image", "source", A_HOST, "400"),
    Row(FLUX, "acr", "body", AN_OBJECT, "400"),
    Row(FLUX, "acr", "action", A_TEXT, "400"),
    Row(FLUX, "acr", "target.repository", A_TEXT, "400"),
    Row(FLUX, "acr", "target.tag", A_TEXT, "400"),
    Row(FLUX, "harbor", "header Authorization", OURS, "400"),
    Row(FLUX, "dockerhub", "repository.repo_url", A_TEXT, "400"),
    Row(FLUX, "dockerhub", "push_data.tag", A_TEXT, "400"),
    Row(FLUX, "quay", "docker_url", A_TEXT, "400"),
    Row(FLUX, "quay", "updated_tags", A_LIST, "400"),
    Row(FLUX, "ghcr", SIGNATURE, SIGNED, "400"),
    Row(FLUX, "ghcr", "header Content-Type", JSON_TYPE, "400"),
    Row(
        FLUX, "ghcr", EVENT,
        Rule("is among the events of the Receiver, if it has any", lambda v: v == "package"), "400",
    ),
    Row(
        FLUX, "cdevents", "header Ce-Type",
        Rule(
            "is among the events of the Receiver, if it has any",
            lambda value: value == "dev.cdevents.artifact.published.0.2.0",
        ),
        "400",
    ),
    Row(FLUX, "cdevents", "context.version", _begins("0.4"), "400"),
    Row(FLUX, "cdevents", "context.id", FILLED, "400"),
    Row(FLUX, "cdevents", "context.source", FILLED, "400"),
    Row(FLUX, "cdevents", "context.type", _begins("dev.cdevents.artifact."), "400"),
    Row(FLUX, "cdevents", "context.timestamp", A_TIME, "400"),
    Row(FLUX, "cdevents", "subject.id", FILLED, "400"),
    Row(FLUX, "cdevents", "subject.type", _one_of("artifact"), "400"),
    Row(KARGO, "acr", "header User-Agent", _begins("AzureContainerRegistry"), "400"),
    Row(KARGO, "acr", "action", _one_of("push", "ping"), "400"),
    Row(KARGO, "acr", "request.host", THE_HOST, NO_MATCH),
    Row(KARGO, "acr", "target.repository", THE_REPOSITORY, NO_MATCH),
    Row(KARGO, "acr", "target.tag", A_TEXT, "400"),
    Row(KARGO, "acr", "target.mediaType", A_TEXT, "400; without it both an image and a chart"),
    Row(KARGO, "harbor", "header Authorization", OURS, "401"),
    Row(KARGO, "harbor", "type", PUSHED, "400"),
    Row(KARGO, "harbor", f"{RESOURCE}.resource_url", AN_IMAGE, NO_MATCH),
    Row(KARGO, "harbor", f"{RESOURCE}.tag", THE_TAG, NO_MATCH),
    Row(KARGO, "ghcr", EVENT, _one_of("package", "registry_package", "ping"), "400"),
    Row(KARGO, "ghcr", SIGNATURE, SIGNED, "401"),
    Row(KARGO, "ghcr", "action", _one_of("published", "updated"), SKIPPED),
    Row(KARGO, "ghcr", "package.package_type", _one_of("CONTAINER", "docker"), SKIPPED),
    Row(KARGO, "ghcr", f"{VERSION}.package_url", AN_IMAGE, NO_MATCH),
    Row(KARGO, "ghcr", GHCR_TAG, THE_TAG, NO_MATCH),
    Row(
        KARGO, "ghcr event=registry_package", "registry_package.package_version.package_url",
        AN_IMAGE, NO_MATCH,
    ),
    Row(KARGO, "quay", "docker_url", A_PLACE, NO_MATCH),
    Row(KARGO, "quay", "updated_tags", THE_TAGS, NO_MATCH),
    Row(KARGO, "dockerhub", "repository.repo_name", THE_REPOSITORY, NO_MATCH),
    Row(KARGO, "dockerhub", "push_data.tag", THE_TAG, NO_MATCH),
    Row(KARGO, "dockerhub", "push_data.media_type", A_TEXT, "400"),
    Row(KEEL_NAME, "acr", "target.tag", THE_TAG, "400"),
    Row(KEEL_NAME, "acr", "request.host", THE_HOST, NO_MATCH),
    Row(KEEL_NAME, "acr", "target.repository", THE_REPOSITORY, NO_MATCH),
    Row(KEEL_NAME, "harbor", "type", _one_of("PUSH_ARTIFACT", "pushImage"), SKIPPED),
    Row(KEEL_NAME, "harbor", f"{RESOURCE}.resource_url", AN_IMAGE, "400"),
    Row(KEEL_NAME, "harbor", "occur_at", AN_INTEGER, "400"),
    Row(KEEL_NAME, "harbor", "event_data.repository.date_created", AN_INTEGER, "400"),
    Row(KEEL_NAME, "ghcr", EVENT, _one_of("package"), "400 to a `registry_package` of ours"),
    Row(KEEL_NAME, "ghcr", "package.ecosystem", _one_of("CONTAINER"), "400"),
    Row(KEEL_NAME, "ghcr", "package.namespace", THE_OWNER, "400"),
    Row(KEEL_NAME, "ghcr", "package.name", THE_NAME, "400"),
    Row(KEEL_NAME, "ghcr", GHCR_TAG, THE_TAG, "400"),
    Row(KEEL_NAME, "quay", "docker_url", A_PLACE, "400"),
    Row(KEEL_NAME, "quay", "updated_tags", THE_TAGS, "400"),
    Row(KEEL_NAME, "dockerhub", "repository.repo_name", THE_REPOSITORY, "400"),
    Row(KEEL_NAME, "dockerhub", "push_data.tag", THE_TAG, "400"),
    Row(KEEL_NAME, "dockerhub", "push_data.pushed_at", AN_INTEGER, "400"),
    Row(KEEL_NAME, "distribution", "events[0].action", PUSH, SKIPPED),
    Row(KEEL_NAME, "distribution", "events[0].target.tag", THE_TAG, SKIPPED),
    Row(KEEL_NAME, "distribution", "events[0].target.repository", THE_REPOSITORY, NO_MATCH),
    Row(KEEL_NAME, "distribution", "events[0].request.host", THE_HOST, NO_MATCH),
    Row(KEEL_NAME, "distribution", "events[0].timestamp", A_TIME, "400"),
    Row(KEEL_NAME, "template", "name", A_PLACE, "400"),
    Row(KEEL_NAME, "template", "tag", THE_TAG, "400"),
    Row(JENKINS, "acr", "action", PUSH, NO_BUILD),
    Row(JENKINS, "acr", "request.host", THE_HOST, NO_BUILD),
    Row(JENKINS, "acr", "target.repository", THE_REPOSITORY, NO_BUILD),
    Row(JENKINS, "acr", "timestamp", A_TIME, NO_BUILD),
    Row(JENKINS, "dockerhub", "repository.repo_name", THE_REPOSITORY, NO_BUILD),
    Row(JENKINS, "dockerhub", "push_data.pushed_at", AN_INTEGER, "no time of the push"),
    Row(
        JENKINS, "dockerhub", "callback_url",
        Rule("empty", lambda value: value == ""), "the result of the build is POSTed there",
    ),
    Row(JENKINS, "distribution", "events[0].action", PUSH, NO_BUILD),
    Row(
        JENKINS, "distribution", "events[0].target.url",
        Rule("the URL of the manifest, with the registry's host", _is_manifest), NO_BUILD,
    ),
    Row(JENKINS, "distribution", "events[0].target.repository", THE_REPOSITORY, NO_BUILD),
    Row(JENKINS, "distribution", "events[0].timestamp", A_TIME, NO_BUILD),
    Row(JENKINS, "distribution", "events[0].request", AN_OBJECT, NO_BUILD),
    Row(
        ARGO_EVENTS, "acr, distribution, harbor, dockerhub, ghcr, quay, cloudevents, cdevents",
        "body", AN_OBJECT, "400",
    ),
    Row(
        KNATIVE, "cloudevents", "header Content-Type", _begins("application/cloudevents+json"),
        "read in binary mode",
    ),
    Row(KNATIVE, "cloudevents", "specversion", _one_of("1.0"), "400"),
    *(Row(KNATIVE, "cloudevents", each, FILLED, "400") for each in CE_ATTRIBUTES),
    Row(KNATIVE, "cloudevents", "time", A_TIME, "400"),
    Row(
        KNATIVE, "cloudevents mode=binary, cdevents", "header ce-specversion", _one_of("1.0"), "400"
    ),
    *(
        Row(KNATIVE, "cloudevents mode=binary, cdevents", f"header ce-{each}", FILLED, "400")
        for each in CE_ATTRIBUTES
    ),
    Row(KNATIVE, "cloudevents mode=binary, cdevents", "header ce-time", A_TIME, "400"),
)  # fmt: skip
