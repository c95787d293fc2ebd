"""Lambda's execution environments on a laptop: a function in processes of its own, with its timeout and its memory.

What Lambda does, by its documents: an environment takes one invocation at a time; one that runs longer than the
function's timeout, or needs more memory than the function has, is ended, and the next invocation gets a fresh one.
It knows nothing of what the function does.
"""

from emulators.runtime.environments import Environments, Function, InvocationError

__all__ = ["Environments", "Function", "InvocationError"]
