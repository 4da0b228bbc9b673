"""All errors of this API on one screen: HTTP status, ARM's code, and a text for the caller.

Source: Azure Resource Manager's common error codes and envelope,
``{"error":{"code","message","target"?,"details"?}}``. None of them has a Retry-After: the clients
repeat any request with it. The code MissingSubscriptionRegistration is never used: az would
register a provider and poll for it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from msgspec import UNSET

from portcall.management.http import shapes
from portcall.schemas.errors import PortcallError

INVALID_CONTENT = "InvalidRequestContent"
MAX_FAULTS = 20
"""How many faults of one body are reported; a body of a thousand webhooks can have more."""


@dataclass(frozen=True, slots=True)
class FieldFault:
    """One fault of a request, and its field."""

    target: str
    message: str
    code: str = INVALID_CONTENT


class ArmError(PortcallError):
    """An error answer.

    Attributes:
        status: The HTTP status.
        code: ARM's code.
        message: The problem, for the caller to read.
        target: The wrong field, parameter or resource; empty if there is none.
        details: All faults, if there is more than one.
        headers: Headers that the status requires.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        target: str = "",
        details: Sequence[FieldFault] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.target = target
        self.details = tuple(details)
        self.headers = dict(headers or {})

    def envelope(self) -> shapes.Error:
        """The body of the answer."""
        details = [shapes.Fault(each.code, each.target, each.message) for each in self.details]
        return shapes.Error(
            shapes.ErrorDetail(self.code, self.message, self.target or UNSET, details or UNSET)
        )


def invalid_content(faults: Sequence[FieldFault]) -> ArmError:
    """The body breaks at least one rule."""
    told = faults[:MAX_FAULTS]
    message = "; ".join(f"{fault.target}: {fault.message}" for fault in told)
    if len(faults) > len(told):
        message += f"; and {len(faults) - len(told)} more"
    first = faults[0]
    details = told if len(faults) > 1 else ()
    return ArmError(400, first.code, message, target=first.target, details=details)


def invalid_parameter(name: str, problem: str) -> ArmError:
    """A query parameter, or a name in the path, breaks its rule."""
    return ArmError(400, "InvalidParameter", f"{name}: {problem}", target=name)


def subscription_not_found(subscription: str) -> ArmError:
    """The path names another subscription than this installation's."""
    return ArmError(
        404, "SubscriptionNotFound", f"The subscription '{subscription[:64]}' could not be found."
    )


def group_not_found(group: str) -> ArmError:
    """The path names another resource group than this installation's."""
    return ArmError(
        404, "ResourceGroupNotFound", f"Resource group '{group[:90]}' could not be found."
    )


def resource_not_found(kind: str, names: str, group: str) -> ArmError:
    """A registry or a webhook does not exist.

    Args:
        kind: Its kind below the provider, e.g. ``registries``.
        names: Its name, e.g. ``myregistry``, or the alternating rest of its id.
        group: The resource group that it was looked for in.
    """
    return ArmError(
        404,
        "ResourceNotFound",
        f"The Resource 'Microsoft.ContainerRegistry/{kind}/{names[:128]}' under resource group"
        f" '{group}' was not found.",
    )


def registry_not_found(registry: str, group: str) -> ArmError:
    """The path names a registry that does not exist."""
    return resource_not_found("registries", registry, group)


def webhook_not_found(registry: str, webhook: str, group: str) -> ArmError:
    """The path names a webhook that does not exist."""
    return resource_not_found("registries", f"{registry[:50]}/webhooks/{webhook[:50]}", group)


def location_changed(name: str, *, kept: str, wanted: str, target: str = "location") -> ArmError:
    """A location cannot be changed after the resource was created."""
    return ArmError(
        409,
        "InvalidResourceLocation",
        f"The resource '{name}' already exists in location '{kept}'. A resource with the same name"
        f" cannot be created in location '{wanted}'.",
        target=target,
    )


def no_replica(registry: str, *, home: str, wanted: str, target: str) -> ArmError:
    """A webhook belongs to a region of its registry; ours have one. Source: azure-cli#26676."""
    return ArmError(
        404,
        "RegistryResourceNotFound",
        f"The registry resource {registry} could not be found. (It is in '{home}' and has no"
        f" replica in '{wanted}'.)",
        target=target,
    )


def quota_exceeded(sku: str, limit: int, *, target: str = "") -> ArmError:
    """The registry's SKU allows no more webhooks; the wording is the real service's."""
    advice = (
        f"{sku} allows {limit} webhooks: give the registry a larger SKU (Standard 10, Premium 500),"
        " or delete webhooks"
    )
    return ArmError(
        403,
        "QuotaExceeded",
        f"Quota exceeded for resource type webhooks for the registry SKU {sku}. Learn more about"
        " different SKU quotas and upgrade process: https://aka.ms/acr/tiers",
        target=target,
        details=[FieldFault(target or "sku.name", advice, "QuotaExceeded")],
    )


def invalid_filter(problem: str) -> ArmError:
    """The list cannot be filtered like this."""
    return ArmError(400, "InvalidFilterInQueryString", f"$filter: {problem}", target="$filter")


def service_unavailable(problem: str) -> ArmError:
    """The store or the broker is unreachable; the same request may succeed later."""
    return ArmError(503, "ServiceUnavailable", problem)


def too_many_failures() -> ArmError:
    """Too many requests from this address had an invalid token; this one was not checked."""
    return ArmError(
        429,
        "TooManyRequests",
        "Too many requests of your address had no good token. Wait a little.",
    )
