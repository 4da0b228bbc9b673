"""Where webhooks may lead to: addresses and ports, and the settings that allow more."""
