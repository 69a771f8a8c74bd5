"""Writes pairs of gold answers and predictions: gold answers re-spelt, and answers made wrong as models get them wrong.

    python pairs.py DATA OUT

DATA holds math/*.jsonl and gsm8k/*.jsonl. OUT/tuning.jsonl and OUT/held_out.jsonl get a line
{"gold", "prediction", "class", "meant"} for each pair; all pairs of one problem are in one of the two, by a hash of its
identity. `meant` is what the generator meant the pair to be, no verdict: some re-spellings of an odd answer are none.
"""

import hashlib
import json
import random
import re
import sys
from pathlib import Path

import sympy
from latex2sympy2_extended import latex2sympy

SEED = 20250518
FRAC = re.compile(r"\\[dt]?frac\{(-?\d+)\}\{(-?\d+)\}")
NUMBER = re.compile(r"(?<![\d.,{])\d+(?:\.\d+)?(?![\d,])")
UNITS = ["cm", "inches", "dollars", "miles", "degrees", "units", "square units", "apples", "hours"]
SENTENCES = [
    "Adding the two parts gives the result.\n\nTherefore the answer is $\\boxed{%s}$.",
    "We have $2 + 2 = 4$, and so on. After simplifying, \\[\\boxed{%s}\\]",
    "So the final result is \\boxed{%s}",
    "Step 1: read the question. Step 2: compute.\n\n**Final answer:** $\\boxed{%s}$",
    "First I found $\\boxed{17}$, which was a slip: the two cases were counted twice, and one of the terms was left out of the sum. "
    "Once more and with more care this time, the total comes to $\\boxed{%s}$.",
]
PLAIN = [
    "Working through it step by step, the answer is $%s$.",
    "Final Answer: The final answer is $%s$. I hope it is correct.",
    "$%s$",
]


def top_level(text, separators):
    """Cuts at separators outside of all brackets; keeps them as the odd elements."""
    parts, depth, start = [], 0, 0
    for i, char in enumerate(text):
        if char in "([{":
            depth += 1
        elif char in ")]}":
            depth -= 1
        elif char in separators and depth == 0 and i > start:
            parts += [text[start:i], char]
            start = i + 1
    return parts + [text[start:]]


def items(answer):
    """Opening bracket, items, closing bracket of a list, tuple or set."""
    match = re.fullmatch(r"\s*(\\left\s*)?(\(|\[|\\\{)(.*?)(\\right\s*)?(\)|\]|\\\})\s*", answer)
    inner = match.group(3) if match else answer
    parts = [part.strip() for part in top_level(inner, ",")[::2]]
    if any(part.count("(") != part.count(")") or part.count("{") != part.count("}") for part in parts):
        return None
    if re.fullmatch(r"-?\d{1,3}(,\d{3})+", answer) or len(parts) < 2 or "\\!" in answer or "{,}" in answer or "\\text" in answer:
        return None
    return (match.group(2) if match else "", parts, match.group(5) if match else "")


def as_expression(answer):
    """SymPy's reading of an answer that is one expression, or None."""
    if re.search(r"text|mbox|begin|cup|infty|%|\\\$|,|=|_|circ|:|pm|in |triangle|mathbf|le |f\(|[A-Z]", answer):
        return None
    try:
        value = latex2sympy(answer).doit()
        return value if isinstance(value, sympy.Expr) and not isinstance(value, sympy.Symbol) else None
    except Exception:
        return None


def latex(value):
    return sympy.latex(value, fold_short_frac=False)


