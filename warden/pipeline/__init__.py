"""The road: collect, attribute, assess, decide, notify; the digest on its own clock. Stages never call each other."""
