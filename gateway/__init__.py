"""Memory Gateway: an OpenAI-compatible proxy that gives any client a long-term memory."""

__version__ = "0.1.0"
