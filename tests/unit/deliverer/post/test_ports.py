"""Which ports a webhook may lead to."""

import pytest

from portcall.runtime.targets.ports import NOT_HTTP, USUAL, Ports, parse_ports


@pytest.mark.parametrize("port", [80, 443, 591, 3000, 5000, 8000, 8080, 8443, 9000, 9200, 50_000])
def test_what_may_speak_http_is_allowed(port: int) -> None:
    assert USUAL.allow(port)


@pytest.mark.parametrize(
    "port",
    [1, 21, 22, 23, 25, 53, 110, 143, 445, 465, 587, 1433, 1521, 2049, 3306, 3389, 4369, 5432, 5672,
     5900, 6000, 6379, 6667, 9092, 11211, 25672, 27017],
)  # fmt: skip
def test_what_speaks_something_else_is_refused(port: int) -> None:
    assert not USUAL.allow(port)


def test_no_port_of_the_usual_ephemeral_range_is_refused() -> None:
    assert max(NOT_HTTP) < 32_768


@pytest.mark.parametrize(
    ("text", "allowed", "refused"),
    [
        ("443", [443], [80, 442, 444, 8443]),
        ("80,443", [80, 443], [8080]),
        (" 443 , 8000-8999 ", [443, 8000, 8500, 8999], [7999, 9000, 80]),
        ("any", [1, 22, 80, 6379, 65_535], []),
        ("25", [25], [80]),
    ],
)
def test_the_operator_names_the_only_ports(
    text: str, allowed: list[int], refused: list[int]
) -> None:
    ports = Ports(parse_ports(text))
    assert all(ports.allow(port) for port in allowed)
    assert not any(ports.allow(port) for port in refused)


@pytest.mark.parametrize("text", ["http", "0", "65536", "80-", "-80", "90-80", "8.0", "\u00b2"])
def test_what_is_no_port_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"ports|ends before"):
        parse_ports(text)
