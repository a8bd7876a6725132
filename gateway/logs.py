"""Structured logs: JSON lines on standard error, or readable ones on a terminal.

Events carry names, ids, counts and times; never a message, a memory or a key.
"""

import logging
import sys

import structlog


def configure(level: str) -> None:
    """Set up structlog for this process, and quieten libraries that would log contents."""
    if sys.stderr.isatty():
        renderer: structlog.types.Processor = structlog.dev.ConsoleRenderer(
            exception_formatter=structlog.dev.plain_traceback
        )
    else:
        renderer = structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    # At debug, sse-starlette logs the chunks that it sends and httpx the URLs that it calls.
    for name in ("sse_starlette", "httpx", "httpcore", "aiohttp", "asyncio"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # arq would log what failed with its traceback, whatever is in it; what matters is logged here.
    logging.getLogger("arq").setLevel(logging.CRITICAL)
    # What it says of a request that failed, `access` says better; the rest is noise at an exit.
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
