"""`portcall sink`: a webhook consumer for experiments, correct by default and faulty by options."""
