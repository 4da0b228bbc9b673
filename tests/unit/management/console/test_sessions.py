"""Sessions: who is told when one ends."""

from portcall.management.console.session.sealing import Seal
from portcall.management.console.session.sessions import Sessions


def test_the_end_of_a_session_is_told_at_once_to_all_that_watch_it() -> None:
    sessions = Sessions(object.__new__(Seal))  # nothing is sealed here
    one, other = sessions.begin("token"), sessions.begin("token")
    told: list[str] = []
    with (
        sessions.telling(one, lambda: told.append("a tab")),
        sessions.telling(one, lambda: told.append("another tab")),
        sessions.telling(other, lambda: told.append("somebody else")),
    ):
        sessions.end(one)
        assert sorted(told) == ["a tab", "another tab"]
    assert sessions.is_over(one) and not sessions.is_over(other)
    sessions.end(one)
    assert len(told) == 2, "who has left is told nothing"
