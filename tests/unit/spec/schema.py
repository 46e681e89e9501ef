#!/usr/bin/env python3
"""schema.py SRCDIR SCHEMA: what the parser says of a bad job spec, the JSON
Schema finds, too.

Looks up each error of the golden files, tests/unit/spec/errors/*.yaml, in what
the schema has against the file: there must be something at the same value, or
at the mapping or list that it is in. Prints the errors that the schema does
not find and that are not excepted here, and what is excepted without need; 1
if there are any. So a new rule of the parser is in the schema, or a reason why
it is not stands here.
"""
import json
import pathlib
import re
import sys

import jsonschema
import yaml

# What the schema does not find, as regular expressions of NAME.yaml: TEXT.
EXCEPTED = {
    # what a text is made of
    r"no parameter |cannot be used here|lone \"|is not a placeholder|is not a format|"
    r"one of files; write|a file has no|no container \"|needs `storage` with|^template-shell":
        "placeholders have a grammar of their own",
    r"^when-|^sweep-when|^policy.*no name": "expressions have a grammar of their own",
    r"^metric-(regex|groups)|^policy.*not a regular expression|capture groups have names|the regex has no group|needs a regex with named":
        "regular expressions are PCRE's, not JavaScript's",
    r"task \d+: |task id \"|the id needs|tasks .* both get|has the id \"|^template-arith":
        "only expanded templates show it",
    r"^command-words|has no name$": "command lines are split as a shell does",
    r"would (both )?write": "templates of several tasks would be compared",
    r"the name of a file, without|is a folder; it must be":
        "paths of folders may end so, and in which cases, file_pattern says",
    r"has no absolute path|is a folder; all files|cannot have %00|has a password|has a signature":
        "URLs have a grammar of their own",
    r"^yaml-": "YAML's own rules come before a schema",
    # what is elsewhere
    r"cannot open |cannot read |there is no (file|folder|archive)|folder of container|no file matches|"
    r"has no column|files have no columns|the column \"|the file has|a table is one file|is not UTF-8|"
    r"has \d+ commands|^sweep-from": "files would be opened",
    r"there is no (container|application) \"|has no (default )?version":
        "a schema cannot look up a name given elsewhere",
    r"is not a parameter|of the first point|of the first sweep|which the first|included point|"
    r"another sweep of the list|come from `|one parameter too many|counts repetitions|^sweep-more|"
    r"is a parameter already|is linked already|no combinations of":
        "a schema cannot look up a name given elsewhere",
    r"wait(s)? for (each other|itself)|there is no job \"|job \".*\" has no task|"
    r"no parameter in common|with the same parameters|holds for no task|"
    r"^depends-unknown.*no name|`where` looks at|point: same compares":
        "a schema cannot follow dependencies",
    r"`job_action` needs|is success already|never tried again|no time limit to begin|"
    r"is not tried again; put|nobody to coordinate|`uses_task_dependencies: true`|has no tasks yet|ends (at \d+, )?before its start":
        "a schema cannot compare what stands apart",
    r"an element of `on`": "readers of YAML 1.1 take the key on for true",
    r"stands in this list already|has something for a shell":
        "a schema does not look into lists and words",
    r"is called \".*already|stands in line|has the name of|needs the name|is given twice|is set twice|"
    r"is in line \d+ already|has a default version|would have one name|has this `file_path`":
        "a schema cannot compare names of elements of a list",
    r"there is no pool \"|has no resource `|not both$|the pool takes \d+ nodes":
        "a schema cannot look up what is given elsewhere",
    r"how many slots the task needs$|requires .* of `|more than 64 resources|16 resources at most":
        "a schema does not know what the pool has",
    r"belongs under `node_resources`: each|^resources.yaml: `(gpus|licences|tokens|memory|cores|ssd)`":
        "names of resources are free, and their amounts depend on the name",
    # numbers, of which some may be texts by the reader's YAML
    r"requires \d+ slots|: 2 values|: 4 values|: 1 value|is empty: its minimum|must be above|"
    r"`num` is 1|are the same, and so|too far apart|too large for floating|more than 18 digits|"
    r"does not meet|do not lead|must be less than 2|must be finite|as a limit|`step` cannot be 0|"
    r"^policy-inherited.*a factor must|must be an integer, not 0.5|cannot be 0$|is too (long|large)$":
        "a schema does not calculate",
    r"points, and \d+ are the most|nothing is left|too ragged|combinations of values|"
    r"too many pieces|too many places|never is|no point has|values together|more than 64 metrics|"
    r"`shape` makes": "a schema does not count what a sweep or metrics make",
    # forms of few
    r"`range` needs two|links two": "lists that are too short are told from empty ones by the parser",
    r"^sweep-(drawn|sources|list|method-keys)|^drawn|^metric-(values|sources)|"
    r"starts in a directory|has a directory of its own|must be letters":
        "the rules are many; editors would show all of them for one slip",
}

ERROR = re.compile(r"#: (\d+):(?:(\d+):)? (.*)")


def paths(node, path=()):
    """(mark, end, path) of each value and key."""
    yield node.start_mark, node.end_mark, path
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                yield key.start_mark, key.end_mark, path + (key.value,)
                yield from paths(value, path + (key.value,))
    elif isinstance(node, yaml.SequenceNode):
        for i, item in enumerate(node.value):
            yield from paths(item, path + (i,))


def place(marks, line, column):
    """The path of the innermost value or key at a place, from 1."""
    at, found = (line - 1, column - 1), ()
    for start, end, path in marks:
        if (start.line, start.column) <= at <= (end.line, end.column) and len(path) >= len(found):
            found = path
    return found


def complaints(errors):
    """The paths that a validator complains of, with those of each form."""
    for error in errors:
        yield tuple(error.absolute_path)
        yield from complaints(error.context)


def main():
    root, schema = pathlib.Path(sys.argv[1]), json.load(open(sys.argv[2]))
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    count, found, wrong, needed = 0, 0, 0, set()
    for path in sorted(root.glob("tests/unit/spec/errors/*.yaml")):
        text = path.read_bytes()
        try:
            node, data = yaml.compose(text), yaml.safe_load(text)
            marks = list(paths(node))
            bad = set(complaints(validator.iter_errors(data)))
        except (yaml.YAMLError, AttributeError, RecursionError, ValueError):
            continue  # no YAML, or without end
        for match in map(ERROR.fullmatch, text.decode().split("\n")):
            if not match:
                continue
            at = place(marks, int(match[1]), int(match[2] or 1))
            count += 1
            if at in bad or at[:-1] in bad:
                found += 1
                continue
            reason = next((e for e in EXCEPTED if re.search(e, f"{path.name}: {match[3]}")), None)
            needed.add(reason)
            if not reason:
                print(f"{path.name}:{match[1]}: the schema does not find: {match[3]}")
                wrong += 1
    for reason in EXCEPTED.keys() - needed:
        print(f"excepted without need: {reason}")
        wrong += 1
    print(f"{count} errors, {found} found by the schema, {wrong} wrong")
    return wrong > 0


sys.exit(main())
