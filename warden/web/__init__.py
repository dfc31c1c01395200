"""The HTTP face: the API under /api/v1 and the pages. It reads the store and never sits on the road."""
