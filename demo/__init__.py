"""The story behind `make demo`: three teams, two Gateways, one command. Knows both the product and the emulators."""
