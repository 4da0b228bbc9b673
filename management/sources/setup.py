"""The lines or clicks that set up the other side, for each kind of source.

The command and the console show them.
"""

from collections.abc import Mapping
from string import Template

from portcall.schemas.sources import DEFAULT_PROOFS, SourceKind

TEXTS: Mapping[str, str] = {
    "distribution": """In the registry's config.yml:

notifications:
  events:
    includereferences: true
  endpoints:
    - name: portcall
      url: $address
      headers:
        Authorization: [Bearer $secret]
      timeout: 1s
      threshold: 10
      backoff: 1s
      ignore:
        mediatypes: [application/octet-stream]
        actions: [pull, mount]""",
    "harbor": """For each project (HARBOR and PROJECT are yours):

curl -u admin -X POST https://HARBOR/api/v2.0/projects/PROJECT/webhook/policies \\
  -H 'Content-Type: application/json' -d '{"name": "portcall", "enabled": true,
  "event_types": ["PUSH_ARTIFACT", "DELETE_ARTIFACT"],
  "targets": [{"type": "http", "address": "$address", "auth_header": "$secret"}]}'""",
    "ghcr": """On GitHub: Settings of the organisation or the repository > Webhooks > Add webhook.
  Payload URL: $address
  Content type: application/json
  Secret: $secret
  Events: Let me select individual events > Packages, and no other""",
    "dockerhub": """On Docker Hub: the repository > Webhooks > New webhook.
  Webhook URL: $address""",
    "quay": """On Quay: the repository > Settings > Create Notification.
  Event: Push to Repository; method: Webhook POST
  Webhook URL: $address""",
    "gitlab": """In gitlab.rb, then gitlab-ctl reconfigure:

registry['notifications'] = [{
  'name' => 'portcall', 'url' => '$address', 'timeout' => '1s', 'threshold' => 5,
  'backoff' => '1s', 'headers' => {'Authorization' => ['$secret']} }]""",
    "zot": """In zot's config.json:

"extensions": {"events": {"enable": true, "sinks": [
  {"type": "http", "address": "$address", "timeout": "5s",
   "credentials": {"token": "$secret"}}]}}""",
    "gitea": """In Gitea: Settings of the organisation > Webhooks > Add Webhook > Gitea.
  Target URL: $address
  Content type: application/json; secret: $secret
  Trigger On: Custom Events > Package""",
    "forgejo": """In Forgejo: Settings of the organisation > Webhooks > Add webhook > Forgejo.
  Target URL: $address
  Content type: application/json; secret: $secret
  Trigger on: Custom events > Package""",
    "acr": """az acr webhook create -r REGISTRY -n portcall --actions push delete \\
  --uri '$address' --headers 'Authorization=Bearer $secret'""",
    "eventgrid": """az eventgrid event-subscription create --name portcall \\
  --source-resource-id /subscriptions/SUBSCRIPTION/resourceGroups/GROUP/providers/\\
Microsoft.ContainerRegistry/registries/REGISTRY \\
  --endpoint '$address' --included-event-types \\
  Microsoft.ContainerRegistry.ImagePushed Microsoft.ContainerRegistry.ImageDeleted \\
  Microsoft.ContainerRegistry.ChartPushed Microsoft.ContainerRegistry.ChartDeleted""",
    "ecr": """aws events create-connection --name portcall --authorization-type API_KEY \\
  --auth-parameters 'ApiKeyAuthParameters={ApiKeyName=Authorization,\\
ApiKeyValue="Bearer $secret"}'
aws events create-api-destination --name portcall --connection-arn CONNECTION \\
  --http-method POST --invocation-endpoint '$address'
aws events put-rule --name portcall --event-pattern '{"source": ["aws.ecr"]}'
aws events put-targets --rule portcall --targets Id=portcall,Arn=DESTINATION,RoleArn=ROLE""",
    "gar": """gcloud pubsub topics create gcr
gcloud pubsub subscriptions create portcall --topic gcr --push-endpoint '$address' \\
  --push-auth-service-account EMAIL --push-auth-token-audience AUDIENCE""",
    "artifactory": """In Artifactory: Administration > General > Webhooks > New Webhook.
  URL: $address
  Secret token: $secret
  Events: Docker > pushed, deleted""",
    "nexus": """In Nexus: Administration > System > Capabilities > Create > Webhook: Repository.
  Event types: component, and no other
  URL: $address
  Secret key: $secret""",
    "alibaba": """In the console: the repository > Trigger > Create.
  Trigger URL: $address""",
    "harness": """In Harness: the registry > Webhooks > New Webhook.
  URL: $address
  Secret: one with the value $secret
  Events: artifact created, artifact deleted""",
    "generic": """Send JSON with POST to
  $address
and the header
  Authorization: Bearer $secret""",
}
"""Each is for the usual proof of its kind."""
_PROVEN: Mapping[str, str] = {
    "bearer": "Every request needs the header Authorization: Bearer $secret",
    "authorization": "Every request needs the header Authorization: $secret",
    "basic": "Every request needs Basic authentication with the password $secret",
    "header": "Every request needs the header $header: $secret",
    "path": "The address is secret: it proves the sender.",
    "hmac_sha256": "Every request needs the HMAC-SHA256 of its body in $header, with $secret",
    "hmac_sha1": "Every request needs the HMAC-SHA1 of its body in $header, with $secret",
    "oidc": "Every request needs a token of the issuer, with the audience that you have set.",
    "client_certificate": "Every connection needs TLS, and a client certificate of the source's"
    " authority and name.",
}
HIDDEN = "SECRET"
"""Stands for a secret that is not shown again."""


def set_up(kind: str, proof: str, *, address: str, secret: str, header: str) -> str:
    """What to do on the other side.

    Args:
        kind: The source's kind.
        proof: Its proof.
        address: Its address.
        secret: Its secret; empty: it is not known any more.
        header: The header of its proof.
    """
    text = TEXTS[kind]
    if proof != DEFAULT_PROOFS[SourceKind(kind)]:
        text = f"Send to {address}\n{_PROVEN[proof]}"
    return Template(text).safe_substitute(address=address, secret=secret or HIDDEN, header=header)
