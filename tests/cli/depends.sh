#!/bin/bash
# depends_on, exit_conditions and success through the command line; tasks that
# were added, as readers of the run and a session that goes on see them.
. "$TEST_SRCDIR/tests/lib.sh"
plan 23

state() { "$MPIBATCH" tasks --state "$2" --format ids "$1" | sed 's#.*/##' | sort | tr '\n' ' '; }

# -- A diamond -----------------------------------------------------------------
cat >diamond.yaml <<'EOF2'
jobs:
  - id: diamond
    task: {command_line: "echo {task.id} >>$PWD/order", working_dir: .}
    tasks:
      - {id: last, depends_on: [left, right]}
      - {id: left, depends_on: [first]}
      - {id: right, depends_on: [first]}
      - {id: first, command_line: "sleep 0.2; echo first >>$PWD/order"}
EOF2
run 0 diamond.yaml
is "$rc" 0 "a diamond: it runs"
is "$(sort order | tr '\n' ' ')" "first last left right " "all of it"
is "$(head -n 1 order) $(tail -n 1 order)" "first last" "in order"

# -- What ends badly ------------------------------------------------------------
cat >failing.yaml <<'EOF2'
jobs:
  - id: chain
    tasks:
      - {id: a, command_line: exit 3}
      - {id: b, command_line: "true", depends_on: [a]}
      - {id: c, command_line: "true", depends_on: [b]}
      - {id: d, command_line: exit 3, exit_conditions: {exit_codes: [{code: 3, exit_options: {dependency_action: satisfy}}]}}
      - {id: e, command_line: "true", depends_on: [d]}
      - {id: f, command_line: "true", depends_on: {job: chain, task_ids: [e]}}
      - {id: g, command_line: exit 4, success: {exit_codes: [0, 4]}}
      - {id: h, command_line: echo no, success: {stdout_regex: '^yes$'}}
      - {id: '04', command_line: "true"}
      - {id: '4', command_line: sleep 600, constraints: {max_wall_clock_time: 500ms}}
      - {id: i, command_line: "true", depends_on: {task_id_ranges: [{start: 4, end: 4}]}}
EOF2
run 0 failing.yaml
is "$rc" 1 "tasks fail: exit code 1"
is "$(state failing.run skipped)" "b c " "what cannot come is skipped"
is "$(state failing.run succeeded)" "04 e f g i " "what may come succeeds"
is "$(state failing.run failed)" "4 a d h " "failures are failures"

# -- Points ---------------------------------------------------------------------
cat >points.yaml <<'EOF2'
jobs:
  - id: merge
    sweep: {parameters: {T: [1, 2, 3]}}
    task: {command_line: 'test "$(cat out-{T}-* | wc -l)" = 4', working_dir: ., depends_on: {job: scan, point: same}}
  - id: scan
    sweep: {parameters: {T: [3, 2, 1], seed: [1, 2, 3, 4]}}
    task: {command_line: 'sleep 0.1; echo x >out-{T}-{seed}', working_dir: .}
  - id: high
    task: {command_line: "ls out-2-1 out-2-2 out-2-3 out-2-4 out-3-1", depends_on: {job: scan, where: T > 1}, working_dir: .}
  - id: report
    depends_on: [{job: merge}, {job: high}]
    task: {command_line: test -e out-3-4, working_dir: .}
EOF2
run 0 points.yaml
is "$rc" 0 "a merge for each point, and behind all of them a report"
is "$("$MPIBATCH" tasks --state succeeded --format ids points.run | wc -l)" 17 "all tasks"

# -- What can never run -----------------------------------------------------------
printf 'jobs:\n- tasks:\n  - {id: a, command_line: x, depends_on: [b]}\n  - {id: b, command_line: x, depends_on: [a]}\n' >circle.yaml
run 0 circle.yaml
is "$rc" 2 "a circle: nothing is run"
like "$(cat run.out)" "circle.yaml:3:42: error: these tasks wait for each other: a -> b -> a" "it is named"

# -- Tasks that were added ----------------------------------------------------------
cat >grows.yaml <<'EOF2'
jobs:
  - id: list
    task: {command_line: "echo {task.id}"}
    tasks: [{id: a}, {id: b, command_line: "test -e b.ok"}]
EOF2
run 0 grows.yaml
is "$rc" 1 "one fails"
mkdir grows.run/added
printf '# job: list\n- {id: c, depends_on: [a]}\n- {id: d, command_line: echo more}\n' >grows.run/added/000001.yaml
printf '# job: list\n{tasks: [{id: e, depends_on: [d]}]}\n' >grows.run/added/000002.yaml
is "$(state grows.run active)" "c d e " "readers see what was added"
touch b.ok
run 0 --rerun failed grows.yaml
is "$rc" 0 "a session that goes on runs it"
is "$(state grows.run succeeded)" "a b c d e " "all of it"
is "$("$MPIBATCH" logs e grows.run)" e "with what tasks of the job share"
run 0 grows.yaml
like "$(cat run.out)" "done" "and then nothing is left"
run 0 -o other.run grows.yaml
is "$rc" 0 "another run knows nothing of it"
printf 'x\n' >grows.run/added/000003.yaml
"$MPIBATCH" tasks grows.run >out 2>&1
is "$?" 1 "a fragment that is none"
like "$(cat out)" 'added/000003.yaml does not begin with "# job: " and an id' "is said so"

# -- What an end means is not forgotten ------------------------------------------
cat >later.yaml <<'EOF2'
jobs:
  - id: main
    tasks:
      - id: a
        command_line: exit 9
        exit_conditions:
          exit_codes: [{code: 9, exit_options: {dependency_action: satisfy}}]
      - id: b
        command_line: echo b
        exit_conditions:
          exit_codes: [{code: 0, exit_options: {dependency_action: block}}]
      - {id: after-a, command_line: echo goes on, depends_on: [a]}
      - {id: after-b, command_line: echo does not, depends_on: [b]}
EOF2
"$MPIBATCH" run --limit 2 later.yaml >limit.out 2>&1
run 0 later.yaml
is "$(state later.run succeeded)" "after-a b " "a later session knows which end satisfies"
is "$(state later.run skipped)" "after-b " "and which one blocks"

cat >alone.yaml <<'EOF2'
jobs: [{tasks: [{id: a, command_line: echo, multi_instance_settings: {number_of_instances: 1, coordination_command_line: hostname}}]}]
EOF2
like "$("$MPIBATCH" validate alone.yaml 2>&1)" "alone.yaml:1:.*nobody to coordinate with" "one instance coordinates nothing"
