#!/usr/bin/env python3
# follow.py · Tests/Extending. Does to a copy of the sources what Docs/extending.md says, runs the sweep of that page and checks its
# results against a program of its own, which knows the definitions and not the page's closed forms. `make test-extending` runs it.
"""Follow Docs/extending.md in .build/extending, which is kept, so that a second time costs little."""

import csv
import os
import pathlib
import re
import subprocess
import sys
import tomllib

TOP = pathlib.Path(__file__).resolve().parents[2]
COPY = TOP / ".build/extending"
PAGE = "Docs/extending.md"
# Epochs of the trials with penalties that are trained a second time.
SHORT = 2

sys.path.insert(0, str(TOP / "Tests/Independent"))
sys.dont_write_bytecode = True
from repeat_trial import BETA_VALUES, INITIAL, INPUTS, NOISE, ORDER, Stream  # noqa: E402

# --- The page -----------------------------------------------------------------------------------------------------------------


def blocks(page):
    """(paragraph before it, language, text) of each fenced block."""
    found = re.findall(r"((?:^[^\n]+\n)*)\n?^```(\w*)\n(.*?)^```$", page, flags=re.MULTILINE | re.DOTALL)
    assert 2 * len(found) == page.count("```"), f"{PAGE} has a fence that is not understood"
    return found


def files_of(top):
    """What the copy has of the checkout, by path: everything but what is built, stored or hidden."""
    files = {}
    for folder, folders, names in os.walk(top):
        folders[:] = [name for name in folders if not name.startswith(".build") and name not in (".git", "results", "__pycache__")]
        for name in set(names) - {".git"}:
            path = pathlib.Path(folder, name)
            files[str(path.relative_to(top))] = path.read_bytes()
    return files


def follow(page, files):
    """Changes `files` as the page says. Gives the commands of the page and the files that it makes."""
    commands, made = [], []
    for before, language, text in blocks(page):
        make = re.search(r"Make `([^`]+)`:", before)
        below = re.search(r"In `([^`]+)`, below `([^`]+)`:", before)
        if language == "sh":
            commands += text.splitlines()
        elif make:
            assert make[1] not in files, f"{make[1]} is there before {PAGE} makes it"
            files[make[1]] = text.encode()
            made.append(make[1])
        elif below:
            file = below[1]
            lines = files[file].decode().splitlines(keepends=True)
            found = [number for number, line in enumerate(lines) if line.strip() == below[2].strip()]
            assert len(found) == 1, f"{file} has {len(found)} lines {below[2]!r}, where {PAGE} needs one"
            lines[found[0] + 1 : found[0] + 1] = [text]
            files[file] = "".join(lines).encode()
        else:
            sys.exit(f"{PAGE} does not say what to do with:\n{text}")
    return commands, made


def write(files):
    """Makes the copy have these files; one that is right already keeps its time, for the build's sake."""
    for path in set(files_of(COPY)) - set(files) if COPY.exists() else ():
        (COPY / path).unlink()
    for path, content in files.items():
        target = COPY / path
        if not target.exists() or target.read_bytes() != content:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        target.chmod((TOP / path).stat().st_mode if (TOP / path).exists() else 0o644)


def run(command):
    print(f"+ {command}", flush=True)
    subprocess.run(command, shell=True, check=True, cwd=COPY, stdout=subprocess.DEVNULL)


def table(path):
    with open(COPY / path, newline="") as file:
        return list(csv.DictReader(file))


# --- Linear regression from its definitions -------------------------------------------------------------------------------------


def dot(a, b):
    return sum(x * y for x, y in zip(a, b))


def mean(rows):
    return [sum(column) / len(rows) for column in zip(*rows)]


def squared_distance(a, b):
    return sum((x - y) ** 2 for x, y in zip(a, b))


