"""A stand-in LeadBoxer: the Track API on loopback, for development, tests and demonstrations."""
