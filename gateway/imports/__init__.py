"""Conversations held elsewhere, read from the exports of other applications."""
