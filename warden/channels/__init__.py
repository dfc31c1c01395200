"""One file per outbound channel."""
