"""Payloads of real senders: registry events as ACR, distribution, Harbor and others write them."""
