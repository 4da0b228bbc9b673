"""Sources by pages: what a form makes, what is shown once, and what is said of what is wrong."""

from collections.abc import Mapping

import pytest

from portcall.management.console.views.source_forms import KINDS
from portcall.management.sources.setup import set_up
from portcall.schemas.options.table import options_of_kind, options_of_proof
from portcall.schemas.sources import DEFAULT_PROOFS, HEADERS, Proof, SourceKind
from portcall.store.sources.rows import SourceDraft
from tests.integration.console.document import Element
from tests.integration.console.site import (
    ALPHA,
    HOOK,
    PRODUCER_URL,
    SECRET,
    SOURCE,
    Browser,
    Page,
    Site,
)

LIST = f"{ALPHA}/sources"
NEW = f"{ALPHA}/add-source"
REQUIRED: Mapping[SourceKind, Mapping[str, str]] = {
    SourceKind.GENERIC: {"option_repository": "name"},
    SourceKind.GAR: {
        "option_issuer": "https://accounts.google.com",
        "option_audience": "portcall",
        "option_email": "push@example.iam.gserviceaccount.com",
    },
}
OIDC = {"kind": "generic", "proof": "oidc"}
BAD = [
    ({"name": "-x"}, "name", "1 to 50 letters"),
    ({"name": "a" * 51}, "name", "1 to 50 letters"),
    ({"name": "a/b"}, "name", "1 to 50 letters"),
    ({"name": "harbor"}, "name", "already"),
    ({"name": "HARBOR"}, "name", "already"),
    ({"kind": "harbor", "name": ""}, "name", "already"),
    ({"secret": "short"}, "secret", "16 to 512 characters"),
    ({"kind": "quay", "secret": "with a blank in it"}, "secret", "letters, digits"),
    ({"networks": "10.0.0.0/8\n999.1.1.1"}, "networks", "the 2nd one must be an address"),
    ({"networks": "10.0.0.1,\r\n10.0.0.2 x"}, "networks", "the 3rd one must be"),
    ({"option_host": "https://example.com"}, "option_host", "must be a host"),
    (
        {"kind": "ecr", "option_replication": "maybe"},
        "option_replication",
        "must be push or ignore",
    ),
    ({"kind": "generic"}, "option_repository", "is required"),
    ({"kind": "generic", "option_repository": "a["}, "option_repository", "JMESPath"),
    ({"kind": "zot", "proof": "header"}, "option_header", "is required"),
    (
        {"kind": "zot", "proof": "header", "option_header": "a b"},
        "option_header",
        "name of a header",
    ),
    ({"kind": "ghcr", "option_prefix": " x"}, "option_prefix", "no space at the beginning"),
    ({"kind": "zot", "proof": "basic", "option_user": "a:b"}, "option_user", "colon"),
    ({**OIDC, "option_repository": "n"}, "option_issuer", "is required"),
    ({**OIDC, "option_repository": "n", "option_issuer": "ftp://x"}, "option_issuer", "https"),
    ({"kind": "gitlab", "proof": "hmac_sha256"}, "proof", "signs no bodies"),
]


def form_of(**changes: object) -> dict[str, object]:
    form = {"kind": "quay", "name": "mine", **changes}
    return {"shown_kind": form["kind"], **form}


def set_up_on(page: Page) -> str:
    return "".join(str(each) for each in page.root.by_id("set-up").children)


def chosen(root: Element, name: str) -> str:
    return next(each["value"] for each in root.by_id(name).all("option") if "selected" in each)


async def create(browser: Browser, **changes: object) -> Page:
    await browser.get(NEW)
    return await browser.post(NEW, form_of(**changes))


async def test_the_list_shows_each_source(site: Site, browser: Browser) -> None:
    assert "No source yet" in (await browser.get(LIST)).said
    site.add_source()
    site.add_source("hub", SourceKind.DOCKERHUB)
    page = await browser.get(LIST)
    assert [row.text for row in page.root.by_id("sources").all("a")] == ["harbor", "hub"]
    for said in ("Harbor", "Docker Hub", "/registries/Alpha/sources/harbor", "203.0.113.0/24"):
        assert said in page.said
    assert SECRET not in page.text
    assert {LIST, ALPHA} <= {each["href"] for each in (await browser.get(ALPHA)).root.all("a")}


