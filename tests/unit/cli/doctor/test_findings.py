from collections.abc import Mapping
from typing import Any

import pytest

from portcall.cli.doctor import findings
from portcall.cli.doctor.findings import Finding, Verdict
from portcall.producer.http.errors import RequestRefusedError
from portcall.schemas.topology import DEAD, EVENTS_IN, UNROUTED
from portcall.store.intake.ignored import IgnoredEvent, IgnoredKind

NOW_S = 1_795_000_000.0


@pytest.mark.parametrize(
    ("version", "verdict"),
    [
        ((3, 10, 9), Verdict.WRONG),
        ((3, 11, 0), Verdict.OK),
        ((3, 13, 1), Verdict.OK),
        ((4, 0, 0), Verdict.OK),
    ],
)
def test_python(version: tuple[int, ...], verdict: Verdict) -> None:
    assert findings.python(version).verdict is verdict


@pytest.mark.parametrize(
    ("mode", "verdict", "advice"),
    [
        pytest.param(0o40700, Verdict.OK, "", id="private"),
        pytest.param(0o40500, Verdict.OK, "", id="read only"),
        pytest.param(0o40755, Verdict.WRONG, "chmod 700 home", id="others may look"),
        pytest.param(0o40720, Verdict.WRONG, "chmod 700 home", id="the group may write"),
    ],
)
def test_private(mode: int, verdict: Verdict, advice: str) -> None:
    finding = findings.private("home", "home", mode, 0o700)
    assert (finding.verdict, finding.advice) == (verdict, advice)
    assert f"{mode & 0o777:04o}" in finding.found


def test_the_mode_of_a_secret_that_an_engine_mounts_is_not_the_readers() -> None:
    finding = findings.private("key", "/run/secrets/encryption-key", 0o100644, 0o600)
    assert (finding.verdict, finding.advice) == (Verdict.OK, "")


@pytest.mark.parametrize(
    ("alive", "verdict", "found"),
    [
        pytest.param({1, 2}, Verdict.OK, "router 1, deliverer 2", id="all live"),
        pytest.param({1}, Verdict.WRONG, "dead: deliverer (2)", id="one is dead"),
        pytest.param(set(), Verdict.WRONG, "no process of ready.json runs", id="all dead"),
    ],
)
def test_processes(alive: set[int], verdict: Verdict, found: str) -> None:
    told = [{"role": "router", "pid": 1}, {"role": "deliverer", "pid": 2}]
    finding = findings.processes(told, alive.__contains__)
    assert finding.verdict is verdict
    assert found in finding.found
    assert bool(finding.advice) is (verdict is Verdict.WRONG)


def test_no_processes_at_all_are_a_crash() -> None:
    assert findings.processes([], lambda _pid: True).verdict is Verdict.WRONG


@pytest.mark.parametrize(
    ("missing", "difference", "verdict", "found", "advice"),
    [
        pytest.param([], None, Verdict.OK, "every queue exists", "", id="as it should be"),
        pytest.param(
            ["a", "b"], None, Verdict.WRONG, "a, b", "portcall topology apply", id="missing"
        ),
        pytest.param(
            [], "inequivalent arg", Verdict.WRONG, "inequivalent", "PORTCALL_SHARDS", id="different"
        ),
    ],
)
def test_topology(
    missing: list[str], difference: str | None, verdict: Verdict, found: str, advice: str
) -> None:
    finding = findings.topology(missing, difference)
    assert finding.verdict is verdict
    assert found in finding.found
    assert advice in finding.advice


def test_queues_are_summed_by_kind() -> None:
    depths = {
        EVENTS_IN: 1, "portcall.deliver.0": 2, "portcall.deliver.1": 3, "portcall.retry.0": 4,
        "portcall.wait.10s": 5, "portcall.wait.1m": 6, DEAD: 7, UNROUTED: 0, "portcall.log": 99,
        "portcall.retry.1": None,
    }  # fmt: skip
    finding = findings.queues(depths)
    assert finding.verdict is Verdict.OK
    assert (
        finding.found == "events.in 1, coalesce 0, deliver 5, retry 4, wait 11, dead 7, unrouted 0"
    )
    assert finding.facts["queues"] == depths


