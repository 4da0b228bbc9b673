"""All formats in one table: how each is rendered, and which settings it takes.

``acr`` is not among them: its body is the event's own, and needs no renderer, except for webhooks
that get the children of an index.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from portcall.schemas.formats import (
    acr,
    cdevents,
    cloudevents,
    eventgrid,
    template,
)
from portcall.schemas.formats.answers import (
    Judge,
    Pacing,
    any_success,
    asks_as_discord,
    asks_nothing,
    says_discord_message,
    says_google_message,
    says_ok,
    says_taken,
)
from portcall.schemas.formats.facts import Facts, Options
from portcall.schemas.formats.messages import discord, googlechat, mattermost, slack, teams
from portcall.schemas.formats.names import FormatName
from portcall.schemas.formats.options import Option, check_dns_name, check_uri, one_of
from portcall.schemas.formats.registries import distribution, dockerhub, ghcr, harbor, quay
from portcall.schemas.formats.results import NO_HEADERS, PLAIN_JSON, Headers, Result
from portcall.schemas.formats.template_checks import check_template

JSON = "application/json; charset=utf-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A format.

    Attributes:
        name: Its name.
        says: What it is for, in a few words.
        takers: Which receivers take it; a sentence without its stop.
        refusals: What they refuse, and what prevents it; empty: nothing that is known.
        render: Renders an event; pure.
        options: Its settings.
        content_type: Of the POST, by the settings.
        rate: POSTs a second at most where the webhook has no limit of its own; 0: no limit.
        judge: What is wrong with a 2xx answer.
        pacing: How long an answer asks for no other POST.
        headers: Further headers, by the settings, the webhook's id and its name.
        signs_as_github: Whether the webhook's secret also makes GitHub's signature.
        user_agent: The first word of the User-Agent; empty: Portcall's own.
    """

    name: FormatName
    says: str
    takers: str
    refusals: str = ""
    render: Callable[[Facts, Options], Result]
    options: tuple[Option, ...] = ()
    content_type: Callable[[Options], str] = field(default=lambda _: JSON)
    rate: float = 0.0
    judge: Judge = any_success
    pacing: Pacing = asks_nothing
    headers: Callable[[Options, int, str], Headers] = field(default=lambda *_: NO_HEADERS)
    signs_as_github: bool = False
    user_agent: str = ""

    @property
    def reads_answers(self) -> bool:
        """Whether more than its status decides what an answer means."""
        return self.judge is not any_success or self.pacing is not asks_nothing


def _always(content_type: str) -> Callable[[Options], str]:
    return lambda _: content_type


def _cdevents_type(options: Options) -> str:
    is_binary = options.get("mode", "binary") == "binary"
    return cloudevents.DATA if is_binary else cloudevents.STRUCTURED


