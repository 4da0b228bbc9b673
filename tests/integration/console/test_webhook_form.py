"""Webhooks by a form: what becomes of what was filled in, and what is said of what is wrong."""

import html
from collections.abc import Mapping

import pytest
from msgspec import structs

from portcall.management.http.errors import ArmError
from portcall.runtime.clock import now_ms
from portcall.schemas.events import Event
from portcall.schemas.filters import Filters
from portcall.schemas.journal import accepted
from portcall.schemas.signatures import Scheme, scheme_of
from portcall.schemas.webhooks import Status
from tests.authorities import authority
from tests.integration.console.document import Element
from tests.integration.console.site import ALPHA, HOOK, Browser, Page, Site
from tests.unit.schemas.formats.samples import event
from tests.unit.store.contract.eventlog import append
from tests.unit.store.contract.notes import note, take, untagged
from tests.unit.store.samples import frame, record

CA = authority()
CLIENT = CA.issue("portcall")
NEW = f"{ALPHA}/webhooks/new"
GOOD: Mapping[str, object] = {
    "name": "ci01hook",
    "uri": "https://user:word@example.com/hook",
    "headers": "X-Team: platform\r\nAuthorization: Bearer abc\r\n\r\n",
    "actions": ["push", "delete"],
    "status": "enabled",
    "scope": "team/app:*",
    "signature": "v1",
    "schedule": "10s,1m",
    "max_age": "12h",
    "rate": "50",
    "final_answers": "400,404",
    "disable_after": "2d",
    "probe": "always",
    "traceparent": "not sent",
    "scopes": "team/**:v[0-9]*\r\n\r\n!team/test/**\r\n",
    "format": "slack",
}
BAD = [
    ("name", "ab", "5 to 50"),
    ("name", "", "is required"),
    ("name", "with space", "only letters and digits"),
    ("name", "hook01", "already"),
    ("uri", "", "is required"),
    ("uri", "ftp://example.com", "must begin with http"),
    ("uri", "https://", "names no host"),
    ("headers", "no colon", "line 1: write Key: value"),
    ("headers", "Good: yes\nno colon", "line 2: write Key: value"),
    ("headers", "A: 1\na: 2", "occurs twice"),
    ("headers", "Bad Name: 1", "is not a header name"),
    ("headers", "webhook-id: 1", "set by Portcall itself"),
    ("headers", "A: x\x00y", "control character"),
    ("actions", [], "at least one action is required"),
    ("actions", ["pull"], "is not an action"),
    ("status", "perhaps", "is not known"),
    ("scope", "Team/App", "is not a repository name"),
    ("scope", "team/app:a b", "is not a tag"),
    ("signature", "v9", "is not known"),
    ("secret", "abc", "whsec_"),
    ("schedule", "soon", "is not a duration"),
    ("schedule", "10s,48h", "is not between"),
    ("max_age", "old", "is not a duration"),
    ("rate", "fast", "must be a number"),
    ("rate", "nan", "must be a number"),
    ("rate", "-1", "must be POSTs a second"),
    ("final_answers", "400,503", "503 cannot be final"),
    ("final_answers", "no", "neither a status"),
    ("disable_after", "later", "is not a duration"),
    ("probe", "perhaps", "must be true or false"),
    ("traceparent", "perhaps", "must be true or false"),
    ("scopes", "team/*\nteam//x", "[1]: character 6 of 'team//x': a part is missing"),
    ("scopes", "team/* # all", "[1]: character 1 of '#'"),
    ("final_answers", "receiver-refuse", "did you mean receiver-refuses?"),
    ("filters", ["nope"], "nope: is no filter"),
    ("filters", ["artifactTypes=jar"], "artifactTypes[0]: 'jar' is not an artifact type"),
    ("filters", ["coalesce=2h"], "coalesce: '2h' is not between 1s and 1h"),
    ("format", "slak", "is not a format"),
    ("format_options", "mode=x", "takes no settings"),
    ("ca_bundle", "hello", "has no certificate in PEM"),
    ("ca_bundle", CLIENT.pem + CLIENT.key_pem, "has a private key in it"),
    ("client_certificate", "hello", "has no certificate in PEM"),
    ("client_key", "hello", "must be one private key in PEM"),
]


