"""The audit: is every accepted event accounted for?"""
