#!/bin/bash
# Directories of tasks that were kept, of each of their attempts: files list,
# stat, get --attempt.
. "$TEST_SRCDIR/tests/lib.sh"
plan 32

mkdir scratch
files() { "$MPIBATCH" files "$@" 2>err; }
cat >kept.yaml <<END
pool: {scratch: $PWD/scratch}
jobs:
  - id: k
    constraints: {max_task_retry_count: 2}
    tasks:
      - {id: all, keep: all, command_line: 'echo \$MPIBATCH_TASK_ATTEMPT | tee only.\$MPIBATCH_TASK_ATTEMPT >own; [ \$MPIBATCH_TASK_ATTEMPT = 3 ]'}
      - {id: failed, keep: failed, command_line: 'echo \$MPIBATCH_TASK_ATTEMPT >own; [ \$MPIBATCH_TASK_ATTEMPT = 2 ]'}
      - {id: none, task_directory: true, command_line: 'echo \$MPIBATCH_TASK_ATTEMPT >own; [ \$MPIBATCH_TASK_ATTEMPT = 2 ]'}
END
run 0 kept.yaml
is "$rc" 0 "a run" || note "$(<run.out)"
is "$(for n in 1 2 3; do files get all wd/own --attempt $n kept.run; done | xargs)" "1 2 3" "get: each attempt's"
is "$(files get all wd/own kept.run)" 3 "get: the last one's by itself"
is "$(files list all wd --attempt 2 --json kept.run | jq -c '[.task.attempt, .files[].name]')" \
    '[2,"wd/only.2","wd/own"]' "list: JSON"
is "$(files list all --attempt 1 kept.run | awk 'NR > 1 { print $NF }' | xargs)" "stderr.txt stdout.txt wd/ wd/only.1 wd/own" "list: with its outputs"
is "$(files stat all wd/only.1 --attempt 1 --json kept.run | jq -c '[.file.type, .file.size]')" '["file",2]' "stat"
files stat all wd/only.1 --attempt 2 kept.run >/dev/null
like "$(<err)" "there is no wd/only.1" "an attempt has its own files alone"
files get all 'wd/*' --attempt 2 -o two kept.run
is "$(cat two/wd/*)" $'2\n2' "get -o: a pattern" || note "$(<err)"
is "$(files get failed wd/own --attempt 1 kept.run)" 1 "one that failed, of a task that has succeeded"
files get failed wd/own --attempt 2 kept.run >out
like "$(<err)" "there is no wd/own: of the task's directory only what it returned stays" "the one that succeeded is not kept"
files get none wd/own --attempt 1 kept.run >out
like "$(<err)" "there is no wd/own: of the task's directory only what it returned stays" "nothing is kept without keep"
is "$(find scratch -name '.*.kept' | sed 's|.*/||' | sort | xargs)" ".all.1.kept .all.2.kept .all.kept .failed.1.kept" "markers of what is kept, no others"
is "$("$MPIBATCH" task all kept.run --json | jq -r '.attempts[].directory' | while read -r dir; do cat "$dir/wd/own"; done | xargs)" "1 2 3" "mpibatch task says the same"
rm -r scratch/*/workitems/k/job-1/all.1
is "$(files list all --attempt 1 kept.run | awk 'NR > 1 { print $NF }' | xargs)" "stderr.txt stdout.txt" "gone: what the run directory has"
like "$(<err)" "its directory was kept in .*/workitems/k/job-1/all, and is there no more" "and that it is gone, though others are there"

# one that ended, while the next one runs in its place
cat >now.yaml <<END
pool: {scratch: $PWD/scratch}
jobs:
  - id: n
    constraints: {max_task_retry_count: 1}
    tasks:
      - {id: t, keep: all, command_line: 'echo \$MPIBATCH_TASK_ATTEMPT >own; [ \$MPIBATCH_TASK_ATTEMPT = 2 ] || exit 1; while ! test -e $PWD/go; do sleep 0.1; done'}
