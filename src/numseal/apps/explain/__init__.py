"""Pages that explain evidence, verdicts and verifications to people. No store, no file, no command line here."""
