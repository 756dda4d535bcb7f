"""The HTTP edge: Falcon resources over the switchboard, and the waitress server they run in."""
