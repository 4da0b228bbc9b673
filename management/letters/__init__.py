"""Dead letters and unrouted messages: looked into, sent again, thrown away."""
