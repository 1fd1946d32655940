"""What processes show of themselves, put together: figures, and whether they are well."""
