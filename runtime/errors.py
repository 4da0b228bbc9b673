"""What can go wrong around the broker and the process, and whose fault it is."""

from portcall.schemas.errors import PortcallError


class SettingsError(PortcallError):
    """The environment does not describe a process that can run: its owner must mend it."""


class ListenError(PortcallError):
    """An address cannot be listened on: it is taken, or not this machine's."""


class BrokerError(PortcallError):
    """The broker did not do what was asked of it."""


class UnroutableError(BrokerError):
    """A message came back because no queue takes it: the topology is not what it should be."""


class RefusedError(BrokerError):
    """The broker refused a message: a queue is full. Wait and try again."""


class UnconfirmedError(BrokerError):
    """No confirm came: it is unknown whether the message arrived. Publish it again."""


class PoisonMessageError(PortcallError):
    """A message can never succeed; its text is the reason under which it goes to the dead."""


class RestartReadingError(PortcallError):
    """A stream's handler wants to be asked again where to start."""
