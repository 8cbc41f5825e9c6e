"""The words that every service shares, each defined once; this module imports the standard library only.

The domains use these words too (ADR 0004): a second definition of `Cause` would be a second meaning.
"""

from enum import StrEnum


class Purpose(StrEnum):
    FIRST_RECORDING = "first_recording"
    RE_RECORDING = "re_recording"
    SUKET_EXTENSION = "suket_extension"  # Suket: the temporary certificate, see docs/glossary.md


class Stage(StrEnum):
    IDENTITY_CHECK = "identity_check"
    SUBMISSION = "submission"
    DEDUPLICATION = "deduplication"
    CARD_PRINTING = "card_printing"
    SUKET_ISSUE = "suket_issue"


class Operation(StrEnum):
    """One kind of call to the centre; each has a gate of its own."""

    IDENTITY_CHECK = "identity_check"
    SUBMISSION = "submission"
    ASK = "ask"
    CARD_PRINT = "card_print"
    SUKET = "suket"


class Lane(StrEnum):
    """Which queue of a fair claim a stage stands in; fixed when the row is written."""

    TRAVELLER = "traveller"
    TODAY = "today"
    BACKLOG = "backlog"


class TicketLane(StrEnum):
    TODAY = "today"
    KEPT = "kept"
    TRAVELLER = "traveller"


class Trigger(StrEnum):
    """Why an attempt was made."""

    ARRIVAL = "arrival"
    DUE = "due"
    OPERATOR = "operator"
    GROUP = "group"


class Outcome(StrEnum):
    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"
    UNKNOWN = "unknown"


class Cause(StrEnum):
    NETWORK = "network"  # the centre was not reached, or the line died
    SERVER = "server"  # reached, and it refused, broke or fell silent
    BIOMETRIC = "biometric"  # the prints or the photo cannot be used
    DATA = "data"  # the centre says the record does not fit
    LOCAL = "local"  # our own fault; never blame others for it
    UNKNOWN = "unknown"  # no answer, and no evidence which side


class Effect(StrEnum):
    """Whether the centre may have recorded what we sent."""

    NONE = "none"  # no byte of the request left
    POSSIBLE = "possible"
    KNOWN = "known"


class Owner(StrEnum):
    OFFICE = "office"
    REGENCY_NETWORK = "regency_network"
    CARRIER = "carrier"
    CENTRE_NETWORK = "centre_network"
    CENTRE = "centre"
    US = "us"
    UNDETERMINED = "undetermined"


class Confidence(StrEnum):
    """How far a verdict can be leaned on."""

    LOW = "low"  # one witness, or none that can tell the sides apart
    MEDIUM = "medium"  # one witness with evidence of the kernel or of the centre itself
    HIGH = "high"  # two independent sources agree


class Source(StrEnum):
    """Who saw it; two different ones are independent."""

    CALLS = "calls"  # real calls for people
    PROBE = "probe"  # a process of its own that asks the centre and neutral targets
    SECOND_WAY = "second_way"  # the same process, over another line
    OPERATOR = "operator"


class GroupRetryState(StrEnum):
    PLANNED = "planned"  # a dry run: ids frozen, nothing touched
    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


class Phase(StrEnum):
    """Where a call to the centre stood, in order."""

    RESOLVE = "resolve"
    CONNECT = "connect"
    TLS = "tls"
    SEND = "send"
    WAIT = "wait"
    RECEIVE = "receive"


class GateState(StrEnum):
    FLOWING = "flowing"
    PROBING = "probing"
    HOLDING = "holding"
    PAUSED = "paused"


class NextAction(StrEnum):
    TRY_AGAIN = "try_again"
    WAIT_FOR_LINK = "wait_for_link"
    ASK_CENTRE = "ask_centre"
    PARK = "park"


class WhoActs(StrEnum):
    NOBODY = "nobody"
    RESIDENT = "resident"
    OFFICE = "office"
    REGENCY = "regency"
    CENTRE = "centre"
    US = "us"


class Document(StrEnum):
    CARD = "card"
    SUKET = "suket"
