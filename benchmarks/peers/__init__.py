"""What users write instead of Portcall; the scripts run in an environment of their own."""
