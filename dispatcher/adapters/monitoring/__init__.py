"""What the processes on one machine show of themselves: figures, and whether they are well."""
