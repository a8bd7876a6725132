"""`python -m gateway` is the command `memory-gateway`."""

from gateway.cli import app

app()