def test_unrouted_messages_are_wrong() -> None:
    finding = findings.queues({UNROUTED: 1})
    assert finding.verdict is Verdict.WRONG
    assert UNROUTED in finding.advice


@pytest.mark.parametrize(
    ("status", "problems", "verdict", "found"),
    [
        pytest.param(200, {}, Verdict.OK, "live and ready; http://x/metrics", id="ready"),
        pytest.param(
            503, {"broker": "away"}, Verdict.WRONG, "live, not ready: broker: away", id="not ready"
        ),
        pytest.param(500, {}, Verdict.WRONG, "live, not ready: status 500", id="odd"),
    ],
)
def test_role(status: int, problems: Mapping[str, str], verdict: Verdict, found: str) -> None:
    finding = findings.role("router", "http://x", status, problems)
    assert (finding.check, finding.verdict, finding.found) == ("role router", verdict, found)


@pytest.mark.parametrize(
    ("now_s", "server_s", "verdict"),
    [
        pytest.param(NOW_S, None, Verdict.OK, id="no server"),
        pytest.param(NOW_S, NOW_S, Verdict.OK, id="same"),
        pytest.param(NOW_S, NOW_S - 0.9, Verdict.OK, id="a Date header has whole seconds"),
        pytest.param(NOW_S, NOW_S + 60, Verdict.WRONG, id="behind"),
        pytest.param(NOW_S, NOW_S - 60, Verdict.WRONG, id="ahead"),
        pytest.param(0.0, None, Verdict.WRONG, id="1970"),
    ],
)
def test_clock(now_s: float, server_s: float | None, verdict: Verdict) -> None:
    assert findings.clock(now_s, server_s).verdict is verdict


@pytest.mark.parametrize(
    ("free", "verdict"), [(10 * 1024**3, Verdict.OK), (1024**3 - 1, Verdict.WRONG)]
)
def test_disk(free: int, verdict: Verdict) -> None:
    assert findings.disk("/x", free).verdict is verdict


def test_whatever_is_wrong_comes_with_advice() -> None:
    found: list[Finding] = [
        findings.python((3, 9)),
        findings.processes([], lambda _pid: False),
        findings.topology(["x"], None),
        findings.queues({UNROUTED: 1}),
        findings.role("x", "http://x", 503, {}),
        findings.clock(0, None),
        findings.disk("/", 0),
    ]
    assert all(finding.advice for finding in found)


def test_facts_are_for_machines() -> None:
    told: list[dict[str, Any]] = [{"role": "router", "pid": 1}]
    assert findings.processes(told, lambda _pid: True).facts == {"processes": told}


def test_a_role_that_is_degraded_is_told_before_it_breaks() -> None:
    finding = findings.role("router", "http://x", 200, {}, {"queues": "nearly full: q 85%"})
    assert finding.verdict is Verdict.WRONG
    assert finding.found == "live and ready, for now: queues: nearly full: q 85%"
    assert finding.facts["warnings"] == {"queues": "nearly full: q 85%"}


def test_a_registry_that_is_refused_again_is_named_with_what_to_do() -> None:
    told = "12 requests in 40 s, the last 1 s ago, to /registries/a/notifications: 401, no token"
    finding = findings.refused("producer", "Unauthorized myregistry", told)
    assert finding.verdict is Verdict.WRONG
    assert "`portcall token create NAME --role publisher -r myregistry`" in finding.advice
    assert finding.found == f"registry myregistry (Unauthorized): {told}"
    assert finding.facts == {"role": "producer", "registry": "myregistry", "code": "Unauthorized"}


def test_a_sender_of_no_registry_is_told_to_mend_its_url() -> None:
    finding = findings.refused("producer", "RegistryNotFound", "the registry 'x' does not exist")
    assert "unknown registry" in finding.found and "URL" in finding.advice


