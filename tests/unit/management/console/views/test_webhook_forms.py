"""What is wrong with a webhook's form, in the words that its fields show."""

import pytest

from portcall.management.console.forms import Form
from portcall.management.console.views.webhook_forms import problems_of, read_entry

GOOD = {
    "name": ("webhook01",),
    "uri": ("https://ci.example.com/hook",),
    "actions": ("push",),
    "status": ("enabled",),
    "signature": ("none",),
}


@pytest.mark.parametrize(
    ("field", "given", "says"),
    [
        (
            "final_answers",
            ("receiver-refuse",),
            "'receiver-refuse' is not known; did you mean receiver-refuses?",
        ),
        ("final_answers", ("400,503",), '503 cannot be final: it means "not now"'),
        ("filters", ("coalesce=1m", "coalesce=90s"), "coalesce: is given more than once"),
    ],
)
def test_a_problem_begins_with_what_was_written(
    field: str, given: tuple[str, ...], says: str
) -> None:
    assert not problems_of(read_entry(Form(GOOD)), is_new=True).by_field
    problems = problems_of(read_entry(Form({**GOOD, field: given})), is_new=True)
    assert list(problems.by_field) == [field]
    assert problems.by_field[field].startswith(says)
