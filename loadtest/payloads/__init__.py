"""What real senders say: registry events as ACR, distribution, Harbor and Docker Hub write them."""