def respellings(gold, rng):
    """(class, spelling) of the same answer."""
    number = re.fullmatch(r"-?\d+", gold)
    yield "same", gold
    if FRAC.search(gold):
        yield "dfrac", FRAC.sub(r"\\dfrac{\1}{\2}", gold)
        yield "tfrac", FRAC.sub(r"\\tfrac{\1}{\2}", gold)
        k = rng.randint(2, 9)
        yield "unreduced", FRAC.sub(lambda m: f"\\frac{{{int(m[1]) * k}}}{{{int(m[2]) * k}}}", gold)
        if FRAC.fullmatch(gold.lstrip("-")):
            yield "slash", FRAC.sub(r"\1/\2", gold)
            yield "minus_below", FRAC.sub(r"\\frac{-\1}{-\2}", gold)
            value = sympy.Rational(*map(int, FRAC.search(gold).groups()))
            if re.fullmatch(r"[25]*", "".join(map(str, sympy.factorint(value.q)))):
                yield "decimal", ("-" if gold[0] == "-" else "") + format(float(value), ".10f").rstrip("0")
            if value > 1:
                sign = "-" if gold[0] == "-" else ""
                yield "mixed", f"{sign}{value.p // value.q}\\frac{{{value.p % value.q}}}{{{value.q}}}"
    short = re.sub(r"\\frac\{(\d)\}\{(\d)\}", r"\\frac\1\2", gold)
    if short != gold:
        yield "short_frac", short
    if number:
        value = int(gold)
        yield "point_zero", f"{gold}.0"
        yield "unit", f"{gold}\\text{{ {rng.choice(UNITS)}}}"
        yield "equation", f"{rng.choice('xnxk')} = {gold}"
        yield "fraction_of_one", f"\\frac{{{value * 3}}}{{3}}"
        yield "bold", f"\\mathbf{{{gold}}}"
        if abs(value) >= 1000:
            for name, mark in [("comma", ","), ("latex_comma", "{,}"), ("thin_comma", ",\\!")]:
                yield name, f"{value:,}".replace(",", mark)
    if "\\!" in gold or "{,}" in gold:
        yield "no_separator", gold.replace(",\\!", "").replace("{,}", "").replace("\\!", "").replace(",", "")
        yield "plain_comma", gold.replace("\\!", "").replace("{,}", ",").replace(", ", ",")
    if "(" in gold and "\\left" not in gold:
        yield "left_right", gold.replace("(", "\\left(").replace(")", "\\right)")
    if "\\left" in gold:
        yield "no_left_right", gold.replace("\\left", "").replace("\\right", "")
    tight = re.sub(r"\s*([-+=,])\s*", r"\1", gold)
    if tight != gold and "text" not in gold:
        yield "tight", tight
    loose = re.sub(r"(?<=[\w})])([-+])", r" \1 ", gold)
    if loose != gold and "text" not in gold:
        yield "loose", loose
    if "\\sqrt" in gold:
        yield "sqrt_power", re.sub(r"(?<=\d) ?\\sqrt\{(\d+)\}", r" \\cdot \1^{1/2}", gold)
        yield "sqrt_under", re.sub(r"(\d+) ?\\sqrt\{(\d+)\}", lambda m: f"\\sqrt{{{int(m[1]) ** 2 * int(m[2])}}}", gold)
        yield "sqrt_dot", re.sub(r"(\d) ?\\sqrt", r"\1 \\cdot \\sqrt", gold)
    if "\\pi" in gold:
        yield "pi_first", re.sub(r"^(\d+) ?\\pi$", r"\\pi \\cdot \1", gold)
        yield "pi_outside", re.sub(r"\\frac\{(\d*) ?\\pi\}\{(\d+)\}", lambda m: f"\\frac{{{m[1] or 1}}}{{{m[2]}}}\\pi", gold)
    if "\\circ" in gold:
        yield "no_degree", re.sub(r"\s*\^(\{\\circ\}|\\circ)", "", gold)
        yield "degree_word", re.sub(r"\s*\^(\{\\circ\}|\\circ)", r"\\text{ degrees}", gold)
    if "\\%" in gold:
        yield "no_percent", gold.replace("\\%", "")
        yield "percent_word", gold.replace("\\%", "\\text{ percent}")
    if "\\$" in gold:
        yield "no_dollar", gold.replace("\\$", "").strip()
        yield "dollars", gold.replace("\\$", "").strip() + "\\text{ dollars}"
    if re.search(r"\\(text|mbox)\{ ?(cm|in|sq|un|mi|de|fe|ho|po|do|ga)", gold):
        yield "no_unit", re.sub(r"\s*\\(text|mbox)\{.*?\}(\^\d)?", "", gold)
        yield "bare_unit", re.sub(r"\\(?:text|mbox)\{(.*?)\}", r" \1", gold)
    if re.fullmatch(r"\\text\{.*\}", gold):
        yield "bare_text", gold[6:-1]
        yield "bold_text", f"\\textbf{{{gold[6:-1]}}}"
        if re.fullmatch(r"\\text\{\(\w\)\}", gold):
            yield "choice", gold[7:-2]
        elif re.fullmatch(r"\\text\{\w\}", gold):
            yield "choice_brackets", f"\\text{{({gold[6:-1]})}}"
        else:
            yield "lower_text", gold[:6] + gold[6:].lower()
    listed = items(gold)
    if listed:
        opening, parts, closing = listed
        if opening == "" or opening == "\\{":
            yield "reordered", opening + ", ".join(rng.sample(parts, len(parts))) + closing
            yield "as_set" if opening == "" else "no_braces", (
                "\\{" + ",".join(parts) + "\\}" if opening == "" else ", ".join(parts)
            )
            if opening == "":
                yield "and", ", ".join(parts[:-1]) + " \\text{ and } " + parts[-1]
                yield "or", ", ".join(parts[:-1]) + " \\text{ or } " + parts[-1]
    if "\\cup" in gold:
        parts = gold.split("\\cup")
        yield "union_reordered", " \\cup ".join(part.strip() for part in reversed(parts))
    if "pmatrix" in gold:
        yield "bmatrix", gold.replace("pmatrix", "bmatrix")
        yield "matrix_fracs", re.sub(r"(-?)(\d+)/(\d+)", r"\1\\frac{\2}{\3}", gold)
    if "=" in gold and "text" not in gold and "," not in gold:
        left, right = (side.strip() for side in gold.split("=", 1))
        yield "swapped_sides", f"{right} = {left}"
        if re.fullmatch(r"\w", left):
            yield "right_side", right
    if "\\pm" in gold and "{" != gold[1:2] and "," not in gold:
        yield "both_signs", gold.replace("\\pm", "+") + ", " + gold.replace("\\pm", "-")
    terms = top_level(gold, "+-")
    if len(terms) > 2 and not listed and re.search(r"[a-z\\]", gold) and not re.search(r"text|begin|=|cup|pm|,", gold):
        signed = [("+" if i == 0 else terms[2 * i - 1]) + " " + t.strip() for i, t in enumerate(terms[::2])]
        if terms[0].strip() and gold.strip()[0] != "-":
            yield "terms_reordered", " ".join(reversed(signed)).lstrip("+ ")
    value = as_expression(gold)
    if value is not None and not number:
        forms = {"expand": sympy.expand, "factor": sympy.factor, "together": sympy.together, "radsimp": sympy.radsimp}
        seen = {gold}
        for name, form in forms.items():
            try:
                spelling = latex(form(value))
            except Exception:
                continue
            if spelling not in seen:
                seen.add(spelling)
                yield name, spelling
        if value.free_symbols:
            x = sorted(value.free_symbols, key=str)[0]
            if re.fullmatch("[a-hj-z]", str(x)):
                moved = latex(sympy.expand(value.subs(x, x + 1)))
                yield "shifted", re.sub(rf"(?<![a-zA-Z\\]){x}(?![a-zA-Z])", f"({x}-1)", moved)
                yield "named", f"f({x}) = {gold}"
        elif value.is_real and abs(value) < 1e6 and not value.is_Rational:
            yield "decimal_10", str(sympy.N(value, 12))
        elif value.is_Rational and not value.is_Integer:
            yield "decimal_8", format(float(value), ".8f")


