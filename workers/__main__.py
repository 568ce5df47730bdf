"""``python -m workers``: one worker, against the Temporal that the environment names."""

import asyncio
import logging
import os
import sys

from hemostat.settings import Settings
from hemostat.temporal import connect
from schemas.errors import HemostatError
from workers.worker import run_worker


async def _work() -> None:
    settings = Settings.load()
    await run_worker(await connect(), settings)


def main() -> int:
    """Run until stopped; the exit code."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        asyncio.run(_work())
    except HemostatError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    status = main()
    logging.shutdown()
    sys.stderr.flush()
    # Temporal's native threads may abort a Python interpreter that ends in order (sdk-python #300).
    os._exit(status)
