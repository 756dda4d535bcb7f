"""Lets `python -m bench` work."""

from bench.command import main

main()
