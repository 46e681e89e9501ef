#!/bin/bash
# The walk through Azure's basic workflow: each command of its README does what
# it is there for, alone and on three ranks.
. "$TEST_SRCDIR/tests/lib.sh"
page=$TEST_SRCDIR/examples/azure-workflow/README.md
. "$TEST_SRCDIR/tests/page.sh"
plan 19

mkdir bin
cat >bin/mpibatch <<'END'
#!/bin/sh
# launch is run, on as many ranks as the test says
[ "$1" = launch ] || exec "$REAL_MPIBATCH" "$@"
shift
exec $RANKS "$REAL_MPIBATCH" run "$@"
END
chmod +x bin/mpibatch
export PATH=$PWD/bin:$PATH REAL_MPIBATCH=$MPIBATCH PAGER=cat
blocks sh >all
is "$(grep -c . all)" 18 "the page's commands are found"
sed '/^mpibatch storage delete/,$d' all >walk
grep '^mpibatch storage delete' all >clean

# walk WHAT RANKS...: in an empty folder of its own
walk() {
    local what=$1
    shift
    mkdir "$what" && cd "$what" || exit 99
    export RANKS="$*"
    limited 100 bash -e ../walk >../"$what.out" 2>&1
    walked=$?
    cd azure-workflow || exit 99
}

walk alone
is "$walked" 0 "each command of the page works" || note "$(tail -n 30 ../../alone.out)"
is "$(count azure-workflow.run succeeded) succeeded, $(count azure-workflow.run failed) failed" "6 succeeded, 0 failed" "the tasks succeed"
is "$(cd storage/inputs && find . -type f | sort | xargs)" "./stations/berlin.csv ./stations/cairo.csv ./stations/lima.csv ./stations/nairobi.csv ./stations/oslo.csv ./stations/sydney.csv ./thresholds.csv" "the data is uploaded"
is "$(cd summaries && echo *)" "berlin.csv cairo.csv lima.csv nairobi.csv oslo.csv sydney.csv" "the outputs are fetched"
is "$(head -2 summaries/oslo.csv | xargs)" "month,mean 1,-6.17" "they are right"
ok "what is in results is the same" diff -r summaries storage/results/summaries
ok "no task has failed: no logs" [ ! -e storage/results/logs ]
like "$(<../../alone.out)" "shared-storage opens: [0-9]+.*6 files \([0-9]+ B\) uploaded" "the summary says what staging has cost"
is "$("$MPIBATCH" files get oslo wd/warmest.txt azure-workflow.run)" "6-25,16.3" "a returned file"
is "$(head -1 means.csv | tr , '\n' | grep -cx 'station\|mean\|frost')" 3 "a table of metrics"
like "$(grep ,oslo, means.csv)" ",6.32," "with their values"
like "$("$MPIBATCH" logs oslo azure-workflow.run)" "frost: 10" "the logs"
ok "nothing of it stays on the node" bash -c '! ls -d "${TMPDIR:-/tmp}"/mpibatch-"$(id -u)"-*/workitems/stations 2>/dev/null'
ok "it is cleaned up" bash -e ../../clean
is "$(find storage -type f | wc -l)" 0 "all of it"
cd ../.. || exit 99

# Open MPI itself leaks
ASAN_OPTIONS=detect_leaks=0 walk ranks "$MPIRUN" --oversubscribe -n 3
is "$walked" 0 "on three ranks" || note "$(tail -n 30 ../../ranks.out)"
is "$(cat summaries/*.csv | cksum)" "$(cat ../../alone/azure-workflow/summaries/*.csv | cksum)" "the outputs are the same"

# A station whose file is broken: the task fails, its output is stored.
printf 'month,day,celsius\n' >storage/inputs/stations/lima.csv
"$MPIBATCH" run --fresh --quiet azure-workflow.yaml >run.out 2>&1
is "$? $(cat storage/results/logs/lima/stderr.txt)" "1 no measurements" "what a task that fails has printed is stored"
cd ../.. || exit 99
