"""What does not go through the pipeline is refused, with the reason."""

from collections.abc import Sequence

import pytest

from portcall.cli.errors import UsageError
from portcall.cli.loadtest.through_rules import FAULTS, REFUSED, check_through
from portcall.loadtest.faults.kinds import Group

DEFAULTS: dict[str, object] = dict.fromkeys(REFUSED) | {"processed": ""}


def check(
    values: dict[str, object] | None = None,
    *,
    faults: Sequence[str] = (),
    actions: Sequence[str] = ("push",),
) -> None:
    check_through(DEFAULTS | (values or {}), DEFAULTS, faults=faults, actions=actions)


@pytest.mark.parametrize("name", REFUSED)
def test_each_option_that_means_nothing_there_is_refused_with_its_reason(name: str) -> None:
    with pytest.raises(UsageError) as raised:
        check({name: "x"})
    assert name.replace("_", "-") in str(raised.value)
    assert REFUSED[name] in str(raised.value)
    assert "leave --through out" in str(raised.value)


def test_a_switch_is_named_as_it_is_typed() -> None:
    with pytest.raises(UsageError, match="--no-keep-alive"):
        check({"keep_alive": False})


def test_what_is_as_always_and_what_works_there_is_taken() -> None:
    check()
    check({"processed": "http://127.0.0.1/processed"})


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ("duplicate:5%", FAULTS[Group.DUPLICATES]),
        ("order", FAULTS[Group.ORDER]),
        ("expired", FAULTS[Group.SIGNATURES]),
        ("huge-1mb:1,expired", FAULTS[Group.BODIES]),
        ("transport:0.1", FAULTS[Group.TRANSPORT]),
        ("all", "injects no faults"),
    ],
)
def test_faults_are_refused_by_what_they_are(fault: str, why: str) -> None:
    with pytest.raises(UsageError, match="--fault cannot be combined with --through") as raised:
        check(faults=[fault])
    assert why in str(raised.value)


def test_every_group_has_its_reason() -> None:
    assert set(FAULTS) == set(Group)


def test_pings_are_refused() -> None:
    with pytest.raises(UsageError, match="--action ping"):
        check(actions=["push", "ping"])
