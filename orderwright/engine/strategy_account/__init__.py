"""The decider of one strategy account: what it may be told, what it decides, what follows."""
