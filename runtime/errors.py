"""Errors around the broker and the process, and whose fault each is."""

from portcall.schemas.errors import PortcallError


class SettingsError(PortcallError):
    """The environment's settings are missing or wrong: the operator must correct them."""


class ListenError(PortcallError):
    """The process cannot listen on an address: it is in use, or not one of this machine."""


class BrokerError(PortcallError):
    """The broker did not do what it was asked to."""


class UnroutableError(BrokerError):
    """A message was returned because no queue takes it: the topology is wrong."""


class RefusedError(BrokerError):
    """The broker refused a message: a queue is full. Wait and try again."""


class UnconfirmedError(BrokerError):
    """No confirm came: it is unknown whether the message arrived. Publish it again."""


class PoisonMessageError(PortcallError):
    """A message can never succeed; the error's text is the reason in its dead letter."""


class RestartReadingError(PortcallError):
    """A stream's handler wants the reader to ask for the start offset again."""