END
start 0 now.yaml
second() { [ "$(files get t wd/own now.run)" = 2 ]; }
ok "the next attempt runs" eventually 30 second || note "$(<run.out)"
is "$(files get t wd/own --attempt 1 now.run) $("$MPIBATCH" task t now.run --json | jq -r '.attempts[0].directory' | xargs -I{} cat {}/wd/own)" "1 1" "get, task: the one before it" || note "$(<err)"
touch go
finish

# --- what has expired is removed by the next session on the node, though it has
# no use for a scratch itself
mkdir old
cat >old.yaml <<END
pool: {scratch: $PWD/old}
jobs:
  - id: o
    tasks:
      - {id: long, keep: all, command_line: 'touch long'}
      - {id: short, keep: all, constraints: {retention_time: 1s}, command_line: 'touch short'}
END
there() { find old -path '*/wd/*' -type f | sed 's|.*/||' | sort | xargs; }
printf 'jobs: [{tasks: [{command_line: sleep 0.5}]}]\n' >plain.yaml
run 0 old.yaml
TMPDIR=$PWD/old run 0 plain.yaml
is "$(there)" "long short" "nothing has expired: nothing is removed"
sleep 2.1
run 0 plain.yaml --fresh
is "$(there)" "long short" "nor where the run would have no scratch"
TMPDIR=$PWD/old run 0 plain.yaml --fresh
is "$rc $(there)" "0 long" "what has expired is removed" || note "$(<run.out) $(find old)"
like "$(ls -A old)" "^mpibatch-[0-9]+-[A-Za-z0-9]{6}$" "and no scratch is made"
printf 'pool: {scratch: /nonexistent}\njobs: [{tasks: [{command_line: "true"}]}]\n' >plain.yaml
run 0 plain.yaml --fresh
unlike "$rc $(<run.out)" "^[^0]|nonexistent" "a scratch that is not needed need not be there"

# --- a cache that is kept, until it is removed
mkdir caches; echo data >input
cat >cache.yaml <<END
pool: {scratch: $PWD/caches, cache: {keep: true}}
jobs:
  - id: c
    tasks:
      - {keep: all, command_line: 'cat in; while test -e $PWD/wait; do sleep 0.1; done', resource_files: [{http_url: 'file://$PWD/input', file_path: in}]}
END
clean() { "$MPIBATCH" node clean --scratch caches >clean.out 2>&1; clean_rc=$?; }
cached() { find caches -path '*-cache-*/objects/*' -type f | wc -l; }
run 0 cache.yaml
is "$rc $(cached)" "0 1" "a cache is kept"
mkdir caches/mpibatch-$(id -u)-cache-mine caches/mpibatch-99999-cache-AbCdEf
: >wait
start 0 cache.yaml -o used.run
starts() { "$MPIBATCH" files stat 0 wd/in used.run; }
ok "a run uses it" eventually 30 starts
clean
like "$clean_rc $(<clean.out)" "^1 .*0 caches removed.*error: caches: 1 cache in use" "one that is in use is left alone"
is "$(cached)" 1 "with all that is in it"
rm wait
finish
clean
like "$clean_rc $(<clean.out)" "^0 mpibatch: caches: 1 cache removed.*2 folders with directories of tasks that are still kept" "removed"
is "$(ls caches | grep -c cache) $(find caches -path '*/wd/in' | wc -l)" "2 2" "but what is another's, and what is kept of tasks, is not" || note "$(find caches)"
clean
like "$clean_rc $(<clean.out)" "^0 mpibatch: caches: 0 caches removed" "again: there is none"
run 0 cache.yaml --fresh
is "$rc $(cached)" "0 1" "the next run begins one anew"
TMPDIR=$PWD/caches "$MPIBATCH" node clean >/dev/null 2>&1
is "$? $(cached)" "0 0" "found by TMPDIR, too"
"$MPIBATCH" node clean --scratch nothing >clean.out 2>&1
like "$? $(<clean.out)" '^2 mpibatch: error: cannot open "nothing": No such file' "no such folder"
