"""Everything that leadrelay raises.

::

    LeadrelayError
     +-- ConfigurationError      a setting is wrong: names it and what to do
     +-- InvalidEvent            an event breaks the Track API's rules: names the property, never its value
     +-- NotAccepted             the event is not in the queue; it is still the caller's
          +-- BrokerUnavailable  no connection, a time-out
          +-- BrokerFull         no memory for new events
          +-- EnqueueTooLate     the call arrived after its deadline and did nothing
          +-- SchemaTooNew       a newer leadrelay owns this namespace
          +-- SpoolFull          the spool has no room either
          +-- SpoolUnusable      the spool cannot be written either
"""


class LeadrelayError(Exception):
    """Base of all."""


class ConfigurationError(LeadrelayError):
    """A setting is missing or wrong."""


class InvalidEvent(LeadrelayError):
    """An event cannot be sent as it is; the message names the property, never its value."""


class NotAccepted(LeadrelayError):
    """The event is not in the queue."""


class BrokerUnavailable(NotAccepted):
    """The broker cannot be reached."""


class BrokerFull(NotAccepted):
    """The broker has no memory for new events."""


class EnqueueTooLate(NotAccepted):
    """The call reached the broker after its deadline and did nothing."""


class SchemaTooNew(NotAccepted):
    """The namespace was written by a newer release."""


class SpoolFull(NotAccepted):
    """The broker is away, and the spool is as large as it may be."""


class SpoolUnusable(NotAccepted):
    """The broker is away, and the spool cannot be written."""
