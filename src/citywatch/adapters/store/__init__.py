"""The store: SQL for what people work on, Parquet for what machines measured, objects by their hash."""
