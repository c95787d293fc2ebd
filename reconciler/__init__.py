"""The centre of routewright: snapshot in, values out.

Standard library only: no I/O, no clock, no environment, no cloud word. What the edges owe it stands in `ports`.
"""
