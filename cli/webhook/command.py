"""`portcall webhook`: az's ``acr webhook`` commands with their options, and a few more."""

from typing import Annotated

import typer

from portcall.cli import options
from portcall.cli.client import Document, Management, webhook_path
from portcall.cli.errors import UsageError
from portcall.cli.examples import examples
from portcall.cli.options import Format, Group, Name, Registry, Url
from portcall.cli.output import Output, chosen, note, show, show_all
from portcall.cli.tables import clean, config_row, ping_row, value
from portcall.cli.trust_files import trust_extras
from portcall.cli.webhook.events import list_events
from portcall.cli.webhook.format_test import try_format
from portcall.cli.webhook.health import enable_webhook, explain, probe_webhook
from portcall.cli.webhook.naming import options_named
from portcall.cli.webhook.properties import properties_of, with_settings
from portcall.cli.webhook.replaced import replacement, webhook_before, with_callback
from portcall.cli.webhook.rows import webhook_row_for
from portcall.cli.webhook.scope_test import try_scope
from portcall.cli.webhook.secret import app as secrets
from portcall.cli.webhook.secret import tell_webhook
from portcall.cli.webhook.transfer import export_webhooks, import_webhooks
from portcall.cli.webhook.trying import try_now
from portcall.schemas.signatures import Scheme
from portcall.schemas.webhooks import Status

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help=("Webhooks: which endpoint gets which events. The options are those of `az acr webhook`."),
    rich_markup_mode="rich",
)

app.add_typer(secrets, name="secret")


@app.command(
    "create",
    epilog=examples(
        "portcall webhook create -r myregistry -n ci01hook --actions push \\",
        "    --uri https://ci.example.com/hook",
        "portcall webhook create -r myregistry -n apphook --actions push delete \\",
        '    --uri https://ci.example.com/hook --scope "team/app:*" \\',
        '    --headers "Authorization=Bearer 123" X-Team=web --signature v1',
        "portcall webhook create -r myregistry -n innerhook --actions push \\",
        "    --uri https://ci.corp.example/hook --ca-file corp-ca.pem \\",
        "    --client-cert client.pem --client-key client.key",
        "portcall webhook create -r myregistry -n chathook --actions push delete \\",
        "    --uri https://hooks.slack.com/services/T0/B0/xyz --format slack",
    ),
)
@with_settings
def create(
    *,
    registry: Registry,
    name: Name,
    uri: Annotated[str, options.URI],
    actions: Annotated[list[str], options.ACTIONS],
    headers: Annotated[list[str] | None, options.HEADERS] = None,
    status: Annotated[Status, options.STATUS] = Status.ENABLED,
    scope: Annotated[str | None, options.SCOPE] = None,
    tags: Annotated[list[str] | None, options.TAGS] = None,
    location: Annotated[str | None, options.LOCATION] = None,
    secret: Annotated[str | None, options.SECRET] = None,
    signature: Annotated[Scheme | None, options.SIGNATURE] = None,
    settings: Document,
    ca_file: Annotated[str | None, options.CA_FILE] = None,
    client_cert: Annotated[str | None, options.CLIENT_CERT] = None,
    client_key: Annotated[str | None, options.CLIENT_KEY] = None,
    group: Group = None,
    url: Url = None,
    output: Format = None,
) -> None:
    """Create a webhook, or replace the existing one of that name."""
    properties = properties_of(
        uri=uri,
        actions=actions,
        headers=headers,
        scope=scope,
        status=status,
        secret=secret,
        signature=signature,
        settings=settings,
        trust=trust_extras(ca_file, client_cert, client_key),
    )
    management = Management.at(url)
    found = management.find_registry(registry, group)
    body: Document = {"location": location or found.get("location"), "properties": properties}
    if tags is not None:
        body["tags"] = options.pairs(tags, "--tags")
    path = webhook_path(found, name)
    before = webhook_before(management, path)
    with options_named():
        made = management.ask("PUT", path, body)
    tell_webhook(made, output)
    if before is not None:
        note(clean(replacement(name, before, with_callback(management, path, made))))


@app.command(
    "update",
    epilog=examples(
        "portcall webhook update -r myregistry -n ci01hook --status disabled",
        'portcall webhook update -r myregistry -n ci01hook --headers "" --scope app:v1',
        "portcall webhook update -r myregistry -n ci01hook --retry-schedule 10s,1m,10m",
        "portcall webhook update -r myregistry -n ci01hook --scopes 'team/**:v[0-9]*' \\",
        "    '!team/test/**'",
        'portcall webhook update -r myregistry -n ci01hook --client-cert ""   # none any more',
    ),
)
@with_settings
def update(
    *,
    registry: Registry,
    name: Name,
    uri: Annotated[str | None, options.URI] = None,
    actions: Annotated[list[str] | None, options.ACTIONS] = None,
    headers: Annotated[list[str] | None, options.HEADERS] = None,
    status: Annotated[Status | None, options.STATUS] = None,
    scope: Annotated[str | None, options.SCOPE] = None,
    tags: Annotated[list[str] | None, options.TAGS] = None,
    secret: Annotated[str | None, options.SECRET] = None,
    signature: Annotated[Scheme | None, options.SIGNATURE] = None,
    settings: Document,
    ca_file: Annotated[str | None, options.CA_FILE] = None,
    client_cert: Annotated[str | None, options.CLIENT_CERT] = None,
    client_key: Annotated[str | None, options.CLIENT_KEY] = None,
    group: Group = None,
    url: Url = None,
    output: Format = None,
) -> None:
    """Update a webhook: only the given options change; lists and maps are replaced as a whole."""
    properties = properties_of(
        uri=uri,
        actions=actions,
        headers=headers,
        scope=scope,
        status=status,
        secret=secret,
        signature=signature,
        settings=settings,
        trust=trust_extras(ca_file, client_cert, client_key),
    )
    body: Document = {"properties": properties} if properties else {}
    if tags is not None:
        body["tags"] = options.pairs(tags, "--tags")
    if not body:
        raise UsageError("nothing to change: give at least one of the options after --name")
    management = Management.at(url)
    found = management.find_registry(registry, group)
    with options_named():
        changed = management.ask("PATCH", webhook_path(found, name), body)
    tell_webhook(changed, output)


