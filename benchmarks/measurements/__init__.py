"""One module for each measurement; each knows what is measured, not how the figures are kept."""
