"""Messages for people: what a stranger chose mentions nobody, and every limit is kept."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portcall.schemas.events import Action, Event
from portcall.schemas.formats.answers import (
    any_success,
    says_discord_message,
    says_google_message,
    says_ok,
    says_taken,
)
from portcall.schemas.formats.messages.words import cut, entities, markdown
from tests.unit.schemas.formats.samples import document, event, ping, rendered

CHATS = ["slack", "teams", "discord", "google-chat", "mattermost"]
HOSTILE = (
    "<!channel> @everyone @here <users/all> [x](http://evil.test) **b** `c` <at>all</at> & \n\u202e"
)


@pytest.mark.parametrize("chat", CHATS)
@pytest.mark.parametrize("action", Action)
def test_a_message_names_what_happened(chat: str, action: str) -> None:
    text = rendered(chat, event(action)).body.decode()
    assert "shop/cart:2.0.1" in text
    assert "reg.acme.test" in text


@pytest.mark.parametrize("chat", CHATS)
def test_a_deleted_tag_is_no_deleted_image(chat: str) -> None:
    assert "Tag deleted shop/cart" in rendered(chat, event("untag", digest=None)).body.decode()


@pytest.mark.parametrize("chat", CHATS)
def test_a_ping_says_so(chat: str) -> None:
    assert "Ping from Portcall" in rendered(chat, ping()).body.decode()


@pytest.mark.parametrize("chat", CHATS)
def test_without_a_tag_the_repository_is_named(chat: str) -> None:
    assert "shop/cart" in rendered(chat, event(tag=None, digest=None, actor="")).body.decode()


@pytest.mark.parametrize("chat", CHATS)
def test_a_name_of_an_actor_is_inert(chat: str) -> None:
    text = rendered(chat, event(actor=HOSTILE)).body.decode()
    assert "\u202e" not in text
    if chat == "slack":
        found = document(chat, event(actor=HOSTILE))
        assert {each["type"] for each in found["blocks"][1]["fields"]} == {"plain_text"}
        return
    assert "<users/all>" not in text
    if chat != "teams":  # a card mentions by an entity only, and there is none
        assert "@everyone" not in text
        assert "@here" not in text
    if chat == "teams":
        assert "entities" not in text
        assert "[x]" not in text


def test_slack_gets_no_mark_of_its_own_in_the_text() -> None:
    assert entities("<!channel> & co") == "&lt;!channel&gt; &amp; co"


def test_discord_may_mention_nobody() -> None:
    assert document("discord")["allowed_mentions"] == {"parse": []}


def test_markdown_is_escaped() -> None:
    assert markdown("a_b*c`[d](e)") == "a\\_b\\*c\\`\\[d\\](e)"


def test_a_long_text_shows_that_it_was_cut() -> None:
    assert cut("abcdef", 4) == "abc…"
    assert cut("abcd", 4) == "abcd"


def long_event(actor: str, host: str) -> Event:
    repository = "/".join(["r" * 60] * 4)
    return event(
        repository=repository, tag="t" * 128, digest="sha256:" + "f" * 250, actor=actor, host=host
    )


@pytest.mark.parametrize("chat", CHATS)
@given(actor=st.text(max_size=400), host=st.text(max_size=400))
def test_every_limit_is_kept_whatever_the_event(chat: str, actor: str, host: str) -> None:
    body = rendered(chat, long_event(actor, host)).body
    found = msgspec.json.decode(body)
    assert len(body) < 16_000  # of 28 KB (Teams), 32,000 bytes (Google Chat), 40,000 (Slack)
    if chat == "slack":
        header, *sections = found["blocks"]
        assert 0 < len(header["text"]["text"]) <= 150
        for section in sections:
            assert 0 < len(section["fields"]) <= 10
            assert all(0 < len(each["text"]) <= 2_000 for each in section["fields"])
    if chat == "discord":
        (embed,) = found["embeds"]
        assert len(embed["title"]) <= 256
        assert all(0 < len(each["value"]) <= 1_024 for each in embed["fields"])
        assert (
            len(embed["title"])
            + sum(len(each["name"]) + len(each["value"]) for each in embed["fields"])
            <= 6_000
        )
    if chat == "mattermost":
        assert len(body) <= 16_383


@pytest.mark.parametrize(
    ("status", "content", "good"),
    [
        (200, "ok", True), (200, "ok\n", True), (200, "", True), (204, "", True),
        (200, "invalid_payload", False), (200, "<html>login</html>", False),
    ],
)  # fmt: skip
def test_slack_and_mattermost_answer_ok(status: int, content: str, *, good: bool) -> None:
    assert (says_ok(status, content) == "") == good
    assert any_success(status, content) == ""


@pytest.mark.parametrize(
    ("status", "content", "good"),
    [
        (202, "", True), (202, "error", True), (204, "", True),
        (200, "", True), (200, "1", True), (200, " 1\n", True),
        (200, "Webhook message delivery failed with error: Microsoft Teams ... error 429", False),
        (200, "Summary or Text is required.", False),
        (200, "<!DOCTYPE html>\n<title>Sign in</title>", False),
        (200, "11", False), (200, "0", False), (200, "ok", False),
    ],
)  # fmt: skip
def test_teams_says_what_it_took(status: int, content: str, *, good: bool) -> None:
    problem = says_taken(status, content)
    assert (problem == "") == good
    if not good:
        assert problem == (
            "the endpoint answered 200, but not as Teams does for a message that it took"
            f" (202; or 200 with no content or with 1): {' '.join(content.split())}"
        )


@pytest.mark.parametrize(
    ("status", "content", "good"),
    [
        (204, "", True), (200, "", True), (202, "queued", True),
        (200, '{"type":0,"embeds":[],"id":"1"}', True),
        (200, '{"type":0,"embeds":[{"title":"Pushed sh', True),
        (200, '{"message":"Cannot send an empty message","code":50006}', False),
        (200, "[]", False), (200, "1", False), (200, "ok", False), (200, "<html>", False),
    ],
)  # fmt: skip
def test_discord_shows_the_message_or_nothing(status: int, content: str, *, good: bool) -> None:
    assert (says_discord_message(status, content) == "") == good


@pytest.mark.parametrize(
    ("status", "content", "good"),
    [
        (200, '{\n  "name": "spaces/A/messages/B",\n  "thread": {"name": "spaces/A/threads/C"}}', True),
        (200, '{"name": "spaces/A/messages/B", "text": "Pus', True),
        (200, "", True), (204, "", True),
        (200, '{"error": {"code": 400, "status": "INVALID_ARGUMENT"}}', False),
        (200, '"name"', False), (200, "<html>Sign in</html>", False),
    ],
)  # fmt: skip
def test_google_chat_shows_the_message(status: int, content: str, *, good: bool) -> None:
    problem = says_google_message(status, content)
    assert (problem == "") == good
    assert good or problem.startswith(
        "the endpoint answered 200, but not as Google Chat does (with a message that has 'name', or"
        " with no content): "
    )


def test_what_a_chat_said_is_cut_visibly() -> None:
    assert says_taken(200, "Teams is\n away").endswith(": Teams is away")
    assert says_taken(200, "x" * 300).endswith(": " + "x" * 200 + "...")