async def test_a_source_is_what_the_form_said(site: Site, browser: Browser) -> None:
    made = await create(
        browser,
        kind="artifactory",
        proof="hmac_sha256",
        networks="10.0.0.7/8\n\n2001:db8::/32, 203.0.113.9",
        option_host="registry.example.com",
        option_repo_keys="one,two",
        option_prefix="v1 ",
        option_nonsense="dropped",
    )
    assert (made.status, made.location) == (303, f"{LIST}/mine")
    row = site.store.sources.get("alpha", "mine")
    assert row is not None
    assert (row.kind, row.proof) == (SourceKind.ARTIFACTORY, Proof.HMAC_SHA256)
    assert row.networks == ("10.0.0.0/8", "2001:db8::/32", "203.0.113.9/32")
    assert row.options == {
        "host": "registry.example.com", "repo_keys": "one,two", "prefix": "v1 ",
    }  # fmt: skip
    assert site.publisher.announced


@pytest.mark.parametrize("kind", SourceKind)
async def test_every_kind_has_a_form_and_a_set_up(browser: Browser, kind: SourceKind) -> None:
    await browser.get(NEW)
    form = await browser.post(f"{NEW}/fields", {"kind": kind.value})
    assert form.status == 200
    assert chosen(form.root, "kind") == kind.value
    proof = DEFAULT_PROOFS[kind]
    assert chosen(form.root, "proof") == proof.value
    shown = {each.get("name", "") for each in _controls(form.root)}
    options = {each.name for each in (*options_of_kind(kind), *options_of_proof(proof, kind))}
    assert {name for name in shown if name.startswith("option_")} == {
        f"option_{name}" for name in options
    }
    assert ("secret" in shown) is (proof is not Proof.OIDC)

    page = await browser.follow(
        await create(browser, kind=kind.value, name="", **REQUIRED.get(kind, {}))
    )
    assert page.root.one("h1").text == kind.value
    assert KINDS[kind] in page.said
    secret = page.root.by_id("secret").text if proof is not Proof.OIDC else ""
    path = f"/registries/Alpha/sources/{kind.value}"
    assert set_up_on(page) == set_up(
        kind.value,
        proof.value,
        address=f"{PRODUCER_URL}{path}" + (f"/{secret}" if proof is Proof.PATH else ""),
        secret=secret,
        header=HEADERS.get((kind, proof), ("", ""))[0],
    )


def _controls(root: Element) -> list[Mapping[str, str]]:
    return [each.attributes for tag in ("input", "select", "textarea") for each in root.all(tag)]


@pytest.mark.parametrize("kind", ["harbor", "dockerhub"])
async def test_a_secret_is_shown_once_and_in_the_set_up(
    site: Site, browser: Browser, kind: str
) -> None:
    made = await create(browser, kind=kind)
    first = await browser.follow(made)
    secret = first.root.by_id("secret").text
    assert secret in set_up_on(first)
    known = next(each for each in site.store.sources.usable() if each.name == "mine")
    assert known.secrets == (secret,)
    assert secret not in str(made.cookies)
    second = await browser.follow(made)
    assert secret not in second.text
    assert "SECRET" in set_up_on(second)
    assert "SECRET stands for the secret" in second.said


async def test_a_secret_of_ones_own_is_taken_and_never_shown_again(browser: Browser) -> None:
    wrong = await create(browser, secret=SECRET, networks="x")
    assert wrong.status == 400
    assert SECRET not in wrong.text
    page = await browser.follow(await create(browser, secret=SECRET))
    assert page.root.by_id("secret").text == SECRET


@pytest.mark.parametrize(("changes", "field", "said"), BAD)
async def test_a_mistake_is_shown_at_its_field(
    site: Site, browser: Browser, changes: dict[str, object], field: str, said: str
) -> None:
    site.add_source()
    before = site.store.sources.list("alpha")
    page = await create(browser, **changes)
    assert page.status == 400, page.said
    assert said in page.problem(field)
    assert page.root.by_id(field)["aria-invalid"] == "true"
    assert said in page.root.by_id("problems").text
    assert f"#{field}" in {each["href"] for each in page.root.by_id("problems").all("a")}
    assert site.store.sources.list("alpha") == before


