"""The emulated load balancers carry traffic: a real Envoy follows the state document of the AWS emulator."""
