"""Adds math-verify's verdict to every pair.

    python math_verify_verdicts.py PAIRS OUT

Versions: math-verify 0.9.0, latex2sympy2_extended 1.11.0, sympy 1.14.0, antlr4-python3-runtime 4.13.2. The call is
verify(parse("\\boxed{" + gold + "}"), parse(prediction)), all else as it comes: LatexExtractionConfig() and
ExprExtractionConfig(), 5 s for each of the three.
"""

import json
import logging
import multiprocessing
import sys
import time

from math_verify import parse, verify


def verdict(line):
    row = json.loads(line)
    begun = time.time()
    prediction = parse(row["prediction"])
    gold = parse("\\boxed{" + row["gold"] + "}")
    row["math_verify"] = verify(gold, prediction)
    row["math_verify_read"] = [str(gold)[:80], str(prediction)[:80]]
    row["seconds"] = round(time.time() - begun, 3)
    return json.dumps(row)


if __name__ == "__main__":
    logging.disable()
    lines = open(sys.argv[1]).read().splitlines()
    with multiprocessing.Pool(2) as pool, open(sys.argv[2], "w") as out:
        for done in pool.imap(verdict, lines, chunksize=50):
            out.write(done + "\n")
