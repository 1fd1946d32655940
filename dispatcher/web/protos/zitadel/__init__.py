"""The messages of the API we mirror: public names and field numbers, nothing else."""
