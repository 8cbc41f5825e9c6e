"""What the loops of one recording process work with."""

from dataclasses import dataclass

from services.recording.centre.client import CentreClient
from services.recording.usecases.accept_outcomes import Rules
from services.recording.usecases.call_centre import Deadlines
from shared.packets import PacketStore
from shared.postgres.outbox import Outbox
from shared.postgres.pool import Database
from shared.telemetry import Telemetry


@dataclass(frozen=True, slots=True)
class Desk:
    """Handed to every loop by the app."""

    database: Database
    outbox: Outbox
    telemetry: Telemetry
    client: CentreClient
    store: PacketStore
    rules: Rules
    deadlines: Deadlines
    most_in_flight: int