async def test_what_was_written_is_shown_again(browser: Browser) -> None:
    page = await create(
        browser, kind="zot", proof="header", networks="nowhere", option_header="X-Zot"
    )
    assert page.status == 400
    assert (chosen(page.root, "kind"), chosen(page.root, "proof")) == ("zot", "header")
    assert page.root.by_id("option_header")["value"] == "X-Zot"
    assert page.root.by_id("name")["value"] == "mine"
    assert "nowhere" in page.root.by_id("networks").text


async def test_another_kind_brings_its_own_proof_and_keeps_the_rest(browser: Browser) -> None:
    await browser.get(NEW)
    page = await browser.post(
        f"{NEW}/fields",
        {
            "kind": "harbor", "shown_kind": "quay", "proof": "path", "name": "mine",
            "networks": "10.0.0.0/8", "option_host": "registry.example.com",
        },
    )  # fmt: skip
    assert chosen(page.root, "proof") == "authorization"
    assert page.root.by_id("name")["value"] == "mine"
    assert page.root.by_id("option_host")["value"] == "registry.example.com"
    assert "10.0.0.0/8" in page.root.by_id("networks").text
    kept = await browser.post(
        f"{NEW}/fields", {"kind": "harbor", "shown_kind": "harbor", "proof": "oidc"}
    )
    assert chosen(kept.root, "proof") == "oidc"
    assert kept.root.by_id("option_issuer")["name"] == "option_issuer"


@pytest.mark.parametrize("word", ["", "nonsense", "HARBOR"])
async def test_an_unknown_kind_is_no_error_of_ours(browser: Browser, word: str) -> None:
    await browser.get(NEW)
    page = await browser.post(f"{NEW}/fields", {"kind": word, "proof": word})
    assert page.status == 200
    assert chosen(page.root, "kind") == "distribution"


