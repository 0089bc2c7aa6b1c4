"""What our processes have in common: how they take memory, hear that they are to stop, and what they end with."""
