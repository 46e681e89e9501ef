#!/bin/bash
# The files of running tasks under mpirun: listed, looked at, got while they
# grow; logs -f; files of a node; what is malformed, many at once; a worker and
# a session that are killed.
. "$TEST_SRCDIR/tests/lib.sh"
plan 52

# on one rank, so that there is always room for the one with a directory and the
# first three of the others, whoever joins when
cat >slow.yaml <<'XEOF'
pool: {task_slots_per_node: 7, scratch: SCRATCH}
jobs:
  - id: dir
    sweep: {parameters: {n: [1]}}
    task:
      task_directory: true
      command_line: "mkdir sub; echo x >sub/x; ln -s /etc/passwd out; ln -s sub/x in; head -c 40000000 /dev/urandom >large; sha256sum <large; echo small >small; (while ! test -e HERE/go; do head -c 65536 /dev/zero; sleep 0.02; done) >grow"
  - id: plain
    sweep: {parameters: {n: [1, 2, 3, 4, 5]}}
    task: {required_slots: 2, command_line: "test {n} != 2 || seq 1 100000; test {n} != 3 || seq 1 3000000; echo e >&2; while ! test -e HERE/go{n}; do test {n} != 1 || date +%s.%N; sleep 0.3; done; echo end {n}"}
XEOF
mkdir scratch
sed -i "s#HERE#$PWD#g; s#SCRATCH#$PWD/scratch#" slow.yaml
files() { "$MPIBATCH" files "$@" 2>err; }
refuses() { # REGEX ARGUMENTS...
    local regex=$1; shift
    "$MPIBATCH" "$@" >out 2>err
    like "$? $(<out)$(<err)" "^1 mpibatch: error: $regex" "refused: $*"
}
runs() { [ "$("$MPIBATCH" files list "$1" --json 2>/dev/null | jq -r .task.state)" = running ]; }
has() { "$MPIBATCH" files stat "$@" >/dev/null 2>&1; }
start 1 slow.yaml
ok "it runs" eventually 30 runs dir/0 || note "$(<run.out)"
eventually 20 has dir/0 wd/grow

# --- a task with a directory
files list dir/0 --json >list.json
is "$(jq -c '[.files[].name] | sort' list.json)" \
    '["stderr.txt","stdout.txt","wd","wd/grow","wd/in","wd/large","wd/out","wd/small","wd/sub","wd/sub/x"]' "list"
is "$(jq -c '[.task.state, .task.attempt, .complete, (.files[] | select(.name == "wd/large") | .size)]' list.json)" \
    '["running",1,true,40000000]' "list: the task, and sizes"
is "$(files list dir/0 wd/sub | awk 'NR > 1 { print $2, $NF }')" "2 wd/sub/x" "list: a folder"
is "$(files list dir/0 --no-recursive | awk 'NR > 1 { print $NF }' | xargs)" "stderr.txt stdout.txt wd/" "list --no-recursive"
is "$(files stat dir/0 wd/in --json | jq -c '[.file.type, .file.size]')" '["file",2]' "stat: through a link inside"
wanted=$(files get dir/0 stdout.txt | cut -d' ' -f1)
is "$(files get dir/0 wd/large | sha256sum | cut -d' ' -f1)" "$wanted" "get: a large file"
files get dir/0 'wd/**' -o tree
is "$(cd tree && find . -type f | sort | xargs)" "./wd/grow ./wd/large ./wd/small ./wd/sub/x" "get: a pattern, into a folder"
is "$(sha256sum <tree/wd/large | cut -d' ' -f1) $(<tree/wd/small)" "$wanted small" "what is in them"
files get dir/0 wd/grow -o grown
now=$(files stat dir/0 wd/grow --json | jq .file.size)
size=$(stat -c %s grown)
is "$((size > 0 && size <= now)) $(tr -d '\0' <grown | wc -c)" "1 0" "get: a file that grows"
refuses "wd/out leads out of the folder" files get dir/0 wd/out
refuses "there is no wd/none" files get dir/0 wd/none
refuses "wd is a folder" files get dir/0 wd

