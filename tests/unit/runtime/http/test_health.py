"""Which checks keep a process from being ready."""

import json
from collections.abc import Mapping

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from portcall.runtime.http.health import Problem, health_app, problems_of
from portcall.runtime.metrics import OPENMETRICS


def well() -> None:
    return None


def ill() -> str:
    return "away"


def silent() -> str:
    return ""


@pytest.mark.parametrize(
    ("checks", "problems"),
    [
        pytest.param({}, {}, id="none"),
        pytest.param({"a": well}, {}, id="well"),
        pytest.param({"a": ill}, {"a": "away"}, id="ill"),
        pytest.param({"a": well, "b": ill, "c": ill}, {"b": "away", "c": "away"}, id="some"),
        pytest.param({"a": silent}, {}, id="an empty text is no problem"),
    ],
)
def test_the_problems_are_named_by_their_checks(
    checks: Mapping[str, Problem], problems: dict[str, str]
) -> None:
    assert problems_of(checks) == problems


@pytest.mark.parametrize(
    ("checks", "status", "said"),
    [
        ({}, 200, {"status": "degraded", "warnings": {"queues": "away"}}),
        ({"a": ill}, 503, {"status": "not ready", "problems": {"a": "away"}}),
    ],
    ids=["ready all the same", "a problem goes first"],
)
async def test_a_warning_leaves_a_role_ready(
    checks: Mapping[str, Problem], status: int, said: dict[str, object]
) -> None:
    app = health_app(checks, {"queues": ill, "other": well})
    request = make_mocked_request("GET", "/ready")
    response = await (await app.router.resolve(request)).handler(request)
    assert isinstance(response, web.Response) and response.text is not None
    assert (response.status, json.loads(response.text)) == (status, said)


@pytest.mark.parametrize(
    ("exemplars", "accept", "content_type"),
    [
        (True, "application/openmetrics-text;version=1.0.0;q=0.8,text/plain;q=0.5", OPENMETRICS),
        (True, "text/plain;version=0.0.4", "text/plain"),
        (True, "*/*", "text/plain"),
        (True, "", "text/plain"),
        (False, "application/openmetrics-text;version=1.0.0", "text/plain"),
    ],
)
async def test_only_a_role_with_exemplars_answers_in_openmetrics(
    accept: str, content_type: str, *, exemplars: bool
) -> None:
    app = health_app({}, exemplars=exemplars)
    headers = {"Accept": accept} if accept else {}
    request = make_mocked_request("GET", "/metrics", headers=headers)
    response = await (await app.router.resolve(request)).handler(request)
    assert isinstance(response, web.Response) and isinstance(response.body, bytes)
    assert response.headers["Content-Type"].startswith(content_type)
    assert response.body.endswith(b"# EOF\n") == (content_type == OPENMETRICS)


async def test_warnings_whose_names_are_not_known_before_are_said_by_their_names() -> None:
    several = {"refused BadRequest a": "again"}
    app = health_app({}, {"b": ill}, [lambda: several])
    request = make_mocked_request("GET", "/ready", app=app)
    resolved = await app.router.resolve(request)
    answer = await resolved.handler(request)
    assert isinstance(answer, web.Response) and isinstance(answer.body, bytes)
    assert answer.status == 200
    assert json.loads(answer.body) == {
        "status": "degraded",
        "warnings": {"b": "away", "refused BadRequest a": "again"},
    }
