"""Bad requests about dead letters: the code of each, and the field that its message names."""

from tests.unit.management.api import VERSION
from tests.unit.management.row import CONTENT, NOT_FOUND, PARAMETER, Row

PATH = "/portcall/deadLetters"
ID = "0123456789abcdef" * 2


def both(name: str, target: str, body: object, code: str = CONTENT, status: int = 400) -> list[Row]:
    """A body that neither resend nor purge takes."""
    return [
        Row(f"{last}: {name}", "POST", f"{PATH}/{last}", status, code, target, body)
        for last in ("resend", "purge")
    ]


def listed(name: str, query: str, target: str) -> Row:
    return Row(f"letters: {name}", "GET", PATH, 400, PARAMETER, target, query=f"{VERSION}&{query}")


LETTERS = [
    *both("nothing that is meant", "ids", {}),
    *both("a queue alone", "ids", {"queue": "dead"}),
    *both("all: false", "ids", {"all": False}),
    *both("a queue that is none", "queue", {"queue": "events", "all": True}),
    *both("a queue of a number", "queue", {"queue": 7, "all": True}),
    *both("all and a filter", "all", {"all": True, "registry": "Alpha"}),
    *both("all and ids", "all", {"all": True, "ids": [ID]}),
    *both("ids and a filter", "ids", {"ids": [ID], "reason": "x"}),
    *both("all of a text", "all", {"all": "yes"}),
    *both("no ids", "ids", {"ids": []}),
    *both("too many ids", "ids", {"ids": [ID] * 1001}),
    *both("ids of a text", "ids", {"ids": ID}),
    *both("an id that is none", "ids[1]", {"ids": [ID, "x"]}),
    *both("an id in capitals", "ids[0]", {"ids": [ID.upper()]}),
    *both("an id of a number", "ids[0]", {"ids": [7]}),
    *both("a webhook without its registry", "registry", {"webhook": "webhook01"}),
    *both("a registry's name that is none", "registry", {"registry": "a b"}),
    *both("a webhook's name that is none", "webhook", {"registry": "Alpha", "webhook": "/"}),
    *both("an empty reason", "reason", {"reason": ""}),
    *both("a long reason", "reason", {"reason": "x" * 201}),
    *both("a limit of zero", "limit", {"all": True, "limit": 0}),
    *both("a limit of too many", "limit", {"all": True, "limit": 1001}),
    *both("a limit of a text", "limit", {"all": True, "limit": "all"}),
    *both("an unknown field", "colour", {"all": True, "colour": "red"}),
    *both("an array", "body", []),
    *both("no JSON", "body", b"all=true"),
    listed("a queue that is none", "queue=portcall.dead", "queue"),
    listed("a webhook without its registry", "webhook=webhook01", "registry"),
    listed("a registry's name that is none", "registry=a%20b", "registry"),
    listed("a long reason", f"reason={'x' * 201}", "reason"),
    listed("a page of none", "$top=0", "$top"),
    listed("a page of too many", "$top=1001", "$top"),
    listed("a token of another list", "$skipToken=cmVwbGF5czox", "$skipToken"),
    listed("a token of nothing", "$skipToken=%00", "$skipToken"),
    listed("a comparison that is none", "compare=yes", "compare"),
    listed("something to expand that is none", "$expand=headers", "$expand"),
    Row("a letter of no queue", "GET", f"{PATH}/{ID}", 400, PARAMETER, "queue", query=f"{VERSION}&queue=x"),
    Row("no letter", "GET", f"{PATH}/{ID}", 404, "DeadLetterNotFound", None, says=ID),
    Row("no letter's id", "GET", f"{PATH}/%00", 404, "DeadLetterNotFound", None),
    *[
        Row(f"{last}: {what} that is not there", "POST", f"{PATH}/{last}", 404, NOT_FOUND, None, body, says="issing")
        for last in ("resend", "purge")
        for what, body in (
            ("a registry", {"registry": "Missing"}),
            ("a webhook", {"registry": "Alpha", "webhook": "missing1"}),
        )
    ],
]  # fmt: skip
"""Of which none may touch a letter."""
