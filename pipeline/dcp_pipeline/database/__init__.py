"""The sink's database as a server: connections, transactions that are tried again, errors and what they mean."""