async def test_a_full_registry_takes_no_more(
    site: Site, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portcall.store.sources.sources.MAX_SOURCES", 1)
    site.add_source()
    page = await create(browser)
    assert page.status == 400
    assert "1" in page.root.by_id("problems").all("li")[0].text


async def test_a_rotation_shows_the_new_secret_once(site: Site, browser: Browser) -> None:
    site.add_source()
    await browser.get(SOURCE)
    page = await browser.follow(await browser.post(f"{SOURCE}/rotate"))
    secret = page.root.by_id("secret").text
    assert secret not in ("", SECRET)
    assert secret in set_up_on(page)
    assert "the previous secret is accepted until" in page.said
    assert secret not in (await browser.get(SOURCE)).text


async def test_a_source_of_tokens_has_no_secret_to_rotate(site: Site, browser: Browser) -> None:
    site.add_source("gar", SourceKind.GAR)
    page = await browser.get(f"{LIST}/gar")
    assert "Rotate secret" not in page.said
    assert "SECRET stands" not in page.said
    said = await browser.follow(await browser.post(f"{LIST}/gar/rotate"))
    assert "it has no secret" in said.root.by_id("notice").text


async def test_a_source_is_deleted_after_a_question(site: Site, browser: Browser) -> None:
    site.add_source()
    question = await browser.get(f"{SOURCE}/delete")
    assert "Delete the source harbor?" in question.said
    assert site.store.sources.get("alpha", "harbor") is not None
    done = await browser.follow(await browser.post(f"{SOURCE}/delete"))
    assert "The source harbor was deleted." in done.root.by_id("notice").text
    assert site.store.sources.get("alpha", "harbor") is None


async def test_a_source_is_changed_and_keeps_its_secret(site: Site, browser: Browser) -> None:
    made = await create(
        browser, kind="zot", proof="header", secret=SECRET, networks="10.0.0.0/8",
        option_header="X-Zot", option_host="zot.example.com",
    )  # fmt: skip
    assert SECRET in (await browser.follow(made)).text
    edit = f"{LIST}/mine/edit"
    form = await browser.get(edit)
    shown = {each.get("name", ""): each.get("value", "") for each in _controls(form.root)}
    assert (shown["option_header"], shown["option_host"]) == ("X-Zot", "zot.example.com")
    assert "10.0.0.0/8" in form.root.by_id("networks").text
    assert (chosen(form.root, "proof"), SECRET in form.text) == ("header", False)

    changes = {"shown_kind": "zot", "proof": "header", "option_header": "X-Other", "networks": ""}
    changed = await browser.post(edit, {**changes, "kind": "harbor", "name": "another"})
    assert (changed.status, changed.location) == (303, f"{LIST}/mine")
    row = site.store.sources.get("alpha", "mine")
    assert row is not None
    assert (row.kind, row.options, row.networks) == (
        SourceKind.ZOT, {"header": "X-Other"}, (),
    )  # fmt: skip
    known = next(each for each in site.store.sources.usable() if each.name == "mine")
    assert known.secrets == (SECRET,)
    assert "secret" not in (await browser.follow(changed)).root.by_id("notice").text


async def test_an_empty_prefix_stays_what_it_is(site: Site, browser: Browser) -> None:
    draft = SourceDraft(SourceKind.GHCR, Proof.HMAC_SHA256, {"prefix": ""}, (), SECRET)
    site.store.sources.put("alpha", "bare", lambda _before, _present: draft)
    edit = f"{LIST}/bare/edit"
    await browser.get(edit)
    form = {"shown_kind": "ghcr", "proof": "hmac_sha256", "option_host": "ghcr.example.com"}
    assert (await browser.post(edit, form)).status == 303
    row = site.store.sources.get("alpha", "bare")
    assert row is not None
    assert row.options == {"prefix": "", "host": "ghcr.example.com"}


async def test_a_proof_that_needs_a_secret_brings_one(site: Site, browser: Browser) -> None:
    site.add_source("gar", SourceKind.GAR)
    edit = f"{LIST}/gar/edit"
    await browser.get(edit)
    other = await browser.post(f"{edit}/fields", {"shown_kind": "gar", "proof": "bearer"})
    assert (other.status, chosen(other.root, "proof")) == (200, "bearer")
    assert {each.get("name") for each in _controls(other.root)} >= {"secret", "option_host"}
    page = await browser.follow(await browser.post(edit, {"shown_kind": "gar", "proof": "bearer"}))
    assert page.root.by_id("secret").text in set_up_on(page)


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        ({"proof": "header"}, "option_header", "is required"),
        ({"secret": "short"}, "secret", "16 to 512"),
        ({"networks": "x"}, "networks", "the 1st one must"),
    ],
)
async def test_a_mistake_changes_nothing(
    site: Site, browser: Browser, changes: dict[str, object], field: str, said: str
) -> None:
    site.add_source()
    before = site.store.sources.list("alpha")
    await browser.get(f"{SOURCE}/edit")
    page = await browser.post(
        f"{SOURCE}/edit", {"shown_kind": "harbor", "proof": "authorization", **changes}
    )
    assert page.status == 400
    assert said in page.problem(field)
    assert "Nothing was changed" in page.root.by_id("problems").text
    assert site.store.sources.list("alpha") == before


@pytest.mark.parametrize(
    "path", [SOURCE, f"{SOURCE}/edit", f"{SOURCE}/delete", f"{LIST}/a%2Fb", f"{LIST}/%0Ax"]
)
async def test_there_is_no_such_source(browser: Browser, path: str) -> None:
    assert (await browser.get(path)).status == 404
    assert (await browser.post(f"{SOURCE}/delete")).status == 404
    assert (await browser.post(f"{SOURCE}/rotate")).status == 404


async def test_the_secret_of_something_else_is_not_taken_for_the_sources(
    site: Site, browser: Browser
) -> None:
    site.add_source()
    await browser.get(HOOK)
    await browser.post(f"{HOOK}/edit", {**_hook(), "signature": "v1"})
    page = await browser.get(SOURCE)  # in another tab, before the redirect was followed
    assert page.root.by_id("secret").text.startswith("whsec_")
    assert "SECRET" in set_up_on(page)
    assert "whsec_" not in set_up_on(page)


def _hook() -> dict[str, object]:
    return {"uri": "https://example.com/hook", "actions": "push", "status": "enabled"}
