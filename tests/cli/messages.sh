#!/bin/bash
# Each text that a bad job spec can be answered with stands in a golden file,
# or tests/unit/spec/messages.py says why not.
# shellcheck source=tests/lib.sh
. "$TEST_SRCDIR/tests/lib.sh"

plan 2
messages() { python3 "$TEST_SRCDIR/tests/unit/spec/messages.py" "$1" >out; }

messages "$TEST_SRCDIR"
result "each message is in a golden file" $? || note "$(<out)"

# one that is new is not
mkdir -p src/spec src/model src/base tests/unit/spec
cp "$TEST_SRCDIR"/src/spec/*.c src/spec
cp "$TEST_SRCDIR"/src/model/*.c src/model
cp "$TEST_SRCDIR/src/base/quantity.c" src/base
cp -r "$TEST_SRCDIR"/tests/unit/spec/{errors,t_limits.c,t_added.c} tests/unit/spec
echo 'int x = f("%s is new" " and not tested", "`a`");' >src/spec/new.c
messages .
like "$? $(<out)" '^1 src/spec/new.c:1: .*%s is new and not tested' "a new one is missed"
[ "$tap_failed" = 0 ]
