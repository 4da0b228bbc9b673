"""What every role makes of each setting: printed as JSON by the build that runs this.

The argument: JSON with a sample for each variable. It runs under the recorded build and under this
one, so it imports the packages by either name.
"""

import importlib
import json
import os
import sys
from typing import Any

ROLES = {
    "producer": "ProducerSettings",
    "router": "RouterSettings",
    "deliverer": "DelivererSettings",
    "recorder": "Settings",
    "management": "ManagementSettings",
}
NEEDED = {
    "PORTCALL_AMQP_URL": "amqp://guest:guest@127.0.0.1:5672/",
    "PORTCALL_DATABASE_URL": "sqlite:///portcall.db",
    "PORTCALL_TOKEN": "a-token-made-for-tests",
}


def look_up(module: str, name: str) -> Any:  # noqa: ANN401 (of either build)
    try:
        return getattr(importlib.import_module(f"portcall.{module}"), name)
    except ModuleNotFoundError:
        return getattr(importlib.import_module(module), name)


def main() -> None:
    samples = json.loads(sys.argv[1])
    every: dict[str, dict[str, dict[str, str]]] = {}
    for role, name in ROLES.items():
        module = "runtime" if role == "recorder" else role
        settings = look_up(f"{module}.settings", name)
        fields = {field.alias: key for key, field in settings.model_fields.items()}
        unset = settings.from_environment(NEEDED)
        for variable in sorted(fields.keys() & samples.keys()):
            more = {"PORTCALL_INSECURE_BIND": "all"} if variable.endswith("_BIND") else {}
            environ = {**NEEDED, **more, variable: samples[variable]}
            key = fields[variable]
            every.setdefault(variable, {})[role] = {
                "default": str(getattr(unset, key)),
                "sample": str(getattr(settings.from_environment(environ), key)),
            }
    json.dump(every, sys.stdout)


if __name__ == "__main__":
    os.environ.clear()
    main()
