"""A shop whose orders are tracked: leadrelay in a Django project."""
