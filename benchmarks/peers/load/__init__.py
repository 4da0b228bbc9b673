"""What other load testers are told to do: the same as `portcall loadtest`."""
