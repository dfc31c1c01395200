"""Tells whether what somebody wrote can be seen: a reason of spaces no eye sees is none, a name hides nothing."""

import unicodedata


def is_visible(text: str) -> bool:
    """Tell whether `text` has a character that is neither white space nor a control nor a format character."""
    return any(unicodedata.category(one)[0] not in "ZC" for one in text)


def is_plain(text: str) -> bool:
    """Tell whether everything in `text` can be seen. Some scripts and emoji need the joiners U+200C and U+200D."""
    return text.replace("\u200c", "").replace("\u200d", "").isprintable()
