"""Prints how far `trimtab grade` and math-verify agree, and on what they do not.

    python agreement.py VERDICTS GRADED [--show N]

VERDICTS is from math_verify_verdicts.py, GRADED what `trimtab grade` wrote for the same lines.
"""

import collections
import json
import sys


def main(verdicts, graded, show):
    rows = [{**json.loads(v), **json.loads(g)} for v, g in zip(open(verdicts), open(graded), strict=True)]
    for verdict in (True, False):
        asked = [row for row in rows if row["math_verify"] is verdict]
        same = sum(row["correct"] is verdict for row in asked)
        print(f"math-verify {'equal' if verdict else 'different'}: {len(asked)}, agreed {same} = {100 * same / len(asked):.2f} %")
        groups = collections.defaultdict(list)
        for row in asked:
            if row["correct"] is not verdict:
                groups[row["class"]].append(row)
        for name, members in sorted(groups.items(), key=lambda g: -len(g[1])):
            print(f"  {name}: {len(members)}")
            for row in members[:show]:
                print(f"    {row['gold']!r} | {row['extracted']!r} | {row['why']} | {row['math_verify_read']}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[4]) if len(sys.argv) > 4 else 0)