def value_of(root: Element, name: str) -> object:
    """What the form shows again."""
    control = root.by_id(name)
    if control.tag == "fieldset":
        return [each["value"] for each in control.all("input", name=name) if "checked" in each]
    return (
        "".join(str(each) for each in control.children)
        if control.tag == "textarea"
        else control["value"]
    )


async def create(browser: Browser, **changes: object) -> Page:
    await browser.get(NEW)
    return await browser.post(NEW, {**GOOD, **changes})


async def test_a_wait_that_the_form_does_not_offer_is_kept(site: Site, browser: Browser) -> None:
    await create(browser, filters=["taggedOnly", "coalesce=90s"])
    edit = f"{ALPHA}/webhooks/ci01hook/edit"
    shown = value_of((await browser.get(edit)).root, "filters")
    assert shown == ["taggedOnly", "coalesce=90s"]
    await browser.post(edit, {**GOOD, "filters": shown})
    row = site.store.webhooks.get("alpha", "ci01hook")
    assert row is not None
    assert row.filters == Filters(tagged_only=True, coalesce="90s")


async def test_a_webhook_is_what_the_form_said(site: Site, browser: Browser) -> None:
    made = await create(browser)
    assert (made.status, made.location) == (303, f"{ALPHA}/webhooks/ci01hook")
    row = site.store.webhooks.get("alpha", "ci01hook")
    assert row is not None
    assert row.uri == "https://example.com/hook"
    assert row.authorization
    assert row.headers == {"X-Team": "platform", "Authorization": "Bearer abc"}
    assert (row.actions, row.scope, row.status) == (0b11, "team/app:*", Status.ENABLED)
    assert (row.schedule_ms, row.max_age_ms, row.rate_limit) == ((10_000, 60_000), 43_200_000, 50)
    assert (row.disable_after_ms, row.probe) == (172_800_000, True)
    assert row.scopes == ("team/**:v[0-9]*", "!team/test/**")
    assert row.format == {"name": "slack"}
    assert row.final_answers == "400,404"
    assert row.traceparent is False
    assert row.location == "westus"
    assert site.publisher.announced


async def test_a_secret_is_shown_once(site: Site, browser: Browser) -> None:
    made = await create(browser)
    row = site.store.webhooks.get("alpha", "ci01hook")
    assert row is not None
    assert row.secret not in str(made.cookies)
    first = await browser.follow(made)
    assert first.root.by_id("secret").text == row.secret
    assert "shown only now" in first.root.by_id("notice").text
    second = await browser.follow(made)
    assert row.secret not in second.text
    assert row.secret not in (await browser.get(f"{ALPHA}/webhooks/ci01hook/edit")).text


TEMPLATE = '{"text":\n "{{ image }}"}'


async def test_a_format_is_filled_in_with_its_settings(site: Site, browser: Browser) -> None:
    options = f"contentType=application/vnd.acme+json\ntemplate={TEMPLATE}"
    await create(browser, format="template", format_options=options)
    row = site.store.webhooks.get("alpha", "ci01hook")
    assert row is not None
    assert row.format == {
        "name": "template", "contentType": "application/vnd.acme+json", "template": TEMPLATE,
    }  # fmt: skip
    page = await browser.get(f"{ALPHA}/webhooks/ci01hook/edit")
    assert value_of(page.root, "format_options") == options
    shown = (await browser.get(f"{ALPHA}/webhooks/ci01hook")).text
    assert "template contentType=application/vnd.acme+json" in shown


async def test_a_format_is_shown_before_it_is_saved(browser: Browser) -> None:
    await browser.get(NEW)
    page = await browser.post(f"{ALPHA}/format-test", {**GOOD, "format": "slack"})
    assert page.status == 200
    assert "An example" in page.text
    assert "plain_text" in page.text
    assert "User-Agent: Portcall/" in page.text
    page = await browser.post(f"{ALPHA}/format-test", {**GOOD, "format_options": "mode=x"})
    assert "takes no settings" in page.text
    telling = {"format": "template", "format_options": 'template="{{ payload.portcall.children }}"'}
    page = await browser.post(f"{ALPHA}/format-test", {**GOOD, **telling})
    assert "null" in page.text
    page = await browser.post(f"{ALPHA}/format-test", {**GOOD, **telling, "filters": "coalesce=1m"})
    assert "linux/arm64" in page.text
    page = await browser.post(f"{ALPHA}/format-test", {**GOOD, "filters": "coalesce=2h"})
    assert "is not between 1s and 1h" in page.text