@pytest.mark.parametrize(
    "code",
    [each.code for each in RequestRefusedError.__subclasses__()]
    + ["BadRequest", "InvalidRequest", "TooManyRequests", "RequestHeaderFieldsTooLarge"]
    + ["NotFound", "MethodNotAllowed"],
)
def test_there_is_advice_for_every_refusal(code: str) -> None:
    assert code in findings.REFUSED_ADVICE


KINDS = [
    IgnoredKind("alpha", "pull", is_unread=False, count=20, last_ms=5),
    IgnoredKind("alpha", "bad_tag", is_unread=True, count=3, last_ms=7),
]
LAST = IgnoredEvent(
    "e-1", "alpha", 7, "bad_tag", "push", "a", "-", "events[0].target.tag", "is bad"
)


def test_what_could_not_be_read_is_shown_with_the_last_of_it() -> None:
    finding = findings.ignored(KINDS, [LAST], LAST.ignored_ms + findings.RECENT_MS)
    assert finding.verdict is Verdict.WRONG
    assert finding.found == (
        "unreadable in the last day: alpha bad_tag 3; the last: events[0].target.tag: is bad"
        " (portcall explain e-1 -r alpha)"
    )


def test_one_that_could_not_be_read_is_a_fault_for_an_hour_and_shown_for_a_day() -> None:
    finding = findings.ignored(KINDS, [LAST], LAST.ignored_ms + findings.RECENT_MS + 1)
    assert finding.verdict is Verdict.OK
    assert finding.found.startswith("none is unreadable in the last hour; unreadable in the last")
    assert "portcall explain e-1 -r alpha" in finding.found


def test_what_is_none_of_ours_is_no_fault() -> None:
    assert findings.ignored(KINDS[:1], [], 0).verdict is Verdict.OK
    assert findings.ignored([], [], 0).found == "none, in the last day"


def test_webhooks_that_have_disabled_themselves_are_named_with_what_to_do() -> None:
    assert findings.webhooks([]).verdict is Verdict.OK
    refused = findings.webhooks([], 12)
    assert refused.verdict is Verdict.OK  # a receiver that says no is no fault
    assert "refused 12 deliveries" in refused.found
    found = findings.webhooks(
        [("myregistry", f"hook{n}", "the endpoint answered 410") for n in range(25)]
    )
    assert found.verdict is Verdict.WRONG
    assert found.found.startswith("25 disabled automatically: myregistry/hook0: the endpoint")
    assert "myregistry/hook19" in found.found and "and 5 more" in found.found
    assert "portcall webhook enable -r myregistry -n hook0" in found.advice
    assert len(found.facts["disabled"]) == 25


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        ("Unauthorized", "`portcall source rotate here -r myregistry`"),
        ("Forbidden", "`portcall source update here -r myregistry --networks"),
        ("InvalidRequest", "`portcall source try here -r myregistry"),
        ("ServiceUnavailable", "refused requests are sent again"),
        ("Odd", "the reason says"),
    ],
)
def test_a_source_that_is_refused_again_is_named_with_what_to_do(code: str, advice: str) -> None:
    finding = findings.refused("producer", f"{code} myregistry/here", "12 requests")
    assert finding.found == f"source myregistry/here ({code}): 12 requests"
    assert advice in finding.advice
    assert (finding.facts["registry"], finding.facts["source"]) == ("myregistry", "here")


def test_there_is_no_advice_for_a_code_that_no_source_gets() -> None:
    assert set(findings.SOURCE_ADVICE) <= set(findings.REFUSED_ADVICE)


def test_a_hint_about_a_source_is_a_finding_of_its_own() -> None:
    told = "this looks like harbor, and the source a is of the kind ecr: create a source"
    finding = findings.source("producer", "myregistry/a", told)
    assert (finding.check, finding.verdict) == ("sources", Verdict.WRONG)
    assert finding.found.endswith("of the kind ecr") and finding.advice == "create a source"
    assert "portcall secrets" in findings.source("producer", "myregistry/a", "is lost").advice
