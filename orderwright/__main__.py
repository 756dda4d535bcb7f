"""Lets `python -m orderwright` be the command line."""

from orderwright.cli.main import main

main()
