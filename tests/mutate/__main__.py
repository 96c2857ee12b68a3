"""Mutates lines at random and counts what the tests notice: ``python -m tests.mutate``.

``--lines 100 --seed 0`` draws a hundred lines of each package; ``--base main`` takes every line of
the files that differ from a commit. ``--again`` tries the mutants that survived last time.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import time

from tests.mutate.children import Outcome, Trial, patience, without
from tests.mutate.covering import HOME, PACKAGES, ROOT, Covering, git, product, refresh
from tests.mutate.mutations import Mutation, sampled
from tests.mutate.page import NOTICED, page
from tests.mutate.session import alive, imported, preload

CAP = 90.0  # seconds of tests for a mutant
LAST = HOME / "last.json"  # what came of the latest run


def main() -> None:
    arguments = _arguments()
    os.chdir(ROOT)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    started = time.monotonic()
    if not arguments.stale:
        refresh()
    sources = product()
    covering = Covering(sources)
    chosen = _again(sources) if arguments.again else _chosen(arguments, sources)
    files = tuple(arguments.tests or ())
    trials = [Trial(name, one, files, (10.0,) * len(files), True) for name, one in chosen]
    trials = (
        trials
        if files
        else [_trial(covering, name, one, arguments.seconds) for name, one in chosen]
    )
    preload()
    done = tried(trials, sources, arguments.jobs)
    minutes = (time.monotonic() - started) / 60
    if arguments.again:
        done += _noticed_before(sources)
    _keep(done, sources)
    text = page(done, arguments, sources, minutes)
    print(text)
    if arguments.table:
        path = ROOT / "tests" / "benchmarks" / "results" / "mutations.md"
        path.write_text(text, encoding="utf-8")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutate", description=__doc__)
    parser.add_argument("--lines", type=int, default=100, help="lines of each package")
    parser.add_argument("--seed", type=int, default=0, help="of the draw")
    parser.add_argument("--base", help="files that differ from this commit, instead of a draw")
    parser.add_argument("--package", choices=PACKAGES, action="append", help="these alone")
    parser.add_argument("--again", action="store_true", help="what survived last time")
    parser.add_argument("--seconds", type=float, default=CAP, help="of tests for a mutant")
    parser.add_argument("--tests", nargs="+", help="files of tests to try, not those that run it")
    parser.add_argument("--stale", action="store_true", help="use the record as it is")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--table", action="store_true", help="write tests/benchmarks/results")
    return parser.parse_args()


def _chosen(arguments: argparse.Namespace, sources: dict[str, bytes]) -> list[tuple[str, Mutation]]:
    """One mutation of each drawn line; of every line of the files that changed."""
    found: list[tuple[str, Mutation]] = []
    for package in arguments.package or PACKAGES:
        draw = random.Random(f"{arguments.seed} {package}")
        files = {name: text for name, text in sources.items() if name.startswith(f"{package}/")}
        if arguments.base:
            changed = set(git("diff", "--name-only", arguments.base).split())
            files = {name: text for name, text in files.items() if name in changed}
        lines = list(sampled(files))
        draw.shuffle(lines)
        count = len(lines) if arguments.base else arguments.lines
        for name, _, several in lines:
            draw.shuffle(several)
            fitting = (one for one in several if one.compiles(sources[name]))
            if count and (one := next(fitting, None)):
                found.append((name, one))
                count -= 1
    return found


def _trial(covering: Covering, name: str, mutation: Mutation, most: float) -> Trial:
    found = covering.of(name, mutation.line)
    tests = covering.chosen(found, most)
    seconds = tuple(covering.seconds.get(test, 1.0) for test in tests)
    return Trial(name, mutation, tuple(tests), seconds, "" in found)


def tried(trials: list[Trial], sources: dict[str, bytes], jobs: int) -> list[Outcome]:
    """What came of each; only tests that pass without the mutation count as noticing."""
    outside = [one for one in trials if one.at_import and not _in_function(sources, one)]
    inside = [one for one in trials if one not in outside]
    done = [Outcome(one, "survived") for one in trials if not one.tests]
    done += _sound(alive, [one for one in inside if one.tests], sources, jobs)
    # What ran at an import too has to be imported anew before it counts as survived.
    again = [one.trial for one in done if one.status == "unfit" or _doubtful(one)]
    done = [one for one in done if one.trial not in again]
    return done + _sound(imported, again + [one for one in outside if one.tests], sources, jobs)


def _doubtful(one: Outcome) -> bool:
    return one.status == "survived" and one.trial.at_import and bool(one.trial.tests)


def _in_function(sources: dict[str, bytes], trial: Trial) -> bool:
    """Whether a living function can be given the mutation: the module's own code is the same."""
    old = sources[trial.name]
    codes = [compile(text, "m", "exec") for text in (old, trial.mutation.applied(old))]
    return _import_code(codes[0]) == _import_code(codes[1])


