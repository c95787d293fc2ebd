"""`python -m tests.conformance`: the upstream suite against the real API server, the strict AWS and Envoy.

Exit code 0 only if every test passed that `skips.yaml` does not name, and every test that it names was left out.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rich.console import Console

from demo.stage import Stage
from tests.conformance.profiles import PROFILES, Profile
from tests.conformance.programs import ensure_programs, images
from tests.conformance.report import judge, show
from tests.conformance.run import run
from tests.conformance.setting import setting
from tests.conformance.summary import summary

REPORTS = Path(__file__).parents[2] / "docs" / "conformance" / "aws"


def main() -> int:
    """Run the profiles asked for, one after the other; print what each gave."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__)
    parser.add_argument(
        "profiles", nargs="*", type=PROFILES.__getitem__, help=f"of {', '.join(sorted(PROFILES))}; or all"
    )
    parser.add_argument("--run-test", default="", help="run this single test of the suite, and write no report")
    options = parser.parse_args()
    console = Console(highlight=False)
    chosen = options.profiles or [PROFILES[name] for name in sorted(PROFILES)]
    wrong = [one for one in chosen if not _passed(one, options.run_test, console)]
    if not options.run_test:
        (REPORTS.parent / "README.md").write_text(summary(REPORTS))
    return 1 if wrong else 0


def _profile(name: str) -> Profile:
    if name not in PROFILES:
        raise argparse.ArgumentTypeError(f"no profile {name!r}; known are {', '.join(sorted(PROFILES))}")
    return PROFILES[name]


def _passed(profile: Profile, only: str, console: Console) -> bool:
    programs = ensure_programs()
    with Stage(setting(images(programs))) as stage:
        results = run(programs.suite, profile, stage, console, only)
        verdict = judge(profile, results)
        if verdict.ok and not only:
            verdict.write(REPORTS)
    if results.exit_code or (not only and not verdict.ok):
        console.print(f"logs of the suite and of the functions: {results.log.parent}", style="red")
    if only:
        return results.exit_code == 0
    show(profile, verdict, console)
    return verdict.ok


if __name__ == "__main__":
    sys.exit(main())
