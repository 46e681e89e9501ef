#!/usr/bin/env bash
# A node of three is lost in the middle of a start task, of job preparation, of
# job release, of a job manager, of a task on two nodes: the rest goes on, and
# does what it did. Rank 0, which runs no tasks, has a node of its own.
SPECIAL_ONLY=yes
# shellcheck source=tests/fault/special.sh
. "$TEST_SRCDIR/tests/fault/special.sh"
[ "$(id -u)" = 0 ] && unshare --uts true 2>/dev/null || skip_all "hosts can only be made by root"
plan 19
ranks=4
with=(-m apart --dedicated-manager --lost-after 3s)

# lost NAME HELD: the node where HELD is at work is lost
lost() {
    local node
    name=$1
    rm -f log
    echo "$2" >hold
    session
    await 20 begun "$2" 1
    node=$(sed -n "s/^begin $2 node//p" log | head -n 1)
    kill -9 "$(rank_pid "$node")"
    rm -f hold
    over 40
    like "$(cat launch.out)" "node node$node gets no tasks any more: all its ranks are lost" "$name: the node is lost"
}

lost start start
is "$rc $(states); $(jobs j)" "0 j/a succeeded, j/b succeeded; completed AllTasksComplete 2 2 0 0" "start: the others' start tasks are enough"
unlike "$(begins)" "(a|b) 2" "start: no task ran twice"
unlike "$(grep ' node0$' log)" . "start: a rank that has no slots runs none"
lost prep prep
is "$rc $(jobs j)" "0 completed AllTasksComplete 2 2 0 0" "prep: the tasks run elsewhere, which is prepared"
unlike "$(begins)" "[abc] 2" "prep: no task ran twice"
lost release release
is "$rc $(jobs j)" "1 completed AllTasksComplete 2 1 1 0" "release: the job does not wait for a node that is lost"
unlike "$(begins)" "[ab] 2" "release: no task ran twice"
lost manager manager
is "$rc $(ended); $(jobs j)" "0 a 1, manager 1, x 1, y 1; completed AllTasksComplete 4 4 0 0" "manager: it runs again elsewhere, what it has added once"
for part in coordination command; do
    lost $part $part
    is "$rc $(jobs j)" "0 completed AllTasksComplete 3 3 0 0" "$part: the task begins again on two other nodes"
    like "$(ended)" "b 1, c 1, command 1, coordination [2-4]" "$part: and ends once"
done

# the rank without slots on a node with others: they do what there is to do
with=(--dedicated-manager)
ranks=2
name=prep
rm -rf log prep.run
session
over 20
is "$rc $(ended)" "0 a 1, b 1, c 1, prep 1, release 1, start 1" "a manager without slots beside others: special tasks run there"
