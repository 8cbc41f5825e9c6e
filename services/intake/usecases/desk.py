"""What the use cases stand on: the outbox, the vault, the offices and their rules."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from services.intake.domain.captures import Modality
from services.intake.domain.tickets import Ticket, TicketState
from services.intake.domain.visits import Recording
from services.intake.usecases.seal_arrivals import Vault
from shared.events.offices import Office
from shared.postgres.outbox import Outbox
from shared.postgres.pool import Database
from shared.problems import Conflict, MissingScope


class OpenElsewhere(Conflict):
    """An open recording exists at another office.

    Take the person's receipt: `POST /v1/arrivals/return` moves the recording here. Recording again would hold it up.
    """

    slug = "open-elsewhere"


class AlreadyOpen(Conflict):
    """This person has an open recording that you did not create."""

    slug = "already-open"


class RecordingClosed(Conflict):
    """The recording has ended."""

    slug = "recording-closed"


class NeedsSupervisor(MissingScope):
    """A second recording beside an open one needs the scope register_beside."""

    slug = "needs-supervisor"


class WrongTicketStep(Conflict):
    """The ticket's state does not allow this step."""

    slug = "wrong-ticket-step"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Numbers an installation may set."""

    kept_days: int
    traveller_days: int
    closing_hour: int
    quality_floors: Mapping[Modality, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """One installation's counter, wired in `app.py`."""

    database: Database
    outbox: Outbox
    vault: Vault
    offices: Mapping[str, Office]
    rules: Rules
    request_key: bytes

    def today_at(self, office: str, moment: datetime) -> date:
        """Tell the date on the office's own calendar."""
        return moment.astimezone(self.offices[office].zone).date()

    def kept_until(self, office: str, moment: datetime) -> date:
        """Tell how long a place kept now stays valid."""
        return self.today_at(office, moment) + timedelta(days=self.rules.kept_days)


def is_sent_home(recording: Recording) -> bool:
    """Tell whether the person waits at home with a kept place."""
    ticket: Ticket | None = recording.ticket
    return ticket is not None and ticket.state is TicketState.KEPT
