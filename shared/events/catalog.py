"""Every event there is, by type; adding an event is adding a class and a golden JSON (CONTRIBUTING.md)."""

from shared.events import intake, notification, outages, recording
from shared.events.envelope import Data

EVENTS: tuple[type[Data], ...] = (
    intake.ApplicantArrived,
    intake.ApplicantCorrected,
    intake.ApplicantReturned,
    intake.ApplicantCalled,
    intake.ApplicantServed,
    intake.ApplicantNoShow,
    intake.ApplicantUndone,
    intake.ApplicantSentHome,
    intake.CaptureAccepted,
    intake.ContactChanged,
    intake.ContactWithdrawn,
    recording.RecordingAttempted,
    recording.RecordingFailed,
    recording.RecordingParked,
    recording.RecordingResumed,
    recording.RecordingCompleted,
    recording.RecordingCancelled,
    recording.SuketIssued,
    recording.SuketExtended,
    recording.CardPrintReady,
    recording.CardPrinted,
    recording.CardHandedOver,
    recording.BlankStockChanged,
    recording.GateChanged,
    outages.OutageOpened,
    outages.OutageUpdated,
    outages.OutageCorrected,
    outages.OutageClosed,
    outages.GroupRetryProgressed,
    notification.NotificationSent,
    notification.NotificationFailed,
)
# Facts about a stock, a gate, an outage or a group: no journey folds them.
NOT_OF_A_RECORDING: tuple[type[Data], ...] = (
    recording.BlankStockChanged,
    recording.GateChanged,
    outages.OutageOpened,
    outages.OutageUpdated,
    outages.OutageCorrected,
    outages.OutageClosed,
    outages.GroupRetryProgressed,
)
CATALOG: dict[str, type[Data]] = {event.event_type: event for event in EVENTS}

# Cleanup policy of each topic: the histories keep everything, contacts keep the newest per recording.
TOPICS: dict[str, dict[str, str]] = {
    intake.TOPIC: {"retention.ms": "-1", "cleanup.policy": "delete"},
    recording.TOPIC: {"retention.ms": "-1", "cleanup.policy": "delete"},
    notification.TOPIC: {"retention.ms": "-1", "cleanup.policy": "delete"},
    intake.CONTACTS_TOPIC: {"cleanup.policy": "compact"},
}
