#!/bin/bash
# The files of tasks that have ended: files list, stat, get, from the run
# directory alone.
. "$TEST_SRCDIR/tests/lib.sh"
plan 57

files() { "$MPIBATCH" files "$@" 2>err; }
# refuses CODE REGEX ARGUMENTS...: that exit code, nothing on stdout, says so
refuses() {
    local code=$1 regex=$2; shift 2
    "$MPIBATCH" files "$@" >out 2>err
    like "$? $(<out)$(<err)" "^$code mpibatch: error: $regex" "refused: files $*"
}

cat >end.yaml <<'XEOF'
jobs:
  - id: a
    constraints: {max_task_retry_count: 1}
    sweep: {parameters: {n: [1, 2]}}
    task: {command_line: "echo out {n} $MPIBATCH_TASK_ATTEMPT; printf '\\033[31mred' >&2; test {n} = 1 -o $MPIBATCH_TASK_ATTEMPT = 2"}
  - id: big
    sweep: {parameters: {n: [1]}}
    task: {command_line: "seq 1 200000"}
XEOF
run 0 end.yaml
is "$rc" 0 "a run"
like "$(files list a/0 | tail -n 1)" '^-rw------- +8  20[0-9-]+ [0-9:]+  stdout.txt$' "list: a line a file"
is "$(files list a/0 | awk '{ print $1, $2, $NF }')" "mode size name
-rw------- 8 stderr.txt
-rw------- 8 stdout.txt" "list: all of them"
is "$(files list a/0 stderr.txt | sed 1d | wc -l)" 1 "list: one file"
files list a/1 --json end.run >list.json
is "$(jq -c '[.version, .task.job_id, .task.task_id, .task.state, .task.attempt, .complete, .uploaded]' list.json)" \
    '[1,"a","1","succeeded",2,true,[]]' "JSON: the task"
is "$(jq -c '.task.node' list.json)" "\"$(hostname)\"" "JSON: where it was"
is "$(jq -c '[.files[] | [.name, .type, .size, .mode]]' list.json)" \
    '[["stderr.txt","file",8,"0600"],["stdout.txt","file",8,"0600"]]' "JSON: the files"
is "$(jq '.files[0].modified_time > 1e9 and .files[0].modified_time <= now' list.json)" true "JSON: when it was written"
is "$(files get a/1 stdout.txt end.run)" "out 2 2" "get: the last attempt"
is "$(files get a/1 stdout.txt end.yaml --attempt 1)" "out 2 1" "get: another one"
is "$(files get a/0 ./stdout.txt)" "out 1 1" "get: a path in another form"
is "$(files get 0 stdout.txt end.run 2>&1; cat err)" "mpibatch: error: which task? There are a/0, big/0
See: mpibatch files get --help" "get: a task that there is twice"

# --- where it goes
files get big/0 stdout.txt -o big.txt
is "$? $(cmp big.txt <(seq 1 200000)) $(stat -c %a big.txt) $(<err)" "0  600 mpibatch: 1 file, 1.2 MiB" "get -o: a file"
mkdir folder
files get big/0 stdout.txt -o folder
is "$(ls folder)" stdout.txt "get -o: into a folder by its own name"
files get a/0 'std*.txt' -o new/deep
is "$(ls new/deep | xargs)" "stderr.txt stdout.txt" "get -o: a pattern, into a new folder"
files get a/0 stdout.txt stderr.txt -o two
is "$(ls two | xargs)" "stderr.txt stdout.txt" "get -o: several"
files get a/0 '**' -o all/
is "$(ls all | xargs) $(find . -name '*.part' | wc -l)" "stderr.txt stdout.txt 0" "get -o: all, and nothing in parts"
refuses 1 "no file matches wd/\*\.dat" get a/0 'wd/*.dat' -o none
refuses 2 "this may be more than one file: say where they go, by -o DIR" get a/0 '*.txt'
refuses 1 "big.txt is not a folder" get a/0 stdout.txt -o big.txt/x
refuses 1 "cannot make the folder /proc/x" get a/0 stdout.txt -o /proc/x/y
if [ -w /dev/full ]; then
    "$MPIBATCH" files get big/0 stdout.txt >/dev/full 2>err
    like "$? $(<err)" "^1 mpibatch: error: .*No space left on device" "get: a full disk"
else skip 1 "no /dev/full"; fi

# --- one of them
is "$(files stat a/0 stdout.txt | sed 's/modified .*/modified/')" "stdout.txt
  type      file
  size      8 bytes
  mode      0600 (-rw-------)
  modified" "stat"
is "$(files stat a/0 | sed -n 2p)" "  type      directory" "stat: the task's directory"
is "$(files stat a/0 stderr.txt --json | jq -c '[.version, .task.task_id, .file.name, .file.type, .file.size]')" \
    '[1,"0","stderr.txt","file",8]' "stat: JSON"

# --- a terminal gets no control bytes
python3 "$tools/terminal.py" -o shown "$MPIBATCH" files get a/0 stderr.txt
is "$(tr -d '\r' <shown)" '\x1b[31mred' "get: control bytes on a terminal"
python3 "$tools/terminal.py" -o shown "$MPIBATCH" files get a/0 stderr.txt --raw
is "$(tr -d '\r' <shown)" $'\e[31mred' "get --raw: as they are"

