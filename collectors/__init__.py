"""Collectors: what to read. One file per kind of source; they know nothing of databases or of the web."""
