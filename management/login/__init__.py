"""Login: how clients of Azure get a token, and the tokens that Portcall issues."""
