#!/bin/bash
# What is said to those who ask for help or mistype: every --help, unknown
# commands and options, wrong arguments; streams and exit codes.
. "$TEST_SRCDIR/tests/lib.sh"
commands=$("$MPIBATCH" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p' | paste -sd ' ')
plan $((88 + 7 * $(wc -w <<<"$commands")))

# said EXIT-CODE REGEX-OF-STDERR ARGUMENTS...: nothing on stdout
said() {
    local code=$1 regex=$2 rc; shift 2
    "$MPIBATCH" "$@" >out 2>err
    rc=$?
    is "$rc $(<out)" "$code " "exit $code, nothing on stdout: mpibatch $*"
    like "$(<err)" "$regex" "what it says: mpibatch $*"
}

for command in "" $commands; do
    # shellcheck disable=SC2086
    "$MPIBATCH" $command --help >out 2>err
    is "$? $(<err)" "0 " "exit 0, nothing on stderr: $command --help"
    like "$(head -n 1 out)" "^Usage: mpibatch ${command:-COMMAND}" "its first line"
    is "$(awk 'length > 80' out)" "" "it fits 80 columns"
    is "$(grep -c '	\|[^ -~]' out)" 0 "it is plain ASCII"
    [ -z "$command" ] || is "$("$MPIBATCH" "$command" -h | cmp - out)" "" "-h is the same: $command"
done
is "$("$MPIBATCH" help | cmp - <("$MPIBATCH" --help))" "" "mpibatch help"
for command in $commands; do
    like "$("$MPIBATCH" --help)" $'\n'"  $command  +[a-z]" "--help lists $command"
    is "$("$MPIBATCH" help "$command" | cmp - <("$MPIBATCH" "$command" --help))" "" "mpibatch help $command"
done
# every option that is told of is taken: topics NAME: those of the command
topics() { "$MPIBATCH" "$1" --help | sed -n '/^Topics:/,/^$/s/^  '"$1"' \([a-z]*\) .*/\1/p'; }
options=0 wrong=
for command in $commands; do
    topics=$(topics "$command")
    for topic in ${topics:-""}; do
        # shellcheck disable=SC2086
        while read -r option value; do
            options=$((options + 1))
            if [ -z "$value" ]; then
                "$MPIBATCH" $command $topic "$option" --help >/dev/null 2>&1 || wrong+="$command $topic $option"$'\n'
            else
                "$MPIBATCH" $command $topic "$option" 2>&1 | grep -q -e "error: $option needs a value" || wrong+="$command $topic $option"$'\n'
            fi
        done < <("$MPIBATCH" $command $topic --help | sed -n '/^Options:/,/^$/{s/^  \(-.,\|   \) \(--[a-z-]*\) \?\([A-Z]*\).*/\2 \3/p; s/^  \(-.\),.*--[a-z-]* \?\([A-Z]*\).*/\1 \2/p}')
    done
done
is "$wrong" "" "each of the $options options is taken as --help has it"
ok "they are many" test "$options" -gt 40
like "$("$MPIBATCH" --version)" "^mpibatch [0-9]+\.[0-9]+" "--version"
like "$("$MPIBATCH" run --help)" "--limit N .*--plain" "run --help lists options"
like "$("$MPIBATCH" launch --help)" "--ranks-per-node N.*--limit N" "launch --help lists them, too"
like "$("$MPIBATCH" run --help)" "Exit codes:.*0  all tasks.*1  .*2  .*3  .*4  " "run --help tells the exit codes"

said 2 "which command\?.*See: mpibatch --help"
said 2 'no command "lanch"; did you mean launch\?' lanch
said 2 'no command "xyzzy"'$'\n' xyzzy
said 2 'no option "--hepl"; did you mean --help\?.*See: mpibatch run --help' run --hepl
said 2 'no option "--jsn"; did you mean --json\?.*See: mpibatch status --help' status --jsn x
said 2 'no option "--rnks"; did you mean --ranks\?' launch --rnks=3 x
said 2 'no option "--xyzzy"'$'\n' tasks --xyzzy
said 2 'no option "-z"' validate -z
said 2 'no option "-n"; mpibatch launch has it' run -n 3 x
said 2 'no option "--ranks"; mpibatch launch has it' run --ranks=3 x
said 2 '"--l" may be --limit, --lost-after' run --l 3 x
said 2 '-o needs a value' run -o
said 2 '--limit needs a value' run x.yaml --limit
said 2 '--quiet takes no value' run --quiet=3 x
said 2 'number of tasks, not "0"' run --limit 0 x
said 2 'number of tasks, not "-3"' run --limit=-3 x
said 2 'number of tasks, not "99999999999999999999"' run --limit 99999999999999999999 x
said 2 'takes failed, timeout, invalid or where EXPR, not "all"' run --rerun all x
said 2 'did you mean failed' run --rerun faild x
said 2 '--rerun where needs a condition' run x --rerun where
said 2 'exclude each other' run --fresh --rerun failed x
said 2 'number of ranks from 1 to 1048576, not "two"' launch -n two x
said 2 'which job spec\?' run
said 2 'one job spec at a time' run a b
said 2 'which job spec\?' validate
said 2 'which run.*none in this folder' status
said 2 'one run directory at a time' tasks a b
said 2 'all, active, running, succeeded, failed, invalid or skipped, not "bad"' tasks --state bad x
said 2 'show what\?' show
said 2 'no topic "bindings"; did you mean binding\?.*See: mpibatch show --help' show bindings
said 2 'number of ranks from 1 to 4096, not "5000"' show binding -n 5000
said 2 'no man page "lanch"' show man lanch
said 2 'time from 3s to 1d, not "2s"' run --lost-after 2s x
said 2 'no-such.yaml.*No such file' run no-such.yaml
said 2 'no-such.yaml.*No such file' validate no-such.yaml
said 2 'no-such.yaml.*No such file' launch no-such.yaml
said 2 'no-such.run' status no-such.run
mkdir folder
said 2 'folder' tasks folder

# --- what the README says of commands
is "$(sed -n '/^## Commands/,/^Each/s/^| `\([a-z]*\).*/\1/p' "$TEST_SRCDIR/README.md" | paste -sd ' ')" "$commands" "the README's table of commands is --help's"
