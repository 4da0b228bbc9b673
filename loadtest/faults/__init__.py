"""What goes wrong on purpose: kinds, how often they come, what a right consumer does."""
