"""`python -m services.notification`: run the service."""

import uvloop

from services.notification.app import run

if __name__ == "__main__":
    uvloop.run(run())
