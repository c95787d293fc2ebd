"""A world of its own for a case: a forked process, so that the state before it, once made, serves many cases.

Only for worlds without sockets and servers; the emulated AWS in this process is one.
"""

from __future__ import annotations

import gc
import os
import traceback
import warnings
from collections.abc import Callable


def fork(work: Callable[[], str]) -> str:
    """Do some work in a forked process and return its text.

    Raises:
        AssertionError: the work raised; the text is its traceback.
    """
    reader, writer = os.pipe()
    gc.freeze()  # a collection in the child would copy every page
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # other threads (a test runner's) hold no lock we take
        child = os.fork()
    if child == 0:
        gc.disable()
        os.close(reader)
        _work_and_die(work, writer)
    gc.unfreeze()
    os.close(writer)
    with os.fdopen(reader, encoding="utf-8") as pipe:
        verdict, text = pipe.read(1), pipe.read()
    os.waitpid(child, 0)
    if verdict != "+":
        raise AssertionError(text or "the forked process died")
    return text


def _work_and_die(work: Callable[[], str], writer: int) -> None:
    text = "-"
    try:
        text = f"+{work()}"
    except BaseException:  # noqa: BLE001 - nothing may pass: the code behind the fork is the parent's
        text = f"-{traceback.format_exc()}"
    finally:
        with os.fdopen(writer, "w", encoding="utf-8") as pipe:
            pipe.write(text)
        os._exit(0)