def sent_event(event_id: str) -> Event:
    return structs.replace(event(), id=event_id, registry="alpha", accepted_ms=now_ms())


async def test_up_to_three_of_the_last_events_are_shown_in_a_format(
    site: Site, browser: Browser
) -> None:
    await browser.get(NEW)
    for number, says in (
        (1, "The only event of the registry's last 500 that was sent and passes the filters"),
        (2, "The last 2 events of the registry's last 500 that were sent and pass the filters"),
        (4, "The last 3 events of the registry's last 500"),
    ):
        ids = [f"e{number}"] if number < 4 else [f"e{number}", "another"]
        made = [sent_event(each) for each in ids]
        note(site.store, *map(accepted, made))
        append(site.store, frame([record(7, of=place) for place in range(len(made))], made))
        page = await browser.post(f"{ALPHA}/format-test", GOOD)
        assert says in html.unescape(page.text)
        assert len(page.root.all("pre")) == min(number, 3)


async def test_what_is_left_out_is_the_default(site: Site, browser: Browser) -> None:
    await browser.get(NEW)
    form = {"name": "least1", "uri": "http://example.com", "actions": "push", "signature": "none"}
    assert (await browser.post(NEW, form)).status == 303
    row = site.store.webhooks.get("alpha", "least1")
    assert row is not None
    assert (row.schedule_ms, row.max_age_ms, row.rate_limit, row.secret) == (None, None, 0, "")
    assert (row.disable_after_ms, row.probe, row.scopes) == (None, None, None)
    assert (row.headers, row.scope, row.status) == ({}, "", Status.ENABLED)


@pytest.mark.parametrize(
    ("name", "value", "said"), BAD, ids=[f"{name}-{said}" for name, _, said in BAD]
)
async def test_what_is_wrong_is_said_beside_its_field(
    site: Site, browser: Browser, name: str, value: object, said: str
) -> None:
    page = await create(browser, **{name: value})
    assert page.status == 400
    assert said in page.problem(name)
    control = page.root.by_id(name)
    assert control["aria-invalid"] == "true"
    assert f"{name}-problem" in control["aria-describedby"].split()
    folded = [each for each in page.root.all("details") if control in list(each.walk())]
    assert all("open" in each for each in folded)
    assert f"#{name}" in [each["href"] for each in page.root.by_id("problems").all("a")]
    kept = {each: value_of(page.root, each) for each in ("name", "uri", "scope", "actions")}
    wanted = {**GOOD, name: [] if value == ["pull"] else value}
    assert kept == {each: wanted[each] for each in kept}
    assert site.store.webhooks.get("alpha", "ci01hook") is None
    # While one types, the same.
    checked = await browser.post(f"{ALPHA}/check?field={name}", {**GOOD, name: value})
    assert checked.status == 200
    assert checked.problem(name) == page.problem(name)


async def test_a_scope_is_tried_with_the_last_events(site: Site, browser: Browser) -> None:
    empty = await browser.post(f"{ALPHA}/scope-test", {"scope": "", "actions": "push"})
    assert "has no events yet" in empty.said
    wrong = await browser.post(f"{ALPHA}/scope-test", {"scope": "A b", "actions": "push"})
    assert (wrong.status, wrong.said) == (200, "")


async def test_deleted_tags_that_were_ignored_are_tried_too(site: Site, browser: Browser) -> None:
    take(site.store, ignored=[untagged("v1", registry="alpha"), untagged("v2", registry="alpha")])
    form = {"scope": "team/app:v1", "actions": "untag"}
    one = await browser.post(f"{ALPHA}/scope-test", form)
    assert "would have matched 1 of the last 2 events. Of these, 1 is a deleted tag" in one.said
    both = await browser.post(f"{ALPHA}/scope-test", form | {"scope": ""})
    assert "2 are deleted tags that became no events" in both.said
    without = await browser.post(f"{ALPHA}/scope-test", form | {"actions": "push"})
    assert "has no events yet" in without.said