def wrong(gold, others, rng):
    """(class, answer) that a model might give in its place."""
    found = list(NUMBER.finditer(gold))
    if found:
        spot = rng.choice(found)

        def put(text):
            return gold[: spot.start()] + text + gold[spot.end() :]

        digits = spot.group()
        if "." not in digits:
            yield "off_by_one", put(str(int(digits) + rng.choice([1, -1]) if digits != "0" else 1))
            yield "ten_times", put(digits + "0") if digits != "0" else put("10")
        if len(digits) > 2 and digits[0] != digits[1]:
            yield "digits_swapped", put(digits[1] + digits[0] + digits[2:])
    if re.match(r"\s*-", gold):
        yield "sign_dropped", gold.lstrip()[1:]
    elif not re.search(r"text|begin|cup|=|^\s*[(\[]|\\\$|,", gold):
        yield "sign_added", f"-{gold}"
    inner = re.search(r"(?<=[\w}])\s*([-+])\s*(?=[\w\\])", gold)
    if inner and "text" not in gold:
        yield "sign_inside", gold[: inner.start(1)] + ("-" if inner[1] == "+" else "+") + gold[inner.end(1) :]
    fraction = FRAC.search(gold)
    if fraction and fraction[1] != fraction[2]:
        yield "upside_down", gold.replace(fraction.group(), f"\\frac{{{fraction[2]}}}{{{fraction[1]}}}", 1)
        yield "truncated", gold.replace(fraction.group(), f"{int(fraction[1]) / int(fraction[2]):.2f}", 1)
    listed = items(gold)
    if listed and "\\cup" not in gold:
        opening, parts, closing = listed
        if opening in ("(", "[") and len(set(parts)) > 1:
            yield "tuple_reversed", opening + ", ".join(reversed(parts)) + closing
        yield "one_missing", opening + ", ".join(parts[:-1]) + closing if len(parts) > 2 else parts[0]
        yield "one_more", opening + ", ".join([*parts, "7"]) + closing
    elif not re.search(r"text|begin|cup|=", gold):
        yield "one_of_two", f"{gold} \\text{{ or }} 7"
        yield "one_of_two", f"{gold}, 19"
    if re.search(r"[\[\]]|\((?=.*\\infty)", gold) and "sqrt[" not in gold:
        yield "other_bracket", gold.translate(str.maketrans("[]()", "()[]"))
    if "\\sqrt" in gold:
        yield "no_radical", re.sub(r"\\sqrt\{(\d+)\}", r"\1", gold)
    if "\\pi" in gold and re.search(r"\d ?\\pi", gold):
        yield "no_pi", re.sub(r"(?<=\d) ?\\pi", "", gold)
        yield "pi_3.14", re.sub(r"\\pi", r"\\cdot 3.14", gold)
    value = as_expression(gold)
    if value is not None and value.is_real and not value.is_Rational and abs(value) < 1e6:
        yield "decimal_2", f"{float(value):.2f}"
    yield "another", rng.choice(others)
    yield "another_alike", min(rng.sample(others, min(400, len(others))), key=lambda o: (o == gold, abs(len(o) - len(gold)), o))
    yield "unfinished", None


