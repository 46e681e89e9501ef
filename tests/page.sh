# What the tests of a page share, beside lib.sh: its blocks of code and what
# they print. A block of ```text behind one of code is its output.
# shellcheck shell=bash
: "${page:?the Markdown file}"

# blocks LANGUAGE: the code of all its blocks; outputs LANGUAGE: the text blocks
# that follow them
blocks() { awk -v l='```'"$1" '$0 == l { on = 1; next } /^```/ { on = 0 } on' "$page"; }
outputs() { awk -v l='```'"$1" '/^```./ { if ($0 == l) mine = 1; else if ($0 == "```text" && mine) on = 1; else mine = 0; next } /^```/ { if (on) mine = 0; on = 0 } on' "$page"; }
# same FILE: the output in FILE is that of the page, but for blanks
plain() { tr -s ' ' <"$1" | sed 's/^ //; s/ $//; /^$/d'; }
# language LANGUAGE COMMAND...: run its blocks
language() {
    local name=$1
    shift
    blocks "$name" >"code.$name"
    outputs "$name" >"wanted.$name"
    limited 60 "$@" "code.$name" >"got.$name" 2>"err.$name"
    is "$? $(plain "got.$name")" "0 $(plain "wanted.$name")" "$name: prints what the page says" || note "$(tail -n 5 "err.$name")"
}
