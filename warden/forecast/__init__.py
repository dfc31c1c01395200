"""Forecasts from files: the service's own scorers over plain tables, without a database (docs/likelihood.md).

It reads no clock, stores nothing and knows nothing of the service; what each module does stands at its head.
"""
