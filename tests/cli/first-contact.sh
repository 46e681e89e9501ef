#!/bin/bash
# The first five minutes: init writes a spec that runs, examples are copied and
# run, from the build folder and from where they are installed; x- keys.
. "$TEST_SRCDIR/tests/lib.sh"
plan 62
make=${MAKE:-make}

# --- init
"$MPIBATCH" init >out 2>err
is "$? $(<out)" "0 " "init: nothing on stdout"
is "$(<err)" "mpibatch: sweep.yaml is written; what it would run: mpibatch plan sweep.yaml" "it says what comes next"
"$MPIBATCH" validate sweep.yaml >out 2>&1
is "$? $(head -n 1 out)" "0 sweep.yaml: valid; 12 tasks" "what it wrote is right"
like "$(head -n 1 sweep.yaml)" '^# yaml-language-server: \$schema=/.*/jobspec.schema.json$' "editors find the schema"
ok "which exists" test -s "$(sed -n '1s/.*=//p' sweep.yaml)"
is "$(awk 'length > 80' sweep.yaml | tail -n +2)" "" "no long lines"
run 0 sweep.yaml
is "$rc $(count sweep.run succeeded)" "0 12" "and runs"
cp sweep.yaml before
echo >>before
cp before sweep.yaml
"$MPIBATCH" init >out 2>err
is "$? $(<err)" "2 mpibatch: error: sweep.yaml exists already; --force writes over it" "nothing is overwritten"
ok "indeed" cmp sweep.yaml before
"$MPIBATCH" init --force 2>/dev/null
is "$? $(($(wc -c <before) - $(wc -c <sweep.yaml)))" "0 1" "but with --force"
for kind in sweep:12 random:20 csv:3 tasks:3 commands:3; do
    tasks=${kind#*:} kind=${kind%:*} file="a ${kind%:*}.yaml"
    [ "$kind" != commands ] || file="a commands.txt"
    "$MPIBATCH" init --kind "$kind" "$file" 2>err
    like "$? $(<err)" "^0 .*mpibatch plan '$file'$" "init --kind $kind; what it says can be pasted"
    run 0 -q "$file"
    is "$rc $(count "a $kind.run" succeeded)" "0 $tasks" "init --kind $kind: it runs"
done
like "$("$MPIBATCH" init --help | tr -s ' \n' ' ')" "\(sweep, random, csv, tasks or commands; default: sweep\)" "these are all kinds"
cp "a csv.csv" mine.csv
"$MPIBATCH" init --kind csv mine.yaml 2>err
is "$? $(<err) $(ls mine*)" "2 mpibatch: error: mine.csv exists already; --force writes over it mine.csv" "nor is a table overwritten"
"$MPIBATCH" init --kind csv sweep.yaml 2>err
is "$? $(ls sweep.csv 2>&1 | grep -c 'No such')" "2 1" "and none is left beside a spec that was there"
"$MPIBATCH" init --kind commands x.yaml 2>err
like "$? $(<err)" "^2 .*cannot end in .yaml; .txt is usual" "a file of commands is none by name"
"$MPIBATCH" init notes.txt 2>err
like "$? $(<err)" '^2 .*"notes.txt" does not end in .yaml, as a job spec does; command lines: --kind commands' "and a spec is one"
"$MPIBATCH" init no/such/folder.yaml >out 2>err
is "$? $(<err)" "2 mpibatch: error: cannot make no/such/folder.yaml: No such file or directory" "init where there is no folder"
ln -s /dev/full full.yaml
"$MPIBATCH" init -f full.yaml >out 2>err
like "$? $(<err)" "^2 .*cannot write full.yaml: No space left" "init on a full disk"

# --- example
"$MPIBATCH" example >out 2>err
is "$? $(awk '{ print $1 }' out | xargs)$(<err)" "0 azure-workflow ising povray jobspecs" "example lists them"
is "$(awk 'NF < 3' out)" "" "each with a title"
is "$("$MPIBATCH" show completion bash | sed -n "s/^    'example 0') _mpibatch_words '\(.*\)' ;;/\1/p")" "$(awk '{ print $1 }' out | xargs)" "completion knows the same"
# copied NAME DIR: all of the example is there, and nothing else
copied() {
    local from=$TEST_SRCDIR/examples/$1
    [ -e "$from" ] || from=$TEST_SRCDIR/$1
    diff -r -x '.*' -x '*.o' "$from" "$2" | grep -v "^Only in $2: ising$"
}
for name in azure-workflow ising povray jobspecs; do
    "$MPIBATCH" example "$name" >out 2>err
    is "$? $(<out)" "0 " "example $name"
    is "$(copied "$name" "$name")" "" "$name: all its files, as they are"
