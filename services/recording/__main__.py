import uvloop

from services.recording.app import run
from services.recording.settings import RecordingSettings
from shared.settings import read_settings

if __name__ == "__main__":
    uvloop.run(run(read_settings(RecordingSettings)))