def _import_code(code: object) -> list[object]:
    """What of a module runs when it is imported: its own code and that of its classes."""
    inner = [one for one in code.co_consts if hasattr(one, "co_code")]  # type: ignore[attr-defined]
    run = [one for one in inner if not one.co_flags & 2 or one.co_name.startswith("<")]
    frees = [one.co_freevars for one in inner if one not in run]
    plain = [one for one in code.co_consts if one not in inner]  # type: ignore[attr-defined]
    own = [code.co_code, code.co_names, repr(plain), frees]  # type: ignore[attr-defined]
    lambdas = [one for one in run if one.co_name != "<lambda>"]
    return [own, *(_import_code(one) for one in lambdas)]


def _sound(way, trials: list[Trial], sources: dict[str, bytes], jobs: int) -> list[Outcome]:  # type: ignore[no-untyped-def]
    """Outcomes; a test that fails, or takes as long, without a mutation is left out."""
    done = way(trials, sources, jobs)
    late = {one.by: patience(one.trial, one.by) / 3 for one in done if one.status == "timed out"}
    names = tuple(sorted({one.by for one in done if "::" in one.by}))
    if not names:
        return done
    [whole] = way([Trial("", None, names, (15.0,) * len(names), False)], sources, 1)
    broken = {*whole.failed, *([whole.by] if whole.status in ("timed out", "crashed") else [])}
    broken |= {test for test in late if whole.seconds.get(test, 0.0) > late[test]}
    if not broken:
        return done
    print("left out, for they fail without a mutation:", *sorted(broken), file=sys.stderr)
    spoiled = [without(one.trial, broken) for one in done if one.by in broken]
    kept = [one for one in done if one.by not in broken]
    kept += [Outcome(one, "survived") for one in spoiled if not one.tests]
    return kept + _sound(way, [one for one in spoiled if one.tests], sources, jobs)


def _keep(done: list[Outcome], sources: dict[str, bytes]) -> None:
    """Writes what came of each, beside the text of its line."""
    rows = []
    for one in done:
        mutation = one.trial.mutation
        text = sources[one.trial.name].splitlines(keepends=True)
        before = sum(map(len, text[: mutation.line - 1]))
        span = [mutation.start - before, mutation.end - before, mutation.new.decode()]
        row = [one.trial.name, text[mutation.line - 1].decode(), *span, mutation.label]
        rows.append([one.status, one.by, *row, mutation.line])
    LAST.write_text(json.dumps(rows, indent=0))


def _again(sources: dict[str, bytes]) -> list[tuple[str, Mutation]]:
    """The mutants that were not noticed, where their lines are now, if they are."""
    return [
        (name, mutation) for status, _, name, mutation in _kept(sources) if status not in NOTICED
    ]


def _noticed_before(sources: dict[str, bytes]) -> list[Outcome]:
    """What the latest run, of which this one tries the rest again, noticed already."""
    return [
        Outcome(Trial(name, mutation, (by,), (0.0,), False), status, by)
        for status, by, name, mutation in _kept(sources)
        if status in NOTICED
    ]


def _kept(sources: dict[str, bytes]) -> Iterator[tuple[str, str, str, Mutation]]:
    """The outcomes of the latest run, their lines found by what stands in them."""
    for status, by, name, text, start, end, new, label, line in json.loads(LAST.read_text()):
        lines = sources.get(name, b"").splitlines(keepends=True)
        places = [k for k, one in enumerate(lines) if one.decode() == text]
        if places:
            place = min(places, key=lambda k: abs(k - line + 1))
            before = sum(map(len, lines[:place]))
            at = Mutation(place + 1, before + start, before + end, new.encode(), label)
            yield status, by, name, at


if __name__ == "__main__":
    main()
