"""Access: principals, and the tokens that they log in with."""
