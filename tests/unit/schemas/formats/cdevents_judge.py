"""A judge of CDEvents: what a strict reader of the specification's JSON schemas refuses.

There is no package of CDEvents on PyPI, npm or in Debian (looked for in November 2026: the
project's Python SDK was never published there, and its Go and Rust ones are in neither), so the
schemas' fields are written down here, in one table for each version. The schemas allow no field
that they do not name.

Source: cdevents/spec, schemas/artifactpublished.json, artifactdeleted.json and
custom/schema.json of the releases 0.4.1 and 0.5.1; cloudevents-binding.md for the two modes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

Schema = dict[str, Any]

TEXT: Schema = {"type": "string", "minLength": 1}
URI: Schema = {**TEXT, "format": "uri-reference"}
TIME: Schema = {"type": "string", "format": "date-time"}
SBOM: Schema = {
    "type": "object", "properties": {"uri": {"type": "string"}},
    "required": ["uri"], "additionalProperties": False,
}  # fmt: skip
CUSTOM = r"^dev\.cdeventsx\.[a-z]+-[a-z]+\.[a-z]+\.\d+\.\d+\.\d+$"
CONTENTS: Mapping[str, Schema] = {
    "published": {"user": TEXT, "sbom": SBOM},
    "deleted": {"user": TEXT},
}


@dataclass(frozen=True)
class Version:
    """A release of the specification.

    Attributes:
        number: Of the release.
        field: The field of the context that has it.
        types: Of events.
        typed: Whether a subject has a type.
    """

    number: str
    field: str
    types: Mapping[str, str]
    typed: bool


VERSIONS = {
    "0.4": Version("0.4.1", "version", {"published": "0.2.0", "deleted": "0.1.0"}, typed=True),
    "0.5": Version("0.5.1", "specversion", {"published": "0.3.0", "deleted": "0.2.0"}, typed=False),
}


def faults(event: object, version: str) -> list[str]:
    """What is wrong with an event, by its place in it; empty: nothing."""
    release = VERSIONS[version]
    found = event["context"].get("type", "") if isinstance(event, dict) else ""
    kind = str(found).split(".")[3:4]
    schema = _schema(release, kind[0] if kind and kind[0] in CONTENTS else "")
    validator = Draft202012Validator(schema, format_checker=FormatChecker())
    return [f"{each.json_path}: {each.message}" for each in validator.iter_errors(event)]


def _schema(release: Version, kind: str) -> Schema:
    if kind:
        kinds: Schema = {"const": f"dev.cdevents.artifact.{kind}.{release.types[kind]}"}
        content = _closed(CONTENTS[kind], ())
        subject_type: Schema = {"const": "artifact"}
    else:
        kinds, content, subject_type = {"pattern": CUSTOM}, {"type": "object"}, TEXT
    subject = {"id": TEXT, "source": URI, "content": content}
    subject |= {"type": subject_type} if release.typed else {}
    context = {
        release.field: {"const": release.number}, "id": TEXT, "source": URI, "type": kinds,
        "timestamp": TIME, "schemaUri": URI, "chainId": TEXT, "links": {"type": "array"},
    }  # fmt: skip
    data: Schema = {"type": ["object", "string"]}
    event = {"context": _closed(context, (release.field, "id", "source", "type", "timestamp"))}
    event["subject"] = _closed(subject, ("id", "content", *(["type"] if release.typed else [])))
    event |= {"customData": data, "customDataContentType": {"type": "string"}}
    return _closed(event, ("context", "subject"))


def _closed(properties: Mapping[str, Schema], required: tuple[str, ...]) -> Schema:
    return {
        "type": "object", "properties": properties, "required": list(required),
        "additionalProperties": False,
    }  # fmt: skip
