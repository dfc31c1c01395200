"""Reading one article: language, partners named, tone, event. Pure."""
