#!/bin/bash
# Where a run comes from and what it was given: show run, show spec, show table,
# against what is known of a small run; from its folder alone.
. "$TEST_SRCDIR/tests/lib.sh"
need_python
plan 35

show() { "$MPIBATCH" show "$@" 2>err; }
# refuses REGEX ARGUMENTS...: exit 2, nothing on stdout, says so
refuses() {
    local regex=$1; shift
    "$MPIBATCH" show "$@" >out 2>err
    like "$? $(<out)$(<err)" "^2 mpibatch: error: $regex" "refused: show $*"
}

# --- two sessions, another program in the second one
mkdir bin in more
printf '#!/bin/sh\necho "e = $1"\n[ "$1" != 2 ]\n' >bin/prog
chmod +x bin/prog
printf 'x,y\n1,a\n2,"b\nc"\n' >points.csv
printf 'x\tz\n7\t8\n' >more/points.csv
: >in/a.dat
: >'in/b c.dat'
# comments, a tab, no newline at its end: byte for byte is what matters
printf 'name: shown   # \xc3\xa9\t!\njobs:
  - id: a
    sweep: {from: points.csv}
    task: {command_line: "bin/prog {x}"}
  - id: b
    sweep: {from: {files: "in/*.dat"}}
    task: {command_line: "cat {file}"}
    metrics: {e: {regex: "e = (.*)"}}' >show.yaml
cp show.yaml given.yaml
session() { env -i PATH=/usr/bin:/bin OMP_NUM_THREADS=3 SLURM_JOB_NAME="$1" SECRET=swordfish "${@:2}" >run.out 2>&1; }
session "one job" "$MPIBATCH" run show.yaml
is "$? $(show run | grep -c changed)" "1 0" "the first session: nothing has changed"
first=$(sha256sum <bin/prog)
echo '# other' >>bin/prog
session other "$MPIBATCH" run --rerun failed show.yaml
is "$?" 1 "the second one"
show run >out
sed -E -e "s#$PWD#DIR#g; s#$MPIBATCH#MPIBATCH#g" \
    -e 's/[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8}/TIME/; s/TIME, [0-9.]+[munh0-9s.]*,/TIME, TOOK,/; s/[0-9]+\.[0-9]+\.[0-9]+/VERSION/g' \
    -e 's/ on [^ ]+$/ on HOST/; s/(hosts +)[^:]+: .*/\1HOST/; s# \(/(usr/)?bin/[^)]*\)# (PATH)#; s#(/bin/sh) \(PATH\)#\1#; s/^  size .*/  size/' \
    -e 's/[0-9]+ shared librar(y|ies)/N shared libraries/' out >got
