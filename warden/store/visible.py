"""Tells whether what somebody wrote can be seen at all: a reason of spaces no eye sees is none."""

import unicodedata


def is_visible(text: str) -> bool:
    """Tell whether `text` has a character that is neither white space nor a control nor a format character."""
    return any(unicodedata.category(one)[0] not in "ZC" for one in text)
