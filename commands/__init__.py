"""The commands: thin, over the library. A command imports what it needs when it runs."""
