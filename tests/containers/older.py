"""Pods of the last release: the chart's, with an older image."""

import base64
import copy
import dataclasses
from typing import Any

from tests.containers.pods import ASK, PodOfScript

OLDER = "portcall:old"
SECRETS = "/run/secrets/portcall/"


def older(pod: PodOfScript) -> PodOfScript:
    """The same pod with the image of the last release.

    0.1.0 had no chart. It takes a secret as a variable, and not as a file, and has no probe of its own.
    """
    secret, made = copy.deepcopy(pod.documents)
    (container,) = made["spec"]["containers"]
    container["image"] = OLDER
    container["env"] = [_plain(each, secret["data"]) for each in container["env"]]
    for kind in ("startupProbe", "livenessProbe"):
        _, port, path = container[kind]["exec"]["command"]
        command = ["python", "-c", ASK, f"http://127.0.0.1:{port}{path}"]
        container[kind]["exec"]["command"] = command
    return dataclasses.replace(pod, documents=(secret, made))


def _plain(variable: dict[str, Any], secrets: dict[str, str]) -> dict[str, Any]:
    """A variable that names a file, as one that has its content."""
    if not variable["value"].startswith(SECRETS):
        return variable
    content = secrets[variable["value"].removeprefix(SECRETS)]
    return {
        "name": variable["name"].removesuffix("_FILE"),
        "value": base64.b64decode(content).decode(),
    }
