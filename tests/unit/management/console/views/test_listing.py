"""How a webhook is, at a glance."""

from typing import Any

import pytest

from portcall.management.console.views.health import health_of
from portcall.management.console.views.listing import host_of
from portcall.schemas.webhooks import Cause, Status
from portcall.store.traffic.traffic import Sums
from portcall.store.webhooks.row import WebhookRow
from portcall.store.webhooks.summaries import FAILING_AFTER_MS

NOW = 1_700_000_000_000


def row(**changes: Any) -> WebhookRow:  # noqa: ANN401 (any field)
    fields: dict[str, Any] = {
        "id": 1, "registry": "Alpha", "name": "webhook01", "location": "westus", "tags": {},
        "uri": "https://x.io/", "authorization": "", "headers": {}, "actions": 1, "scope": "",
        "status": Status.ENABLED, "secret": "", "schedule_ms": None, "status_changed_ms": 5,
        "revision": 1, "created_ms": 1,
    }  # fmt: skip
    return WebhookRow(**{**fields, **changes})


OFF = {"status": Status.DISABLED}
LONG = NOW - FAILING_AFTER_MS


@pytest.mark.parametrize(
    ("changes", "held_until_ms", "tone", "word"),
    [
        ({}, 0, "good", "Enabled"),
        (OFF, 0, "mute", "Disabled"),
        (OFF | {"cause": Cause.GONE, "status_reason": "410"}, 0, "bad", "Disabled automatically"),
        (OFF, NOW + 1, "mute", "Disabled"),
        ({}, NOW + 1, "bad", "Paused"),
        ({"failing_since_ms": LONG}, 0, "warn", "Failing"),
        ({"failing_since_ms": LONG + 1}, 0, "good", "Enabled"),
        ({"failing_since_ms": LONG}, NOW + 1, "bad", "Paused"),
    ],
    ids=str,
)
def test_a_webhook_is_told_in_a_word(
    changes: dict[str, Any], held_until_ms: int, tone: str, word: str
) -> None:
    health = health_of(row(**changes), NOW, held_until_ms)
    assert (health.tone, health.word) == (tone, word)
    assert health.needs_attention == (tone in {"bad", "warn"})


@pytest.mark.parametrize(
    ("reason", "why"),
    [
        (
            "",
            "Paused after repeated failures, or because its endpoint asked for it. Next try in 27 s.",
        ),
        (
            "connection refused",
            "Paused after repeated failures (connection refused). Next try in 27 s.",
        ),
        (
            "timeout after 15 s",
            "Paused after repeated failures (timeout after 15 s). Next try in 27 s.",
        ),
        ("answered 503", "Paused after failures (answered 503). Next try in 27 s."),
        (
            "answered 429",
            "Paused because its endpoint asked for it (answered 429). Next try in 27 s.",
        ),
    ],
)
def test_a_pause_says_why_and_until_when(reason: str, why: str) -> None:
    assert health_of(row(), NOW, NOW + 27_000).after(reason).why == why


def test_other_states_have_their_own_reason() -> None:
    failing = health_of(row(failing_since_ms=LONG), NOW)
    assert failing.after("connection refused") == failing
    assert failing.why.startswith("Failing for ")


@pytest.mark.parametrize(
    ("changes", "total", "word"),
    [
        ({}, Sums(attempts=20, succeeded=17), "Strained"),
        ({}, Sums(attempts=20, succeeded=18), "Enabled"),
        ({}, Sums(attempts=19), "Enabled"),
        ({}, Sums(attempts=90, succeeded=17, refused=70), "Strained"),
        ({}, Sums(attempts=90, succeeded=1, refused=88), "Enabled"),
        ({}, Sums(), "Enabled"),
        ({"failing_since_ms": LONG}, Sums(attempts=20, succeeded=17), "Failing"),
        (OFF, Sums(attempts=20, succeeded=17), "Disabled"),
    ],
    ids=str,
)
def test_many_failures_among_successes_are_told(
    changes: dict[str, Any], total: Sums, word: str
) -> None:
    health = health_of(row(**changes), NOW, 0, total)
    assert health.word == word
    assert ("3 of 20 attempts failed" in health.why) == (word == "Strained")


@pytest.mark.parametrize(
    ("uri", "host"),
    [
        ("https://x.io/secret?token=1", "https://x.io"),
        ("http://127.0.0.1:9000/hook", "http://127.0.0.1:9000"),
        ("http://[2001:db8::1]:80/", "http://[2001:db8::1]:80"),
        ("HTTPS://Consumer.Example?sig=1", "HTTPS://Consumer.Example"),
    ],
)
def test_a_host_is_what_may_be_told(uri: str, host: str) -> None:
    assert host_of(uri) == host
