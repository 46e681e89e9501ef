#!/bin/bash
# Command files: the same as with GNU parallel; what other tools mean by a line;
# what is refused; tables that change while a run uses them, or afterwards.
# tests/mpi/commands.sh sources this with other numbers of ranks.
. "$TEST_SRCDIR/tests/lib.sh"
need_python
: "${RANK_COUNTS:=0}"
set -- $RANK_COUNTS
plan $((31 * $#))
unset MPIBATCH_LINE LAUNCHER_JID PARALLEL_SEQ DISBATCH_TASKID

# Lines that are easy to get wrong; they print, and some fail.
cat >nasty.txt <<'EOF'
# a comment
echo plain words   and  blanks
echo 'single "quoted" $HOME' "double 'quoted' {x}" back\ slash

echo {} {x} {{y}} {1..3} {task.index} %s %d
echo "$((6 * 7)) $(echo nested) `echo back`"
  echo leading blanks
echo tab	inside
printf '%s\n' a b 'c d' | sort -r | tr a-z A-Z
for i in 1 2 3; do echo "i=$i"; done
test -n "$UNSET" || echo unset
exit 1
false
sh -c 'kill -9 $$'
no-such-program --at all
/nowhere/at/all
X=1 Y='2 3' sh -c 'echo $X "$Y"'
echo a#b # a comment
echo '#' "#" \#
echo "grüße, 世界"
echo * | wc -w >/dev/null && echo glob
echo ~root >/dev/null; echo tilde
echo out; echo err >&2; exit 7
! true
(echo sub; exit 5)
{ echo group; }
echo 'a\b\\c' "d\\e" f\\g
echo $PARALLEL_SEQ >/dev/null
awk 'BEGIN { printf "%d {}\n", 42 }'
echo trailing blanks   	
: nothing
true && echo and || echo or
EOF
printf 'echo %030000d | wc -c\n' 0 >>nasty.txt # a long line
printf 'echo no newline at the end' >>nasty.txt

cat >tools.txt <<'EOF'
echo $LAUNCHER_JID $PARALLEL_SEQ $MPIBATCH_LINE "${DISBATCH_TASKID-none}"

# not the second
printf '%s\n' "$LAUNCHER_JID $PARALLEL_SEQ $MPIBATCH_LINE"
EOF
cat >disbatch.txt <<'EOF'
# as disBatch's manual writes them
#DISBATCH PREFIX ( cd . ; 
#DISBATCH SUFFIX  ) &> ${DISBATCH_NAMETASKS}_${DISBATCH_JOBID}_${DISBATCH_TASKID}.log
echo one; echo "$DISBATCH_REPEAT_INDEX $DISBATCH_STREAM_INDEX"
#DISBATCH REPEAT 3 start 100 step 50 echo "r $DISBATCH_REPEAT_INDEX"
#DISBATCH PREFIX 
#DISBATCH SUFFIX 
[[ $BASH_VERSION ]] && echo bash >sub/last
EOF
printf '\xef\xbb\xbf#!/bin/bash\r\n\r\necho {1..3} >windows.out\r\n' >windows.txt
cat >job.yaml <<'EOF'
jobs:
  - id: lines
    commands: lists/a list.txt
    common_environment_settings: {A: "1"}
    task:
      id: 'l-{task.index}'
      environment_settings: {B: '{task.index}', LAUNCHER_JID: mine}
      constraints: {max_task_retry_count: 1}
  - {id: other, task: {command_line: echo other}}
EOF
mkdir -p lists sub
cat >"lists/a list.txt" <<'EOF'
echo "$A $B $LAUNCHER_JID $MPIBATCH_TASK_ID"
test $MPIBATCH_TASK_ATTEMPT = 2
EOF

# CSV as spreadsheets write it
printf '\xef\xbb\xbfname,n ,"what"\r\n' >points.csv
printf 'plain,1,x\r\n"a, ""b""",2,"two\nlines"\r\n\r\nspaced ,03,""\r\n' >>points.csv
cat >points.yaml <<'EOF'
jobs:
  - sweep: {from: points.csv}
    task: {command_line: [printf, '%s|%s|%s;', '{name}', '{n}', '{what}']}
EOF
cat >expected.py <<'EOF'
import csv, sys
with open("points.csv", newline="", encoding="utf-8-sig") as f:
    for row in list(csv.reader(f))[1:]:
        if row:
            sys.stdout.write("|".join(c.strip(" ") for c in row) + ";")
EOF
cat >files.yaml <<'EOF'
jobs:
  - sweep: {from: {files: 'in/**/*.dat'}}
    task: {command_line: 'cat {file}'}
EOF
# a run that goes on while its file is taken away
cat >slow.yaml <<'EOF'
pool: {task_slots_per_node: 1}
jobs:
  - sweep: {from: slow.csv}
    task: {command_line: 'test {i} != 0 || (touch started; until test -e go; do sleep 0.05; done); echo {i} >>slow.out'}
EOF

if command -v parallel >/dev/null; then
    export PARALLEL_SHELL=/bin/sh
    parallel --will-cite -j2 -k --joblog parallel.log <nasty.txt >parallel.out 2>/dev/null
    # did it fail? by line, without what is no command
    tail -n +2 parallel.log | sort -n |
        awk -F'\t' '$9 !~ /^(#.*)?$/ { print ($7 != 0 || $8 != 0) }' >parallel.rc
fi

for n in "$@"; do
    rm -rf ./*.run in out disbatch*.log sub/last windows.out started go slow.out
    mkdir -p in/deep
    echo A >in/a.dat; echo B >in/deep/b.dat; echo C >in/deep/c.txt
    seq 0 9 | sed '1i i' >slow.csv

    # -- the same as GNU parallel
    run "$n" nasty.txt
    if command -v parallel >/dev/null; then
        results outputs nasty.run/results.h5 stdout >mine.out
        ok "ranks $n: nasty lines print what they print in GNU parallel" diff parallel.out mine.out
        results last nasty.run/results.h5 result | sed 's/success/0/; s/failure/1/' >mine.rc
        ok "ranks $n: and fail where they fail there" diff parallel.rc mine.rc
    else
        skip 2 "no GNU parallel"
    fi
    is "$rc" 1 "ranks $n: some lines fail"
    like "$(cat run.out)" "task 9 of job job: exit code 1.*nasty.txt:12.*by hand: .cd $scratch && exit 1." \
        "ranks $n: a failure names the line and the command"
    like "$("$MPIBATCH" tasks nasty.run)" "nasty.txt:12" "ranks $n: so does tasks"

    ok "ranks $n: the programs of the lines are recorded" "$PYTHON" -c '
import h5py
names = h5py.File("nasty.run/results.h5")["batch/programs"]["name"]
assert {b"sort", b"sh"} <= set(names), names'

    # -- what other tools mean
    run "$n" tools.txt
    results outputs tools.run/results.h5 stdout >out
    is "$rc $(cat out)" "0 1 1 1 none
4 2 4" "ranks $n: variables by the names of TACC's Launcher and GNU parallel"
    run "$n" disbatch.txt
    is "$rc $(cat disbatch.txt_job_{0,1,2,3}.log sub/last)" "0 one
-1 4
r 100
r 150
r 200
bash" "ranks $n: disBatch's PREFIX, SUFFIX and REPEAT, in bash"
    run "$n" windows.txt
    is "$rc $(cat windows.out)" "0 1 2 3" "ranks $n: #!/bin/bash, CRLF and a byte order mark"
    run "$n" job.yaml
    results outputs job.run/results.h5 stdout >out
    is "$rc $(cat out) $("$MPIBATCH" tasks job.yaml | grep -c ' l-[01] ')" "0 1 0 mine l-0
other 2" "ranks $n: a job of command lines, with ids, settings, retries"

    # -- run again
    cp tools.txt kept.txt
    run "$n" tools.txt
    like "$rc $(cat run.out)" "^0 .*all is done: 2 tasks" "ranks $n: the same again has nothing to do"
    sed -i 's/not the second/another comment/' tools.txt
    run "$n" tools.txt
    like "$rc $(cat run.out)" "^2 .*tools.run belongs to another tools.txt: line 3 was \`# not the second\` and is now \`# another comment\`.*--fresh" \
        "ranks $n: a file that has changed is refused"
    cp kept.txt tools.txt
    run "$n" tools.txt
    is "$rc" 0 "ranks $n: put back it is fine"
    rm tools.txt
    like "$("$MPIBATCH" status tools.run) $("$MPIBATCH" tasks tools.run)" "tools.txt:4" \
        "ranks $n: status and tasks need no file"
    run "$n" tools.txt
    like "$rc $(cat run.out)" "^2 .*cannot open tools.txt" "ranks $n: a run does"
    cp kept.txt tools.txt

    # -- tables
    run "$n" points.yaml
    results outputs points.run/results.h5 stdout >out
    "$PYTHON" expected.py >expected
    ok "ranks $n: cells arrive as Python's csv reads them" cmp expected out
    run "$n" files.yaml
    is "$rc $(results outputs files.run/results.h5 stdout | tr '\n' ' ')" "0 A B " "ranks $n: a task a file"
    touch in/new.dat
    mv in/a.dat a.dat
    run "$n" files.yaml
    like "$rc $(cat run.out)" '^2 .*belongs to other files than "in/\*\*/\*.dat" matches now: in/new.dat is new, in/a.dat is gone' \
        "ranks $n: files that came and went are refused"
    rm in/new.dat; mv a.dat in/
    run "$n" files.yaml
    like "$rc $(cat run.out)" "^0 .*all is done" "ranks $n: put back they are fine"
    start "$n" slow.yaml
    eventually 30 test -e started
    : >slow.csv # shorter while it is in use
    touch go
    finish
    is "$rc $(sort -n slow.out | tr '\n' ' ')" "0 0 1 2 3 4 5 6 7 8 9 " "ranks $n: a run goes on when a table is emptied"
    run "$n" slow.yaml
    like "$rc $(cat run.out)" "^2 .*slow.csv: error: it is empty" "ranks $n: the next one says so"

    # -- what is refused
    refused() { # WHAT MESSAGE: of the file bad.txt
        run "$n" bad.txt
        like "$rc $(cat run.out)" "^2 .*bad.txt:$2" "ranks $n: $1"
    }
    printf 'a\n[#1#] b\n' >bad.txt
    refused "GREASY's dependencies are refused" '2: error: \[# #\] is a dependency of GREASY.*2 \| \[#1#\] b'
    printf 'a\n#DISBATCH BARRIER\nb\n' >bad.txt
    refused "disBatch's barriers are refused" "2: error: #DISBATCH BARRIER"
    printf 'a 2>&1 &> x\n' >bad.txt
    refused "what /bin/sh would take for something else is refused" "1: error: &> is bash's"
    printf 'a\nb \\\n c\n' >bad.txt
    refused "lines that go on are refused" "2: error: the line ends with a backslash"
    printf -- '---\njobs:\n  - {task: {command_line: a}}\n' >bad.txt
    refused "a job spec by another name is refused" "1: error: this looks like a job spec.*yaml"
    printf '# nothing\n' >bad.txt
    refused "a file without a command is refused" " error: there is no command in it"
    ok "ranks $n: no run directory is made then" test ! -e bad.run

    # -- folders, as GREASY's files have them
    mkdir -p "run in"
    printf '[@ run in @] pwd | sed s,.*/,, >../folder.out; echo ok\n[@ missing @] touch wrong; touch missing-ran\n' >greasy.txt
    run "$n" greasy.txt
    like "$rc $(cat folder.out) $(cat run.out)" "^1 run in .*1 succeeded, 1 failed" "ranks $n: GREASY's folders are obeyed"
    ok "ranks $n: what has no folder does not run" test ! -e missing-ran

    # -- a million lines
    [ -e million.txt ] || awk 'BEGIN { print "date +%s%N >first"; for (i = 1; i < 1000000; i++) print "true --number " i " >log-" i ".txt" }' >million.txt
    begin=$(date +%s%N)
    run "$n" --limit 1 million.txt
    took=$((($(cat first) - begin) / 1000000))
    note "the first of a million lines started after $took ms"
    is "$rc $((took < 10000))" "3 1" "ranks $n: a million lines start quickly"
done
