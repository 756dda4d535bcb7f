"""Benchmarks of the product, each beside a reference measured in the same run; see `python -m bench --help`."""
