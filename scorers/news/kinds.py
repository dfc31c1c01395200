"""Kinds of event in words, and how far a report reaches: what is said of news without reading any. Light to import."""

import numpy as np

from scorers.base import Floats

EVENT_MESSAGES = {
    "insolvency": "Insolvency",
    "sanction": "Sanction or penalty",
    "fraud_investigation": "Fraud or investigation",
    "breach": "Data breach or outage",
    "recall": "Recall or quality defect",
    "closure": "Closure or halted production",
    "downgrade": "Rating downgrade",
    "accident": "Accident",
    "lawsuit": "Lawsuit",
    "strike": "Strike",
    "layoffs": "Layoffs",
    "profit_warning": "Loss or profit warning",
    "exec_departure": "Executive departure",
    "mna": "Merger, acquisition or sale",
}
"""What the kinds of event that taxonomy.json tells apart are called."""

EVENTS = tuple(EVENT_MESSAGES)
"""Their names; an array of events holds places in this, -1 for none of them."""

MOST_REACH = 3.0
"""Seven outlets and more count alike: one wire story in forty papers is still one incident."""


def reach(outlets: Floats) -> Floats:
    """Return the factors 1..3, log2(1 + outlets), by which `outlets` >= 1 distinct outlets raise an incident."""
    return np.asarray(np.minimum(np.log2(1.0 + outlets), MOST_REACH), dtype=np.float64)