# --- one without
is "$(files list plain/1 | awk 'NR > 1 { print $NF }' | xargs)" "stderr.txt stdout.txt" "list: a task without a directory"
is "$(files get plain/1 stdout.txt | cksum)" "$(seq 1 100000 | cksum)" "get: a large output that is still written"
is "$("$MPIBATCH" logs plain/1 2>err | tail -n 1) $(<err)" "100000 mpibatch: attempt 1 runs: this is what it has printed by now" "logs: of a running one"
is "$("$MPIBATCH" logs plain/1 --tail 2 2>err | xargs)" "99999 100000" "logs --tail: of a running one"
is "$("$MPIBATCH" logs plain/1 --stderr 2>err)" e "logs --stderr: of a running one"
refuses "there is no such file: the task has no directory of its own" files get plain/1 wd/x
refuses "task plain/4 has not started \(TaskFilesUnavailable\)" files list plain/4

# --- followed
"$MPIBATCH" logs -f plain/0 2>follow.err | while read -r line; do echo "$line $(date +%s.%N)"; done >followed &
"$MPIBATCH" logs -f plain/4 >waited 2>&1 &
waiter=$!
"$MPIBATCH" logs -f plain/1 --tail 1 >tailed 2>&1 &
tailer=$!
"$MPIBATCH" logs -f plain/0 >/dev/null 2>&1 &
left=$!
ok "lines come" eventually 20 has_lines 1 followed
sleep 1 # what there was by then
ok "and come" eventually 20 has_lines $(($(lines followed) + 8)) followed
# of those that were printed when the first had been seen
is "$(awk 'NR == 1 { seen = $2 } $1 > seen && $2 - $1 > 2' followed)" "" "each within two seconds" || note "$(<followed)"
note "seconds from a line being printed to its being seen: $(awk 'NR == 1 { seen = $2 } $1 > seen { s += $2 - $1; if ($2 - $1 > m) m = $2 - $1; n++ } END { print "mean", s / n, "most", m }' followed)"
kill -TERM "$left" # SIGINT is ignored in the background
wait "$left"
is "$?" 143 "logs -f: ended by a signal"
: >go1; : >go2
wait_for_end() { grep -q "^end 1" followed; }
ok "and followed to the end" eventually 20 wait_for_end
ok "another one, too" eventually 20 gone "$tailer"
is "$(xargs <tailed)" "100000 end 2" "logs -f --tail: the last line, then what comes"
: >go5
ok "one that had not started" eventually 30 gone "$waiter"
is "$(<waited)" "end 5" "followed from its beginning"
is "$(files get plain/0 stdout.txt | tail -n 1)" "end 1" "one that has ended in this session"

# --- one that ends while it is read: what it printed is got whole, other files
# are not, and that is said
mkfifo slowly
eventually 20 has plain/2
files get plain/2 stdout.txt >slowly &
getter=$!
exec 3<slowly
head -c 1000 <&3 >first
: >go3
ended() { [ "$("$MPIBATCH" tasks --where 'job_id == "plain" and n == 3' --format ids --state succeeded slow.run)" = plain/2 ]; }
ok "it has ended by now" eventually 20 ended
cat first - <&3 >whole
wait "$getter"
is "$? $(cksum <whole)" "0 $( (seq 1 3000000; echo end 3) | cksum)" "get: the output of a task that ends meanwhile" || note "$(wc -c whole) $(<err)"
exec 3<&-

# --- the node
host=$(hostname)
"$MPIBATCH" node files list "$host" --no-recursive >out 2>err
is "$(awk 'NR > 1 { print $NF }' out | xargs)" "applications/ shared/ startup/ workitems/" "node files list"
is "$("$MPIBATCH" node files get "$host" workitems/dir/job-1/0/wd/small)" small "node files get"
refuses "a node shows shared, startup, applications and workitems" node files list "$host" cache
refuses "this session has no node nowhere \(NodeNotFound\)" node files list nowhere