async def test_several_faults_are_said_at_once(browser: Browser) -> None:
    page = await create(browser, uri="x", scope="A", rate="y")
    assert len(page.root.by_id("problems").all("li")) == 3


async def test_what_is_right_is_said_to_be(browser: Browser) -> None:
    await browser.get(NEW)
    for name in ("uri", "scope", "headers", "name"):
        checked = await browser.post(f"{ALPHA}/check?field={name}", GOOD)
        assert (checked.status, checked.problem(name)) == (200, "")


async def test_a_field_that_there_is_not_is_refused(browser: Browser) -> None:
    assert (await browser.post(f"{ALPHA}/check?field=x", GOOD)).status == 400


async def test_a_webhook_too_many_is_said(site: Site, browser: Browser) -> None:
    path = "/console/registries/Small/webhooks/new"
    page = await browser.post(path, GOOD)
    assert page.status == 400
    assert "Basic allows 2 webhooks" in page.said


async def test_editing_begins_with_what_there_is(browser: Browser) -> None:
    page = await browser.get(f"{HOOK}/edit")
    assert value_of(page.root, "uri") == "https://u:p@example.com/hook"
    assert value_of(page.root, "headers") == "key: value"
    assert value_of(page.root, "actions") == ["push", "delete"]
    assert value_of(page.root, "scope") == "team/app:*"
    assert "readonly" in page.root.by_id("name")


@pytest.mark.parametrize("probe", [None, True, False])
async def test_saving_what_there_is_changes_nothing(
    site: Site, browser: Browser, *, probe: bool | None
) -> None:
    site.store.webhooks.patch(
        "alpha", "Hook01", probe=probe, traceparent=probe, disable_after_ms=3_600_000
    )
    before = site.store.webhooks.get("alpha", "Hook01")
    page = await browser.get(f"{HOOK}/edit")
    form: dict[str, object] = {}
    for name in ("name", "uri", "headers", "scope", "secret", "schedule", "max_age", "rate"):
        form[name] = value_of(page.root, name)
    for name in ("actions", "status", "signature", "disable_after", "probe", "traceparent"):
        form[name] = value_of(page.root, name)
    assert (await browser.post(f"{HOOK}/edit", form)).status == 303
    after = site.store.webhooks.get("alpha", "Hook01")
    assert before is not None
    assert after is not None
    for name in before.__slots__:
        if name != "revision":
            assert getattr(after, name) == getattr(before, name), name


async def test_an_edit_is_kept(site: Site, browser: Browser) -> None:
    await browser.get(f"{HOOK}/edit")
    changed = {**GOOD, "uri": "http://other.example/", "headers": "", "schedule": "none"}
    page = await browser.follow(await browser.post(f"{HOOK}/edit", changed))
    row = site.store.webhooks.get("alpha", "Hook01")
    assert row is not None
    assert (row.uri, row.authorization, row.headers) == ("http://other.example/", "", {})
    assert row.schedule_ms == ()
    assert scheme_of(row.secret) is Scheme.V1
    assert page.root.by_id("secret").text == row.secret
    assert (await browser.get(f"{HOOK}/edit")).root.by_id("schedule")["value"] == "none"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [each for each in BAD if each[0] != "name"],
    ids=[f"{name}-{said}" for name, _, said in BAD if name != "name"],
)
async def test_an_edit_that_is_wrong_changes_nothing(
    site: Site, browser: Browser, name: str, value: object, said: str
) -> None:
    before = site.store.webhooks.get("alpha", "Hook01")
    await browser.get(f"{HOOK}/edit")
    page = await browser.post(f"{HOOK}/edit", {**GOOD, name: value})
    assert page.status == 400
    assert said in page.problem(name)
    assert site.store.webhooks.get("alpha", "Hook01") == before


async def test_a_private_key_is_made_and_not_shown(site: Site, browser: Browser) -> None:
    page = await browser.follow(await create(browser, signature="v1a"))
    row = site.store.webhooks.get("alpha", "ci01hook")
    assert row is not None
    assert scheme_of(row.secret) is Scheme.V1A
    assert row.secret not in page.text
    assert "whpk_" in page.said


