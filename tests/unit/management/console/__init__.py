"""What the console works out without a request."""
