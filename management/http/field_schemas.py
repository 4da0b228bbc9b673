"""The OpenAPI schemas of single fields; `management.http.fields` checks the fields.

A schema states a rule as far as JSON Schema can, and lists words in ACR's case.
"""

from pydantic import WithJsonSchema

from portcall.schemas.certificates import (
    MAX_BUNDLE,
    MAX_BUNDLE_CHARACTERS,
    MAX_CHAIN_CHARACTERS,
    MAX_KEY_CHARACTERS,
)
from portcall.schemas.deliveries import DELIVERY_ID_PATTERN
from portcall.schemas.events import EVENT_ID_PATTERN, Action
from portcall.schemas.filters import ARTIFACT_TYPES, COALESCE, FLAGS, TYPES
from portcall.schemas.final_answers import ACR, MAX_ENTRIES, RECEIVER_REFUSES
from portcall.schemas.formats.names import FormatName
from portcall.schemas.globs.patterns import MAX_PATTERN_LENGTH
from portcall.schemas.globs.scopes import MAX_PATTERNS
from portcall.schemas.scopes import MAX_REPOSITORY_LENGTH, REPOSITORY_PATTERN, TAG_PATTERN
from portcall.schemas.signatures import Scheme
from portcall.schemas.uris import MAX_URI_LENGTH
from portcall.schemas.webhooks import MAX_HEADER_LENGTH, MAX_HEADERS, Sku, Status
from portcall.store.access.principals import Role
from portcall.store.records.selection import ENDINGS

MAX_TAGS = 50
MAX_TAG_NAME = 512
MAX_TAG_VALUE = 256

_DURATION = {
    "type": "string",
    "pattern": r"^\s*[0-9]{1,9}(\.[0-9]{1,3})?(ms|s|m|h|d)\s*$",
    "examples": ["10s"],
}
_IN_PATTERN = r"[A-Za-z0-9._*?\[\]!^-]+"
_SCOPE = rf"^({REPOSITORY_PATTERN}(:(\*|{TAG_PATTERN}))?)?$".replace("(?:", "(")


def text(**rules: object) -> WithJsonSchema:
    """A string with these rules."""
    return WithJsonSchema({"type": "string", **rules})


