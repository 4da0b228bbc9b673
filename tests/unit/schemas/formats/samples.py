"""Events that the tests of formats share."""

from typing import Any

import msgspec

from portcall.schemas.events import Event, PublishedEvent, Request, Target, accept, ping_event
from portcall.schemas.extras import Extras
from portcall.schemas.formats.chosen import Chosen, chosen_of
from portcall.schemas.formats.results import Omitted, Rendered, Result

TIME = "2026-05-02T09:04:05.1230000Z"
SECONDS = 1_777_712_645
DIGEST = "sha256:" + "1f2e" * 16
HOST = "reg.acme.test"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def event(
    action: str = "push",
    *,
    repository: str = "shop/cart",
    tag: str | None = "2.0.1",
    digest: str | None = DIGEST,
    host: str | None = HOST,
    actor: str = "ci",
    **target: Any,  # noqa: ANN401 (fields of a target)
) -> Event:
    published = PublishedEvent(
        action=action,
        target=Target(
            media_type=MANIFEST, size=741, length=741, digest=digest, repository=repository, tag=tag,
            **target,
        ),
        request=Request(id="r1", host=host, method="PUT", useragent="docker/27"),
    )  # fmt: skip
    return accept(
        published,
        registry="myregistry",
        new_id="e1",
        now_ms=0,
        now=TIME,
        extras=Extras(actor=actor) if actor else None,
    )


def ping() -> Event:
    return ping_event(registry="myregistry", event_id="p1", now_ms=0, now=TIME)


def form(name: str, **options: str) -> Chosen:
    chosen = chosen_of({"name": name, **options})
    assert chosen is not None
    return chosen


def render(name: str, of: Event | None = None, **options: str) -> Result:
    return form(name, **options).render(of or event())


def rendered(name: str, of: Event | None = None, **options: str) -> Rendered:
    result = render(name, of, **options)
    assert isinstance(result, Rendered), result
    return result


def document(name: str, of: Event | None = None, **options: str) -> Any:  # noqa: ANN401 (JSON)
    return msgspec.json.decode(rendered(name, of, **options).body)


def reason(name: str, of: Event, **options: str) -> str:
    result = render(name, of, **options)
    assert isinstance(result, Omitted), result
    return result.reason
