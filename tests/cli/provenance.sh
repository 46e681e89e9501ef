#!/bin/bash
# Where results come from, in results.h5: command, spec, versions, environment,
# digests of programs and libraries, what changed between sessions; no secrets.
. "$TEST_SRCDIR/tests/lib.sh"
need_python
plan 16

cat >look.py <<'EOF'
import sys, h5py
t = lambda v: v.decode() if isinstance(v, bytes) else str(v)
f = h5py.File(sys.argv[1])
if sys.argv[2] == "attribute":
    print(t(f.attrs[sys.argv[3]]))
else:
    for row in f["batch/" + sys.argv[2]][:]:
        print(*(t(row[c]) for c in sys.argv[3:]), sep="|")
EOF
attribute() { "$PYTHON" look.py "$1/results.h5" attribute "$2" 2>/dev/null || echo none; }
table() { local run=$1; shift; "$PYTHON" look.py "$run/results.h5" "$@"; }

mkdir bin 1 2
cp "$(command -v ls)" bin/prog
echo '#!/usr/bin/env perl' >bin/script
cp bin/script bin/plain.py
chmod +x bin/script
cat >p.yaml <<'EOF'
jobs:
  - id: direct
    sweep: {parameters: {x: [1, 2]}}
    task: {command_line: "bin/prog -d . {x}/.."}
  - id: line
    task: {command_line: "A=1 bin/prog >/dev/null && cat bin/plain.py"}
  - id: search
    common_environment_settings: {PATH: "bin:/usr/bin:/bin"}
    tasks: [{command_line: script}, {command_line: ./none}, {command_line: "perl bin/plain.py --not-a-file"}]
EOF
export SECRET_TOKEN=swordfish OMP_PROC_BIND=close SLURM_JOB_NAME='two
lines' LD_LIBRARY_PATH=/nowhere
run 0 p.yaml
unset LD_LIBRARY_PATH SLURM_JOB_NAME
is "$rc" 1 "the run ends as it should"
is "$(attribute p.run command)" "$MPIBATCH run p.yaml" "the command line"
is "$(attribute p.run spec_sha256)" "$(sha256sum <p.yaml | cut -d' ' -f1)" "the digest of the spec"
is "$(sed -n 's/^# sha256: //p' p.run/run.yaml)" "$(sha256sum <p.yaml | cut -d' ' -f1)" "which is in run.yaml, too"
is "$(attribute p.run folder)" "$(pwd -P)" "the folder"
good=
for a in mpibatch_version hdf5_version hwloc_version hosts start_time end_time; do
    [[ $(attribute p.run $a) == [0-9a-z]* ]] || good+="$a: $(attribute p.run $a); "
done
is "$good" "" "versions, hosts, times"
env=$(attribute p.run environment)
like "$env" $'OMP_PROC_BIND=close\n.*PATH=.*\nSLURM_JOB_NAME=two' "the environment that may be known"
is "$(grep -rl swordfish p.run)" "" "a secret is nowhere"
attribute p.run programs | sed '/^$/d' >sums
ok "the digests are those of sha256sum" sha256sum --quiet -c sums
table p.run programs kind program name note | grep -v library | sort >got
cat >wanted <<'EOF'
argument|cat|bin/plain.py|
argument|perl|bin/plain.py|
command|./none|./none|not found
command|bin/prog|bin/prog|
command|cat|cat|
command|perl|perl|
command|script|script|
interpreter|cat|perl|
interpreter|perl|perl|
interpreter|script|perl|
EOF
is "$(<got)" "$(<wanted)" "which programs are looked at"
# libraries: what the dynamic linker says
table p.run programs kind program name path | sed -n 's/^library|bin.prog|//p' | while IFS='|' read -r name path; do
    echo "$name $(readlink -f "$path")"
done | grep -v '^ld-' | sort >got
ldd bin/prog | sed -n 's/^\t\([^ ]*\) => \([^ ]*\) .*/\1 \2/p' | while read -r name path; do
    echo "$name $(readlink -f "$path")"
done | sort >wanted
is "$(<got)" "$(<wanted)" "the libraries are those of ldd"
is "$(attribute p.run programs_changed)" none "nothing has changed yet"

# --- another program in the second session
rm bin/prog
cp "$(command -v cat)" bin/prog
run 0 --rerun failed p.yaml
like "$(<run.out)" "program bin/prog \(.*/bin/prog\) is another one than before in this run" "a changed program is said"
is "$(attribute p.run programs_changed)" "bin/prog" "and is an attribute"
is "$(table p.run events session event path | grep changed)|$(table p.run programs session program changed | grep '1$' | paste -sd' ')|$(table p.run sessions session exit_code | paste -sd' ')" \
    "2|program_changed|$(pwd -P)/bin/prog|2|bin/prog|1|1|1 2|1" "an event, a mark in the table; a row a session"

# --- a command file
printf 'ls >/dev/null\n\n# no\nX=1 exec bin/script; true bin/plain.py\n' >lines.txt
run 0 lines.txt
is "$(table lines.run programs kind program name | grep -v library | sort | paste -sd' ')" \
    "command|bin/script|bin/script command|ls|ls interpreter|bin/script|perl" "the lines of a command file"
