"""The built-in exchange: its books, its rules, and the two ways to reach it, in-process and over loopback HTTP."""
