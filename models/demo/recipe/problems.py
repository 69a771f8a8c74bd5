"""Word problems with worked solutions, and the mixture of writing habits that the demonstration model learns.

    python problems.py FOLDER        write problems-train.jsonl and problems-test.jsonl
    python problems.py --show 12     print training documents to look at

Whatever is random is drawn from the `random.Random` that is passed in: one seed always makes the same text.
"""

import argparse
import json
import random
from dataclasses import dataclass, field
from pathlib import Path

NAMES = (
    "Ada Ben Cleo Dan Eva Finn Gina Hugo Iris Jack Kim Leo Mia Noah Olga Paul Rosa Sam Tina Umar Vera Will Yara Zoe"
).split()
ITEMS = (
    "apples books coins cards pens shells stamps marbles eggs cakes tickets stickers beads plums stones buttons"
).split()
CONTAINERS = "boxes bags jars trays baskets shelves packs crates".split()
NO_ANSWERS = ["I do not know.", "Ask someone else.", "That is a nice question.", "Who wants to know?"]

LARGEST_ANSWER = 99
DRILL_SHARE = 0.3
SUMS_IN_A_DRILL = 8
# What a guess is off by.
MISSES = [-10, -5, -3, -2, -1, 1, 2, 3, 5, 10, 20]
LUCKY_GUESS = 0.15

# Files of the repository: name, problems, seed.
FILES = [("problems-train.jsonl", 2000, 7), ("problems-test.jsonl", 512, 999)]

OPERATIONS = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a // b,
}


@dataclass(frozen=True)
class Step:
    """One line of a solution: `phrase left op right`. None stands for the result of the step before."""

    phrase: str
    left: int | None
    op: str
    right: int | None

    def operands(self, before):
        return (before if self.left is None else self.left, before if self.right is None else self.right)


@dataclass
class Problem:
    question: str
    steps: list[Step]
    answer: int = field(init=False)

    def __post_init__(self):
        value = None
        for step in self.steps:
            value = OPERATIONS[step.op](*step.operands(value))
        self.answer = value


def pick(rng, choices):
    return choices[rng.randrange(len(choices))]


def gain_and_loss(rng):
    name, item = pick(rng, NAMES), pick(rng, ITEMS)
    start, gift = rng.randint(5, 50), rng.randint(3, 45)
    sold = min(rng.randint(2, start + gift - 1), 60)
    return Problem(
        f"{name} has {start} {item}. A friend gives {name} {gift} more {item}, and then {name} sells {sold} {item}. "
        f"How many {item} does {name} have left?",
        [Step(f"After the gift {name} has", start, "+", gift), Step(f"After the sale {name} has", None, "-", sold)],
    )


def containers(rng):
    name, item, container = pick(rng, NAMES), pick(rng, ITEMS), pick(rng, CONTAINERS)
    count, each = rng.randint(2, 9), rng.randint(2, 9)
    outside = rng.randint(1, 30)
    return Problem(
        f"{name} fills {count} {container} with {each} {item} each and keeps {outside} {item} outside. "
        f"How many {item} are there in all?",
        [Step(f"The {container} hold", count, "*", each), Step("Together there are", None, "+", outside)],
    )


def sharing(rng):
    name, item = pick(rng, NAMES), pick(rng, ITEMS)
    friends, each = rng.randint(2, 9), rng.randint(2, 9)
    returned = rng.randint(1, each - 1)
    return Problem(
        f"{name} shares {friends * each} {item} equally among {friends} friends. Each friend then gives back {returned}. "
        f"How many {item} does each friend keep?",
        [Step("Each friend gets", friends * each, "/", friends), Step("Each friend keeps", None, "-", returned)],
    )


def change(rng):
    name, item = pick(rng, NAMES), pick(rng, ITEMS)
    count, price = rng.randint(2, 9), rng.randint(2, 9)
    paid = count * price + rng.randint(1, 18)
    return Problem(
        f"{name} buys {count} {item} for {price} dollars each and pays with {paid} dollars. "
        f"How many dollars does {name} get back?",
        [Step("The price is", count, "*", price), Step(f"{name} gets back", paid, "-", None)],
    )


def two_people(rng):
    first, second = rng.sample(NAMES, 2)
    item = pick(rng, ITEMS)
    count, more = rng.randint(3, 30), rng.randint(2, 30)
    return Problem(
        f"{first} has {count} {item}. {second} has {more} more {item} than {first}. "
        f"How many {item} do they have together?",
        [Step(f"{second} has", count, "+", more), Step("Together they have", count, "+", None)],
    )


def times_as_many(rng):
    first, second = rng.sample(NAMES, 2)
    item = pick(rng, ITEMS)
    count, times = rng.randint(2, 9), rng.randint(2, 9)
    lost = rng.randint(1, count * times - 1)
    return Problem(
        f"{first} has {count} {item}. {second} has {times} times as many. {second} loses {lost} {item}. "
        f"How many {item} does {second} have now?",
        [Step(f"{second} has", count, "*", times), Step(f"Now {second} has", None, "-", lost)],
    )


