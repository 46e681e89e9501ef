#!/bin/bash
# doc/jobs.md does not lie: its job specs are right and do what it says, its
# commands run.
. "$TEST_SRCDIR/tests/lib.sh"
page=$TEST_SRCDIR/doc/jobs.md
. "$TEST_SRCDIR/tests/page.sh"
plan 14

blocks yaml | awk '/^# [a-z]*.yaml$/ { file = $2 } { print >file }'
is "$(echo *.yaml)" "conditions.yaml pipeline.yaml resources.yaml wide.yaml" "the page's job specs are found"
for spec in *.yaml; do ok "$spec is right" "$MPIBATCH" validate "$spec"; done

run 0 pipeline.yaml
is "$rc" 0 "the pipeline runs"
like "$("$MPIBATCH" plan pipeline.yaml)" "longest chain has 4 tasks" "its longest chain"
mkdir bin
printf '#!/bin/sh\nexec "$REAL_MPIBATCH" "$@"\n' >bin/mpibatch
chmod +x bin/mpibatch
blocks sh | sed -n '/pipeline/p' >commands
is "$(wc -l <commands)" 7 "the page's commands are found"
while IFS= read -r line; do
    PATH=$PWD/bin:$PATH REAL_MPIBATCH=$MPIBATCH PAGER=cat bash -c "$line" >out 2>&1 || { echo "$line: $?"; cat out; }
done <commands >wrong
is "$(<wrong)" "" "each of them runs"
is "$("$MPIBATCH" logs solve/1 pipeline.run)" "solution-200 8" "a task finds what it depends on"
run 0 resources.yaml
is "$rc" 0 "tasks with resources run"
run 0 conditions.yaml
is "$rc" 1 "a task that failed for good is a failure"
is "$("$MPIBATCH" tasks --columns task_id,state,attempts --format csv conditions.run | tail -n +2 | paste -sd ' ')" \
    "converge,succeeded,1 probe,failed,1 after,succeeded,1 flaky,succeeded,2" "success, conditions and retries"
# the commands that act, as far as their words go
blocks sh | sed -n 's/ *#.*//; s/^mpibatch \(job\|task\) \(disable\|enable\|terminate\|add\|reactivate\|delete\) .*/\1 \2/p' | sort -u >acts
is "$(while read -r act; do "$MPIBATCH" $act --help >/dev/null || echo "$act"; done <acts; wc -l <acts)" 7 "the commands that act are there"
