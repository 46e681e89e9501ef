#!/bin/bash
# Completion in real shells: what bash, zsh and fish offer for a line, by the
# scripts that are installed.
. "$TEST_SRCDIR/tests/lib.sh"
plan 33
for shell in bash zsh fish; do
    "$MPIBATCH" show completion $shell >$shell.script 2>err
    is "$? $(<err)" "0 " "show completion $shell"
done
"$MPIBATCH" show completion tcsh >out 2>err
is "$? $(head -n 1 err)" '2 mpibatch: error: SHELL is bash, zsh or fish, not "tcsh"' "show completion of another shell"
mkdir a.run folder 'two words.run'
touch grid.yaml list.yml notes.md cmds.txt a.run/run.yaml 'two words.run/run.yaml'
export LC_ALL=C.UTF-8
commands=$("$MPIBATCH" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p' | xargs)

# --- bash: the function, as readline calls it
ok "bash takes it" bash -n bash.script
# bash_offers WORD...: for the last word, in a line
bash_offers() {
    bash --norc -c '
        compopt() { :; }
        . ./bash.script
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
        $(complete -p mpibatch | sed "s/.*-F \([^ ]*\) .*/\1/")
        printf "%s\n" "${COMPREPLY[@]}" | sort | paste -sd " "' - "$@"
}
offers() { # WANTED WORD...
    local wanted=$1; shift
    is "$(bash_offers "$@")" "$wanted" "bash: $*"
}
offers "$(tr ' ' '\n' <<<"$commands help --help --version" | sort | paste -sd ' ')" mpibatch ""
offers "validate" mpibatch v
offers "--limit" mpibatch run --lim
offers "binding" mpibatch show b
offers "--topology" mpibatch show binding --t
offers "auto" mpibatch status --color au
offers "always auto never" mpibatch status --color =
offers "never" mpibatch status --color = n
offers "a.run cmds.txt folder grid.yaml list.yml two words.run" mpibatch run --quiet ""
offers "a.run" mpibatch status a
offers "a.run two words.run" mpibatch status ""
offers "a.run folder two words.run" mpibatch run -o ""
offers "bash fish zsh" mpibatch show completion ""
offers "" mpibatch run --limit ""
offers "" mpibatch show schema ""
offers "run" mpibatch help r
offers "grid.yaml" mpibatch run -o x --fresh --limit = 3 g

# every option of each command, no other
wrong=
for command in $commands; do
    topics=$("$MPIBATCH" "$command" --help | sed -n "s/^  $command \([a-z]*\) .*/\1/p")
    for topic in ${topics:-""}; do
        # shellcheck disable=SC2086
        told=$("$MPIBATCH" $command $topic --help | sed -n '/^Options:/,/^$/s/^  ... \(--[a-z-]*\).*/\1/p' | sort | paste -sd ' ')
        # shellcheck disable=SC2086
        offered=$(bash_offers mpibatch $command $topic --)
        [ "$told" = "$offered" ] || wrong+="$command $topic: $told / $offered"$'\n'
    done
done
is "$wrong" "" "bash: all options of each command, no others"

# --- fish
if command -v fish >/dev/null; then
    ok "fish takes it" fish --no-execute fish.script
    fish_offers() { HOME=$PWD XDG_CONFIG_HOME=$PWD fish --no-config -c 'source fish.script; complete -C $argv[1]' "$1" | cut -f 1 | sort | paste -sd ' '; }
    is "$(fish_offers "mpibatch v")" "validate" "fish: a command"
    is "$(fish_offers "mpibatch show b")" "binding" "fish: a topic"
    is "$(fish_offers "mpibatch run --lim")" "--limit" "fish: an option"
    is "$(fish_offers "mpibatch status --color ")" "always auto never" "fish: a choice"
    is "$(fish_offers "mpibatch run g")" "grid.yaml" "fish: a spec"
    is "$(fish_offers "mpibatch status a")" "a.run/" "fish: a run"
    is "$(fish_offers "mpibatch help ")" "$(tr ' ' '\n' <<<"$commands" | sort | xargs)" "fish: help of all commands"
else
    skip 8 "no fish"
fi

# --- zsh: on a terminal, by the key
if command -v zsh >/dev/null && [ "$PYTHON" != : ]; then
    ok "zsh takes it" zsh -n zsh.script
    mkdir functions
    cp zsh.script functions/_mpibatch
    cat >zsh.py <<'END'
import os, pty, select, sys, time
pid, fd = pty.fork()
if pid == 0:
    os.environ.update(TERM="xterm", ZDOTDIR=os.getcwd(), HOME=os.getcwd())
    os.execvp("zsh", ["zsh", "-f", "-i"])
def until(done, keys):
    os.write(fd, keys.encode())
    begun = time.monotonic()
    while not done():
        if time.monotonic() - begun > 30:
            sys.exit("not within 30 s: " + keys)
        if select.select([fd], [], [], 0.05)[0]:
            os.read(fd, 65536)
until(lambda: os.path.exists("ready"),
      "unsetopt beep; fpath=($PWD/functions $fpath); autoload -U compinit; compinit -u -D; "
      "mpibatch() { print -r -- $* >> got; print >> got; }; : > ready\n")
for n, keys in enumerate(sys.argv[1:], 1):
    until(lambda: os.path.exists("got") and open("got").read().count("\n\n") >= n, keys + "\n")
os.close(fd)
END
    : >got
    timeout 100 "$PYTHON" zsh.py $'mpibatch val\tgr\t' $'mpibatch run --lim\t3 l\t' $'mpibatch show b\t--top\t' \
        $'mpibatch tasks --color=al\ta.r\t' >out 2>&1 || note "$(<out)"
    is "$(grep -v '^$' got | sed 's/ *$//' | paste -sd '|')" \
        "validate grid.yaml|run --limit=3 list.yml|show binding --topology|tasks --color=always a.run" "zsh: commands, options, choices, specs, runs"
else
    skip 2 "no zsh"
fi
