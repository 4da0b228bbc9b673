"""The check of `portcall doctor` for dead letters whose deliveries have been delivered since."""

from urllib.parse import urlencode

from portcall.cli.client import Document, Management
from portcall.cli.dead_letters.removal import PATH
from portcall.cli.dead_letters.rows import over
from portcall.cli.doctor.findings import Finding, ok, unknown, wrong
from portcall.cli.errors import CliError
from portcall.schemas.plurals import counted

CHECK = "dead letters"
MOST_READ = 10_000
"""Letters that are read for this, at most; management reads some thousands a second."""


def dead_letters(count: int | None) -> Finding:
    """Compare dead letters with the records; management does it, which alone reads their queue.

    Args:
        count: How many there are; None: not known.
    """
    if count is None:
        return unknown(CHECK, "the broker does not say how many there are")
    if not count:
        return ok(CHECK, "none", {"letters": 0})
    if count > MOST_READ:
        return unknown(CHECK, f"{count} are too many to read here: `portcall dead-letters list`")
    query = urlencode({"queue": "dead", "$top": "1", "compare": "true"})
    try:
        page = Management.at(None).ask("GET", f"{PATH}?{query}")
    except CliError as error:
        return unknown(CHECK, f"management was asked, but {error}")
    return judge(page)


def judge(page: Document) -> Finding:
    """Judge the answer of management: letters that need no sending can be purged."""
    letters = int(page.get("waiting") or 0)
    compared = page.get("compared") or {}
    done, deliveries = over(compared), int(compared.get("deliveries") or 0)
    facts = {"letters": letters, **compared}
    if not done:
        found = f"{counted(letters, 'letter')}, none delivered since" if letters else "none"
        return ok(CHECK, found, facts)
    others = deliveries - done
    rest = f"; for the other {others}: `portcall dead-letters list`" if others else ""
    return wrong(
        CHECK,
        f"{done} of {counted(deliveries, 'delivery')} in portcall.dead were delivered since, or are"
        " under way again, for example by a replay: their letters are of no use any more",
        f"`portcall dead-letters purge --all --delivered` removes only these{rest}",
        facts,
    )
