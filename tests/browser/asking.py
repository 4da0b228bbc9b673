"""What the management API says of what was done in the console."""

from tests.installation import Client, Document
from tests.sink import eventually


async def webhook_of(client: Client, registry: str, name: str) -> Document:
    """A webhook's properties."""
    path = f"{client.registry_path(registry)}/webhooks/{name}"
    status, document = await client.manage("GET", path)
    assert status == 200, document
    properties = document["properties"]
    assert isinstance(properties, dict)
    return properties


async def config_of(client: Client, registry: str, name: str) -> Document:
    """Its service URI and its custom headers."""
    path = f"{client.registry_path(registry)}/webhooks/{name}/getCallbackConfig"
    status, config = await client.manage("POST", path)
    assert status == 200, config
    assert isinstance(config, dict)
    return config


async def webhook_names(client: Client, registry: str) -> list[str]:
    """What a registry's webhooks are called."""
    status, page = await client.manage("GET", f"{client.registry_path(registry)}/webhooks")
    assert status == 200, page
    return [each["name"] for each in page["value"]]


async def is_listed(client: Client, registry: str, webhook: str, count: int) -> None:
    """Wait until a webhook has so many records."""

    async def there() -> bool:
        return len(await client.list_events(registry, webhook)) == count

    await eventually(there, within_s=20, what=f"{count} records of {webhook}")
