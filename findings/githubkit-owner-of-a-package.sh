#!/usr/bin/env bash
# githubkit-schemas 26.10.21 (Python, models of GitHub's API 2026-03-10): the owner of the same package needs 2 fields
# in the event "package", and 18 in the event "registry_package".
#
# Expected: one image pushed to GHCR makes both events, so both models take the same owner.
# Happens: "package" takes an owner with id and login alone. "registry_package" refuses it and names 16 missing fields, nine
# of them templates of URLs that no receiver follows (gists_url, starred_url and others).
# Matters to: those who send GitHub's events to such receivers, or shorten them on the way: what passes as the one event
# fails as the other, so a test with one of them says nothing about the other.
# The guess before: one model for users, with the same required fields in both events.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
python_packages githubkit==0.16.1 'hishel<2' githubkit-schemas==26.10.21
python3 -W ignore - <<'PY' | described "package, owner with id and login: taken
registry_package, owner with id and login: refused, 16 fields are missing
package, owner with all: taken
registry_package, owner with all: taken"
from githubkit_schemas.v2026_03_10 import models
from pydantic import ValidationError

SHORT = {"id": 1, "login": "octo-org"}
URLS = (
    "avatar_url events_url followers_url following_url gists_url html_url organizations_url received_events_url repos_url"
    " starred_url subscriptions_url url"
).split()
WHOLE = (
    SHORT
    | {each: f"https://api.example.com/{each}" for each in URLS}
    | {"gravatar_id": "", "node_id": "MDEy", "site_admin": False, "type": "Organization"}
)
OWNERS = {
    "package": models.WebhookPackagePublishedPropPackagePropOwner,
    "registry_package": models.WebhookRegistryPackagePublishedPropRegistryPackagePropOwner,
}
for told, owner in (("id and login", SHORT), ("all", WHOLE)):
    for event, model in OWNERS.items():
        try:
            model.model_validate(owner)
        except ValidationError as error:
            missing = [each for each in error.errors() if each["type"] == "missing"]
            said = f"refused, {len(missing)} fields are missing"
        else:
            said = "taken"
        print(f"{event}, owner with {told}: {said}")
PY
