"""Secrets that an endpoint answers with are in no record."""

import base64
import json
from urllib.parse import quote

import pytest

from portcall.deliverer.post.attempts import Attempt
from portcall.deliverer.post.redaction import redacted, secrets_of
from portcall.deliverer.post.response import MAX_HEADER_CHARACTERS
from portcall.schemas.records import MAX_RESPONSE_CHARACTERS, Answer, Failure, Masking
from portcall.schemas.webhooks import MASK, Webhook
from tests.canary import Canary
from tests.unit.deliverer.samples import unanswered, webhook

BODY = "it is well, and that is all there is to be said of it"


def answer(
    content: str = BODY, headers: dict[str, str] | None = None, reason: str = "OK"
) -> Attempt:
    said = Answer(200, reason, headers or {}, content)
    return Attempt(started_ms=1, duration_us=1, answer=said, failure=Failure.NONE)


def marked(canary: Canary) -> Webhook:
    basic = base64.b64encode(f"user:{canary.mark('password')}".encode()).decode()
    return webhook(
        headers={
            "Authorization": f"Basic {basic}",
            "X-Team-Token": canary.mark("header"),
            "X-Bearer-Token": f"Bearer {canary.mark('bearer')}",
            "X-Odd-Token": f'a"\\ ü/{canary.mark("odd")}',
        },
        secret=f"whsec_{base64.b64encode(canary.mark('secret').encode()).decode()}",
        old_secret=f"whsec_{base64.b64encode(canary.mark('old').encode()).decode()}",
        old_secret_until_ms=1,
    )


def heard(attempt: Attempt) -> dict[str, bytes]:
    assert attempt.answer is not None
    return {"answer": repr(attempt.answer).encode()}


def test_an_endpoint_that_echoes_everything_gets_nothing_into_a_record(canary: Canary) -> None:
    hook = marked(canary)
    said = json.dumps({"headers": dict(hook.headers), "secrets": [hook.secret, hook.old_secret]})
    values = {f"x-{name}": value for name, value in hook.headers.items()}
    encoded = " ".join(quote(value, safe="") for value in hook.headers.values())
    attempt = answer(said + encoded, values, hook.headers["X-Team-Token"])
    assert canary.found(heard(attempt))
    assert canary.found(heard(redacted(attempt, secrets_of(hook)))) == []


def test_the_parts_of_a_value_are_secrets_too(canary: Canary) -> None:
    hook = marked(canary)
    attempt = answer(" ".join(canary.marks.values()))
    parts = {name: canary.marks[name] for name in ("password", "header", "bearer")}
    assert redacted(attempt, secrets_of(hook)).answer is not None
    content = redacted(attempt, secrets_of(hook)).answer.content  # type: ignore[union-attr]  # asserted
    assert not any(part in content for part in parts.values())


@pytest.mark.parametrize("left", [4, 10, 25])
def test_a_secret_that_is_cut_leaves_no_beginning(left: int) -> None:
    secret = "s3cret-of-somebody-else-0123456789"  # noqa: S105 (nobody's)
    hook = webhook(headers={"X-Team-Token": secret})
    content = ("x" * MAX_RESPONSE_CHARACTERS)[: MAX_RESPONSE_CHARACTERS - left] + secret[:left]
    value = ("x" * MAX_HEADER_CHARACTERS)[: MAX_HEADER_CHARACTERS - left] + secret[:left]
    told = redacted(answer(content, {"X-Echo": value}), secrets_of(hook)).answer
    assert told is not None
    assert told.content.endswith("x" + MASK)
    assert told.headers["X-Echo"].endswith("x" + MASK)


def test_an_answer_without_echoes_is_the_same_value(canary: Canary) -> None:
    attempt = answer(headers={"Content-Type": "text/plain"})
    assert redacted(attempt, secrets_of(marked(canary))) is attempt


def test_no_answer_has_no_echo(canary: Canary) -> None:
    attempt = unanswered()
    assert redacted(attempt, secrets_of(marked(canary))) is attempt


@pytest.mark.parametrize(
    "headers",
    [{}, {"X-A": ""}, {"X-A": "true"}, {"Content-Type": "application/json"}],
    ids=["none", "empty", "short", "shown"],
)
def test_what_is_no_secret_is_not_looked_for(headers: dict[str, str]) -> None:
    assert secrets_of(webhook(headers=headers)) == ()


def test_where_all_headers_are_masked_none_is_echoed(canary: Canary) -> None:
    hook = webhook(headers={"X-Team": canary.mark("team")})
    attempt = answer(f"you are {canary.marks['team']}", {"X-You": canary.marks["team"]})
    assert canary.found(heard(redacted(attempt, secrets_of(hook)))), "it is no secret by name"
    assert canary.found(heard(redacted(attempt, secrets_of(hook, Masking.ALL)))) == []
