#!/bin/bash
# The command of a failed task with a directory of its own stood in parentheses
# and had no "by hand" in `mpibatch task`; one that could not be started had
# taken "0ns"; why ./solve was not found there nobody said.
. "$TEST_SRCDIR/tests/lib.sh"
plan 11

printf '#!/bin/sh\n' >solve
chmod +x solve
cat >own.yaml <<'EOF2'
jobs:
  - id: words
    task: {task_directory: true}
    tasks:
      - command_line: ./solve 4
      - command_line: solve-nowhere/../solve 4 >out
      - command_line: nowhere
  - id: kept
    task: {keep: failed, environment_settings: {A: "b c"}}
    tasks: [{command_line: 'echo "$A" >>left; cat left; exit 3'}]
  - id: twice
    task: {keep: failed, constraints: {max_task_retry_count: 2}}
    tasks: [{command_line: 'echo $MPIBATCH_TASK_ATTEMPT >which; exit 1'}]
  - id: lost
    task: {task_directory: true}
    tasks:
      - command_line: cat in.dat
        resource_files: [{http_url: 'file://{run.dir}/nothing', file_path: in.dat}]
EOF2
run 0 own.yaml
hint='is looked for in the task.s own directory: write .spec.dir./'
like "$(<run.out)" $'task 0 of job words: program not found: cannot run ./solve: [^\n]* \\(attempt 1, on [^\n]*\n    hint: ./solve '"$hint"$'solve, or give it as a resource file or a package\n    command, in a directory of its own: ./solve 4\n' "no program there: no time, a hint, the command plainly"
like "$(<run.out)" "hint: solve-nowhere/../solve ${hint}solve-nowhere" "a shell that finds none"
is "$(grep -c hint: run.out)" 2 "no hint of what would be on PATH"
show() { "$MPIBATCH" task "$@" own.run 2>&1; }
unlike "$(show words/0)" "0ns|0s| user, " "task: no time either"
like "$(show words/0)" "by hand      needs a directory.*./solve $hint" "task: what a rerun needs, the hint"
like "$(show lost/0)" $'attempt 1    [0-9: -]*: could not be prepared' "a task that was not prepared has taken no time"
line=$(show kept/0 | sed -n 's/^  by hand *//p')
is "$(bash -c "$line"; echo $?)" $'b c\nb c\n3' "kept: a line that runs it there" || note "$line"
is "$("$MPIBATCH" task kept/0 own.run --json | jq -r .task.by_hand)" "$line" "JSON: the line"
is "$("$MPIBATCH" task words/0 own.run --json | jq .task.by_hand)" null "JSON: none"
like "$("$MPIBATCH" files get words/0 wd/out own.run 2>&1)" "there is no wd/out: of the task's directory only what it returned stays" "its files: what stays"
is "$("$MPIBATCH" task twice/0 own.run --json | jq -r '.attempts[].directory' | while read -r dir; do cat "$dir/wd/which"; done | xargs)" "1 2 3" "several attempts are kept: where each is"
