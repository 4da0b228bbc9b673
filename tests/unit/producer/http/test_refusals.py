"""Refusals: counted by registry and code, logged now and then, named when they come again."""

import pytest
from structlog.testing import capture_logs

from portcall.producer.http.refusals import FORGOTTEN_S, Refusal, Refusing
from portcall.runtime.http.health import REFUSED_AGAIN
from portcall.runtime.metrics import REGISTRY
from portcall.runtime.sampling import EVERY_S, MAX_KINDS, Allowance, Sample

PATH = "/registries/MyRegistry/notifications"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def refusal(code: str = "Unauthorized", path: str = PATH, status: int = 401) -> Refusal:
    return Refusal(status, code, "a token is required", path)


def refusing(clock: Clock) -> Refusing:
    return Refusing(
        lambda key: key == "myregistry",
        lambda registry, name: (registry, name) == ("myregistry", "here"),
        clock,
    )


def counted(registry: str, code: str) -> float:
    labels = {"registry": registry, "code": code}
    return REGISTRY.get_sample_value("portcall_producer_refused_requests_total", labels) or 0.0


PATHS = {
    "a registry in whatever case": (PATH, "myregistry"),
    "its events": ("/registries/myregistry/events", "myregistry"),
    "one that there is not": ("/registries/nobody1/notifications", ""),
    "no registry's path": ("/metrics", ""),
    "an escaped name": ("/registries/%6dyregistry/events", ""),
    "nothing": ("", ""),
}


@pytest.mark.parametrize(("path", "registry"), PATHS.values(), ids=PATHS)
def test_only_a_registry_that_there_is_becomes_a_label(path: str, registry: str) -> None:
    before = counted(registry, "Teapot")
    refusing(Clock()).note(refusal("Teapot", path))
    assert counted(registry, "Teapot") == before + 1


def test_names_of_strangers_make_no_series() -> None:
    refusals = refusing(Clock())
    for number in range(1000):
        refusals.note(refusal("RegistryNotFound", f"/registries/name{number}/events", 404))
    (told,) = refusals.warnings().items()
    assert told[0] == "refused RegistryNotFound" and "name999" in told[1]


def test_a_line_is_logged_for_each_kind_and_while() -> None:
    clock = Clock()
    with capture_logs() as logs:
        refusals = refusing(clock)
        for _ in range(500):
            refusals.note(refusal())
            refusals.note(refusal("BadRequest", status=400))
        assert [(line["code"], line["times"]) for line in logs] == [
            ("Unauthorized", 1),
            ("BadRequest", 1),
        ]
        clock.now += EVERY_S
        refusals.note(refusal())
    assert (logs[-1]["times"], logs[-1]["registry"]) == (500, "myregistry")
    assert logs[-1]["path"] == PATH


def test_what_comes_again_is_a_warning_until_it_has_stopped_for_a_while() -> None:
    clock = Clock()
    refusals = refusing(clock)
    for _ in range(2):
        refusals.note(refusal())
    assert refusals.warnings() == {}
    clock.now += 60
    refusals.note(refusal())
    assert refusals.warnings() == {
        "refused Unauthorized myregistry": "3 requests in 60 s, the last 0 s ago, to"
        f" {PATH}: 401, a token is required"
    }
    clock.now += FORGOTTEN_S + 1
    assert refusals.warnings() == {}
    refusals.note(refusal())
    assert refusals.warnings() == {}, "it counts from the beginning"


def test_the_peer_is_named() -> None:
    refusals = refusing(Clock())
    for _ in range(3):
        refusals.note(Refusal(401, "Unauthorized", "a token is required", PATH, "10.0.0.7"))
    (told,) = refusals.warnings().values()
    assert "the last 0 s ago from 10.0.0.7, to" in told


def test_long_texts_are_cut() -> None:
    refusals = refusing(Clock())
    with capture_logs() as logs:
        for _ in range(3):
            refusals.note(Refusal(400, "BadRequest", "r" * 10_000, f"{PATH}{'p' * 10_000}"))
    assert len(logs[0]["reason"]) == len(logs[0]["path"]) == 300
    assert len(refusals.warnings()["refused BadRequest myregistry"]) < 600


def test_a_sample_is_bounded() -> None:
    sample = Sample(Clock())
    assert all(sample.times(number) == 1 for number in range(MAX_KINDS + 10))
    assert sample.times(MAX_KINDS) == 0
    assert sample.times(0) == 1, "forgotten, so said again"


def test_an_allowance_has_a_burst_and_a_rate() -> None:
    clock = Clock()
    allowance = Allowance(20, clock)
    assert [allowance.take(150), allowance.take(150), allowance.take(1)] == [150, 50, 0]
    clock.now += 0.5
    assert allowance.take(100) == 10
    clock.now += 3600
    assert allowance.take(1000) == 200


def test_refusals_of_a_source_are_told_apart_from_its_registrys() -> None:
    refusals = refusing(Clock())
    for path in (
        "/registries/MyRegistry/sources/Here",
        "/registries/myregistry/sources/here/***",
        "/registries/myregistry/sources/here",
        *["/registries/myregistry/sources/another"] * 3,
        *["/registries/other/sources/here"] * 3,
    ):
        refusals.note(refusal(path=path))
    assert set(refusals.warnings()) == {
        f"{REFUSED_AGAIN} Unauthorized myregistry/here",
        f"{REFUSED_AGAIN} Unauthorized myregistry",
        f"{REFUSED_AGAIN} Unauthorized",
    }
    assert counted("myregistry/here", "Unauthorized") == 0
