"""What the recording service is told beside the settings of every service."""

from datetime import timedelta
from pathlib import Path

from pydantic import Field

from services.recording.domain.journey import AskSchedule
from services.recording.domain.line_witnesses import LinkRules
from services.recording.domain.organisations import Organisation, organisation_of
from services.recording.domain.outage import OutageRules
from services.recording.domain.retry import RetryPolicy
from services.recording.usecases.accept_outcomes import Rules
from services.recording.usecases.call_centre import Deadlines
from shared.events.vocabulary import Owner
from shared.settings import ServiceSettings


class RecordingSettings(ServiceSettings):
    """Each is `REKAM_<NAME>` in the environment; all times are in seconds."""

    company_seconds: float = Field(0.02, ge=0, le=1, description="How long heard events wait for others to join them.")
    store_dir: Path = Field(description="Folder of the packet store that intake and recording mount.")
    centre_url: str = Field(description="Base address of the centre, https.")
    centre_ca_file: Path = Field(description="Certificate authority the centre's certificate must come from.")
    centre_connections: int = Field(160, ge=1, description="Connections to the centre, all gates together.")
    gate_limit: int = Field(
        32, ge=1, description="The most concurrent calls of one operation, over all workers; each gate learns its own."
    )
    call_seconds: float = Field(8, ge=4, description="Whole-call deadline of a check, an ask, a print, a Suket.")
    submission_seconds: float = Field(15, ge=4, description="Whole-call deadline of a submission, beside its size.")
    seconds_per_256_kib: float = Field(1, ge=0, description="What each 256 KiB adds to a submission's deadline.")
    retry_base_seconds: float = Field(3, gt=0, description="Base of the backoff after a failure.")
    retry_cap_seconds: float = Field(300, gt=0, description="Cap of the backoff.")
    local_rest_seconds: float = Field(30, gt=0, description="Rest after a fault of our own.")
    give_up_seconds: float = Field(72 * 3600, gt=0, description="Age at which a failing centre parks a stage.")
    ask_after_seconds: tuple[float, ...] = Field(
        (10, 60, 600, 3600, 21600, 86400), description="Waits before each ask about a record; the last repeats."
    )
    probe_seconds: float = Field(1, gt=0, description="Rest between probes of a held operation, ± 30 %.")
    suket_while_waiting: bool = Field(False, description="Issue a Suket to who waits for a card blank.")
    access_owner: Owner = Field(Owner.CARRIER, description="Who answers for our access line.")
    organisations: dict[Owner, dict[str, str]] = Field(
        default_factory=dict, description='Who stands behind an owner: {"carrier": {"name": …, "contact": …}}, JSON.'
    )
    outage_failures: int = Field(3, ge=1, description="Failures within the window, by two sources, that are an outage.")
    outage_window_seconds: float = Field(30, gt=0, description="Within how long; also how long a call's word counts.")
    outage_clean_seconds: float = Field(60, gt=0, description="How long all must be well before an outage is over.")
    outage_tell_seconds: float = Field(30, gt=0, description="Growth of an outage is told at most so often.")

    def link_rules(self) -> LinkRules:
        """Give the rules of the link verdict."""
        return LinkRules(access_owner=self.access_owner, window=timedelta(seconds=self.outage_window_seconds))

    def outage_rules(self) -> OutageRules:
        """Give the rules of outages."""
        return OutageRules(
            failures=self.outage_failures,
            clean=timedelta(seconds=self.outage_clean_seconds),
            tell_every=timedelta(seconds=self.outage_tell_seconds),
        )

    def named_organisations(self) -> dict[Owner, Organisation]:
        """Name who stands behind each owner; a role word where nobody was told."""
        return {owner: organisation_of(owner, self.organisations.get(owner, {})) for owner in Owner}

    def rules(self) -> Rules:
        """Give the rules of judging as the use cases take them."""
        policy = RetryPolicy(
            base=timedelta(seconds=self.retry_base_seconds),
            cap=timedelta(seconds=self.retry_cap_seconds),
            give_up_after=timedelta(seconds=self.give_up_seconds),
            local_rest=timedelta(seconds=self.local_rest_seconds),
        )
        return Rules(
            policy=policy,
            schedule=AskSchedule(tuple(timedelta(seconds=wait) for wait in self.ask_after_seconds)),
            probe_every=timedelta(seconds=self.probe_seconds),
            suket_while_waiting=self.suket_while_waiting,
        )

    def deadlines(self) -> Deadlines:
        """Give the deadlines of calls."""
        return Deadlines(self.call_seconds, self.submission_seconds, self.seconds_per_256_kib)
