"""Letters and their numbers, as rows and lines of text."""

from portcall.cli.client import Document
from portcall.cli.output import note
from portcall.cli.tables import Document as Shown
from portcall.cli.tables import Row, clean, value
from portcall.schemas.plurals import counted

MAX_REASON = 80
"""Characters in a table; JSON has the whole reason."""


def letter_row(letter: Shown) -> Row:
    """A letter."""
    items = letter.get("items") or [{}]
    first = items[0]
    more = int(letter.get("itemCount") or 0) - 1
    what = f"{value(first, 'repository')}:{value(first, 'tag')}".strip(":")
    return {
        "ID": value(letter, "id"),
        "KIND": value(letter, "kind"),
        "REGISTRY": value(first, "registry"),
        "WEBHOOK": value(first, "webhook") or value(first, "webhookId"),
        "IMAGE": f"{what} (+{more})" if more > 0 else what,
        "SIZE": value(letter, "size") or "0",
        "REASON": _cut(value(letter, "reason") or _no_reason(letter)),
    }


def _cut(reason: str) -> str:
    return reason if len(reason) <= MAX_REASON else f"{reason[:MAX_REASON]}..."


def item_line(item: Shown) -> str:
    """Describe the content of a letter in one line."""
    parts = [value(item, name) for name in ("action", "registry", "repository", "tag", "eventId")]
    if value(item, "webhookId"):
        named = value(item, "webhook") or value(item, "webhookId")
        parts.append(f"for {named} ({value(item, 'webhookStatus')}), attempt {item.get('attempt')}")
    return " ".join(part for part in parts if part)


def resent_row(total: Shown) -> Row:
    """Return the sums over all requests."""
    return {
        "SENT": str(total["sent"]),
        "DELIVERED SINCE": str(total["alreadyDelivered"]),
        "UNDER WAY": str(total["alreadyPending"]),
        "DISABLED": str(total["left"]["disabled"]),
        "DELETED": str(total["left"]["deleted"]),
        "UNREADABLE": str(total["left"]["unreadable"]),
        "LETTERS LEFT": str(total["waiting"]),
    }


def purged_row(total: Shown) -> Row:
    """Return the same for purged letters."""
    return {"REMOVED": str(total["removed"]), "LETTERS LEFT": str(total["waiting"])}


def tell_counts(page: Document, shown: int) -> None:
    """Say how many letters a page is of, and for which reasons."""
    counts = page["counts"]
    of_all = f" of {page['waiting']}" if page["waiting"] > counts["letters"] else ""
    told = f"{counted(counts['letters'], 'letter')}{of_all} in portcall.{page['queue']}"
    note(f"{told}, {shown} shown." if shown < counts["letters"] and shown else f"{told}.")
    for each in counts["reasons"]:
        note(f"  {each['letters']:>6}  {clean(each['reason']) or '(no reason)'}")
    if not page["complete"]:
        note("The queue has more letters than could be read in one go.")
    _tell_compared(page.get("compared") or {})


def _tell_compared(compared: Document) -> None:
    """Say how many deliveries of the letters need no sending."""
    done, deliveries = over(compared), int(compared.get("deliveries") or 0)
    if done:
        note(
            f"{done} of {counted(deliveries, 'delivery')} were delivered since, or are under way"
            " again: `portcall dead-letters purge --all --delivered` removes these."
        )


def over(compared: Document) -> int:
    """Return how many deliveries were delivered since, or are under way again."""
    return int(compared.get("delivered") or 0) + int(compared.get("underWay") or 0)


def clean_lines(text: str) -> str:
    """Return *text* without control characters in its lines."""
    return "\n".join(clean(line) for line in text.split("\n"))


def _no_reason(letter: Shown) -> str:
    if value(letter, "exchange"):
        return f"no queue takes {value(letter, 'routingKey')!r} from {value(letter, 'exchange')}"
    return value(letter, "problem")
