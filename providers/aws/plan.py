"""The exact calls that lead from what is observed to what is wanted, in an order that keeps traffic. Pure, no SDK.

What each call reads from its Change stands in `providers.aws.calls`.
"""
