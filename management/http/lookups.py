"""Finds the resources that a path names, or raises the 404 for the wrong name."""

import asyncio

from portcall.management.http.calls import Call
from portcall.management.http.defaults import NO_DEFAULTS, Defaults
from portcall.management.http.errors import (
    ArmError,
    group_not_found,
    invalid_parameter,
    registry_not_found,
    subscription_not_found,
    webhook_not_found,
)
from portcall.runtime.targets.objection import ANYWHERE, Targets
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.webhooks import check_name
from portcall.store.access.principals import Role
from portcall.store.database.installation import Installation
from portcall.store.engine import Store
from portcall.store.webhooks.registries import Registry
from portcall.store.webhooks.row import View, VisibleWebhook


class Lookups:
    """Finds the subscription, the group, the registry and the webhook of a call.

    Args:
        store: The store.
        installation: The subscription and the resource group.
        targets: Where webhooks may lead to, to warn of those that lead elsewhere.
        defaults: The values of settings that webhooks leave to the installation.
    """

    def __init__(
        self,
        store: Store,
        installation: Installation,
        targets: Targets = ANYWHERE,
        defaults: Defaults = NO_DEFAULTS,
    ) -> None:
        self._store = store
        self.installation = installation
        self.targets = targets
        self.defaults = defaults

    def check_scope(self, call: Call) -> None:
        """Check the subscription and the resource group in the path, if there are any.

        Raises:
            ArmError: 404: This installation has another.
        """
        subscription = call.names.get("subscription")
        if subscription is None:
            return
        if subscription.lower() != self.installation.subscription.lower():
            raise subscription_not_found(subscription)
        group = call.names.get("group")
        if group is not None and group.lower() != self.installation.resource_group.lower():
            raise group_not_found(group)

    def check_tenant(self, call: Call) -> None:
        """Check that a publisher names only its own registry. It needs no lookup.

        Raises:
            ArmError: 404: the same as for a missing registry, whether it exists or not.
        """
        named = call.names.get("registry")
        if named is None or call.principal.role is not Role.PUBLISHER:
            return
        self.check_scope(call)
        if named.lower() != call.principal.registry:
            raise self.no_registry(call)

    async def registry(self, call: Call) -> Registry:
        """The registry that the path names.

        Raises:
            ArmError: 404: There is none.
        """
        registry = await self.maybe_registry(call)
        if registry is None:
            raise self.no_registry(call)
        return registry

    async def maybe_registry(self, call: Call) -> Registry | None:
        """The registry that the path names, or None."""
        name = call.names["registry"]
        if not _is_name(name):  # a name that cannot exist needs no query
            return None
        return await asyncio.to_thread(self._store.registries.get, name)

    async def webhook(self, call: Call) -> VisibleWebhook:
        """The webhook that the path names; no secret of it is opened.

        Raises:
            ArmError: 404: There is none, or no such registry.
        """
        return await self.webhook_as(VisibleWebhook, call)

    async def webhook_as(self, view: type[View], call: Call) -> View:
        """The same with the secrets that *view* has.

        Raises:
            ArmError: 404: There is none, or no such registry.
            SealedError: One of these secrets cannot be opened.
        """
        registry = await self.registry(call)
        webhook = await self.maybe_webhook(view, call, registry)
        if webhook is None:
            raise self.no_webhook(call)
        return webhook

    async def maybe_webhook(self, view: type[View], call: Call, registry: Registry) -> View | None:
        """What *view* has of the webhook of *registry* that the path names, or None."""
        name = call.names["webhook"]
        if not _is_name(name):
            return None
        return await asyncio.to_thread(self._store.webhooks.find, view, registry.key, name)

    def no_registry(self, call: Call) -> ArmError:
        """The 404 for the registry that the path names."""
        return registry_not_found(call.names["registry"], self.installation.resource_group)

    def no_webhook(self, call: Call) -> ArmError:
        """The 404 for the webhook that the path names."""
        return webhook_not_found(
            call.names["registry"], call.names["webhook"], self.installation.resource_group
        )


def new_name(call: Call, kind: str) -> str:
    """The name in the path of a new resource.

    Args:
        call: The call.
        kind: The name's name in the path: ``registry`` or ``webhook``.

    Raises:
        ArmError: 400: It is not 5 to 50 letters and digits.
    """
    name = call.names[kind]
    try:
        return check_name(name, "name")
    except InvalidValueError as error:
        raise invalid_parameter("name", error.problem) from error


def _is_name(name: str) -> bool:
    try:
        check_name(name, "")
    except InvalidValueError:
        return False
    return True
