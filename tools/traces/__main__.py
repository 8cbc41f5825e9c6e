"""`python -m tools.traces`: serve the OTLP sink and its pages."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from tools import serving
from tools.traces.app import traces_app


class TracesSettings(BaseSettings):
    """What the sink is told by its environment."""

    model_config = SettingsConfigDict(env_prefix="REKAM_", frozen=True, extra="ignore")

    traces_port: int = 4318
    traces_dir: Path = Field(description="Folder of the append file of spans.")


if __name__ == "__main__":
    settings = TracesSettings()
    serving.run(traces_app(settings.traces_dir), port=settings.traces_port)
