"""The command line: what a person or a script can do with an installation."""
