"""The database's schema: numbered SQL files, applied once each, in order."""
