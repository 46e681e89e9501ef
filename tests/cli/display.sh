#!/bin/bash
# How commands show things: a pager for what does not fit the screen, colours,
# narrow terminals, dumb ones and none.
. "$TEST_SRCDIR/tests/lib.sh"
need_python
plan 30
export TERM=xterm
unset PAGER LESS CLICOLOR CLICOLOR_FORCE
# on COLUMNS COMMAND...: on a terminal; what came in tty, tty.screen
on() { local columns=$1; shift; "$PYTHON" "$tools/terminal.py" -c "$columns" -o tty "$@"; }

cat >many.yaml <<'END'
jobs:
  - sweep: {parameters: {n: {range: {from: 1, to: 40}}}}
    task: {command_line: "exit $(({n} == 7))"}
END
run 0 -q many.yaml
is "$rc $(count many.run failed)" "1 1" "a run with one failure"

# --- the pager
PAGER='sed s/^/paged:/' on 80 "$MPIBATCH" tasks many.run
is "$? $(grep -c ^paged: tty) $(grep -vc ^paged: tty)" "0 41 0" "what is longer than the screen goes through the pager"
PAGER='sed s/^/paged:/' on 80 "$MPIBATCH" tasks --failed many.run
is "$? $(grep -c ^paged: tty)" "0 0" "what fits does not"
PAGER='sed s/^/paged:/' on 80 "$MPIBATCH" tasks --no-pager many.run
is "$? $(grep -c ^paged: tty) $(wc -l <tty)" "0 0 41" "--no-pager"
PAGER='head -n 3' on 80 "$MPIBATCH" tasks many.run
is "$? $(wc -l <tty)" "0 3" "a pager that is left early"
PAGER='' on 80 "$MPIBATCH" tasks many.run
is "$? $(wc -l <tty)" "0 41" "an empty PAGER: none"
PAGER=cat on 80 "$MPIBATCH" tasks many.run
is "$? $(wc -l <tty)" "0 41" "nor for cat"
PAGER=./missing on 80 "$MPIBATCH" tasks many.run
like "$? $(<tty)" '^1 .*PAGER=./missing cannot be run; --no-pager does without' "a pager that is not there"
TERM=dumb PAGER='sed s/^/paged:/' on 80 "$MPIBATCH" tasks many.run
is "$? $(grep -c ^paged: tty)" "0 0" "none on a dumb terminal"
mkdir bin
printf '#!/bin/sh\necho "$LESS"\ncat\n' >bin/less
chmod +x bin/less
PATH=$PWD/bin:$PATH on 80 "$MPIBATCH" tasks many.run
is "$? $(head -n 1 tty | tr -d '\r')" "0 FRX" "less by default, so that what fits is just shown, and colours are"
LESS=S PATH=$PWD/bin:$PATH on 80 "$MPIBATCH" tasks many.run
is "$? $(head -n 1 tty | tr -d '\r')" "0 S" "LESS as it was set"
is "$("$MPIBATCH" tasks many.run | wc -l)" 41 "no pager where there is no terminal"
"$MPIBATCH" tasks many.run 2>err | head -n 1 >/dev/null
is "$(<err)" "" "| head: nothing is said"

# --- colours
escape=$'\033'
colours() { grep -c "$escape\[3" "${1:-tty}"; }
on 80 "$MPIBATCH" status many.run
is "$? $(colours)" "0 2" "on a terminal: failures are red"
for setting in NO_COLOR=1 CLICOLOR=0 TERM=dumb TERM=; do
    (export "$setting"; on 80 "$MPIBATCH" status many.run)
    is "$? $(colours)" "0 0" "$setting: none"
done
NO_COLOR='' on 80 "$MPIBATCH" status many.run
is "$? $(colours)" "0 2" "NO_COLOR is empty: as if it were not there"
on 80 "$MPIBATCH" status --color=never many.run
is "$? $(colours)" "0 0" "--color=never"
"$MPIBATCH" status many.run >out
is "$? $(colours out)" "0 0" "no terminal: none"
CLICOLOR_FORCE=1 "$MPIBATCH" status many.run >out
is "$? $(colours out)" "0 2" "CLICOLOR_FORCE"
NO_COLOR=1 "$MPIBATCH" status --color=always many.run >out
is "$? $(colours out)" "0 2" "--color=always, whatever NO_COLOR says"
on 80 "$MPIBATCH" status no-such.run
is "$? $(grep -c "$escape\[31merror:$escape\[m" tty)" "2 1" "an error is red on a terminal"
on 80 "$MPIBATCH" status --color=never no-such.run
is "$? $(grep -c "$escape" tty)" "2 0" "not with --color=never"
"$MPIBATCH" status no-such.run 2>err
is "$? $(grep -c "$escape" err)" "2 0" "nor elsewhere"

# --- narrow terminals
commands=$("$MPIBATCH" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p' | xargs)
for columns in 40 60 200; do
    wrong=
    for command in "" $commands; do
        # shellcheck disable=SC2086
        on $columns "$MPIBATCH" $command --help
        wrong+=$(tr -d '\r' <tty | awk -v max=$((columns < 80 ? columns : 80)) -v what="$command" \
            'length > max && !/^  mpibatch |^Usage:/ { print what ": " $0 }')
    done
    is "$wrong" "" "--help on a terminal of $columns columns"
done
printf '%s\n' 'jobs: [{task: {command_line: "true"}, prio: 3}]' >bad.yaml
on 40 "$MPIBATCH" validate bad.yaml
is "$? $(grep -c 'unknown key' tty)" "2 1" "an error of a spec on a narrow terminal"
