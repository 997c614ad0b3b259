"""The store behind the store port: sealed rows, group commit, and the log's rows, over an exchangeable engine.

`sqlite.open_sqlite_store` opens one. `engine` is what an engine must do; `sqlite_engine` is the one that is built in.
Everything else here knows no database: `writer` commits batches, `batch` is what commands see of one, `codec` seals
rows, `log_reader` makes proofs, `change_feed` wakes those who follow what becomes of bindings. What is decided about
rows belongs to the use cases.
"""
