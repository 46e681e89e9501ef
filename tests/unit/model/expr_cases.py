"""Print expr_cases.h: conditions, and what Python makes of them."""
import fnmatch
import math
import random
import warnings

warnings.simplefilter("ignore")
NAMES = {
    "i": 7, "j": -3, "zero": 0, "big": 2**53 + 1, "last": 2**63 - 1,
    "f": 2.5, "g": -0.5, "whole": 4.0, "huge": 9007199254740992.0,
    "inf": math.inf, "nan": math.nan, "yes": True, "no": False,
    "s": "gmres", "u": "cg", "empty": "", "accent": "\u00e9t\u00e9",
}
FUNCTIONS = {
    "abs": abs, "ceil": math.ceil, "floor": math.floor, "round": round,
    "exp": math.exp, "log": math.log, "log10": math.log10, "log2": math.log2,
    "sqrt": math.sqrt, "min": min, "max": max, "len": len,
    "contains": lambda x, y: y in x, "startswith": lambda x, y: x.startswith(y),
    "endswith": lambda x, y: x.endswith(y), "matches": fnmatch.fnmatchcase,
}
INTS = ["i", "j", "zero", "big", "last", "0", "1", "-1", "2", "7", "010"[1:],
        "0x1f", "0o17", "1_000", "9007199254740993", "9223372036854775807"]
FLOATS = ["f", "g", "whole", "huge", "2.5", "1e3", ".5", "5.", "1e-3", "7.0",
          "9007199254740992.0", "9223372036854775808.0", "yes", "no"]
ODD = ["inf", "nan"]
TEXTS = ["s", "u", "empty", "accent", '"gmres"', "'cg'", '"gm"', '""', "'g'",
         '"a\\"b"', "'it\\'s'"]
PATTERNS = ['"g*"', '"*s"', '"g?res"', '"[a-g]*"', '"[!a-g]*"', '"*m*e*"',
            '"gmres*"', '"?"', '""', '"*"', "s", "u"]
rnd = random.Random(4711)


def number(d, odd=True):
    k = rnd.random()
    if d == 0 or k < 0.4:
        return rnd.choice(INTS + FLOATS + (ODD if odd else []))
    if k < 0.75:
        op = rnd.choice(["+", "-", "*", "/", "//", "%", "**"])
        a, b = number(d - 1, odd), number(d - 1, odd)
        if op == "**":
            a, b = rnd.choice(INTS[:12]), rnd.choice(["2", "3", "-1", "0.5", "j", "zero"])
        return f"{a} {op} {b}" if rnd.random() < 0.6 else f"({a} {op} {b})"
    if k < 0.85:
        return f"-{number(d - 1, odd)}"
    if k < 0.95:
        f = rnd.choice(["abs", "ceil", "floor", "round", "exp", "log", "log10",
                        "log2", "sqrt"])
        return f"{f}({number(d - 1, odd)})"
    return rnd.choice([f"len({rnd.choice(TEXTS)})",
                       f"min({number(d - 1)}, {number(d - 1)}, {number(0)})",
                       f"max({number(d - 1)},{number(d - 1)})"])


def value(d, odd=True):
    return rnd.choice(TEXTS) if rnd.random() < 0.25 else number(d, odd)


def comparison(d):
    k = rnd.random()
    ops = ["==", "!=", "<", "<=", ">", ">="]
    if k < 0.2:
        items = ", ".join(value(0, False) for _ in range(rnd.randint(0, 4)))
        word = rnd.choice(["in", "not in"])
        if rnd.random() < 0.3 and items:
            return f"{value(d, False)} {word} ({items},)"
        return f"{value(d, False)} {word} [{items}]"
    if k < 0.3:
        return f"{value(0)} {rnd.choice(['in', 'not in'])} {rnd.choice(TEXTS)}"
    if k < 0.4:
        return (f"{rnd.choice(['contains', 'startswith', 'endswith'])}"
                f"({rnd.choice(TEXTS)}, {rnd.choice(TEXTS)})")
    if k < 0.45:
        return f"matches({rnd.choice(TEXTS)}, {rnd.choice(PATTERNS)})"
    if k < 0.6:
        return f"{rnd.choice(TEXTS)} {rnd.choice(ops)} {rnd.choice(TEXTS)}"
    if k < 0.75:
        return (f"{number(d)} {rnd.choice(ops)} {number(d)} "
                f"{rnd.choice(ops)} {number(d)}")
    if k < 0.8:
        return rnd.choice(["yes", "no", "True", "False"])
    return f"{value(d)} {rnd.choice(ops)} {value(d)}"


def condition(d):
    k = rnd.random()
    if d == 0 or k < 0.4:
        return comparison(min(d, 2))
    if k < 0.55:
        return f"not {condition(d - 1)}"
    if k < 0.8:
        word = rnd.choice(["and", "or"])
        return f"{condition(d - 1)} {word} {condition(d - 1)}"
    return f"({condition(d - 1)})"


class Whole(Exception):
    pass


class Checked(int):
    """An integer that must stay in 64 bits."""


def check(x):
    if isinstance(x, complex) or (isinstance(x, int) and not -2**63 <= x < 2**63):
        raise Whole
    return x


def evaluate(text):
    """As eval, but what leaves 64 bits, or the reals, raises Whole."""
    import ast
    tree = ast.parse(text, mode="eval")

    class Wrap(ast.NodeTransformer):
        def visit(self, n):
            n = self.generic_visit(n)
            if isinstance(n, (ast.BinOp, ast.UnaryOp, ast.Call)):
                return ast.copy_location(ast.Call(ast.Name("check", ast.Load()), [n], []), n)
            return n
    tree = ast.fix_missing_locations(Wrap().visit(tree))
    return eval(compile(tree, "", "eval"), {"__builtins__": {}, "check": check},
                {**NAMES, **FUNCTIONS})


def main():
    seen, counts = set(), {"HOLDS": 0, "FAILS": 0, "RAISES": 0}
    print("/* What Python makes of conditions: generated once by expr_cases.py. */\n"
          "#ifndef MPIBATCH_TESTS_EXPR_CASES_H\n#define MPIBATCH_TESTS_EXPR_CASES_H\n\n"
          "enum expr_outcome { HOLDS, FAILS, RAISES };\n\n"
          "static const struct {\n    const char *text;\n"
          "    enum expr_outcome outcome;\n} expr_cases[] = {")
    while sum(counts.values()) < 900:
        text = condition(rnd.randint(0, 3))
        if text in seen or len(text) > 120:
            continue
        seen.add(text)
        try:
            result = evaluate(text)
            assert isinstance(result, bool), (text, result)
            outcome = "HOLDS" if result else "FAILS"
        except (TypeError, ZeroDivisionError):
            outcome = "RAISES"
        except ValueError as e:
            if "math domain" not in str(e) and "expected a positive" not in str(e):
                continue
            outcome = "RAISES"
        except (Whole, OverflowError):
            continue
        if outcome == "RAISES" and counts["RAISES"] > 200:
            continue
        counts[outcome] += 1
        c = text.replace("\\", "\\\\").replace('"', '\\"')
        c = "".join(ch if ord(ch) < 128 else "".join(f"\\{b:03o}" for b in ch.encode()) for ch in c)
        print(f'    {{"{c}", {outcome}}},')
    print("};\n\n#endif")


main()
