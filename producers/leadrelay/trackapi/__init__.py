"""The Track API's protocol, pure: parameters, encoding, answers."""
