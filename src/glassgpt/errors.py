"""What can go wrong, each with one line for the person at the keyboard and an exit status."""

from __future__ import annotations


class GlassError(Exception):
    """A failure whose message is all its reader needs: what was wrong, where, what is right."""

    exit_code = 1


class ConfigError(GlassError, ValueError):
    """A setting that cannot work."""

    exit_code = 2


class DataError(GlassError, ValueError):
    """A data set or a text that cannot be used."""

    exit_code = 2


class RunError(GlassError):
    """A run directory or model file that cannot be read or written."""


class EngineError(GlassError):
    """An engine that is not there or cannot do what is asked."""

    exit_code = 2


class DivergedError(GlassError, FloatingPointError):
    """Training produced a loss that is not a finite number."""
