"""The provider Microsoft.ContainerRegistry: its registration and its operations.

It is always registered: ``az provider register`` changes nothing, and no request is refused because
of it.
"""

from aiohttp import web

from portcall.management.http.calls import Call, answer
from portcall.management.http.locations import REGIONS
from portcall.management.http.lookups import Lookups
from portcall.management.http.resources import PROVIDER_NAME, subscription_id
from portcall.management.http.routes import PROVIDER, SUBSCRIPTION, Routes
from portcall.management.registries.shapes import (
    OperationDisplay,
    Provider,
    ProviderList,
    ProviderOperation,
    ProviderOperationList,
    ResourceType,
)

API_VERSIONS = (
    "2025-11-01",
    "2025-04-01",
    "2023-07-01",
    "2022-12-01",
    "2019-05-01",
    "2017-10-01",
)
"""Versions to choose from; all other dated ones are accepted as well."""

_TYPES = ("registries", "registries/webhooks", "checkNameAvailability", "operations")
_OPERATIONS = (
    ("registries/read", "Get the registry, or list the registries."),
    ("registries/write", "Create or update a registry."),
    ("registries/delete", "Delete a registry."),
    ("registries/listUsages/read", "List what of the registry's limits is used."),
    ("registries/webhooks/read", "Get the webhook, or list the webhooks."),
    ("registries/webhooks/write", "Create or update a webhook."),
    ("registries/webhooks/delete", "Delete a webhook."),
    ("registries/webhooks/ping/action", "Send a ping to the webhook."),
    ("registries/webhooks/getCallbackConfig/action", "Get the service URI and the headers."),
    ("registries/webhooks/listEvents/action", "List the recent events of the webhook."),
    ("checkNameAvailability/read", "Check whether a registry could have this name."),
)


class ProviderHandlers:
    """The routes of the provider itself.

    Args:
        lookups: Knows the installation.
    """

    def __init__(self, lookups: Lookups) -> None:
        self._subscription = subscription_id(lookups.installation)

    def add_to(self, routes: Routes) -> None:
        """Add the routes."""
        routes.add("GET", f"{PROVIDER}/operations", self.operations)
        routes.add("GET", f"{SUBSCRIPTION}/providers", self.providers)
        routes.add("GET", f"{SUBSCRIPTION}{PROVIDER}", self.provider)
        routes.add("POST", f"{SUBSCRIPTION}{PROVIDER}/register", self.provider)

    async def operations(self, _call: Call) -> web.Response:
        """GET what can be done with it."""
        return answer(
            ProviderOperationList([operation_answer(name, told) for name, told in _OPERATIONS])
        )

    async def providers(self, _call: Call) -> web.Response:
        """GET the providers: there is one."""
        return answer(ProviderList([provider_answer(self._subscription)]))

    async def provider(self, _call: Call) -> web.Response:
        """GET the provider, or POST that it be registered, which it is."""
        return answer(provider_answer(self._subscription))


def provider_answer(subscription: str) -> Provider:
    """The provider, in the subscription of this ARM id."""
    locations = [region.display_name for region in REGIONS]
    return Provider(
        id=f"{subscription}/providers/{PROVIDER_NAME}",
        namespace=PROVIDER_NAME,
        registration_policy="RegistrationFree",
        registration_state="Registered",
        resource_types=[ResourceType(name, locations, list(API_VERSIONS)) for name in _TYPES],
    )


def operation_answer(name: str, told: str) -> ProviderOperation:
    """An operation of the provider."""
    resource, _, operation = name.rpartition("/")
    return ProviderOperation(
        name=f"{PROVIDER_NAME}/{name}",
        is_data_action=False,
        display=OperationDisplay(PROVIDER_NAME, resource, operation, told),
    )