# --- what is malformed, what is hostile
id() { printf '%032d' "$1"; }
echo '{"version": 2, "ask": "dance"}' >"slow.run/inbox/$(id 1).ask"
ln -s /etc/passwd "slow.run/inbox/$(id 2).ask"
mkfifo "slow.run/inbox/$(id 3).ask"
head -c 1000000 /dev/zero >"slow.run/inbox/$(id 4).ask"
echo '{"version": 2, "ask": "read", "scope": "task", "job": 7, "job_id": "dir", "task": 0}' >"slow.run/inbox/$(id 5).ask"
echo '{"version": 2, "ask": "read", "scope": "task", "job": 0, "job_id": "dir", "task": 0, "path": "../../../etc/passwd", "bytes": 10}' >"slow.run/inbox/$(id 6).ask"
answered() { [ "$(find slow.run/inbox -name '0000*.answer' | wc -l)" = 6 ]; }
ok "each is answered" eventually 10 answered
is "$(for i in 1 2 3 4 5 6; do jq -r .error.code "slow.run/inbox/$(id $i).answer"; done | xargs)" \
    "InvalidRequestBody InvalidRequestBody InvalidRequestBody InvalidRequestBody TaskNotFound InvalidPath" "with an error"
is "$(grep -c "malformed" run.out)" 1 "and said once"
rm -f slow.run/inbox/*.answer slow.run/inbox/*.data # also of the one that was ended

# --- many at once
pids=()
for i in $(seq 30); do files get dir/0 wd/small >"many$i" & pids+=($!); done
wait "${pids[@]}"
is "$(cat many* | sort | uniq -c | xargs)" "30 small" "30 at once"
is "$(find slow.run/inbox -type f | wc -l)" 0 "nothing is left in the inbox"

files get dir/0 wd/large >slowly &
getter=$!
exec 3<slowly
head -c 1000 <&3 >first
: >go; : >go4
finish 60
is "$rc" 0 "the end"
cat <&3 >rest
wait "$getter"
like "$? $(<err)" "^1 mpibatch: error: wd/large was read to byte 16777216 of 40000000: " "get: another file of such a one"
exec 3<&-
refuses "there is no wd/small" files get dir/0 wd/small
is "$(files get dir/0 stdout.txt | cut -d' ' -f1)" "$wanted" "its output is there"

# --- a session that is killed
rm -f go* ; : >go1; : >go2; : >go3; : >go4
"$MPIBATCH" run slow.yaml -o killed.run >killed.out 2>&1 &
killed=$!
runs_killed() { [ "$("$MPIBATCH" files list dir/0 killed.run --json 2>/dev/null | jq -r .task.state)" = running ]; }
eventually 30 runs_killed
"$MPIBATCH" logs -f dir/0 killed.run >cut 2>cut.err &
follower=$!
eventually 10 test -s cut
kill -KILL "$killed"
wait "$killed" 2>/dev/null
start_s=$SECONDS
refuses "task dir/0 has not ended an attempt, and no session runs it now" files list dir/0 killed.run
ok "a follower sees it, too" eventually 20 gone "$follower"
is "$((SECONDS - start_s < 10))" 1 "soon"

# --- a worker that is killed: its task runs elsewhere
cat >lost.yaml <<XEOF
pool: {task_slots_per_node: 6}
jobs:
  - id: j
    sweep: {parameters: {n: [1, 2, 3, 4]}}
    task: {command_line: "echo \$MPIBATCH_TASK_ATTEMPT; while ! test -e $PWD/over; do sleep 0.1; done"}
XEOF
"$MPIBATCH" launch -n 3 --lost-after 3s --plain lost.yaml >lost.out 2>&1 &
launched=$!
rank_of() { "$MPIBATCH" files list "$1" lost.run --json 2>/dev/null | jq -r 'select(.task.state == "running") | .task.rank'; }
all_run() { [ "$(for i in 0 1 2 3; do rank_of $i; done | wc -l)" = 4 ]; }
ok "all run" eventually 30 all_run
for victim in 0 1 2 3; do rank=$(rank_of "$victim"); [ "$rank" != 0 ] && break; done
"$MPIBATCH" logs -f "$victim" lost.run >lost.followed 2>lost.err &
follower=$!
eventually 10 test -s lost.followed
for pid in $(pgrep -f 'mpibatch run .*lost.yaml'); do
    if grep -qsxzF "OMPI_COMM_WORLD_RANK=$rank" "/proc/$pid/environ" && [ "$(readlink "/proc/$pid/cwd")" = "$PWD" ]; then kill -KILL "$pid"; fi
done
again() { [ "$(lines lost.followed)" = 2 ]; } # the number of one that had just begun is used again
ok "logs -f goes on with the next attempt" eventually 40 again || note "$(<lost.followed) $(<lost.err)"
: >over
ok "to its end" eventually 20 gone "$follower"
wait "$launched"
is "$?" 0 "the end"
