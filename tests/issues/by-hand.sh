#!/bin/bash
# The command that reruns a failed task by hand had none of the task's
# environment settings, left the user's shell in another folder, and closed it
# when the command ended in `exit`.
. "$TEST_SRCDIR/tests/lib.sh"
plan 4

mkdir elsewhere
cat >some.yaml <<'EOF'
jobs:
  - id: j
    common_environment_settings: {BAR: "b'c"}
    tasks:
      - command_line: 'echo "$FOO $BAR"; pwd; exit 3 # the end'
        environment_settings: {FOO: "two words {task.index}"}
        working_dir: elsewhere
  - id: k
    tasks:
      - command_line: "cat <<END\nhello $BAR\nEND\nexit 4\n"
  - id: l
    tasks:
      - command_line: [sh, -c, 'exit 5']
EOF
run 0 some.yaml
is "$rc" 1 "all have failed"

# by_hand JOB: what a user would paste
by_hand() { sed -n "/ of job $1:/,/^mpibatch:/p" run.out | sed -n '/by hand:/,$p' | sed '/^mpibatch:/d; s/^    by hand: //'; }
# paste JOB: into a shell, which is asked afterwards how and where it is
paste() { BAR=mine bash -c "$(by_hand "$1")
echo \"\$? \$BAR \$PWD\"" | xargs -d '\n'; }
is "$(paste j)" "two words 0 b'c $PWD/elsewhere 3 mine $PWD" "settings, folder, a comment; the shell is as it was"
is "$(paste k)" "hello mine 4 mine $PWD" "a here-document"
is "$(paste l)" "5 mine $PWD" "a list of words"
