"""Who is to be told: one module per place that knows."""
