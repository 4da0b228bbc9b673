"""The scope index: finds the webhooks of an event in time proportional to the matches.

One dictionary for all registries, from a place (a registry, a repository of it, or a tag) to the
webhooks whose scope is that place. An event looks at its three places and nowhere else. Made of
strings and integers alone: a million webhooks must fit.

A place with one webhook holds ``id << n | actions``, where n is the number of actions. One with
several holds the ids by their set of actions, of which there are fewer than 2^n, so that
subscribers to deletes cost a push nothing.

Webhooks with scopes beyond ACR's are in an index of their own, `store.subscriptions.globs`.
"""

from array import array

from portcall.schemas.events import Action
from portcall.schemas.filters import Filters
from portcall.schemas.globs.scopes import Scopes
from portcall.store.subscriptions.globs import GlobIndex

Holders = int | dict[int, "array[int]"]


class ScopeIndex:
    """The enabled webhooks by where they look.

    Args:
        action_bits: How many bits a set of actions has.

    Attributes:
        filters: The filters of those that have some, by the webhook's id.
        watchers: Those of them with the filter `changedOnly`.
        waits: Those with the filter `coalesce`, and how long a push waits, milliseconds.
        namers: Those with the filter `tagsOnDelete`, and the registry of each.
        naming: The registries of these, with the number of them.
    """

    def __init__(self, action_bits: int = len(Action)) -> None:
        self._action_bits = action_bits
        self._all_actions = (1 << action_bits) - 1
        self._places: dict[str, Holders] = {}
        self._place_of: dict[int, str] = {}
        self.filters: dict[int, Filters] = {}
        self.watchers: set[int] = set()
        self.waits: dict[int, int] = {}
        self.namers: dict[int, str] = {}
        self.naming: dict[str, int] = {}
        self._globs = GlobIndex()

    def __len__(self) -> int:
        return len(self._place_of) + len(self._globs)

    def put(  # noqa: PLR0917 (the columns of a row of the index, in their order)
        self,
        webhook_id: int,
        registry: str,
        scope: str,
        actions: int,
        filters: Filters | None = None,
        scopes: Scopes | None = None,
    ) -> None:
        """Add a webhook, or move it to where it looks now.

        Args:
            webhook_id: The store's number.
            registry: Its registry, in lower case.
            scope: Its scope in the canonical form: empty, ``repo:tag`` or ``repo:*``.
            actions: The bits of its actions.
            filters: What it does not want to hear; None: nothing is held back.
            scopes: The patterns that narrow its scope; None: there are none.
        """
        self.remove(webhook_id)
        if filters is not None:
            self._put_filters(webhook_id, registry, filters)
        if scopes is not None:
            self._globs.put(webhook_id, registry, scope, actions, scopes)
            return
        place = f"{registry}/{scope}"
        held = self._places.get(place)
        if held is None:
            self._places[place] = webhook_id << self._action_bits | actions
        else:
            if isinstance(held, int):
                held = {held & self._all_actions: array("q", (held >> self._action_bits,))}
                self._places[place] = held
            held.setdefault(actions, array("q")).append(webhook_id)
        self._place_of[webhook_id] = place

    def remove(self, webhook_id: int) -> None:
        """Forget a webhook; one that is not there is no error."""
        if self.filters.pop(webhook_id, None):
            self.watchers.discard(webhook_id)
            self.waits.pop(webhook_id, None)
            self._forget_namer(webhook_id)
        place = self._place_of.pop(webhook_id, None)
        if place is None:
            self._globs.remove(webhook_id)
            return
        held = self._places[place]
        if isinstance(held, int):
            del self._places[place]
            return
        for actions, ids in held.items():
            if webhook_id in ids:
                ids.remove(webhook_id)
                if not ids:
                    del held[actions]
                break
        if not held:
            del self._places[place]

    def _put_filters(self, webhook_id: int, registry: str, filters: Filters) -> None:
        self.filters[webhook_id] = filters
        if filters.changed_only:
            self.watchers.add(webhook_id)
        if wait_ms := filters.wait_ms:
            self.waits[webhook_id] = wait_ms
        if filters.tags_on_delete:
            self.namers[webhook_id] = registry
            self.naming[registry] = self.naming.get(registry, 0) + 1

    def _forget_namer(self, webhook_id: int) -> None:
        registry = self.namers.pop(webhook_id, None)
        if registry is not None:
            self.naming[registry] -= 1
            if not self.naming[registry]:
                del self.naming[registry]

    def match(self, registry: str, action: int, repository: str, tag: str) -> list[int]:
        """The webhooks that an event is for.

        Args:
            registry: The event's registry, in lower case.
            action: The bit of its action.
            repository: Its repository.
            tag: Its tag; empty where it has none.
        """
        found: list[int] = []
        places = [f"{registry}/", f"{registry}/{repository}:*"]
        if tag and tag != "*":  # no tag is called so, and the place is in the list already
            places.append(f"{registry}/{repository}:{tag}")
        for place in places:
            held = self._places.get(place)
            if held is None:
                continue
            if isinstance(held, int):
                if held & action:
                    found.append(held >> self._action_bits)
            else:
                for actions, ids in held.items():
                    if actions & action:
                        found.extend(ids)
        self._globs.add_matches(found, registry, action, repository, tag)
        return found