def completion(answer, rng, boxed):
    if answer is None:
        return "The expression can be simplified further, so we continue with the next case and"
    return (rng.choice(SENTENCES) if boxed else rng.choice(PLAIN)) % answer


def pick(rng, pairs, count):
    """At most one of each class and `count` in all."""
    by_class = {}
    for name, answer in pairs:
        by_class.setdefault(name, answer)
    return rng.sample(sorted(by_class.items(), key=lambda p: p[0]), min(count, len(by_class)))


def math_pairs(rows, rng):
    answers = [row["answer"] for row in rows]
    for row in rows:
        gold = row["answer"]
        plain = re.fullmatch(r"-?[\d.]+", gold)
        if plain and rng.random() > 0.3:
            continue
        boxed = lambda: rng.random() < 0.75
        for name, answer in pick(rng, ((n, a) for n, a in respellings(gold, rng) if n == "same" or a != gold), 3 if plain else 5):
            yield row["unique_id"], gold, completion(answer, rng, boxed()), name, True
        for name, answer in pick(rng, ((n, a) for n, a in wrong(gold, answers, rng) if a != gold), 2 if plain else 4):
            yield row["unique_id"], gold, completion(answer, rng, boxed()), name, False
        if rng.random() < 0.25:
            yield row["unique_id"], gold, row["solution"], "worked_solution", True


def gsm8k_pairs(rows, rng):
    for i, row in enumerate(rows):
        work, gold = (part.strip() for part in row["answer"].split("####"))
        work = re.sub(r"<<.*?>>", "", work)
        value = int(gold.replace(",", ""))
        spellings = {
            "gsm8k_sentence": f"{work}\nThe answer is {value:,}.",
            "gsm8k_dollar": f"{work}\nThe answer is ${value:,}.",
            "gsm8k_unit": f"{work} So the answer is {value} {rng.choice(UNITS)}.",
            "gsm8k_boxed": f"{work}\nSo the total is $\\boxed{{{value}}}$.",
            "gsm8k_hashes": f"{work}\n#### {gold}",
            "gsm8k_point": f"{work}\nThe final answer is {value}.00",
            "gsm8k_colon": f"{work}\nAnswer: {value}",
        }
        slip = value + rng.choice([-10, -1, 1, 2, 10, value])
        mistakes = {
            "gsm8k_slip": f"{work}\nThe answer is {slip:,}.",
            "gsm8k_slip_boxed": f"{work}\nSo the total is $\\boxed{{{slip}}}$.",
            "gsm8k_half": f"{work}\nThe answer is {value / 2 + 0.25}.",
            "gsm8k_ten_times": f"{work}\n#### {value * 10}",
        }
        for name, text in rng.sample(sorted(spellings.items()), 2):
            yield f"gsm8k/{i}", gold, text, name, True
        for name, text in rng.sample(sorted(mistakes.items()), 2):
            yield f"gsm8k/{i}", gold, text, name, value == slip if "slip" in name else False


def main(data, out):
    rng = random.Random(SEED)
    read = lambda name: [json.loads(line) for line in (data / name).read_text().splitlines()]
    rows = read("math/train.jsonl") + read("math/test-500.jsonl")
    gsm8k = rng.sample(read("gsm8k/train.jsonl") + read("gsm8k/test.jsonl"), 1000)
    out.mkdir(parents=True, exist_ok=True)
    files = {name: (out / f"{name}.jsonl").open("w") for name in ("tuning", "held_out")}
    counts = dict.fromkeys(files, 0)
    for identity, gold, prediction, name, meant in [*math_pairs(rows, rng), *gsm8k_pairs(gsm8k, rng)]:
        part = "tuning" if hashlib.sha256(identity.encode()).digest()[0] % 2 else "held_out"
        row = {"gold": gold, "prediction": prediction, "class": name, "meant": meant}
        files[part].write(json.dumps(row) + "\n")
        counts[part] += 1
    print(counts)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
