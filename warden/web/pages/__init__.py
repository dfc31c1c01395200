"""The pages, one router per page."""
