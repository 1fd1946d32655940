"""The operators' page: what became of events, dead letters, policies, workers; in a browser."""
