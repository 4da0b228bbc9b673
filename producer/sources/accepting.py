"""What a source's own settings change in the acceptance of its events, whatever its kind is."""

from collections.abc import Mapping
from dataclasses import replace

from portcall.producer.formats.acceptance import Acceptance
from portcall.schemas.options.aliases import read_aliases


def accepting(acceptance: Acceptance, options: Mapping[str, str]) -> Acceptance:
    """*acceptance* with the other names of a source's repositories, and with its deleted tags.

    Args:
        acceptance: The common facts about the events.
        options: The source's settings, checked.
    """
    aliases, tags = options.get("aliases", ""), options.get("tag_deletes", "")
    if not aliases and not tags:
        return acceptance
    return replace(acceptance, aliases=read_aliases(aliases), tag_deletes=tags == "event")