def loss(sweep, row, epochs):
    """Population risk of the trial in this row of results.csv after so many epochs."""
    d, n, size = sweep["problem"]["dimension"], sweep["problem"]["samples"], sweep["training"]["batch_size"]
    seed = sweep.get("seed", 1)
    t, i, k = int(row["training_set"]), int(row["initialization"]), int(row["replicate"])
    rate, lambda1, lambda2 = float(row["learning_rate"]), float(row["lambda1"]), float(row["lambda2"])
    values, inputs, noise = Stream(seed, BETA_VALUES), Stream(seed, INPUTS, training_set=t), Stream(seed, NOISE, training_set=t)
    initial = Stream(seed, INITIAL, initialization=i)
    beta = [values.normal() for _ in range(d)]
    X = [[inputs.normal() for _ in range(d)] for _ in range(n)]
    y = [dot(x, beta) + noise.normal() for x in X]
    w = [initial.normal() for _ in range(d)]

    def gradients(w):
        return [[2 * (dot(x, w) - label) * value for value in x] for x, label in zip(X, y)]

    for epoch in range(epochs):
        order = Stream(seed, ORDER, epoch, t, i, k).permutation(n)
        for batch in (order[first : first + size] for first in range(0, n, size)):

            def penalty(w):
                """Eq. 11 and 12 of the paper."""
                g = gradients(w)
                whole = mean(g)
                reg1 = sum(squared_distance(one, whole) for one in g) / n
                return lambda1 * reg1 + lambda2 * squared_distance(mean([g[place] for place in batch]), whole)

            def slope(j):
                # Both penalties are quadratic in w, so the central difference has no error but rounding, whatever its step.
                up, down = [*w], [*w]
                up[j], down[j] = w[j] + 1, w[j] - 1
                return (penalty(up) - penalty(down)) / 2

            g = gradients(w)
            direction = mean([g[place] for place in batch])
            if lambda1 or lambda2:
                direction = [value + slope(j) for j, value in enumerate(direction)]
            w = [value - rate * step for value, step in zip(w, direction)]
    return squared_distance(w, beta) + 1


# --- What has to come out -------------------------------------------------------------------------------------------------------


def check(sweep, directory):
    rows = table(f"{directory}/results.csv")
    grid = sweep["grid"]
    groups = grid["training_sets"] * grid["initializations"] * grid["repeats"]
    assert len(rows) == groups * len(sweep["settings"]), f"{len(rows)} rows"
    assert all(row["problem"] == "linear-regression" and row["outcome"] == "done" for row in rows)
    # A learning rate this small stands still: its loss is the one at the start.
    still = {place(row): float(row["test_loss"]) for row in table("results/still/results.csv")}
    for row in rows:
        assert 1 < float(row["test_loss"]) < 0.5 * still[place(row)], row
    assert len({row["digest"] for row in rows}) == len(rows), "two trials have the same bits"
    # One group: the penalties' slopes cost a second an epoch, so that only the plain trial is trained to its end.
    for row in rows[-len(sweep["settings"]) :]:
        if float(row["lambda1"]) == float(row["lambda2"]) == 0:
            compare(row, loss(sweep, row, sweep["training"]["epochs"]))
    for row in table("results/short/results.csv")[-len(sweep["settings"]) :]:
        compare(row, loss(sweep, row, SHORT))


def compare(row, expected):
    found = float(row["test_loss"])
    assert abs(found - expected) <= 1e-10 * expected, f"{row}: the definitions give {expected}"


def place(row):
    return row["training_set"], row["initialization"]


def main():
    page = (TOP / PAGE).read_text()
    files = files_of(TOP)
    commands, made = follow(page, files)
    (name,) = (path for path in made if path.endswith(".toml"))
    sweep = tomllib.loads(files[name].decode())
    assert sweep["problem"].get("noise_variance", 1) == 1
    changes = {
        "still": (f'learning_rates = {sweep["training"]["learning_rates"]}', "learning_rates = [1e-15]"),
        "short": (f'epochs = {sweep["training"]["epochs"]}', f"epochs = {SHORT}"),
    }
    for other, (old, new) in changes.items():
        text = files[name].decode()
        assert text.count(old) == 1
        files[f"{other}.toml"] = text.replace(old, new).replace(f'"{sweep["name"]}"', f'"{other}"').encode()
    write(files)
    run("rm -rf results")
    run("swift format lint --strict " + " ".join(path for path in made if path.endswith(".swift")))
    for command in commands:
        run(command)
    for other in changes:
        run(f".build/release/regsweep run {other}.toml --workers 2 --quiet")
    run(f".build/release/regsweep run {name} --workers 1 --quiet --out results/alone")
    directory = f'results/{sweep["name"]}'
    for tables in ("results.csv", "summary.csv", "curves.csv"):
        one, two = ((COPY / folder / tables).read_bytes() for folder in ("results/alone", directory))
        assert one == two, f"{tables} of one worker and of two differ"
    check(sweep, directory)
    print(f"{PAGE} was followed: {len(made)} files made, the sweep's losses are as defined, on one worker and on two")


if __name__ == "__main__":
    main()
