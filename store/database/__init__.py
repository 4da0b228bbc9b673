"""The database: connections, transactions, tables, counters, migrations."""
