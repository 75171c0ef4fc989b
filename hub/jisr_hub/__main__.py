"""`python -m jisr_hub` is the command jisr-hub."""

from .cli import main

main()
