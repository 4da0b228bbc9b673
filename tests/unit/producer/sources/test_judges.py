"""The official packages read the same bodies as the adapters, and find the same in them."""

import json
from typing import Any

import pytest
from azure.eventgrid import EventGridEvent, SystemEventNames
from cloudevents.core.bindings.http import HTTPMessage, from_http_event, to_structured_event
from cloudevents.core.v1.event import CloudEvent

from portcall.producer.formats.cloudevents import ACTIONS
