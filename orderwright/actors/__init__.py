"""The shell that acts: classes with a mailbox over a port, and the few lines that put them on Pykka."""
