"""Scorers: what it means. Pure functions of arrays and a moment."""