NAME = text(pattern="^[A-Za-z0-9]{5,50}$")
LOCATION = text(pattern="^ *[A-Za-z0-9-][A-Za-z0-9 -]*$", examples=["westus"])
TAGS = WithJsonSchema(
    {
        "type": "object",
        "maxProperties": MAX_TAGS,
        "propertyNames": {
            "minLength": 1,
            "maxLength": MAX_TAG_NAME,
            "pattern": r"^[^\x00-\x1f\x7f<>%&\\?/]*$",
        },
        "additionalProperties": {
            "type": "string",
            "maxLength": MAX_TAG_VALUE,
            "pattern": r"^[^\x00-\x1f\x7f]*$",
        },
    }
)
URI = text(format="uri", maxLength=MAX_URI_LENGTH, pattern="^[Hh][Tt][Tt][Pp][Ss]?://")
HEADERS = WithJsonSchema(
    {
        "type": "object",
        "maxProperties": MAX_HEADERS,
        "propertyNames": {"pattern": "^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$"},
        "additionalProperties": {
            "type": "string",
            "maxLength": MAX_HEADER_LENGTH,
            "pattern": r"^[\x20-\x7e\x80-\xff\t]*$",
        },
    }
)
ACTIONS = WithJsonSchema(
    {
        "type": "array",
        "minItems": 1,
        "items": {"type": "string", "enum": [each.value for each in Action]},
    }
)
SCOPE = text(pattern=_SCOPE, maxLength=MAX_REPOSITORY_LENGTH + 129)
STATUS = WithJsonSchema({"enum": [*(each.value for each in Status), None]})
SKU = text(enum=[each.value for each in Sku])
SECRET = text(pattern="^(generate|whsec_[A-Za-z0-9+/]{32,86}={0,2})?$")
CA_BUNDLE = text(
    maxLength=MAX_BUNDLE_CHARACTERS,
    description="Authorities in PEM: the only ones that are trusted for the endpoint's certificate."
    f" At most {MAX_BUNDLE}.",
)
CLIENT_CERTIFICATE = text(
    maxLength=MAX_CHAIN_CHARACTERS,
    description="A client certificate in PEM, with its chain: shown to an endpoint that asks.",
)
CLIENT_KEY = text(
    maxLength=MAX_KEY_CHARACTERS,
    writeOnly=True,
    description="Its private key in PEM, not encrypted. It is stored sealed, and never shown.",
)
SIGNATURE = WithJsonSchema({"enum": [*(each.value for each in Scheme), None]})
LIMIT = WithJsonSchema({"anyOf": [_DURATION, {"enum": ["none", None]}]})
RATE = WithJsonSchema({"type": ["number", "null"], "minimum": 0})
FILTERS = WithJsonSchema(
    {
        "anyOf": [
            {
                "type": "object",
                "additionalProperties": False,
                "properties": {
                    **{name: {"type": ["boolean", "null"]} for name in FLAGS},
                    ARTIFACT_TYPES: {"type": ["array", "null"], "items": {"enum": [*TYPES]}},
                    COALESCE: {"anyOf": [_DURATION, {"type": ["boolean", "null"]}]},
                },
            },
            {"type": "null"},
        ],
        "description": "Which events are held back, although actions and scope cover them.",
    }
)
SCOPES = WithJsonSchema(
    {
        "type": ["array", "null"],
        "maxItems": MAX_PATTERNS,
        "items": {
            "type": "string",
            "minLength": 1,
            "maxLength": MAX_PATTERN_LENGTH,
            "pattern": rf"^!?{_IN_PATTERN}(/{_IN_PATTERN})*(:{_IN_PATTERN})?$",
        },
        "examples": [["team/**:v[0-9]*", "!team/test/**"]],
    }
)
FORMAT = WithJsonSchema(
    {
        "anyOf": [
            {"type": "string", "enum": list(FormatName), "description": "Its name alone."},
            {
                "type": "object",
                "description": "Its name, with its settings: see docs/formats.md.",
                "properties": {"name": {"type": "string", "enum": list(FormatName)}},
                "required": ["name"],
                "additionalProperties": {"type": ["string", "null"]},
            },
            {"type": "null"},
        ]
    }
)
FINAL_ANSWERS = WithJsonSchema(
    {
        "anyOf": [
            {
                "type": "array",
                "maxItems": MAX_ENTRIES,
                "items": {
                    "anyOf": [
                        {"type": "integer", "minimum": 400, "maximum": 505},
                        {"type": "string", "pattern": "^(4[0-9][0-9]|50[015]|4[xX][xX])$"},
                    ]
                },
            },
            {
                "type": "string",
                "description": "A preset, or the list with commas.",
                "examples": [RECEIVER_REFUSES, ACR, "400,404"],
            },
            {"type": "null"},
        ]
    }
)
TIME = text(format="date-time")
OUTCOMES = WithJsonSchema(
    {"type": "array", "minItems": 1, "items": {"enum": [each.value for each in ENDINGS]}}
)
EVENT_ID = text(pattern=f"^{EVENT_ID_PATTERN}$")
DELIVERY_ID = text(pattern=f"^{DELIVERY_ID_PATTERN}$")
SCHEDULE = WithJsonSchema(
    {
        "anyOf": [
            {"type": "array", "maxItems": 50, "items": _DURATION},
            {"type": "string", "description": "The same with commas.", "examples": ["10s,1m"]},
            {"type": "null"},
        ]
    }
)
LABEL = text(pattern="^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
ROLE = text(enum=[each.value for each in Role])

QUEUE = WithJsonSchema({"type": "string", "enum": ["dead", "unrouted"]})
LETTER_IDS = WithJsonSchema(
    {
        "type": "array",
        "items": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
        "minItems": 1,
        "maxItems": 1000,
    }
)
REASON = text(minLength=1, maxLength=200)
