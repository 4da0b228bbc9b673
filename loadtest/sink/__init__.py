"""`portcall sink`: a webhook consumer to try senders with, right or wrong by flags."""
