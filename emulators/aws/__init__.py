"""An emulated AWS account: an ELBv2 and an SQS as strict as the real ones, and moto for EC2, ACM and STS.

Written from AWS's documents and the botocore service model alone, never from the product's code: a call that passes
here must pass on AWS, and what AWS refuses is refused here with the same wire code. Start it with
`emulators.aws.server.AwsEmulator` (HTTP on loopback), `emulators.aws.inprocess.strict_aws` (no socket at all) or
`python -m emulators.aws`.
"""