async def test_a_webhook_that_goes_while_it_is_edited_is_not_found(
    site: Site, browser: Browser
) -> None:
    await browser.get(f"{HOOK}/edit")
    site.store.webhooks.delete("alpha", "Hook01")
    page = await browser.post(f"{HOOK}/edit", GOOD)
    assert page.status == 404


def test_an_error_of_the_api_is_about_its_fields() -> None:
    """The one that the console relies on: the message of a single fault begins with its target."""
    from portcall.management.console.views.webhook_forms import faults_of  # noqa: PLC0415 (beside its use)

    error = ArmError(400, "X", "properties.scope: is wrong", target="properties.scope")
    (fault,) = faults_of(error)
    assert (fault.target, fault.message) == ("properties.scope", "is wrong")


TRUST: Mapping[str, object] = {
    "ca_bundle": CA.pem.replace("\n", "\r\n"),
    "client_certificate": CLIENT.pem.replace("\n", "\r\n"),
    "client_key": CLIENT.key_pem.replace("\n", "\r\n"),
}


async def test_certificates_are_kept_and_the_key_is_never_shown(
    site: Site, browser: Browser
) -> None:
    made = await create(browser, **TRUST)
    assert made.status == 303, made.text
    row = site.store.webhooks.get("alpha", "ci01hook")
    assert row is not None
    assert (row.ca_bundle, row.client_certificate) == (CA.pem, CLIENT.pem)
    assert row.client_key == CLIENT.key_pem
    page = await browser.follow(made)
    assert "1 of its own" in page.text
    assert "CN=portcall" in page.text
    edit = await browser.get(f"{ALPHA}/webhooks/ci01hook/edit")
    assert value_of(edit.root, "ca_bundle") == CA.pem
    assert value_of(edit.root, "client_certificate") == CLIENT.pem
    assert value_of(edit.root, "client_key") == ""
    for shown in (page.text, edit.text):
        assert "PRIVATE KEY" not in shown


async def test_a_key_is_not_shown_again_when_something_else_is_wrong(browser: Browser) -> None:
    page = await create(browser, **TRUST, uri="x")
    assert page.status == 400
    assert value_of(page.root, "client_certificate") != ""
    assert not any(line in page.text for line in CLIENT.key_pem.splitlines()[1:-1])


async def test_a_certificate_without_its_key_is_said_beside_the_key(browser: Browser) -> None:
    page = await create(browser, client_certificate=CLIENT.pem)
    assert page.status == 400
    assert "is required with clientCertificate" in page.problem("client_key")
    other = CA.issue("other")
    page = await create(browser, client_certificate=CLIENT.pem, client_key=other.key_pem)
    assert "does not belong to the private key" in page.problem("client_certificate")


@pytest.mark.parametrize(
    ("changed", "bundle", "client"),
    [
        ({}, CA.pem, CLIENT.pem),
        ({"ca_bundle": ""}, "", CLIENT.pem),
        ({"client_certificate": ""}, CA.pem, ""),
    ],
    ids=["as-it-is", "no-authorities", "no-certificate"],
)
async def test_an_edit_keeps_or_removes_them(
    site: Site, browser: Browser, changed: Mapping[str, object], bundle: str, client: str
) -> None:
    await create(browser, **TRUST)
    path = f"{ALPHA}/webhooks/ci01hook/edit"
    await browser.get(path)
    form = {**GOOD, **TRUST, "client_key": "", **changed}
    assert (await browser.post(path, form)).status == 303
    row = site.store.webhooks.get("alpha", "ci01hook")
    assert row is not None
    assert (row.ca_bundle, row.client_certificate) == (bundle, client)
    assert bool(row.client_key) is bool(client)
    del form["ca_bundle"], form["client_certificate"], form["client_key"]
    assert (await browser.post(path, form)).status == 303  # a form that does not know of them
    again = site.store.webhooks.get("alpha", "ci01hook")
    assert again is not None
    assert (again.ca_bundle, again.client_certificate) == (bundle, client)
