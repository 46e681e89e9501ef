#!/bin/bash
# Tasks of every sort: what becomes of each, in `mpibatch tasks` and in
# results.h5; what they print; and that none of their processes is left.
# tests/mpi/kinds.sh sources this with other numbers of ranks.
. "$TEST_SRCDIR/tests/lib.sh"
need_python
: "${RANK_COUNTS:=0}"
set -- $RANK_COUNTS
plan $((42 * $#))

left=left-$$ # the name of whatever must not be left behind
make_sleeper "$left"
touch not-executable
mkdir sub

cat >daemon <<EOF # forks twice, each time into a session of its own
#!/bin/sh
setsid sh -c 'setsid ./$left 300 & ./$left 300' &
sleep 0.3
echo daemon started
EOF
cat >nobody <<EOF # those who were killed may need a moment on a busy machine
#!/bin/sh
for i in 1 2 3 4 5 6 7 8 9 10; do
    pgrep -f ./[l]${left#l} || exit 0
    sleep 0.1
done
exit 1
EOF
chmod +x daemon nobody

cat >kinds.yaml <<EOF
pool: {task_slots_per_node: 12}
jobs:
  - id: kinds
    tasks:
      - {id: fine, command_line: "echo out; echo err >&2"}
      - {id: exit-3, command_line: "exit 3"}
      - {id: signal, command_line: "kill -SEGV \$\$"}
      - {id: no-command, command_line: ./no-such-program --option}
      - {id: not-in-path, command_line: [no-such-program]}
      - {id: not-found-in-shell, command_line: "no-such-program | cat; exit 127"}
      - {id: not-executable, command_line: ./not-executable}
      - {id: no-dir, working_dir: no/such/dir, command_line: "true"}
      - {id: sub-dir, working_dir: sub, command_line: "test \$(basename \"\$PWD\") = sub"}
      - id: timeout
        constraints: {max_wall_clock_time: 1s}
        command_line: "./$left 300"
      - id: ignores-term
        constraints: {max_wall_clock_time: 1s}
        command_line: "trap '' TERM; echo ready; ./$left 300; ./$left 300"
      - id: traps-term
        constraints: {max_wall_clock_time: 1s}
        command_line: "trap 'echo cleaned up; exit 7' TERM; while :; do sleep 0.05; done"
      - id: stopped
        constraints: {max_wall_clock_time: 1s}
        command_line: "kill -STOP \$\$"
      - {id: closes-stdout, command_line: "echo early; exec >&-; sleep 0.3; echo late >&2; exit 4"}
      - {id: background, command_line: "./$left 300 & echo started"}
      - {id: grandchild, command_line: "(setsid ./$left 300 &); echo started"}
      - {id: daemon, command_line: ./daemon}
      - {id: no-environment, command_line: "env -i setsid /bin/sh -c 'exec env -i ./$left 300 >/dev/null 2>&1 &'"}
      - {id: bytes-0, command_line: "true"}
      - {id: bytes-65536, command_line: "yes abcdefg | head -c 65536"}
      - {id: bytes-65537, command_line: "yes abcdefg | head -c 65537"}
      - {id: stderr-65537, command_line: "yes abcdefg | head -c 65537 >&2"}
      - {id: to-dev-stdout, command_line: "echo 1; echo 2 >/dev/stdout; echo 3"}
      - {id: nul-bytes, command_line: "printf 'a\\\\000b\\\\377'"}
      - {id: reads-stdin, command_line: "cat; echo end"}
      - {id: mb-200, command_line: "yes 0123456789 | head -c 209715200; echo the end >&2"}
EOF
cat >wanted <<'EOF'
fine completed success none 0 0
exit-3 completed failure exit_code 3 0
signal completed failure signal -1 11
no-command completed failure not_found -1 0
not-in-path completed failure not_found -1 0
not-found-in-shell completed failure exit_code 127 0
not-executable completed failure launch -1 0
no-dir completed failure launch -1 0
sub-dir completed success none 0 0
timeout completed failure timeout -1 15
ignores-term completed failure timeout -1 9
traps-term completed failure timeout 7 0
stopped completed failure timeout -1 15
closes-stdout completed failure exit_code 4 0
background completed success none 0 0
grandchild completed success none 0 0
daemon completed success none 0 0
no-environment completed success none 0 0
bytes-0 completed success none 0 0
bytes-65536 completed success none 0 0
bytes-65537 completed success none 0 0
stderr-65537 completed success none 0 0
to-dev-stdout completed success none 0 0
nul-bytes completed success none 0 0
reads-stdin completed success none 0 0
mb-200 completed success none 0 0
EOF

# one after the other: what a task leaves is gone when the next one starts
cat >behind.yaml <<EOF
pool: {task_slots_per_node: 1}
jobs:
  - id: behind
    tasks:
      - {command_line: ./daemon}
      - {command_line: ./nobody}
      - {command_line: "./$left 300 &"}
      - {command_line: ./nobody}
      - {command_line: "(setsid ./$left 300 &); echo started"}
      - {command_line: ./nobody}
      - {command_line: "./$left 300 | ./$left 300", constraints: {max_wall_clock_time: 300ms}}
      - {command_line: ./nobody}
EOF

# output TASK STREAM, file_of TASK STREAM: what it printed, and where that is
output() { results output kinds.run/results.h5 kinds "$@"; }
sum() { sha256sum | cut -d ' ' -f 1; }
is_output() { # TASK STREAM BYTES-AS-PRINTF
    is "$(output "$1" "$2" | od -An -c)" "$(printf "$3" | od -An -c)" "$with: $1 has its $2"
}

for n in "$@"; do
    with="ranks: $n"
    rm -rf ./*.run
    run "$n" kinds.yaml
    is "$rc" 1 "$with: exit code 1: some have failed"
    is "$(left_behind "$left")" 0 "$with: no process is left behind"
    pkill -KILL -f "./$left" # not to disturb what follows

    "$MPIBATCH" tasks --json kinds.run >tasks.json
    # in the words of results.h5
    jq -r '.tasks[] | [.task_id, {"succeeded": "completed", "failed": "completed"}[.state], .result, .reason, .exit_code // -1, .signal // 0] | join(" ")' tasks.json >got
    ok "$with: tasks --json has how each ended" diff wanted got
    results last kinds.run/results.h5 task_id state result reason exit_code signal >got
    ok "$with: so has results.h5" diff wanted got

    message() { json tasks.json "[t.get('message', '') for t in d['tasks'] if t['task_id'] == '$1'][0]"; }
    like "$(message no-command)" "no-such-program.*No such file" "$with: no-command: the message names the program"
    like "$(message not-in-path)" "no-such-program" "$with: not-in-path: the message names the program"
    like "$(message not-executable)" "not-executable.*Permission denied" "$with: not-executable: the message says why"
    like "$(message no-dir)" "no/such/dir.*No such file" "$with: no-dir: the message names the folder"
    like "$(<run.out)" "no/such/dir" "$with: the failure is shown with its message"

    is_output fine stdout 'out\n'
    is_output fine stderr 'err\n'
    is_output ignores-term stdout 'ready\n'
    is_output traps-term stdout 'cleaned up\n'
    is_output closes-stdout stdout 'early\n'
    is_output closes-stdout stderr 'late\n'
    is_output background stdout 'started\n'
    is_output grandchild stdout 'started\n'
    is_output daemon stdout 'daemon started\n'
    is_output bytes-0 stdout ''
    is_output to-dev-stdout stdout '1\n2\n3\n'
    is_output nul-bytes stdout 'a\000b\377'
    is_output reads-stdin stdout 'end\n'
    like "$(output not-found-in-shell stderr)" "not found" "$with: the shell's message is there"
    is "$(output bytes-65536 stdout | sum)" "$(yes abcdefg | head -c 65536 | sum)" "$with: 65536 bytes"
    is "$(output bytes-65537 stdout | sum)" "$(yes abcdefg | head -c 65537 | sum)" "$with: 65537 bytes"
    is "$(output stderr-65537 stderr | sum)" "$(yes abcdefg | head -c 65537 | sum)" "$with: 65537 bytes on stderr"
    is "$(output mb-200 stderr)" "the end" "$with: 200 MB: stderr"
    is "$(sum <kinds.run/files/kinds/mb-200/stdout.1)" "$(yes 0123456789 | head -c 209715200 | sum)" \
        "$with: 200 MB, whole, in a file of their own"
    is "$(cd kinds.run/files && find . -type f | sort | xargs)" \
        "./kinds/bytes-65537/stdout.1 ./kinds/mb-200/stdout.1 ./kinds/stderr-65537/stderr.1" \
        "$with: only outputs over 64 KiB have files"
    is "$(results last kinds.run/results.h5 stdout_bytes | sed -n '19,22p;26p' | xargs)" \
        "0 65536 65537 0 209715200" "$with: stdout_bytes"
    is "$(stat -c %a kinds.run kinds.run/files kinds.run/files/kinds/mb-200/stdout.1 | xargs)" "700 700 600" "$with: nobody else can read them"

    took() { results last kinds.run/results.h5 task_id duration_s | sed -n "s/^$1 //p"; }
    within() { awk -v s="$(took "$1")" -v a="$2" -v b="$3" 'BEGIN { print s, a, b; exit !(s >= a && s <= b) }'; }
    ok "$with: timeout: ended after a second" within timeout 1 3
    ok "$with: ignores-term: killed five seconds later" within ignores-term 6 8.5
    ok "$with: stopped: woken up and ended" within stopped 1 3
    ok "$with: background: its end is not waited for" within background 0 3
    ok "$with: daemon: its end is not waited for" within daemon 0.3 3
    ok "$with: closes-stdout goes on without" within closes-stdout 0.3 3

    run "$n" behind.yaml
    is "$rc" 1 "$with: tasks that leave processes, one after the other"
    is "$(results last behind.run/results.h5 reason | xargs)" "none none none none none none timeout none" \
        "$with: what a task leaves is gone before the next one starts"
    is "$(left_behind "$left")" 0 "$with: and at the end"
    pkill -KILL -f "./$left"
    is "$(results last kinds.run/results.h5 node | sort -u)" "$(hostname)" "$with: the node has its name"
    is "$(results last kinds.run/results.h5 job_id | sort -u)" kinds "$with: and the job"
done