done
like "$("$MPIBATCH" example azure-workflow -o steps 2>&1)" "^mpibatch: copied; steps/README.md walks through it, step by step$" "steps that come before its run are not passed over"
like "$(<err)" "^mpibatch: copied; jobspecs/README.md lists what is there$" "it says where to go on"
ok "scripts can be run" test -x povray/render
ok "the program of ising is there" test -x ising/ising
for spec in {ising,povray,jobspecs}/*.yaml; do
    "$MPIBATCH" validate "$spec" >/dev/null 2>err || break
done
is "$? $(<err)" "0 " "all specs are right: $spec is the last one looked at"
(cd jobspecs && run 0 -q hello.yaml && exit "$rc")
is "$?" 0 "a job spec runs where it was copied to"
touch ising/mine
"$MPIBATCH" example ising >out 2>err
is "$? $(<out)$(<err)" "2 mpibatch: error: ising exists already; -o DIR copies to another folder" "nothing is overwritten"
"$MPIBATCH" example ising -o "an other" 2>err
is "$? $(<err)" "0 mpibatch: copied; 'an other'/README.md explains it; to run it: cd 'an other' && mpibatch launch ising.yaml" "-o"
"$MPIBATCH" example isnig >out 2>err
like "$? $(<out)$(<err)" '^2 .*no example "isnig"; did you mean ising\?' "a name that is not one"
"$MPIBATCH" example ../ising >out 2>err
like "$? $(<out)$(<err)" '^2 .*no example "../ising"' "nor is a path"

# --- installed, and moved
env -u MAKEFLAGS -u MAKELEVEL make -C "$TEST_BUILDDIR" -s install DESTDIR="$PWD/root" >out 2>&1
is "$?" 0 "make install" || note "$(tail -n 20 out)"
bin=$(find root -name mpibatch -path '*/bin/*')
prefix=$(dirname "$(dirname "$bin")")
mv "$prefix" "a prefix"
export PATH="$PWD/a prefix/bin:$PATH"
share="a prefix/share"
is "$(mpibatch example | awk '{ print $1 }' | xargs)" "azure-workflow ising povray jobspecs" "installed: examples are found beside the program"
mkdir work
cd work || exit
(mpibatch example ising && cd ising && sed -i 's/ 40000/ 50/; s/seed: \[1, 2, 3\]/seed: [1]/' ising.yaml && limited 100 mpibatch launch -q ising.yaml) >out 2>&1
is "$? $(count ising/ising.run succeeded)" "0 48" "mpibatch example ising && cd ising && mpibatch launch ising.yaml" || note "$(tail -n 20 out)"
is "$(copied jobspecs "../$share/mpibatch/jobspecs")" "" "all job specs are installed"
mpibatch init 2>/dev/null
ok "init names the schema that is installed" test "$(sed -n '1s/.*=//p' sweep.yaml)" -ef "../$share/mpibatch/jobspec.schema.json"
cd ..
pages=$(mpibatch show completion bash | sed -n "s/^_mpibatch_commands='\(.*\)'/\1/p")
missing=
for page in mpibatch $(printf 'mpibatch-%s ' $pages); do
    [ -s "$share/man/man1/$page.1" ] || missing+=" $page.1"
done
is "$missing" "" "each command has a man page"
is "$(ls "$share/man/man1" | wc -l)" "$(($(wc -w <<<"$pages") + 1))" "and no page is of none"
if command -v mandoc >/dev/null; then
    is "$(mandoc -T lint -W style "$share"/man/man1/*.1 2>mandoc.err | grep -v -e 'outdated mandoc.db' -e 'referenced manual not found')" "" "mandoc has nothing against them"
else
    skip 1 "no mandoc"
fi
if command -v man >/dev/null; then
    for page in "$share"/man/man[15]/*; do
        LC_ALL=C.UTF-8 MANWIDTH=80 man -l "$page" 2>&1 >page | grep . && echo "$page"
        awk -v page="$page" 'length > 80 { print page ": " $0 }' page
        grep -q . page || echo "$page: empty"
    done >wrong
    is "$(<wrong)" "" "man shows them without a word of warning, in 80 columns"
    like "$(LC_ALL=C.UTF-8 man -l "$share/man/man1/mpibatch-tasks.1")" "tasks --where 'n > 64 and solver == \"gmres\"' sweep.run" "with the quotes of examples"
else
    skip 2 "no man"
fi
if command -v povray >/dev/null; then
    (mpibatch example povray -o pov && cd pov && sed -i 's/+W320 +H240/+W32 +H24/; s/^ *12, 13.*/12]/' ring.yaml && limited 100 mpibatch run -q ring.yaml) >out 2>&1
    is "$? $(find pov -name 'frame-0*.png' | wc -l)" "0 13" "the example povray runs" || note "$(tail -n 20 out)"
else
    skip 1 "no povray"
fi

# --- places for anchors
cat >x.yaml <<'END'
x-limits: &limits {max_task_retry_count: 2}
x-: 1
jobs: [{constraints: *limits, task: {command_line: "true"}}]
END
is "$("$MPIBATCH" validate x.yaml 2>&1 | head -n 1)" "x.yaml: valid; 1 task" "x- keys at the top are ignored"
printf 'xlimits: 1\njobs: [{x-y: 2, task: {command_line: "true"}}]\n' >x.yaml
is "$("$MPIBATCH" validate x.yaml 2>&1 | grep -c 'unknown key')" 2 "others are not, nor elsewhere"
like "$("$MPIBATCH" show schema)" '"patternProperties": \{[[:space:]]*"\^x-": \{\}' "the schema has them"
