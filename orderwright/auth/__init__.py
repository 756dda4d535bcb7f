"""Secrets of callers: how tokens are made and recognised without being kept."""