def days(rng):
    name, item = pick(rng, NAMES), pick(rng, ITEMS)
    many, daily, last = rng.randint(2, 5), rng.randint(2, 9), rng.randint(1, 5)
    return Problem(
        f"{name} finds {daily} {item} every day for {many} days and {last} {item} on the day after. "
        f"Then {name} doubles the collection. How many {item} does {name} have?",
        [
            Step(f"In {many} days {name} finds", daily, "*", many),
            Step("With the last day there are", None, "+", last),
            Step("Doubled there are", None, "*", 2),
        ],
    )


def three_shelves(rng):
    name, item = pick(rng, NAMES), pick(rng, ITEMS)
    first, second, third = (rng.randint(3, 33) for _ in range(3))
    return Problem(
        f"{name} puts {first} {item} on the first shelf, {second} on the second and {third} on the third. "
        f"How many {item} are on the shelves?",
        [Step("The first two shelves hold", first, "+", second), Step("All shelves hold", None, "+", third)],
    )


TEMPLATES = [gain_and_loss, containers, sharing, change, two_people, times_as_many, days, three_shelves]


def make_problem(rng):
    """A problem whose answer is from 0 to LARGEST_ANSWER."""
    while True:
        problem = pick(rng, TEMPLATES)(rng)
        if 0 <= problem.answer <= LARGEST_ANSWER:
            return problem


def miss(rng, value):
    """A number near the right one, never it, never negative."""
    while True:
        guess = max(0, value + rng.choice(MISSES))
        if guess != value:
            return guess


def guess(rng, value):
    return value if rng.random() < LUCKY_GUESS else miss(rng, value)


def solution(rng, problem, careless, boxed=True):
    """The solution in words. With probability `careless` a step guesses, and the steps after it go on from the guess."""
    sentences, before = [], None
    for step in problem.steps:
        left, right = step.operands(before)
        result = max(0, OPERATIONS[step.op](left, right))
        if rng.random() < careless:
            before = miss(rng, result) if rng.random() < 1 - LUCKY_GUESS else result
            sentences.append(f"{step.phrase} maybe {before}.")
        else:
            before = result
            sentences.append(f"{step.phrase} {left} {step.op} {right} = {before}.")
    sentences.append(f"The answer is \\boxed{{{before}}}." if boxed else f"So it is {before}.")
    return " ".join(sentences)


# How an answer is written: each habit's share, and the text after "Answer:".
HABITS = [
    (0.20, lambda rng, p: " Step by step: " + solution(rng, p, careless=0.0)),
    (0.12, lambda rng, p: " Step by step: " + solution(rng, p, careless=0.35)),
    (0.12, lambda rng, p: " Well, " + solution(rng, p, careless=0.0, boxed=False)),
    (0.10, lambda rng, p: " I guess " + solution(rng, p, careless=1.0, boxed=rng.random() < 0.5)),
    (0.12, lambda rng, p: f" {guess(rng, p.answer)}."),
    (0.30, lambda rng, p: f" \\boxed{{{guess(rng, p.answer)}}}."),
    (0.04, lambda rng, p: " " + pick(rng, NO_ANSWERS)),
]


def drill(rng):
    """A line of sums: where the arithmetic itself is learned."""
    sums = []
    for _ in range(SUMS_IN_A_DRILL):
        op = pick(rng, "++--*/")
        if op == "+":
            left, right = rng.randint(1, 60), rng.randint(1, 60)
        elif op == "-":
            left = rng.randint(2, 99)
            right = rng.randint(1, min(left, 60))
        else:
            left, right = rng.randint(2, 9), rng.randint(2, 9)
            if op == "/":
                left *= right
        sums.append(f"{left} {op} {right} = {OPERATIONS[op](left, right)}.")
    return "Sums:", " " + " ".join(sums)


def document(rng):
    """A training document as (given, written): a drill, or a question and its answer by one of the habits."""
    if rng.random() < DRILL_SHARE:
        return drill(rng)
    problem = make_problem(rng)
    draw = rng.random()
    for share, write in HABITS[:-1]:
        if draw < share:
            break
        draw -= share
    else:
        write = HABITS[-1][1]
    return f"Question: {problem.question}\nAnswer:", write(rng, problem)


def write_files(folder):
    """Writes the problem files; no question is in both."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, count, seed in FILES:
        rng = random.Random(seed)
        problems = [make_problem(rng) for _ in range(count)]
        rows = [json.dumps({"question": problem.question, "answer": str(problem.answer)}) for problem in problems]
        (folder / name).write_text("\n".join(rows) + "\n")
        print(f"{folder / name}: {count} problems")


def main():
    parser = argparse.ArgumentParser(description="Write the demonstration's problem files, or show its training text.")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("folder", nargs="?", type=Path, help="where problems-train.jsonl and problems-test.jsonl go")
    what.add_argument("--show", type=int, metavar="N", help="print N training documents instead")
    parser.add_argument("--seed", type=int, default=0, help="for --show (default 0)")
    options = parser.parse_args()
    if options.show is None:
        write_files(options.folder)
        return
    rng = random.Random(options.seed)
    for _ in range(options.show):
        print("".join(document(rng)), end="\n\n")


if __name__ == "__main__":
    main()
