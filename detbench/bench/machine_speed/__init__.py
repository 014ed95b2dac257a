"""Machine speed: how fast the machine is around each turn, whatever the model does."""
