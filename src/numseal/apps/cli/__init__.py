"""The command line, one command a module. A module imports only what its own command needs, to start fast."""
