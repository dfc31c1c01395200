"""Warden: early warning for business partnerships."""

__version__ = "0.1.0"