prog=$(sha256sum <bin/prog | cut -c1-12)
sh=$(sha256sum <"$(PATH=/usr/bin:/bin command -v sh)" | cut -c1-12)
cat=$(sha256sum <"$(PATH=/usr/bin:/bin command -v cat)" | cut -c1-12)
cat >wanted <<EOT
shown: 4 tasks in DIR/show.run
  spec         DIR/show.yaml
               sha256 $(sha256sum <show.yaml | cut -d' ' -f1)
  made         TIME on HOST
  folder       DIR
  command      MPIBATCH run --rerun failed show.yaml
  versions     mpibatch VERSION, hwloc VERSION, HDF5 VERSION
  session 1    TIME, TOOK, 1 rank on 1 node: exit code 1
  session 2    TIME, TOOK, 1 rank on 1 node: exit code 1
  hosts        HOST
  programs     $prog  bin/prog (DIR/bin/prog)
               $sh  /bin/sh
               $cat  cat (PATH)
               and N shared libraries (--json has all)
  changed      bin/prog in session 2: $prog, before ${first:0:12}
  environment  OMP_NUM_THREADS=3
               PATH=/usr/bin:/bin
               SLURM_JOB_NAME=other
  tables       points.csv (csv, 16 B)
               in/*.dat (paths, 20 B)
  size
EOT
is "$(<got)" "$(<wanted)" "show run"
like "$(<out)" "size +[0-9.]+ KiB: spec [0-9]+ B, tables [0-9]+ B, journal .*, output [0-9]+ B, results [0-9.]+ KiB" "sizes"
unlike "$(grep -r swordfish show.run; cat out)" swordfish "no secrets"

show run --json show.run >got.json
is "$(json got.json 'd["version"], d["name"], d["jobs"], d["tasks"], d["spec"]["path"], d["spec"]["bytes"], d["folder"], d["command"]')" \
    "(1, 'shown', 2, 4, '$PWD/show.yaml', $(wc -c <show.yaml), '$PWD', '$MPIBATCH run --rerun failed show.yaml')" "JSON: the run"
is "$(json got.json '[(s["session"], s["state"], s["exit_code"], s["ranks"], s["mpi"], s["command"][-9:], s["start_time"] <= s["end_time"]) for s in d["sessions"]]')" \
    "[(1, 'ended', 1, 1, 'none', 'show.yaml', True), (2, 'ended', 1, 1, 'none', 'show.yaml', True)]" "JSON: sessions"
is "$(json got.json '[(h["sessions"], h["last_session"], h["ranks"]) for h in d["hosts"]], d["environment"], d["tables"]')" \
    "([(2, 2, 1)], {'OMP_NUM_THREADS': '3', 'PATH': '/usr/bin:/bin', 'SLURM_JOB_NAME': 'other'}, [{'path': 'points.csv', 'kind': 'csv', 'bytes': 16}, {'path': 'in/*.dat', 'kind': 'paths', 'bytes': 20}])" "JSON: hosts, environment, tables"
is "$(json got.json '[(c["session"], c["name"], c["was_sha256"], c["sha256"]) for c in d["programs_changed"]]')" \
    "[(2, 'bin/prog', '${first%% *}', '$(sha256sum <bin/prog | cut -d' ' -f1)')]" "JSON: what has changed"
json got.json '"\n".join(p["sha256"] + "  " + p["path"] for p in d["programs"] if p["sha256"])' >sums
ok "JSON: the digests are those of sha256sum" sha256sum --quiet -c sums
"$PYTHON" - show.run/results.h5 got.json >out <<'EOT'
import sys, json, h5py
f, d = h5py.File(sys.argv[1]), json.load(open(sys.argv[2]))
t = lambda v: v.decode() if isinstance(v, bytes) else v
last = d["sessions"][-1]
same = [("spec_sha256", d["spec"]["sha256"]), ("command", d["command"]), ("folder", d["folder"]), ("hdf5_version", last["hdf5"]),
        ("hwloc_version", last["hwloc"]), ("mpibatch_version", last["mpibatch"]), ("mpi_library", last["mpi"]), ("name", d["name"]),
        ("environment", "".join(f"{k}={v}\n" for k, v in d["environment"].items()))]
for name, value in same:
    if t(f.attrs[name]) != value: print(name, t(f.attrs[name]), value)
now = {(t(p["kind"]), t(p["program"]), t(p["name"])): (t(p["sha256"]), int(p["size_bytes"]), float(p["mtime"])) for p in f["batch/programs"][:]}
said = {(p["kind"], p["program"], p["name"]): (p["sha256"], p["size_bytes"], p["mtime"]) for p in d["programs"]}
if now != said: print(now, said)
EOT
is "$(<out)" "" "JSON: as results.h5 has it"
bytes=$(find show.run -type f -printf '%s\n' | awk '{ n += $1 } END { print n }')
is "$(json got.json 'sum(d["size_bytes"].values()), d["size_bytes"]["results"]')" "($bytes, $(stat -c %s show.run/results.h5))" "JSON: sizes"

# --- the folder alone, which nobody can write to
cp -r show.run copy
rm -f copy/results.h5 copy/status.json
chmod -R a-w copy
find copy -printf '%p %s %T@\n' | sort >before
(unset PATH; "$MPIBATCH" show run copy) >copy.out 2>err
like "$? $(sed 1d copy.out)" "^0   spec .*session 2 .*exit code 1.*changed .*tables " "of a copy without results.h5"
is "$(show run copy | grep -v -e ' in /' -e ' size ' -e "^  made")" "$(show run show.run | grep -v -e ' in /' -e ' size ' -e "^  made")" "it says the same"
is "$(find copy -printf '%p %s %T@\n' | sort | diff before -)" "" "and nothing was written"
chmod -R u+w copy
rm -rf copy

# --- show spec
rm -rf in points.csv
echo 'jobs: nonsense' >show.yaml
ok "show spec: byte for byte, whatever has become of the file" cmp <(show spec show.run) given.yaml
is "$(show spec show.yaml | sha256sum)" "$(sha256sum <given.yaml)" "show spec: of the run that was made from this file"
TERM=xterm "$PYTHON" "$tools/terminal.py" -c 80 -o tty "$MPIBATCH" show spec --no-pager show.run >out 2>&1
like "$(<./tty)" 'name: shown   # é.!' "show spec: on a terminal"
sed 's/regex: .*}}/regex: "(e)", type: string}}/' given.yaml >new.yaml
"$MPIBATCH" collect show.run --spec new.yaml >out 2>&1
is "$? $(show spec show.run | cmp - new.yaml)" "0 " "show spec: after collect, the new one" || note "$(<out)"
is "$(show spec --generation 1 show.run | cmp - given.yaml)" "" "show spec --generation: the old one"
is "$(sed -n 's/^# sha256: //p' show.run/run.yaml)" "$(sha256sum <new.yaml | cut -d' ' -f1)" "run.yaml has the new one's digest"
show run show.run >out
like "$(<out)" "sha256 $(sha256sum <new.yaml | cut -d' ' -f1)
 +generation 2: collect has replaced it \(before: mpibatch show spec --generation 1\)
.*session 2 .*exit code 1.*changed +bin/prog in session 2" "show run: after collect"
show run --json show.run >got.json
is "$(json got.json '[(g["generation"], g["spec_sha256"]) for g in d["generations"]]')" \
    "[(1, '$(sha256sum <given.yaml | cut -d' ' -f1)'), (2, '$(sha256sum <new.yaml | cut -d' ' -f1)')]" "JSON: generations"
refuses ".*/show.run has no generation 3: .mpibatch collect. has made 1" spec --generation 3 show.run

