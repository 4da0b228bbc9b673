"""Credentials in a service URI: kept as an Authorization header, and shown to nobody who looks."""

import base64

from structlog.testing import capture_logs

from tests.unit.management.api import ManagementApi, webhook_body

USER, PASSWORD = "robot", "hunter2-canary"
PAIR = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
URI = f"http://{USER}:{PASSWORD}@example.com/hook"


async def test_credentials_are_shown_by_the_callbacks_configuration_alone(
    api: ManagementApi,
) -> None:
    path = api.webhook("webhook01")
    with capture_logs() as logs:
        answers = [
            await api.request("PUT", path, webhook_body(serviceUri=URI)),
            await api.request("GET", path),
            await api.request("GET", f"{api.registry()}/webhooks"),
            await api.request("PATCH", path, {"properties": {"serviceUri": URI}}),
            await api.request("PATCH", path, {"tags": {"a": "b"}}),
            await api.request("PUT", path, webhook_body(serviceUri=f"{URI}#x")),
            await api.request("PATCH", path, {"properties": {"serviceUri": f"{URI}:x y"}}),
            await api.request("POST", f"{path}/listEvents"),
            await api.request("POST", f"{path}/ping"),
        ]
        owner = await api.request("POST", f"{path}/getCallbackConfig")
    assert [answer.status for answer in answers] == [200, 200, 200, 200, 200, 400, 400, 200, 200]
    for shown in [
        *(answer.text for answer in answers),
        str(logs),
        *map(str, api.publisher.published),
    ]:
        assert PASSWORD not in shown
        assert PAIR not in shown
    assert owner.json["serviceUri"] == URI