# --- what there is not
refuses 1 "there is no wd/x" get a/0 wd/x
refuses 1 "there is no wd: the task has no directory of its own" list a/0 wd
refuses 2 "\.\./x: has \"\.\.\" in it" get a/0 ../x
refuses 2 "/etc/passwd: is absolute" get a/0 /etc/passwd
refuses 2 "job a has no task \"7\"" list a/7
refuses 1 "task a/0 has no attempt 9 that has ended" list a/0 --attempt 9
refuses 2 "which path" get a/0 end.run
refuses 2 "end.run is a run, not a task; the task comes first: .mpibatch tasks end.run. lists" list end.run a/0
refuses 2 "end.run is a run, not a task" list end.run
is "$("$MPIBATCH" storage 2>&1 | sed -n 1p)" "mpibatch: error: storage what? There is list, upload, download or delete" "a command without its second word"
refuses 2 "cannot open the run directory nothing.run" list a/0 wd nothing.run
"$MPIBATCH" node files list "$(hostname)" >out 2>err
like "$? $(<err)" "^1 mpibatch: error: no session has the run" "node files: nobody to ask"
"$MPIBATCH" node files list "$(hostname)" -o x >out 2>err
like "$? $(<err)" "^2 mpibatch: error: --output is for get" "node files: an option of get"

# --- what was returned, uploaded and kept
mkdir -p scratch store/results
cat >stage.yaml <<XEOF
pool: {scratch: $PWD/scratch}
storage: {root: $PWD/store, containers: {results: results}}
jobs:
  - id: k
    sweep: {parameters: {n: [1]}}
    task:
      keep: all
      command_line: "mkdir sub; echo back >sub/back; echo up >up.dat; echo kept >kept; ln -s /etc/passwd out; head -c 20000000 /dev/zero >large"
      output_files:
        - {file_pattern: 'sub/*', return: true}
        - {file_pattern: large, return: true}
        - file_pattern: '*.dat'
          destination: {container: {container_name: results}}
          upload_options: {upload_condition: task_success}
        - file_pattern: '../std*.txt'
          destination: {container: {container_name: results, path: bad}}
          upload_options: {upload_condition: task_failure}
XEOF
run 0 stage.yaml
is "$rc" 0 "a run that stages" || note "$(<run.out)"
all="stderr.txt stdout.txt wd wd/kept wd/large wd/out wd/sub wd/sub/back wd/up.dat"
is "$(files list 0 --json stage.run | jq -r '.files[].name' | sort | xargs)" "$all" "list: with what was kept on this node"
is "$(<err)" "" "JSON: nothing is said beside it"
files list 0 stage.run >/dev/null
is "$(<err)" "mpibatch: what matches *.dat was uploaded to $PWD/store/results/k/0/" "list: where it was uploaded to"
is "$(files list 0 --json stage.run | jq -c .uploaded)" "[{\"file_pattern\":\"*.dat\",\"destination\":\"$PWD/store/results/k/0/\",\"exists\":true}]" "JSON: the same"
is "$(files get 0 wd/kept stage.run) $(files get 0 wd/sub/back stage.run)" "kept back" "get: kept, and returned"
refuses 1 "wd/out leads out" get 0 wd/out stage.run
dir=$(dirname "$(find scratch -path '*/wd/kept')")
mv "$(dirname "$dir")" moved
is "$(files list 0 --json stage.run | jq -r '.files[].name' | sort | xargs)" \
    "stderr.txt stdout.txt wd wd/large wd/sub wd/sub/back" "list: what the run directory has alone"
files list 0 stage.run >/dev/null
like "$(<err)" "its directory was kept in $PWD/scratch/.*/workitems/k/job-1/0, and is there no more" "and that more was kept"
is "$(files list 0 wd --no-recursive stage.run | awk 'NR > 1 { print $NF }' | xargs)" "wd/large wd/sub/" "list: a folder of what was returned" ||
    note "$(files list 0 wd --no-recursive stage.run)"
files get 0 wd stage.run -o back
is "$(cd back && find . -type f | sort | xargs) $(stat -c %s back/wd/large)" "./wd/large ./wd/sub/back 20000000" "get: the folder"
refuses 1 "there is no wd/kept; its directory was kept in" get 0 wd/kept stage.run
# the disk has changed it meanwhile
damaged="large is damaged: it is not what came in"
printf x | dd of=stage.run/files/k/0/1/large bs=1 seek=19999999 conv=notrunc status=none
files get 0 wd/large stage.run -o damaged
like "$? $(<err)" "^1 .*wd/large was read to byte [1-9][0-9]+ of 20000000: $damaged" "get: a damaged file is told at its end"
is "$(test -e damaged; echo $?),$(find . -name '*.part' | wc -l)" "1,0" "and is not left"
printf x | dd of="$(ls stage.run/output/*.files)" bs=1 conv=notrunc status=none
refuses 1 "sub/back is damaged: it is not what came in" get 0 wd/sub/back stage.run

# --- the session was killed, and says so at once
sed -i 's/"state": "finished"/"state": "running"/' end.run/status.json
start_s=$SECONDS
is "$(files get a/0 stdout.txt end.run)" "out 1 1" "what the run directory has, though its session seems to live"
is "$((SECONDS - start_s < 5))" 1 "at once"
