"""`python -m warden`."""

from warden.cli import main

main()