_ALL = (
    Format(
        name=FormatName.CLOUDEVENTS,
        says="CloudEvents 1.0 with Event Grid's types",
        takers="Knative, Argo Events, topics of Azure Event Grid; with types=image also Argo CD"
        " Image Updater",
        refusals="400 from Image Updater to mode=binary, to types=azure and to pings; it takes a"
        ' delete with a tag for a push: set the action push and the filter "only with a tag"'
        " (taggedOnly)",
        render=cloudevents.render,
        options=(
            Option("mode", "structured (the default) or binary", one_of("structured", "binary")),
            Option(
                "types",
                "azure (Event Grid's types, the default) or image (such as portcall.image.pushed)",
                one_of("azure", "image"),
            ),
            Option("source", "the source; by default https:// and the registry's host", check_uri),
            Option(
                "origin",
                "a DNS name of the sender: the endpoint is asked for its consent first"
                " (WebHook-Request-Origin), and gets nothing without it",
                check_dns_name,
            ),
        ),
        content_type=cloudevents.content_type,
        headers=lambda options, *_: cloudevents.origin_header(options),
    ),
    Format(
        name=FormatName.EVENTGRID,
        says="Azure Event Grid's own schema",
        takers="code written for Event Grid, such as an Azure function or a logic app",
        refusals="400 from receivers that want a JSON object, such as Argo Events 1.9: its body is"
        " an array",
        render=eventgrid.render,
        options=(
            Option("topic", "the topic, such as the registry's id in Azure", check_uri),
            Option(
                "validation",
                "on: the endpoint must answer Event Grid's validation event first; off, the"
                " default",
                one_of("on", "off"),
            ),
        ),
        headers=lambda _options, _id, name: eventgrid.headers(name),
    ),
    Format(
        name=FormatName.DISTRIBUTION,
        says="the notifications of docker-registry 2.8",
        takers="Keel (registry) and Jenkins (dockerregistry-webhook), which skip all but pushes;"
        " Argo Events",
        render=distribution.render,
        content_type=_always(distribution.CONTENT_TYPE),
    ),
    Format(
        name=FormatName.HARBOR,
        says="Harbor's webhooks; the proof is a custom header Authorization, sent as typed",
        takers="Argo CD from 3.5, Argo CD Image Updater, Flux (harbor), Kargo, Keel, Argo Events",
        refusals="400 from Kargo and Image Updater to deletes and pings (set the action push); 400"
        " or 401 from all to a wrong Authorization",
        render=harbor.render,
        content_type=_always(PLAIN_JSON),
    ),
    Format(
        name=FormatName.DOCKERHUB,
        says="Docker Hub's webhooks: pushes of tags",
        takers="Keel, Jenkins, Flux (dockerhub), Kargo, Argo CD Image Updater, Azure App Service,"
        " for which the host is docker.io; Argo Events",
        refusals="400 from Keel and Image Updater to pings",
        render=dockerhub.render,
        content_type=_always(PLAIN_JSON),
    ),
    Format(
        name=FormatName.GHCR,
        says="GitHub's package webhook, with X-Hub-Signature-256 by the webhook's secret",
        takers="Argo CD from 3.5, Argo CD Image Updater and Keel, for which the host is ghcr.io;"
        " Kargo, Flux (github), Argo Events",
        refusals='400 from Keel to pushes without a tag (set the filter "only with a tag",'
        " taggedOnly), from Image Updater to pings, from both to event=registry_package",
        render=ghcr.render,
        options=(
            Option(
                "event",
                "package (the default) or registry_package",
                one_of("package", "registry_package"),
            ),
        ),
        content_type=_always(PLAIN_JSON),
        headers=lambda _options, webhook_id, _name: ghcr.headers(webhook_id),
        signs_as_github=True,
        user_agent="GitHub-Hookshot/1.0",
    ),
    Format(
        name=FormatName.QUAY,
        says="Quay's notification of a push of a tag",
        takers="Keel, Flux (quay), Kargo, Argo CD Image Updater, Argo Events",
        refusals="400 from Keel and Image Updater to pings",
        render=quay.render,
        content_type=_always(PLAIN_JSON),
    ),
    Format(
        name=FormatName.CDEVENTS,
        says="CDEvents: an artifact published or deleted",
        takers="Flux (cdevents); Knative, as CloudEvents; Argo Events",
        refusals="400 from Flux to version=0.5 and to mode=structured",
        render=cdevents.render,
        options=(
            Option("version", "0.4 (the default) or 0.5", one_of(cdevents.OLD, cdevents.NEW)),
            Option("mode", "binary (the default) or structured", one_of("binary", "structured")),
        ),
        content_type=_cdevents_type,
    ),
    Format(
        name=FormatName.SLACK,
        says="a message in Slack",
        takers="Slack's incoming webhooks",
        render=slack.render,
        rate=1.0,
        judge=says_ok,
    ),
    Format(
        name=FormatName.TEAMS,
        says="a message in Microsoft Teams: an adaptive card",
        takers="a workflow of Teams that posts to a channel when a webhook request is received",
        render=teams.render,
        rate=4.0,
        judge=says_taken,
    ),
    Format(
        name=FormatName.DISCORD,
        says="a message in Discord",
        takers="Discord's webhooks",
        render=discord.render,
        rate=0.5,
        judge=says_discord_message,
        pacing=asks_as_discord,
    ),
    Format(
        name=FormatName.GOOGLE_CHAT,
        says="a message in Google Chat",
        takers="the webhooks of a space in Google Chat",
        render=googlechat.render,
        rate=1.0,
        judge=says_google_message,
    ),
    Format(
        name=FormatName.MATTERMOST,
        says="a message in Mattermost",
        takers="Mattermost's incoming webhooks",
        render=mattermost.render,
        judge=says_ok,
    ),
    Format(
        name=FormatName.TEMPLATE,
        says="a body of your own, with {{ expressions }} of JMESPath",
        takers="anything else",
        render=template.render,
        options=(
            Option(
                "template",
                "the body, with {{ expressions }}",
                check_template,
                required=True,
            ),
            Option(
                "contentType",
                "of the POST; application/json is the default",
                lambda value, _: template.check_content_type(value),
            ),
        ),
        content_type=template.content_type,
    ),
)
ACR = Format(
    name=FormatName.ACR,
    says="as Azure Container Registry sends it",
    takers="Flux (acr), Kargo, Keel, Argo CD Image Updater, Jenkins, Argo Events, Azure App"
    " Service",
    refusals='400 from Keel to each event without a tag (set the action push and the filter "only'
    ' with a tag", taggedOnly), from Image Updater to all but pushes, from Kargo to all but pushes'
    " and pings, from Argo CD to all",
    render=acr.render,
    user_agent=acr.USER_AGENT,
)
FORMATS: Mapping[str, Format] = {each.name.value: each for each in _ALL}
