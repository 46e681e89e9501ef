#!/bin/bash
# Files of tasks on other hosts (namespaces with a network and a scratch of their
# own), from one that has no rank: running ones, what was kept of those that have
# ended, a host that is cut off, and what is said when the run is over.
. "$TEST_SRCDIR/tests/lib.sh"
hosts=$TEST_SRCDIR/tests/tools/mpi-hosts
[ "$(id -u)" = 0 ] || skip_all "hosts can only be made by root"
export MPI_HOSTS_DIR=/tmp/mh.$$.files
on() { bash "$hosts" "$@"; }
on up 3 >up.out 2>&1 || skip_all "no hosts can be made: $(tail -n 1 up.out)"
trap 'files_rc=$?; trap - EXIT; on down; (exit $files_rc); tap_end' EXIT
plan 14

cat >far.yaml <<XEOF
pool: {task_slots_per_node: 2, scratch: $MPI_HOSTS_DIR/local}
jobs:
  - id: r
    priority: 9
    constraints: {max_task_retry_count: 2}
    tasks: [{id: again, keep: all, command_line: 'echo \$MPIBATCH_TASK_ATTEMPT >own; [ \$MPIBATCH_TASK_ATTEMPT = 3 ]'}]
  - id: j
    sweep: {parameters: {n: [1, 2, 3, 4, 5, 6]}}
    task:
      keep: all
      command_line: "head -c 3000000 /dev/urandom >large; sha256sum <large; echo {n} >n; while ! test -e $PWD/go{n} -o -e $PWD/go; do sleep 0.2; done"
XEOF
files() { "$MPIBATCH" files "$@" far.run 2>err; }
on run h1,h2,h3 "$MPIBATCH" launch --lost-after 5s --plain far.yaml >run.out 2>&1 &
run=$!
six() { [ "$(for i in 0 1 2 3 4 5; do files stat "$i" wd/n --json; done | jq -r .task.node | sort | uniq -c | xargs)" = "2 h1 2 h2 2 h3" ]; }
ok "six tasks on three hosts" eventually 40 six || note "$(<run.out)"
bad=0
for i in 0 1 2 3 4 5; do
    wanted=$(files get $i stdout.txt | cut -d' ' -f1)
    [ "$(files get $i wd/large | sha256sum | cut -d' ' -f1)" = "$wanted" ] || bad=$((bad + 1))
done
is "$bad" 0 "files of each of them, as they are"
node_of() { files list "$1" --json | jq -r .task.node; }
for far in 0 1 2 3 4 5; do [ "$(node_of $far)" = h3 ] && break; done
for kept in 5 4 3 2 1 0; do [ "$(node_of $kept)" = h2 ] && break; done
is "$("$MPIBATCH" node files get h3 "workitems/j/job-1/$far/wd/n" far.run)" "$((far + 1))" "a file of a node"

# --- one that has ended, kept on its host
: >"go$((kept + 1))"
over() { [ "$("$MPIBATCH" tasks --format ids --state succeeded far.run | grep -v again)" = "j/$kept" ]; }
ok "one ends" eventually 30 over
is "$(files get "$kept" wd/n)" "$((kept + 1))" "its directory is kept there, and asked for"
is "$(files list "$kept" wd --json | jq -c '[.task.state, [.files[].name]]')" '["succeeded",["wd/large","wd/n"]]' "listed"

is "$(for n in 1 2 3; do files get again wd/own --attempt $n; done | xargs)" "1 2 3" "each attempt of a task that was tried again" || note "$(<err)"

# --- a host that is cut off
"$MPIBATCH" logs -f "$far" far.run >followed 2>followed.err &
follower=$!
eventually 20 test -s followed
on cut h3
lost() { "$MPIBATCH" node files list h3 far.run 2>&1 | grep -q "no rank of node h3 is left: they are lost (NodeNotReady)"; }
ok "its node is lost" eventually 40 lost || note "$("$MPIBATCH" node files list h3 far.run 2>&1)"
like "$(<followed.err)" "(rank 2 on h3 is lost|does not answer)" "logs -f says so"
again() { [ "$(lines followed)" = 2 ]; }
: >"go$((kept + 2))"; : >"go$kept" # room for it
: >go1; : >go2; : >go3
ok "and goes on with it on another host" eventually 40 again || { : >go; note "$(<followed) $(<followed.err)"; }
: >go
ok "to its end" eventually 30 gone "$follower"
eventually 60 gone "$run" || kill -KILL "$run"
like "$(tail -n 30 run.out)" "7 tasks: 7 succeeded" "all have succeeded"

# --- over
files get "$kept" wd/n >out
like "$?$(<err)" "^1mpibatch: error: there is no wd/n; its directory is kept on node h2, in $MPI_HOSTS_DIR/local/mpibatch-0-[^ ]*/workitems/j/job-1/$kept: ask there" "where it is kept is said"
is "$(on each h2 "$MPIBATCH" files get "$kept" wd/n "$PWD/far.run" 2>&1)" "$((kept + 1))" "and there it can be got"