@app.command("list", epilog=examples("portcall webhook list -r myregistry"))
def list_webhooks(
    *, registry: Registry, group: Group = None, url: Url = None, output: Format = None
) -> None:
    """List a registry's webhooks."""
    management = Management.at(url)
    found = management.find_registry(registry, group)
    query = {"$top": "1000"}
    webhooks = list(management.pages("GET", f"{value(found, 'id')}/webhooks", query=query))
    show_all(webhooks, webhook_row_for(webhooks), output)


@app.command("show", epilog=examples("portcall webhook show -r myregistry -n ci01hook"))
def show_webhook(
    *,
    registry: Registry,
    name: Name,
    group: Group = None,
    url: Url = None,
    output: Format = None,
) -> None:
    """Show one webhook."""
    management = Management.at(url)
    found = management.find_registry(registry, group)
    webhook = management.ask("GET", webhook_path(found, name))
    show(webhook, webhook_row_for([webhook]), output)
    if chosen(output) is Output.TABLE:
        explain(webhook)


@app.command("delete", epilog=examples("portcall webhook delete -r myregistry -n ci01hook"))
def delete(*, registry: Registry, name: Name, group: Group = None, url: Url = None) -> None:
    """Delete a webhook; succeeds if it does not exist."""
    management = Management.at(url)
    found = management.find_registry(registry, group, wanted=False)
    reply = management.send("DELETE", webhook_path(found, name))
    note(
        f"The registry {registry} has no webhook {name}."
        if reply.status == 204
        else f"Deleted the webhook {name}."
    )


@app.command("ping", epilog=examples("portcall webhook ping -r myregistry -n ci01hook"))
def ping(
    *,
    registry: Registry,
    name: Name,
    group: Group = None,
    url: Url = None,
    output: Format = None,
) -> None:
    """Send a ping event to a webhook, whatever its actions and scope."""
    management = Management.at(url)
    found = management.find_registry(registry, group)
    show(management.ask("POST", f"{webhook_path(found, name)}/ping"), ping_row, output)


@app.command("get-config", epilog=examples("portcall webhook get-config -r myregistry -n ci01hook"))
def get_config(
    *,
    registry: Registry,
    name: Name,
    group: Group = None,
    url: Url = None,
    output: Format = None,
) -> None:
    """Show a webhook's service URI and custom headers, credentials included."""
    management = Management.at(url)
    found = management.find_registry(registry, group)
    show(
        management.ask("POST", f"{webhook_path(found, name)}/getCallbackConfig"), config_row, output
    )


app.command("enable", epilog=examples("portcall webhook enable -r myregistry -n ci01hook"))(
    enable_webhook
)
app.command("probe", epilog=examples("portcall webhook probe -r myregistry -n ci01hook"))(
    probe_webhook
)
app.command(
    "try-now",
    epilog=examples("portcall webhook try-now -r myregistry -n ci01hook --delivery msg_2f4c..."),
)(try_now)
app.command(
    "list-events",
    epilog=examples(
        "portcall webhook list-events -r myregistry -n ci01hook",
        "portcall webhook list-events -r myregistry -n ci01hook --max-items 20 -o json",
        "portcall webhook list-events -r myregistry -n ci01hook --follow",
    ),
)(list_events)
app.command(
    "test-scope",
    epilog=examples(
        'portcall webhook test-scope -r myregistry --scope "team/app:*"',
        "portcall webhook test-scope -r myregistry --scope team/app:v1 --actions push --last 100",
        "portcall webhook test-scope -r myregistry --scopes 'team/**' '!team/test/**'",
    ),
)(try_scope)
app.command(
    "test-format",
    epilog=examples(
        "portcall webhook test-format -r myregistry --format slack",
        "portcall webhook test-format -r myregistry --format template template=@body.json --last 5",
        "portcall webhook test-format -r myregistry --format cdevents --filters coalesce=1m",
    ),
)(try_format)
app.command(
    "export",
    epilog=examples(
        "portcall webhook export webhooks.jsonl -r myregistry", "portcall webhook export - | wc -l"
    ),
)(export_webhooks)
app.command(
    "import",
    epilog=examples(
        "portcall webhook import webhooks.jsonl",
        "portcall webhook import webhooks.jsonl -r otherregistry",
        "az acr webhook list -r myregistry > list.json",
        "portcall webhook import list.json -r myregistry",
    ),
)(import_webhooks)
