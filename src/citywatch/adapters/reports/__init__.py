"""Reports as files: PDF for people, Parquet for machines."""
