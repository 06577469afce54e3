"""What durable delivery costs, measured beside the alternatives in one run."""
