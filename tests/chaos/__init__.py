"""Real processes under fire: what was accepted must be delivered, dead or waiting, whatever dies when."""
