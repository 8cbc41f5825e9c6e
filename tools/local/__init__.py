"""The local stack: PostgreSQL, Kafka, the simulated far side and the four services, started and stopped as one."""

from tools.local.endpoints import Endpoints
from tools.local.parts import ALL, SERVERS, SERVICES, TOOLS
from tools.local.processes import StartFailed
from tools.local.stack import Stack

__all__ = ["ALL", "SERVERS", "SERVICES", "TOOLS", "Endpoints", "Stack", "StartFailed"]
