"""The table of routes: case, decoding, 404 and 405."""

from collections.abc import Mapping

import pytest
from aiohttp import web

from portcall.management.http.calls import Call
from portcall.management.http.errors import ArmError
from portcall.management.http.routes import Handler, Routes, segments_of


async def first(_call: Call) -> web.Response:
    return web.Response()


async def second(_call: Call) -> web.Response:
    return web.Response()


def found(routes: Routes, method: str, path: str) -> tuple[Handler, Mapping[str, str]]:
    route, names = routes.find(method, path)
    return route.handler, names


@pytest.fixture
def routes() -> Routes:
    routes = Routes()
    routes.add("GET", "/Things/{thing}", first)
    routes.add("PUT", "/Things/{thing}", second)
    routes.add("GET", "/Things/special", second)
    return routes


@pytest.mark.parametrize(
    ("path", "segments"),
    [
        ("/a/b", ("a", "b")),
        ("//a/b", ("a", "b")),
        ("/a/b/", ("a", "b")),
        ("/a//b", ("a", "", "b")),
        ("/a%2Fb/c%20d", ("a/b", "c d")),
        ("/%ff", ("\ufffd",)),
        ("/%zz", ("%zz",)),
        ("/", ("",)),
        ("*", ("*",)),
    ],
)
def test_a_path_is_divided_before_it_is_decoded(path: str, segments: tuple[str, ...]) -> None:
    assert segments_of(path) == segments


@pytest.mark.parametrize("path", ["/things/One", "/THINGS/One", "/%74hings/One", "//Things/One/"])
def test_fixed_words_have_no_case_and_names_keep_theirs(routes: Routes, path: str) -> None:
    assert found(routes, "GET", path) == (first, {"thing": "One"})
    assert found(routes, "PUT", path) == (second, {"thing": "One"})


def test_a_path_that_is_written_out_is_no_name_of_another(routes: Routes) -> None:
    assert found(routes, "GET", "/Things/Special") == (second, {})
    with pytest.raises(ArmError, match="PUT") as refused:
        routes.find("PUT", "/Things/Special")
    assert (refused.value.status, refused.value.headers) == (405, {"Allow": "GET"})


def test_a_path_without_the_method_says_which_ones_it_has(routes: Routes) -> None:
    with pytest.raises(ArmError) as raised:
        routes.find("DELETE", "/things/x")
    assert raised.value.status == 405
    assert raised.value.headers["Allow"] == "GET, PUT"


@pytest.mark.parametrize("path", ["/things", "/things/", "/things//", "/other/x", "/things/x/y"])
def test_another_path_is_not_found(routes: Routes, path: str) -> None:
    with pytest.raises(ArmError) as raised:
        routes.find("GET", path)
    assert raised.value.status == 404
