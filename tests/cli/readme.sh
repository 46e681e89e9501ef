#!/bin/bash
# README.md and what it points to do not lie: the commands of the first minutes
# run, the job specs are right, and its Python reads what they give.
. "$TEST_SRCDIR/tests/lib.sh"
page=$TEST_SRCDIR/README.md
. "$TEST_SRCDIR/tests/page.sh"
plan 14

mkdir bin
# without MPI: launch is run
cat >bin/mpibatch <<'EOF'
#!/bin/sh
[ "$1" != launch ] || { shift; set -- run "$@"; }
exec "$REAL_MPIBATCH" "$@"
EOF
printf '#!/bin/sh\nshift 2\nexec "$@"\n' >bin/mpirun
chmod +x bin/*
export PATH=$PWD/bin:$PATH REAL_MPIBATCH=$MPIBATCH

# --- commands: each line by itself, but init only once
blocks sh >commands
is "$(sed -n 's/^mpibatch \([a-z]*\) .*/\1/p' commands | sort -u | wc -l)" 7 "the page's commands are found"
sed -i "/^mpibatch init/{x;s/^/x/;/^xx/{x;d};x}; s#/usr/bin/python3#$PYTHON#" commands
[ "$PYTHON" != : ] || sed -i '/xarray/d' commands
while IFS= read -r line; do
    PAGER=cat bash -c "$line" >out 2>&1 || { echo "$line: $?"; cat out; }
done <commands >wrong
is "$(<wrong)" "" "each of them runs"
# files that other commands of the page name
is "$(grep -o 'mpibatch collect --spec [a-z]*.yaml [a-z]*.run' "$TEST_SRCDIR/doc/metrics.md")" "mpibatch collect --spec more.yaml sweep.run" "metrics: collect"
sed 's/energy: {/copy: {/' sweep.yaml >more.yaml
ok "it does what the page says" "$MPIBATCH" collect --spec more.yaml sweep.run
is "$(cd sweep.run && ls -d journal run.1.yaml | xargs)" "journal run.1.yaml" "the former journal and spec stay"

# --- the job spec, with a program that prints what it should
printf '#!/bin/sh\necho "m = 0.$4$6"\n' >ising
chmod +x ising
blocks yaml | sed '/^parameters:/,$d' >ising.yaml
ok "the job spec" "$MPIBATCH" run --quiet ising.yaml
{ printf 'jobs:\n- sweep:\n'; blocks yaml | sed -n '/^parameters:/,/^repeat:/s/^/    /p'; echo '  task: {command_line: echo {T} {n} {ranks} {seed}}'; } >sweeps.yaml
sed -i 's/command_line: \(.*\)}$/command_line: "\1"}/' sweeps.yaml
# 21 temperatures; at 1.5 one n of three, from 3.0 on two
is "$("$MPIBATCH" validate --json sweeps.yaml | jq .tasks)" $(((1 + 14 * 3 + 6 * 2) * 10)) "the sweep"
# files: the page's containers, and those of doc/storage.md
mkdir -p data/in data/out
seq 20 -1 1 >data/in/numbers.dat
blocks yaml | sed -n '/^storage:/,$p' >stored.yaml
"$MPIBATCH" run --quiet stored.yaml >out 2>&1
is "$? $(ls data/out/sorted | xargs) $(head -1 data/out/sorted/sorted-1.5.dat)" "0 sorted-1.5.dat sorted-2.0.dat sorted-2.5.dat 1" "the files" || note "$(<out)"
page=$TEST_SRCDIR/doc/storage.md blocks yaml | sed "s#/project/ising #$PWD/data #" >storage.yaml
mkdir -p data/apps; echo mesh >data/in/mesh.dat; : >data/apps/solver.tar.gz
ok "storage.md" "$MPIBATCH" validate storage.yaml
{ printf 'jobs:\n- task: {command_line: "true"}\n'; page=$TEST_SRCDIR/doc/metrics.md blocks yaml | sed 's/^/  /'; echo '  sweep: {parameters: {a: [1]}}'; } >metrics.yaml
ok "the metrics" "$MPIBATCH" validate metrics.yaml
if [ "$PYTHON" = : ] || ! "$PYTHON" -c 'import matplotlib' 2>/dev/null; then skip 1 "no Python with xarray, pandas, matplotlib"; else
    MPLBACKEND=Agg language python "$PYTHON"
fi
ok "export" bash -c "$(grep -o 'mpibatch export ising.run -o ising.csv' "$page")"

# --- the short pages and the man page have the same variables and exit codes
"$MPIBATCH" show man mpibatch >man
running=$TEST_SRCDIR/doc/running.md
is "$(sed -n 's/^\.It Ev \(MPIBATCH_[A-Z_]*\).*/\1/p' man | sort | xargs)" "$(grep '^| `MPIBATCH_' "$running" | grep -o 'MPIBATCH_[A-Z]*[A-Z_]*' | sort | xargs)" "variables"
is "$(sed -n 's/^\.It Pa \(.*\)/\1/p' man | sed 's#\\##g' | sort | xargs)" "$(sed -n '/^| file/,/^$/s/`//gp' "$running" | grep -oE '(run.yaml|[a-z]+/|status.json|results.h5)' | sort -u | xargs)" "files"
