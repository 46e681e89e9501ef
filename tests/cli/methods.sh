#!/bin/bash
# doc/sweeps.md does not lie: each sweep has as many points as it says, its
# commands and its Python print what the page says, and that is the same.
. "$TEST_SRCDIR/tests/lib.sh"
page=$TEST_SRCDIR/doc/sweeps.md
. "$TEST_SRCDIR/tests/page.sh"
plan 20

mkdir bin
ln -s "$MPIBATCH" bin/mpibatch
export PATH=$PWD/bin:$PATH
blocks csv >points.csv

# --- a block of YAML is a sweep; its first line: "# NAME: N points"
blocks yaml | awk '
    /^# [a-z]*: [0-9]* points?$/ {
        file = substr($2, 1, length($2) - 1) ".yaml"
        print "jobs:\n- sweep:" >file
        print file, $3 >"list"
        next
    }
    { print "    " $0 >file }'
is "$(wc -l <list)" "$(blocks yaml | grep -c '^# ')" "each sweep has a name"
is "$(sort -u list | wc -l)" 15 "there are so many"
while read -r file count; do
    echo '  task: {command_line: "true"}' >>"$file"
    mpibatch run --quiet "$file" >run.out 2>&1
    is "$? $(mpibatch tasks --format ids "${file%.yaml}.run" | wc -l)" "0 $count" "$file: its points" || note "$(<run.out)"
done <list
language sh bash
if [ "$PYTHON" = : ] || ! "$PYTHON" -c 'import scipy' 2>/dev/null; then skip 2 "no Python with NumPy and SciPy"; else
    language python "$PYTHON"
    # what it prints is what the program printed, but for titles and 0.0
    is "$(plain got.python | sed 's/\.0\b//g')" "$(plain got.sh | sed '/[xy]$/d')" "NumPy and SciPy give the same points"
fi
