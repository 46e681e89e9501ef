#!/usr/bin/env python3
"""messages.py SRCDIR: every text that a bad job spec can be answered with
stands in a golden file.

Takes all string literals that are words out of the sources that look at a job
spec, and looks for each in the first lines of tests/unit/spec/errors/*.yaml.
Prints those that none has, and what is excepted here without need; 1 if there
are any. A new message therefore needs a golden file, or a reason here.
"""
import pathlib
import re
import sys

# Files of src/spec and src/model that have no words for who wrote a job spec.
OTHER_FILES = {
    "spec/compare.c": "compares two specs that are right: tests/cli/metrics.sh",
    "spec/keys.c": "what keys mean: the man page",
    "spec/keys_depends.c": "what keys mean: the man page",
    "spec/keys_job.c": "what keys mean: the man page",
    "spec/keys_metric.c": "what keys mean: the man page",
    "spec/keys_policy.c": "what keys mean: the man page",
    "spec/keys_pool.c": "what keys mean: the man page",
    "spec/keys_special.c": "what keys mean: the man page",
    "spec/keys_storage.c": "what keys mean: the man page",
    "spec/keys_sweep.c": "what keys mean: the man page",
    "spec/keys_task.c": "what keys mean: the man page",
    "spec/man.c": "the man page",
    "spec/schema.c": "the JSON Schema",
    "model/attempt.c": "how tasks end",
    "model/divide.c": "what a job spec wants of nodes: t_divide",
    "model/fileinfo.c": "the wire",
    "model/record.c": "the wire and the journal",
    "model/taskset_show.c": "says what a sweep is",
}

# Texts for which there is no golden file, as regular expressions.
EXCEPTED = {
    r"no memory|out of memory|^cannot (make|read|show|expand) |"
    r"^%s: cannot read ": "memory; else nothing of that can fail",
    r"^the job spec is too large: it needs": "takes 256 MiB of memory",
    r"^(mapping values are|found |(could|did) not find |block sequence )":
        "libyaml's own words, beside ours",
    r"^: error: ": "around each error: t_show",
    r"^files cannot be read here$": "mpibatch always has files",
    r"^the list of paths is cut off$": "the list is our own",
    r"^the expression (is longer|is not UTF-8|uses more)":
        "of --where: t_expr; a job spec is bounded before",
    r"^the command line is too long$": "of a container, when a task starts",
    r"is no URL file:///PATH$|^the path of a URL is too long$":
        "others look first, and with more room: t_storage",
    r"^a (dimension|bit) for each ": "of static assertions",
    r"^regular expressions$": "no key is a list of them",
    r'^cd -- ': "a part of a command",
    r'^" \|\| exit; ': "a part of a command",
}

TOKEN = re.compile(
    r'/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'|\s+|\w+|.', re.S)
CONVERSION = re.compile(r"%[-+ #0]*[\d*]*(?:\.[\d*]*)?(?:hh|h|ll|l|z|j|t)?[a-zA-Z]|%%")


def literals(source):
    """(line, text) of each literal, those that stand together as one."""
    at, text = 0, None
    for match in TOKEN.finditer(source):
        token = match[0]
        if token.isspace() or token.startswith("/*"):
            continue
        if token.startswith('"'):
            if text is None:
                at, text = source.count("\n", 0, match.start()) + 1, ""
            text += token[1:-1]
        elif text is not None and token.startswith("PRI"):
            text += "u"
        elif text is not None:
            yield at, text
            text = None


def unescape(text):
    return re.sub(r"\\(.)", lambda m: {"n": "\n", "t": "\t"}.get(m[1], m[1]), text)


def pattern(text):
    """What printf makes of a format, as a regular expression."""
    parts, at = [], 0
    for match in CONVERSION.finditer(text):
        parts.append(re.escape(text[at:match.start()]))
        parts.append("%" if match[0] == "%%" else ".*")
        at = match.end()
    return re.compile("".join(parts) + re.escape(text[at:]))


def is_message(text):
    words = CONVERSION.sub("", text)
    return " " in words.strip() and re.search(r"[a-z]{2}", words) is not None


def main():
    root = pathlib.Path(sys.argv[1])
    goldens = [line[3:]
               for path in sorted(root.glob("tests/unit/spec/errors/*.yaml"))
               for line in path.read_bytes().decode(errors="replace").split("\n")
               if line.startswith("#: ")]
    # what is too large for a file, or none that could begin with such lines
    for test in "limits", "added":
        source = (root / f"tests/unit/spec/t_{test}.c").read_text()
        goldens += [unescape(text) for _, text in literals(source)]
    files = sorted(root.glob("src/spec/*.c")) + sorted(root.glob("src/model/*.c"))
    files.append(root / "src/base/quantity.c")
    needed, wrong, count = set(), 0, 0
    for path in files:
        name = str(path.relative_to(root / "src"))
        if name in OTHER_FILES:
            continue
        for line, literal in literals(path.read_text()):
            text = unescape(literal)
            if not is_message(text):
                continue
            count += 1
            if any(map(pattern(text).search, goldens)):
                continue
            reason = next((e for e in EXCEPTED if re.search(e, text)), None)
            needed.add(reason)
            if not reason:
                print(f"src/{name}:{line}: in no golden file: {text}")
                wrong += 1
    for reason in EXCEPTED.keys() - needed:
        print(f"excepted without need: {reason}")
        wrong += 1
    print(f"{count} messages, {len(goldens)} lines in golden files, {wrong} wrong")
    return wrong > 0


sys.exit(main())
