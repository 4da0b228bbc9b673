"""The forms of other registries: what their own webhooks would send, for receivers that read them.

None of them has an event for each of ACR's actions: what a form cannot say is not sent.
"""
