"""Sessions of the console: signed cookies, notices, forged requests."""
