"""`python -m services.intake` serves until it is told to stop."""

import uvloop

from services.intake import app

if __name__ == "__main__":
    uvloop.run(app.run())