# --- show table
is "$(show table show.run)" "table       kind   size
points.csv  csv    16 B
in/*.dat    paths  20 B" "show table: which there are"
is "$(show table show.run points.csv | od -c)" "$(printf 'x,y\n1,a\n2,"b\nc"\n' | od -c)" "show table: one, as it was"
is "$(show table show.run '*.dat')" $'in/a.dat\nin/b c.dat' "show table: the names of a pattern"
refuses 'the run has no table "poinst.csv"; did you mean points.csv\?' table show.run poinst.csv
printf 'echo a # not a comment\n\n# a comment\necho b\n' >lines.txt
run 0 lines.txt
is "$(show table lines.run lines.txt | cmp - lines.txt)" "" "show table: a file of commands"
mkdir less
printf 'x\n1\n' | tee less/one.csv >more/one.csv
printf 'jobs: [{id: a, sweep: {from: less/one.csv}, task: {command_line: "echo {x}"}}, {id: b, sweep: {from: more/one.csv}, task: {command_line: "true {x}"}}]' >two.yaml
run 0 two.yaml
is "$(show table two.run more/one.csv)" $'x\n1' "show table: the name in the spec"
refuses '"one.csv" may be several tables; .mpibatch show table. lists them' table two.run one.csv

# --- while it runs, and killed
cp given.yaml killed.yaml
printf 'jobs: [{id: k, tasks: [{id: a, command_line: "until [ -e go ]; do sleep 0.05; done"}]}]' >killed.yaml
start 0 killed.yaml
eventually 20 grep -qs '"running"' killed.run/status.json
like "$(show run killed.run)" "session 1 +[^,]*, [^,]*, 1 rank on 1 node: running" "while it runs"
kill -KILL "$pid"
wait "$pid" 2>/dev/null
like "$(show run killed.run)" "session 1 +[^,]*, [^,]*, 1 rank on 1 node: killed" "and when it was killed"
: >go
run 0 killed.yaml
like "$rc $(show run killed.run)" "^0 .*session 1 [^
]*: killed
  session 2 [^
]*: exit code 0" "a session that was killed"
rm killed.run/journal/*
like "$(show run killed.run)" "
  sessions     none has begun
  size " "no session at all"
